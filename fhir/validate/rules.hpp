#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The published table of what the validator checks: our stable rule id, HL7's message id where one
// matches, the issue type and the usual severity. Ids never change their meaning and are never
// reused; advisor files, partners and metrics name them. Invariants report as "inv:" + key.

#include <span>
#include <string_view>

#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

struct RuleInfo {
    std::string_view id;
    std::string_view message_id;
    IssueType type = IssueType::structure;
    Severity severity = Severity::error;
};

namespace rules {

#define GH_AREA(heading)
#define GH_RULE(name, id, message, type, severity)                                                 \
    inline constexpr RuleInfo name{id, message, IssueType::type, Severity::severity};

#include "fhir/validate/rule_table.inc"

#undef GH_RULE
#undef GH_AREA

}  // namespace rules
}  // namespace gatehouse::fhir
