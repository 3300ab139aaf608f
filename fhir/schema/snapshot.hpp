#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Snapshot generation: differential + base -> snapshot (FHIR R4 §5.1.0.10 and the slicing rules of
// §5.1.0.14). UK Core publishes differentials only, so nothing validates without it.

#include "fhir/base/arena.hpp"
#include "fhir/base/result.hpp"
#include "fhir/model/element.hpp"
#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir {

struct SnapshotOptions {
    bool sort_differential = false;  // put the differential in base order first
    // A slice that the differential also defines below the unsliced element starts from that one,
    // so "component:systolic.code.coding:loinc" has the fixed system of
    // "component.code.coding:loinc". Published snapshots do not show it, but it is what the
    // differential means: for validation.
    bool slices_inherit = false;
    // A type profile may be a resource type itself ("resource" of type Resource with the profile
    // Observation): HL7's validator takes it, its snapshot suite does not.
    bool types_as_profiles = false;
};

// A copy of `structure_definition` with a generated snapshot (any it had is ignored). Bases and
// data type profiles come from `definitions`, generating theirs where absent. Errc::invalid says
// which element cannot be placed, or which rule of the base it breaks; Errc::not_found names a
// missing base.
Result<Element*> generate_snapshot(
    const Element& structure_definition,
    const Definitions& definitions,
    Arena& arena,
    const SnapshotOptions& options = {}
);

}  // namespace gatehouse::fhir
