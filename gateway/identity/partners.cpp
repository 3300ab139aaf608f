// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/partners.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "gateway/pipeline/interaction.hpp"
#include "gateway/policy/owners.hpp"

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view partner_keys[] = {
    "id",
    "name",
    "owner",
    "organisations",
    "subjects",
    "limits",
    "sample",
    "all_rights",
};
constexpr std::string_view limit_keys[] = {
    "requests_per_second",
    "burst",
    "body_bytes_max",
    "depth_max",
    "types",
    "interactions",
};

template <std::size_t N> bool among(const std::string_view (&names)[N], std::string_view name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// One partner file being read.
class Reader {
public:
    Reader(std::string file, const YamlNode& root, Problems& problems)
        : file_(std::move(file)), root_(root), problems_(problems) {}

    Partner read(const Owners& owners, bool samples_allowed);

private:
    template <std::size_t N>
    void known_keys(const YamlNode& map, const std::string_view (&names)[N], const char* what) {
        for (const YamlNode::Member& member : map.members) {
            if (!among(names, member.name)) {
                problems_.add(
                    file_,
                    member.line,
                    member.column,
                    "unknown key '" + member.name + "' in " + what
                );
            }
        }
    }

    std::string text(const char* name, bool required) {
        const YamlNode* node = root_.find(name);
        if (node != nullptr && node->is(YamlNode::Kind::scalar) && !node->text.empty()) {
            return node->text;
        }
        if (required || node != nullptr) {
            problems_.add(
                file_,
                node != nullptr ? *node : root_,
                std::string("expected text for '") + name + "'"
            );
        }
        return {};
    }

    bool flag(const char* name) {
        const YamlNode* node = root_.find(name);
        if (node == nullptr) {
            return false;
        }
        const auto value = yaml_boolean(*node);
        if (!value) {
            problems_.add(file_, *node, std::string("expected true or false for '") + name + "'");
        }
        return value.value_or(false);
    }

    std::vector<std::string> texts(const YamlNode& map, const char* name) {
        std::vector<std::string> out;
        const YamlNode* node = map.find(name);
        if (node == nullptr) {
            return out;
        }
        if (!node->is(YamlNode::Kind::sequence)) {
            problems_.add(file_, *node, std::string("expected a list for '") + name + "'");
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

    double limit_number(const YamlNode& map, const char* name, double high) {
        const YamlNode* node = map.find(name);
        if (node == nullptr) {
            return 0;
        }
        const auto value = yaml_number(*node);
        if (!value || *value < 0 || *value > high) {
            problems_.add(
                file_,
                *node,
                std::string("expected a number from 0 (no limit of its own) for '") + name + "'"
            );
            return 0;
        }
        return *value;
    }

    PartnerLimits limits();
    void organisations(Partner& out);

    std::string file_;
    const YamlNode& root_;
    Problems& problems_;
};

PartnerLimits Reader::limits() {
    PartnerLimits out;
    const YamlNode* map = root_.find("limits");
    if (map == nullptr || map->is(YamlNode::Kind::null)) {
        return out;
    }
    if (!map->is(YamlNode::Kind::map)) {
        problems_.add(file_, *map, "expected a map for 'limits'");
        return out;
    }
    known_keys(*map, limit_keys, "limits");
    out.requests_per_second = limit_number(*map, "requests_per_second", 1e9);
    out.burst = static_cast<std::uint32_t>(limit_number(*map, "burst", 1e9));
    out.body_bytes_max = static_cast<std::uint64_t>(limit_number(*map, "body_bytes_max", 1e15));
    out.depth_max = static_cast<std::uint32_t>(limit_number(*map, "depth_max", 1e6));
    out.types = texts(*map, "types");
    out.interactions = texts(*map, "interactions");
    for (const std::string& name : out.interactions) {
        if (interaction_named(name) == Interaction::unknown) {
            problems_.add(file_, *map->find("interactions"), "unknown interaction '" + name + "'");
        }
    }
    return out;
}

void Reader::organisations(Partner& out) {
    out.organisations = texts(root_, "organisations");
    const YamlNode* node = root_.find("organisations");
    if (out.organisations.empty()) {
        problems_.add(
            file_,
            node != nullptr ? *node : root_,
            "'organisations' must list at least one ODS code; the first is the partner's own"
        );
    }
    for (const std::string& code : out.organisations) {
        if (!is_ods_code(code)) {
            problems_.add(file_, *node, "'" + code + "' is not an ODS code (capitals and digits)");
        }
    }
}

Partner Reader::read(const Owners& owners, bool samples_allowed) {
    Partner out;
    out.file = file_;
    out.line = root_.line;
    if (!root_.is(YamlNode::Kind::map)) {
        problems_.add(
            file_, root_, "expected a partner: a map with id, name, owner, organisations"
        );
        return out;
    }
    known_keys(root_, partner_keys, "a partner");
    out.id = text("id", true);
    if (!out.id.empty() && !is_partner_id(out.id)) {
        problems_.add(
            file_,
            *root_.find("id"),
            "a partner's id is made of a-z, 0-9 and '-', at most 63, beginning with a letter or "
            "digit"
        );
    }
    out.name = text("name", true);
    out.owner = read_owner(root_.find("owner"), root_, owners, file_, problems_);
    organisations(out);
    out.subjects = texts(root_, "subjects");
    out.limits = limits();
    out.all_rights = flag("all_rights");
    out.sample = flag("sample");
    if (out.sample && !samples_allowed) {
        problems_.add(
            file_,
            *root_.find("sample"),
            "sample partners are for development; the production profile refuses them. Remove the "
            "file, "
            "or point partners.folder at your own partners"
        );
    }
    return out;
}

std::vector<fs::path> yaml_files(const fs::path& folder, Problems& problems) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const fs::path& path = it->path();
        if (path.extension() == ".yaml" || path.extension() == ".yml") {
            files.push_back(path);
        }
    }
    if (error) {
        problems.add(
            folder.string() + ": the folder of partners cannot be read: " + error.message()
        );
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

bool is_partner_id(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 63 && text.front() != '-' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
               std::string_view::npos;
}

bool is_ods_code(std::string_view text) noexcept {
    return text.size() >= 2 && text.size() <= 12 &&
           text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string_view::npos;
}

Partners load_partners(const PartnerSource& source, Problems& problems) {
    const Owners owners = load_owners(source.owners, problems);
    std::map<std::string, std::shared_ptr<const Partner>> by_id;
    std::map<std::string, std::string> subject_of;
    for (const fs::path& path : yaml_files(source.partners, problems)) {
        const auto root = load_yaml(path);
        if (!root) {
            problems.add(root.error().detail);
            continue;
        }
        Reader reader(path.string(), *root, problems);
        auto partner = std::make_shared<Partner>(reader.read(owners, source.samples_allowed));
        const std::string id = partner->id;
        if (id.empty()) {
            continue;
        }
        for (const std::string& subject : partner->subjects) {
            const auto [at, fresh] = subject_of.emplace(subject, id);
            if (!fresh) {
                problems.add(
                    path.string(),
                    *root->find("subjects"),
                    "the certificate subject '" + subject + "' already belongs to partner '" +
                        at->second + "'"
                );
            }
        }
        const auto [at, fresh] = by_id.emplace(id, partner);
        if (!fresh) {
            problems.add(
                path.string(),
                *root->find("id"),
                "partner '" + id + "' is already declared in " + at->second->file
            );
        }
    }
    Partners out;
    for (auto& [id, partner] : by_id) {
        out.push_back(std::move(partner));
    }
    return out;
}

}  // namespace gatehouse::gateway
