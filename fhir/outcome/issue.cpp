// SPDX-License-Identifier: Apache-2.0
#include "fhir/outcome/issue.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::fhir {

const char* to_string(Severity severity) noexcept {
    switch (severity) {
    case Severity::fatal: return "fatal";
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::information: return "information";
    }
    return "error";
}

const char* to_string(IssueType type) noexcept {
    // In the order of the enumeration.
    static constexpr std::array<const char*, 31> codes = {
        "invalid",       "structure",     "required",      "value",        "invariant",
        "security",      "login",         "unknown",       "expired",      "forbidden",
        "suppressed",    "processing",    "not-supported", "duplicate",    "multiple-matches",
        "not-found",     "deleted",       "too-long",      "code-invalid", "extension",
        "too-costly",    "business-rule", "conflict",      "transient",    "lock-error",
        "no-store",      "exception",     "timeout",       "incomplete",   "throttled",
        "informational",
    };
    static_assert(static_cast<std::size_t>(IssueType::informational) + 1 == codes.size());
    return codes[static_cast<std::size_t>(type)];
}

bool has_errors(const Issues& issues) noexcept {
    return std::any_of(issues.begin(), issues.end(), [](const Issue& issue) {
        return issue.severity <= Severity::error;
    });
}

}  // namespace gatehouse::fhir
