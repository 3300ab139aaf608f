#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The filters of a ValueSet's compose (FHIR R4 ValueSet.compose.include.filter) over any code
// system that has codes, a hierarchy and properties: CodeSystem resources and compiled tables.
// SNOMED CT has its own.

#include <functional>
#include <string_view>
#include <vector>

#include "fhir/base/blanks.hpp"
#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

using SeeValue = std::function<void(std::string_view value)>;

// What filters ask of a code system beyond its provider.
struct FilterSource {
    const CodeSystemProvider& provider;
    // Whether the system declares or uses a property of this name.
    std::function<bool(std::string_view property)> has_property;
    // Calls `see` for every value that the concept has of the property; "code", "display" and
    // "definition" count as properties.
    std::function<void(ConceptNumber number, std::string_view property, const SeeValue& see)>
        values;
};

// Faults as CodeSystemProvider::filter. Costs about a unit a concept and value compared.
Result<ConceptSet>
filter_concepts(const FilterSource& source, const ConceptFilter& filter, ConceptBudget& budget);

// `top` (if `with_top`) and all below it, added to `out`. Each concept is visited once.
void add_descendants(
    const CodeSystemProvider& provider, ConceptNumber top, bool with_top, ConceptSet& out
);

}  // namespace gatehouse::fhir
