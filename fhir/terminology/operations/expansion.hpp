#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The codes of a worked-out value set in the order, page and dress that $expand asks for.

#include "fhir/json/value.hpp"
#include "fhir/terminology/operations/compose.hpp"

namespace gatehouse::fhir {

struct ExpansionShape {
    std::string filter;
    std::optional<std::uint32_t> offset;
    std::optional<std::uint32_t> count;
    std::string language;
    std::vector<std::string> designations;  // language or system|use asked for; empty: all
    bool with_designations = false;
    bool active_only = false;
    bool nested = false;
    bool for_ui = false;    // leave out what cannot be chosen
    bool versions = false;  // several versions of one system: each code says which
};

// One line of an expansion.
struct ExpandedCode {
    const CodeGroup* group = nullptr;
    std::optional<ConceptNumber> number;
    const ListedCode* listed = nullptr;
};

// The codes that pass, in order: as listed, then as the code system has them. False if the text
// filter costs more than the budget.
bool arrange(
    const CodeBag& bag,
    const ExpansionShape& shape,
    ConceptBudget& budget,
    std::vector<ExpandedCode>& out
);

// expansion.contains, flat or nested, as members of the object that is open.
void write_contains(
    JsonWriter& json, const std::vector<ExpandedCode>& codes, const ExpansionShape& shape
);

// What a code is called here: the value set's own word, then the system's.
std::string display_of(const ExpandedCode& code, std::string_view language);

}  // namespace gatehouse::fhir
