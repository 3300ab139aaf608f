#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Writing the Parameters that operations answer with, and the issues inside them.

#include "fhir/json/value.hpp"
#include "fhir/terminology/operations/request.hpp"

namespace gatehouse::fhir {

class ParametersWriter {
public:
    ParametersWriter();
    void text(std::string_view name, std::string_view value);  // valueString
    void code(std::string_view name, std::string_view value);
    void uri(std::string_view name, std::string_view value);
    void boolean(std::string_view name, bool value);
    // A parameter of parts, or a part of its own; what follows until close() is inside.
    void open(std::string_view name);
    void close();
    // A concept property's value, by its type.
    void value(std::string_view name, PropertyType type, std::string_view value);
    void coding(
        std::string_view name,
        std::string_view system,
        std::string_view version,
        std::string_view code,
        std::string_view display
    );
    void raw(std::string_view name, std::string_view key, std::string_view json);
    std::string take();

private:
    void begin(std::string_view name);
    JsonWriter json_;
};

// One finding of $validate-code: a code of tx-issue-type says of what kind.
struct CodeIssue {
    Severity severity = Severity::error;
    IssueType type = IssueType::code_invalid;
    std::string kind;  // "not-in-vs", "invalid-code", "invalid-display", "not-found", ...
    std::string words;
    std::string where;
};
// An OperationOutcome with them.
std::string outcome_of(const std::vector<CodeIssue>& issues);

}  // namespace gatehouse::fhir
