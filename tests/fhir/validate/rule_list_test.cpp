// SPDX-License-Identifier: Apache-2.0
//
// The published list of rules: complete for the readers too, and a CodeSystem that reads back.

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <set>
#include <string>

#include "fhir/json/value.hpp"
#include "fhir/validate/rule_list.hpp"

namespace gatehouse::fhir {
namespace {

TEST(RuleList, holds_every_rule_of_the_readers) {
    std::set<std::string> listed;
    for (const ListedRule& rule : all_rules()) {
        EXPECT_FALSE(rule.area.empty()) << rule.info.id;
        listed.emplace(rule.info.id);
    }
    std::size_t found = 0;
    // Rule ids stand in the readers as literals: "json-..." and "xml-...".
    const auto check = [&](const std::string& text, const std::string& start) {
        for (auto at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
            const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 1);
            if (end == std::string::npos || text[end] != '"') {
                continue;
            }
            const std::string id = text.substr(at + 1, end - at - 1);
            EXPECT_TRUE(listed.contains(id)) << id;
            ++found;
        }
    };
    for (const char* folder : {"fhir/json", "fhir/xml"}) {
        for (const auto& entry : std::filesystem::directory_iterator(
                 std::filesystem::path(GATEHOUSE_SOURCE_DIR) / folder
             )) {
            std::ifstream in(entry.path());
            const std::string text((std::istreambuf_iterator<char>(in)), {});
            check(text, "\"json-");
            check(text, "\"xml-");
        }
    }
    EXPECT_GT(found, 30U);
}

TEST(RuleList, is_a_code_system_with_every_id) {
    Arena arena;
    const std::string text = rules_code_system("https://example.org/CodeSystem/rule");
    const auto root = parse_json_value(text, arena);
    ASSERT_TRUE(root);
    EXPECT_EQ(root->string("resourceType"), "CodeSystem");
    EXPECT_EQ(root->string("url"), "https://example.org/CodeSystem/rule");
    EXPECT_EQ(root->find("concept")->items.size(), all_rules().size() + 1);
    EXPECT_EQ(root->find("count")->text, std::to_string(all_rules().size() + 1));
}

TEST(RuleList, knows_ids_of_both_kinds) {
    EXPECT_TRUE(is_rule("cardinality-min"));
    EXPECT_TRUE(is_rule("Validation_VAL_Profile_Minimum"));
    EXPECT_FALSE(is_rule("cardinality"));
    EXPECT_FALSE(is_rule(""));
}

}  // namespace
}  // namespace gatehouse::fhir
