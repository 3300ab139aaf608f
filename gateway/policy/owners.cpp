// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/owners.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <vector>

namespace gatehouse::gateway {
namespace owners_detail {

namespace fs = std::filesystem;

void read_member(
    const YamlNode& map,
    const char* name,
    std::string& out,
    const std::string& file,
    Problems& problems
) {
    const YamlNode* node = map.find(name);
    if (node == nullptr || !node->is(YamlNode::Kind::scalar) || node->text.empty()) {
        problems.add(
            file,
            node == nullptr ? map : *node,
            std::string("G03: the owner has no ") + name +
                "; role, organisation, contact and review are all required"
        );
        return;
    }
    out = node->text;
}

Owner read_map(const YamlNode& map, const std::string& file, Problems& problems, bool with_id) {
    Owner owner;
    read_member(map, "role", owner.role, file, problems);
    read_member(map, "organisation", owner.organisation, file, problems);
    read_member(map, "contact", owner.contact, file, problems);
    read_member(map, "review", owner.review, file, problems);
    if (!owner.review.empty() && !is_calendar_date(owner.review)) {
        problems.add(file, *map.find("review"), "G03: the review date is not a date (YYYY-MM-DD)");
    }
    for (const auto& member : map.members) {
        const bool known = member.name == "role" || member.name == "organisation" ||
                           member.name == "contact" || member.name == "review" ||
                           (with_id && member.name == "id");
        if (!known) {
            problems.add(
                file, member.line, member.column, "unknown key `" + member.name + "` in an owner"
            );
        }
    }
    return owner;
}

void load_file(const fs::path& path, Owners& owners, Problems& problems) {
    const auto document = load_yaml(path);
    if (!document) {
        problems.add(document.error().detail);
        return;
    }
    const std::string file = path.string();
    const YamlNode* list = document->find("owners");
    if (list == nullptr || !list->is(YamlNode::Kind::sequence)) {
        problems.add(file, *document, "expected `owners:` with a list");
        return;
    }
    for (const YamlNode& item : list->items) {
        const YamlNode* id = item.find("id");
        if (id == nullptr || id->text.empty()) {
            problems.add(file, item, "an owner needs an id");
            continue;
        }
        if (!owners.emplace(id->text, read_map(item, file, problems, true)).second) {
            problems.add(file, *id, "the owner `" + id->text + "` is declared twice");
        }
    }
}

}  // namespace owners_detail

Owners load_owners(const std::filesystem::path& folder, Problems& problems) {
    Owners owners;
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        if (it->path().extension() == ".yaml") {
            files.push_back(it->path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        owners_detail::load_file(file, owners, problems);
    }
    return owners;
}

Owner read_owner(
    const YamlNode* node,
    const YamlNode& holder,
    const Owners& owners,
    const std::string& file,
    Problems& problems
) {
    if (node == nullptr || node->is(YamlNode::Kind::null)) {
        problems.add(
            file,
            node == nullptr ? holder : *node,
            "G03: no accountable owner; give `owner:` with role, organisation, contact and review, "
            "or "
            "the id of an entry in config/owners"
        );
        return {};
    }
    if (node->is(YamlNode::Kind::scalar)) {
        const auto found = owners.find(node->text);
        if (found == owners.end()) {
            problems.add(
                file, *node, "G03: the owner `" + node->text + "` is not in config/owners"
            );
            return {};
        }
        return found->second;
    }
    if (!node->is(YamlNode::Kind::map)) {
        problems.add(file, *node, "G03: expected an owner (a map) or the id of one");
        return {};
    }
    return owners_detail::read_map(*node, file, problems, false);
}

Micros day_start(const std::string& date) noexcept {
    if (!is_calendar_date(date)) {
        return 0;
    }
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    std::from_chars(date.data(), date.data() + 4, year);
    std::from_chars(date.data() + 5, date.data() + 7, month);
    std::from_chars(date.data() + 8, date.data() + 10, day);
    const std::chrono::sys_days at =
        std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
    return static_cast<Micros>(at.time_since_epoch().count()) * 86'400'000'000;
}

Micros review_end(const std::string& review) noexcept {
    const Micros start = day_start(review);
    return start == 0 ? 0 : start + 86'400'000'000;
}

}  // namespace gatehouse::gateway
