// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/route_table.hpp"

#include <algorithm>
#include <set>

#include "gateway/base/yaml.hpp"
#include "gateway/policy/owners.hpp"

namespace gatehouse::gateway {
namespace route_table_detail {

namespace fs = std::filesystem;

using Names = std::vector<std::string_view>;

bool among(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= 63 && text.front() != '-' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
               std::string_view::npos;
}

// An id that a route names before all destinations are known.
struct Mention {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string destination;
};

// All files of the folder, being read into one table.
class Reader {
public:
    Reader(const Owners& owners, Problems& problems) : owners_(owners), problems_(problems) {}

    void file(const fs::path& path);
    void check_mentions();

    std::vector<Route> routes;
    std::map<std::string, Destination> destinations;

private:
    void known_keys(const YamlNode& map, const Names& names, const char* what);
    std::string text(const YamlNode& map, const char* name);
    std::vector<std::string> texts(const YamlNode& map, const char* name);
    std::string id(const YamlNode& map, const char* what);
    void route(const YamlNode& node);
    void conditions(const YamlNode& when, Route& out);
    void destination(const YamlNode& node);
    void spool_settings(const YamlNode& holder, Destination& out);
    void first_of(const char* what, const std::string& id, const YamlNode& at);

    const Owners& owners_;
    Problems& problems_;
    std::string file_;
    std::map<std::string, std::string> seen_;  // "route x" -> where
    std::vector<Mention> mentions_;
};

void Reader::known_keys(const YamlNode& map, const Names& names, const char* what) {
    for (const YamlNode::Member& member : map.members) {
        if (!among(names, member.name)) {
            std::string expected;
            for (const std::string_view name : names) {
                expected.append(expected.empty() ? "" : ", ").append(name);
            }
            problems_.add(
                file_,
                member.line,
                member.column,
                "unknown key '" + member.name + "' in " + what + ", expected " + expected
            );
        }
    }
}

std::string Reader::text(const YamlNode& map, const char* name) {
    const YamlNode* node = map.find(name);
    if (node == nullptr || !node->is(YamlNode::Kind::scalar) || node->text.empty()) {
        problems_.add(
            file_, node != nullptr ? *node : map, std::string("expected text for '") + name + "'"
        );
        return {};
    }
    return node->text;
}

std::vector<std::string> Reader::texts(const YamlNode& map, const char* name) {
    std::vector<std::string> out;
    const YamlNode* node = map.find(name);
    if (node == nullptr) {
        return out;
    }
    if (!node->is(YamlNode::Kind::sequence) || node->items.empty()) {
        problems_.add(
            file_,
            *node,
            std::string("expected a list with at least one entry for '") + name +
                "'; leave the key out to match any"
        );
    }
    for (const YamlNode& item : node->items) {
        if (!item.is(YamlNode::Kind::scalar) || item.text.empty()) {
            problems_.add(file_, item, std::string("expected text in '") + name + "'");
        } else {
            out.push_back(item.text);
        }
    }
    return out;
}

std::string Reader::id(const YamlNode& map, const char* what) {
    std::string out = text(map, "id");
    if (!out.empty() && !is_id(out)) {
        problems_.add(
            file_,
            *map.find("id"),
            std::string("the id of ") + what +
                " is made of a-z, 0-9 and '-', at most 63, beginning with a letter or digit"
        );
    }
    return out;
}

void Reader::first_of(const char* what, const std::string& id, const YamlNode& at) {
    const std::string place = file_ + ":" + std::to_string(at.line);
    const auto [known, fresh] = seen_.emplace(std::string(what) + " " + id, place);
    if (!fresh) {
        problems_.add(
            file_, at, std::string(what) + " '" + id + "' is already declared at " + known->second
        );
    }
}

void Reader::file(const fs::path& path) {
    const auto root = load_yaml(path);
    if (!root) {
        problems_.add(root.error().detail);
        return;
    }
    file_ = path.string();
    if (root->is(YamlNode::Kind::null)) {
        return;
    }
    if (!root->is(YamlNode::Kind::map)) {
        problems_.add(file_, *root, "expected a map with routes, destinations or both");
        return;
    }
    known_keys(*root, {"routes", "destinations"}, "a file of routes");
    for (const char* name : {"destinations", "routes"}) {
        const YamlNode* list = root->find(name);
        if (list == nullptr || list->is(YamlNode::Kind::null)) {
            continue;
        }
        if (!list->is(YamlNode::Kind::sequence)) {
            problems_.add(file_, *list, std::string("expected a list for '") + name + "'");
            continue;
        }
        for (const YamlNode& item : list->items) {
            if (!item.is(YamlNode::Kind::map)) {
                problems_.add(file_, item, std::string("expected a map in '") + name + "'");
            } else if (name[0] == 'r') {
                route(item);
            } else {
                destination(item);
            }
        }
    }
}

void Reader::route(const YamlNode& node) {
    known_keys(node, {"id", "owner", "when", "to"}, "a route");
    Route out;
    out.id = id(node, "a route");
    out.owner = read_owner(node.find("owner"), node, owners_, file_, problems_);
    if (const YamlNode* when = node.find("when");
        when != nullptr && !when->is(YamlNode::Kind::null)) {
        conditions(*when, out);
    }
    out.to = texts(node, "to");
    const YamlNode* to = node.find("to");
    if (to == nullptr) {
        problems_.add(
            file_, node, "a route needs 'to': the ids of its destinations, as in [record]"
        );
    } else {
        for (const YamlNode& item : to->items) {
            mentions_.push_back({file_, item.line, item.column, item.text});
        }
    }
    std::sort(out.to.begin(), out.to.end());
    if (!out.id.empty()) {
        first_of("route", out.id, *node.find("id"));
    }
    routes.push_back(std::move(out));
}

void Reader::conditions(const YamlNode& when, Route& out) {
    if (!when.is(YamlNode::Kind::map)) {
        problems_.add(
            file_, when, "expected a map for 'when'; leave it out to match every message"
        );
        return;
    }
    known_keys(when, {"types", "partners", "organisations", "interactions"}, "'when'");
    out.types = texts(when, "types");
    out.partners = texts(when, "partners");
    out.organisations = texts(when, "organisations");
    out.interactions = texts(when, "interactions");
    const Names writes{"create", "update", "delete", "transaction"};
    for (std::size_t i = 0; i < out.interactions.size(); ++i) {
        if (!among(writes, out.interactions[i])) {
            problems_.add(
                file_,
                when.find("interactions")->items[i],
                "unknown interaction '" + out.interactions[i] +
                    "', expected create, update, delete or transaction (which a batch is too)"
            );
        }
    }
    for (std::size_t i = 0; i < out.types.size(); ++i) {
        const char first = out.types[i].front();
        if (first < 'A' || first > 'Z') {
            problems_.add(
                file_,
                when.find("types")->items[i],
                "'" + out.types[i] + "' is no resource type; they begin with a capital"
            );
        }
    }
}

void Reader::destination(const YamlNode& node) {
    known_keys(node, {"id", "kind", "owner", "settings"}, "a destination");
    Destination out;
    out.id = id(node, "a destination");
    if (out.id == record_destination) {
        problems_.add(
            file_,
            *node.find("id"),
            "'record' is the store of this gateway and always there; give this one another id"
        );
        return;
    }
    if (const YamlNode* owner = node.find("owner")) {
        out.owner = read_owner(owner, node, owners_, file_, problems_);
    }
    const std::string kind = text(node, "kind");
    if (kind == to_string(DestinationKind::spool)) {
        out.kind = DestinationKind::spool;
        spool_settings(node, out);
    } else if (kind == to_string(DestinationKind::store)) {
        problems_.add(
            file_, *node.find("kind"), "there is one destination of kind store: 'record', built in"
        );
    } else if (!kind.empty()) {
        problems_.add(
            file_, *node.find("kind"), "unknown kind '" + kind + "' of destination, expected spool"
        );
    }
    if (!out.id.empty()) {
        first_of("destination", out.id, *node.find("id"));
        destinations.emplace(out.id, std::move(out));
    }
}

void Reader::spool_settings(const YamlNode& holder, Destination& out) {
    const YamlNode* settings = holder.find("settings");
    if (settings == nullptr || !settings->is(YamlNode::Kind::map)) {
        problems_.add(
            file_,
            settings != nullptr ? *settings : holder,
            "a spool needs 'settings', a map with at least its folder"
        );
        return;
    }
    known_keys(*settings, {"folder", "files_max"}, "the settings of a spool");
    out.folder = text(*settings, "folder");
    if (const YamlNode* files = settings->find("files_max")) {
        const auto value = yaml_integer(*files);
        if (!value || *value < 1 || *value > 100'000'000) {
            problems_.add(
                file_, *files, "expected a whole number from 1 to 100000000 for 'files_max'"
            );
        } else {
            out.files_max = static_cast<std::uint64_t>(*value);
        }
    }
}

void Reader::check_mentions() {
    for (const Mention& mention : mentions_) {
        if (!destinations.contains(mention.destination) && !mention.destination.empty()) {
            std::string known;
            for (const auto& [id, destination] : destinations) {
                known.append(known.empty() ? "" : ", ").append(id);
            }
            problems_.add(
                mention.file,
                mention.line,
                mention.column,
                "no destination '" + mention.destination + "' is declared; there are: " + known
            );
        }
    }
}

bool fits(const std::vector<std::string>& wanted, std::string_view found) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), found) != wanted.end();
}

