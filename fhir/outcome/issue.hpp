#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Issue: one finding about a sender's data, in the terms of OperationOutcome.issue. Decoders, validator
// and guardrails produce them; outcome.hpp turns a list of them into an OperationOutcome.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::fhir {

enum class Severity : std::uint8_t { fatal, error, warning, information };

// http://hl7.org/fhir/issue-type, R4.
enum class IssueType : std::uint8_t {
    invalid, structure, required, value, invariant, security, login, unknown, expired, forbidden,
    suppressed, processing, not_supported, duplicate, multiple_matches, not_found, deleted, too_long,
    code_invalid, extension, too_costly, business_rule, conflict, transient, lock_error, no_store,
    exception, timeout, incomplete, throttled, informational,
};

const char* to_string(Severity severity) noexcept;  // "error"
const char* to_string(IssueType type) noexcept;     // "code-invalid"

struct Issue {
    Severity severity = Severity::error;
    IssueType type = IssueType::invalid;
    std::string rule;         // stable id of ours: "cardinality-min", "inv:dom-6", "G05", "json-syntax"
    std::string message_id;   // HL7's message id where one matches ("Validation_VAL_Profile_Minimum"), else empty
    std::string spine_code;   // Spine error code where one fits ("INVALID_NHS_NUMBER"), else empty
    std::string expression;   // FHIRPath of the element, "" for the message as a whole
    std::uint32_t line = 0;   // 1-based; 0: no place in a source
    std::uint32_t column = 0;
    std::string diagnostics;  // words for people: found, expected, way out
    std::string profile;      // canonical|version that asked, or empty
};

using Issues = std::vector<Issue>;

// True if any issue is fatal or error.
bool has_errors(const Issues& issues) noexcept;

}  // namespace gatehouse::fhir
