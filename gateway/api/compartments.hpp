#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Compartments (FHIR R4 §2.1.25): which parameters of which types make a resource part of the
// compartment of a Patient, Encounter, Practitioner, RelatedPerson or Device, from the
// CompartmentDefinitions that are loaded.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "gateway/store/query.hpp"

namespace gatehouse::gateway {

struct Compartment {
    std::string type;                // of what it is the compartment of
    std::vector<SearchLink> links;   // type and parameter of what belongs to it
    std::vector<std::string> types;  // those of `links`, each once
};

// HL7's own definition of the compartment of a type: a package may hold examples of others.
std::string compartment_canonical(std::string_view type);

// Nothing if there is no such compartment.
std::optional<Compartment> compartment_of(std::string_view type, const fhir::Engine& engine);

// "In the compartment of type/id", for resources of these types (empty: all of the compartment's).
// No links are left where none of the types can be in it.
SearchClause in_compartment(
    const Compartment& compartment, std::string_view id, const std::vector<std::string>& types
);

}  // namespace gatehouse::gateway