bool fits_any(const std::vector<std::string>& wanted, const std::vector<std::string>& found) {
    return wanted.empty() || std::any_of(found.begin(), found.end(), [&](const std::string& one) {
               return fits(wanted, one);
           });
}

}  // namespace route_table_detail

const char* to_string(DestinationKind kind) noexcept {
    return kind == DestinationKind::store ? "store" : "spool";
}

Result<std::shared_ptr<const RouteTable>>
RouteTable::load(const std::filesystem::path& folder, const std::filesystem::path& owners_folder) {
    namespace fs = std::filesystem;
    Problems problems;
    const Owners owners = load_owners(owners_folder, problems);
    std::set<fs::path> files;
    std::error_code error;
    if (!folder.empty() && fs::exists(folder, error)) {
        for (fs::directory_iterator it(folder, error), end; !error && it != end;
             it.increment(error)) {
            const fs::path& path = it->path();
            if (path.extension() == ".yaml" || path.extension() == ".yml") {
                files.insert(path);
            }
        }
    }
    if (error) {
        problems.add(folder.string() + ": the folder of routes cannot be read: " + error.message());
    }
    route_table_detail::Reader reader(owners, problems);
    Destination record;
    record.id = record_destination;
    record.kind = DestinationKind::store;
    reader.destinations.emplace(record.id, record);
    for (const fs::path& path : files) {
        reader.file(path);
    }
    reader.check_mentions();
    if (!problems.empty()) {
        return Fault(Errc::invalid, "routes", problems.text());
    }
    auto table = std::make_shared<RouteTable>();
    table->routes_ = std::move(reader.routes);
    table->destinations_ = std::move(reader.destinations);
    for (const Route& route : table->routes_) {
        for (const std::string& id : route.to) {
            table->record_only_ = table->record_only_ && id == record_destination;
        }
    }
    return std::shared_ptr<const RouteTable>(std::move(table));
}

std::vector<std::string> RouteTable::destinations(const Facts& facts) const {
    namespace detail = route_table_detail;
    std::set<std::string> others;
    for (const Route& route : routes_) {
        if (detail::fits_any(route.types, facts.types) &&
            detail::fits(route.partners, facts.partner) &&
            detail::fits(route.organisations, facts.organisation) &&
            detail::fits(route.interactions, facts.interaction)) {
            others.insert(route.to.begin(), route.to.end());
        }
    }
    std::vector<std::string> out{std::string(record_destination)};
    others.erase(std::string(record_destination));
    out.insert(out.end(), others.begin(), others.end());
    return out;
}

}  // namespace gatehouse::gateway
