#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// OperationOutcome from issues. Each issue carries severity, code, details (Spine coding, our rule
// id, and HL7's message id where one matches, as its validator codes it), diagnostics, expression,
// and line and column as HL7's extensions operationoutcome-issue-line and -col, -issue-source,
// -message-id.

#include <string>
#include <string_view>

#include "fhir/base/arena.hpp"
#include "fhir/model/element.hpp"
#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

// System of our own rule ids in issue.details.coding. Change it here to publish under another base.
inline constexpr std::string_view rule_system = "https://gatehouse.example/CodeSystem/rule";

// Extension of an OperationOutcome that is a verdict: the digest of the packages that judged.
inline constexpr std::string_view extension_definitions =
    "https://gatehouse.example/StructureDefinition/definitions-digest";

struct OutcomeForm {
    std::string_view definitions;  // digest of the definitions; empty: no verdict, no extension
    bool details_text = false;  // diagnostics again as details.text, where HL7's validator says it
};

// An OperationOutcome resource with one issue per entry, errors first (stable within a severity).
// An empty list gives one information issue, "All OK". The tree lives in `arena` and copies what it
// needs.
Element* make_outcome(const Issues& issues, Arena& arena, const OutcomeForm& form = {});

// The same as JSON text, without a tree: for refusals and the command line.
std::string outcome_json(const Issues& issues, bool pretty = false);
std::string outcome_json(const Issues& issues, const OutcomeForm& form);

}  // namespace gatehouse::fhir
