// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/rule_list.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "fhir/json/value.hpp"

namespace gatehouse::fhir {
namespace {

// Rows in the table's order; a heading stands before its rules.
struct Row {
    std::string_view heading;
    RuleInfo info;
};

constexpr Row rows[] = {
#define GH_AREA(heading) {heading, {}},
#define GH_RULE(name, id, message, type, severity)                                                 \
    {{}, {id, message, IssueType::type, Severity::severity}},
#include "fhir/validate/rule_table.inc"
#undef GH_RULE
#undef GH_AREA
};

constexpr std::size_t rule_count =
    static_cast<std::size_t>(std::count_if(std::begin(rows), std::end(rows), [](const Row& row) {
        return row.heading.empty();
    }));

constexpr auto list = [] {
    std::array<ListedRule, rule_count> out{};
    std::size_t at = 0;
    std::string_view area;
    for (const Row& row : rows) {
        if (row.heading.empty()) {
            out[at++] = {row.info, area};
        } else {
            area = row.heading;
        }
    }
    return out;
}();

constexpr bool ids_are_unique() {
    for (std::size_t i = 0; i < list.size(); ++i) {
        for (std::size_t j = i + 1; j < list.size(); ++j) {
            if (list[i].info.id == list[j].info.id) {
                return false;
            }
        }
    }
    return true;
}
static_assert(ids_are_unique(), "a rule id means one thing");

}  // namespace

std::span<const ListedRule> all_rules() noexcept {
    return list;
}

bool is_rule(std::string_view id) noexcept {
    return std::any_of(list.begin(), list.end(), [&](const ListedRule& rule) {
        return rule.info.id == id || (!id.empty() && rule.info.message_id == id);
    });
}

std::string words_of_rule(std::string_view id) {
    std::string words(id);
    std::replace(words.begin(), words.end(), '-', ' ');
    return words;
}

std::string rules_code_system(std::string_view canonical) {
    JsonWriter json(true);
    json.begin_object().key("resourceType").string("CodeSystem");
    json.key("url").string(canonical).key("name").string("GatehouseRule");
    json.key("title").string("Rules of the Gatehouse validator");
    json.key("status").string("active").key("experimental").boolean(false);
    json.key("caseSensitive").boolean(true).key("content").string("complete");
    json.key("count").number(static_cast<long long>(list.size() + 1));
    json.key("property").begin_array();
    const std::pair<const char*, const char*> properties[] = {
        {"area", "string"},
        {"severity", "code"},
        {"issue-type", "code"},
        {"hl7-message-id", "string"}};
    for (const auto& [code, type] : properties) {
        json.begin_object().key("code").string(code).key("type").string(type).end_object();
    }
    json.end_array().key("concept").begin_array();
    const auto property = [&](const char* code, const char* member, std::string_view value) {
        json.begin_object().key("code").string(code).key(member).string(value).end_object();
    };
    for (const ListedRule& rule : list) {
        json.begin_object().key("code").string(rule.info.id);
        json.key("display").string(words_of_rule(rule.info.id));
        json.key("property").begin_array();
        property("area", "valueString", rule.area);
        property("severity", "valueCode", to_string(rule.info.severity));
        property("issue-type", "valueCode", to_string(rule.info.type));
        if (!rule.info.message_id.empty()) {
            property("hl7-message-id", "valueString", rule.info.message_id);
        }
        json.end_array().end_object();
    }
    json.begin_object().key("code").string("inv:*");
    json.key("display").string("an invariant, by its key: inv:dom-6").end_object();
    json.end_array().end_object();
    return json.take() + "\n";
}

}  // namespace gatehouse::fhir
