// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

ConceptDesignation designation_of(const Element& designation) {
    ConceptDesignation name;
    name.language = designation.child_value("language");
    if (const Element* use = designation.child("use")) {
        name.use_system = use->child_value("system");
        name.use_code = use->child_value("code");
    }
    name.value = designation.child_value("value");
    return name;
}

Result<ConceptSet> CodeSystemProvider::implicit_value_set(std::string_view, ConceptBudget&) const {
    return Fault(Errc::not_found, "implicit value set", "this system defines no such value set");
}

}  // namespace gatehouse::fhir
