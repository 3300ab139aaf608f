#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Definitions that arrive as messages (ValueSet, CodeSystem, ConceptMap, SearchParameter,
// OperationDefinition, CapabilityStatement, StructureDefinition): what they say must agree with
// itself and with the definitions that are loaded. Each function is the check of one resource type
// (desk.hpp); what a definition leans on and is not loaded decides nothing.

#include <string_view>

#include "fhir/validate/desk.hpp"

namespace gatehouse::fhir::judge::definitions {

// Every resource with a canonical url: the url is absolute; what its publisher asks for when it is
// published (ValidateOptions::for_publication).
void check_canonical(const Desk& desk, const Element& resource);

void check_value_set(const Desk& desk, const Element& value_set);
void check_code_system(const Desk& desk, const Element& code_system);
void check_concept_map(const Desk& desk, const Element& map);
void check_search_parameter(const Desk& desk, const Element& parameter);
void check_capabilities(const Desk& desk, const Element& statement);
void check_guide(const Desk& desk, const Element& guide);
void check_operation(const Desk& desk, const Element& operation);

// ValueSet.compose.include.filter against what `system` knows of its properties; `code_system` is
// its definition, or nullptr.
void check_filter(
    const Desk& desk,
    const Element& filter,
    std::string_view system,
    std::string_view version,
    const Element* code_system
);

// CodeSystem.property and the properties of its concepts.
void check_properties(const Desk& desk, const Element& code_system);

// Whether a text has the form of a SNOMED CT expression constraint (ECL 2.2): operators, ids,
// refinements, filters; the ids are not looked up.
[[nodiscard]] bool is_ecl(std::string_view text);
// A concept id with its partition and check digit (SNOMED CT Release File Specification §6).
[[nodiscard]] bool is_concept_id(std::string_view text) noexcept;

// The system and code of "http://system|version#code" (version optional); false if it is not one.
bool split_coding(std::string_view text, std::string_view& system, std::string_view& code) noexcept;

}  // namespace gatehouse::fhir::judge::definitions
