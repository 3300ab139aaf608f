// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

Result<ConceptSet> CodeSystemProvider::implicit_value_set(std::string_view, ConceptBudget&) const {
    return Fault(Errc::not_found, "implicit value set", "this system defines no such value set");
}

}  // namespace gatehouse::fhir
