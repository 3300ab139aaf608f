#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Short ways to state one finding about a request, used all over the API.

#include <string>
#include <string_view>

#include "fhir/outcome/issue.hpp"

namespace gatehouse::gateway {

inline fhir::Issue request_issue(
    fhir::IssueType type,
    std::string_view rule,
    std::string diagnostics,
    std::string expression = {},
    std::string_view spine_code = {}
) {
    fhir::Issue issue;
    issue.severity = fhir::Severity::error;
    issue.type = type;
    issue.rule = rule;
    issue.diagnostics = std::move(diagnostics);
    issue.expression = std::move(expression);
    issue.spine_code = spine_code;
    return issue;
}

}  // namespace gatehouse::gateway
