// SPDX-License-Identifier: Apache-2.0
//
// Which set of definitions judges a record: config/packages/sets.yaml.

#include "gateway/base/definition_rules.hpp"

#include <gtest/gtest.h>

#include "fhir/base/wildcard.hpp"

namespace gatehouse::gateway {
namespace {

constexpr Micros day = 86'400'000'000;

DefinitionRules rules_of(const char* text) {
    auto rules = DefinitionRules::parse(text, "sets.yaml");
    EXPECT_TRUE(rules.has_value()) << rules.error().detail;
    return rules ? std::move(*rules) : DefinitionRules();
}

std::string problem_of(const char* text) {
    const auto rules = DefinitionRules::parse(text, "sets.yaml");
    return rules ? std::string() : rules.error().detail;
}

TEST(DefinitionRules, first_rule_that_fits_wins_and_none_means_default) {
    const auto rules = rules_of("sets:\n  - {name: next, load: [a#2]}\nrules:\n"
                                "  - {partner: [trust], organisation: [RZZ99], set: next}\n"
                                "  - {profile: ['https://example.org/*|2.*'], set: next}\n");

    EXPECT_EQ(rules.choose({"trust", "RZZ99", {}, 0}), "next");
    EXPECT_EQ(rules.choose({"trust", "RZZ98", {}, 0}), "default");
    EXPECT_EQ(rules.choose({"gp", "RZZ99", {}, 0}), "default");
    EXPECT_EQ(rules.choose({"gp", "", {"https://example.org/p|2.1"}, 0}), "next");
    EXPECT_EQ(rules.choose({"gp", "", {"https://example.org/p|1.2.0"}, 0}), "default");
    EXPECT_TRUE(rules.ask_profiles());
}

TEST(DefinitionRules, first_and_last_day_belong_to_a_rule) {
    const auto rules = rules_of("sets: [{name: next, load: [a]}]\nrules:\n  - {from: 1970-01-02, "
                                "until: 1970-01-03, set: next}\n");

    EXPECT_EQ(rules.choose({"", "", {}, day - 1}), "default");
    EXPECT_EQ(rules.choose({"", "", {}, day}), "next");
    EXPECT_EQ(rules.choose({"", "", {}, 3 * day - 1}), "next");
    EXPECT_EQ(rules.choose({"", "", {}, 3 * day}), "default");
}

TEST(DefinitionRules, mistakes_are_named_with_their_place) {
    EXPECT_NE(problem_of("rules: [{set: none}]").find("sets.yaml:1:"), std::string::npos);
    EXPECT_NE(problem_of("rules: [{set: none}]").find("there is no set 'none'"), std::string::npos);
    EXPECT_NE(problem_of("sets: [{name: a}]").find("needs a lock_file"), std::string::npos);
    EXPECT_NE(
        problem_of("sets: [{name: default, load: [a]}]").find("'default'"), std::string::npos
    );
    EXPECT_NE(
        problem_of("rules: [{set: default, from: 2027-02-30}]").find("YYYY-MM-DD"),
        std::string::npos
    );
    EXPECT_NE(
        problem_of("rules: [{set: default, from: 2027-02-02, until: 2027-02-01}]")
            .find("never fits"),
        std::string::npos
    );
    EXPECT_NE(problem_of("rule: []").find("unknown key 'rule'"), std::string::npos);
}

TEST(DefinitionRules, a_star_stands_for_any_run_of_characters) {
    EXPECT_TRUE(fhir::fits_pattern("abc", "abc"));
    EXPECT_TRUE(fhir::fits_pattern("abc", "*"));
    EXPECT_TRUE(fhir::fits_pattern("", "*"));
    EXPECT_TRUE(fhir::fits_pattern("aXbXc", "a*b*c"));
    EXPECT_TRUE(fhir::fits_pattern("aab", "*ab"));
    EXPECT_FALSE(fhir::fits_pattern("abc", "ab"));
    EXPECT_FALSE(fhir::fits_pattern("abcd", "a*c"));
    // Would take for ever if each star tried every run.
    EXPECT_FALSE(fhir::fits_pattern(std::string(2000, 'a'), "a*a*a*a*a*a*a*a*b"));
}

}  // namespace
}  // namespace gatehouse::gateway
