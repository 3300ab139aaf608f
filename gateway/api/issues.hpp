#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Short ways to state one finding about a request, used all over the API.

#include <cstdint>
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

// The issues of an OperationOutcome of ours (JSON), for another answer that has to say them;
// without lines, which were those of another text. Empty for anything else.
fhir::Issues issues_of(std::string_view outcome);

// An expression that starts at the resource of a Bundle's entry ("Patient.id"), from the Bundle;
// one that has no element is about the entry.
std::string place_in_entry(std::uint32_t index, std::string_view expression);

}  // namespace gatehouse::gateway
