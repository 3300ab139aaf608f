#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The published list of rules (rules.hpp) for those outside the validator: advisors, the command
// line, the CodeSystem that partners load.

#include <span>
#include <string>
#include <string_view>

#include "fhir/validate/rules.hpp"

namespace gatehouse::fhir {

struct ListedRule {
    RuleInfo info;
    std::string_view area;  // heading that the rule stands under: "Slicing"
};

// Every rule of the validator and of the readers before it, in the order of the table.
std::span<const ListedRule> all_rules() noexcept;

// True if a rule has this id, or this HL7 message id.
bool is_rule(std::string_view id) noexcept;

// What a rule is about in a few words, from its id: "cardinality-min" -> "cardinality min".
std::string words_of_rule(std::string_view id);

// The list as a CodeSystem (JSON): code, display, and the properties area, severity, issue type and
// HL7's message id. `canonical` is its url.
std::string rules_code_system(std::string_view canonical);

}  // namespace gatehouse::fhir
