// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/issues.hpp"

#include "fhir/json/value.hpp"
#include "fhir/outcome/outcome.hpp"

namespace gatehouse::gateway {

fhir::Issues issues_of(std::string_view outcome) {
    fhir::Issues issues;
    Arena arena;
    const auto root = fhir::parse_json_value(outcome, arena);
    const fhir::JsonValue* list = root ? root->find("issue") : nullptr;
    if (list == nullptr) {
        return issues;
    }
    for (const fhir::JsonValue& item : list->items) {
        fhir::Issue issue;
        for (int type = 0; type <= static_cast<int>(fhir::IssueType::informational); ++type) {
            if (item.string("code") == to_string(static_cast<fhir::IssueType>(type))) {
                issue.type = static_cast<fhir::IssueType>(type);
            }
        }
        for (int severity = 0; severity <= static_cast<int>(fhir::Severity::information);
             ++severity) {
            if (item.string("severity") == to_string(static_cast<fhir::Severity>(severity))) {
                issue.severity = static_cast<fhir::Severity>(severity);
            }
        }
        issue.diagnostics = item.string("diagnostics");
        const fhir::JsonValue* details = item.find("details");
        const fhir::JsonValue* codings = details == nullptr ? nullptr : details->find("coding");
        if (codings != nullptr) {
            for (const fhir::JsonValue& coding : codings->items) {
                auto& code =
                    coding.string("system") == fhir::rule_system ? issue.rule : issue.spine_code;
                code = coding.string("code");
            }
        }
        if (const fhir::JsonValue* expressions = item.find("expression");
            expressions != nullptr && !expressions->items.empty()) {
            issue.expression = expressions->items.front().text;
        }
        issues.push_back(std::move(issue));
    }
    return issues;
}

std::string place_in_entry(std::uint32_t index, std::string_view expression) {
    const std::string place = "Bundle.entry[" + std::to_string(index) + "]";
    if (expression.starts_with(place)) {
        return std::string(expression);
    }
    const auto dot = expression.find('.');
    return dot == std::string_view::npos
               ? place
               : place + ".resource" + std::string(expression.substr(dot));
}

}  // namespace gatehouse::gateway
