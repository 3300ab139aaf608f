#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// _summary and _elements: what of a resource leaves in the answer (FHIR R4 §3.1.1.5.8-9). Done
// once, on the finished answer, for every interaction; what is cut is marked with the tag
// SUBSETTED.

#include <string>

#include "fhir/base/arena.hpp"
#include "fhir/engine/engine.hpp"
#include "gateway/pipeline/envelope.hpp"

namespace gatehouse::gateway {

// Cuts `root` (annotated): a resource itself, or the resources in the entries of an answer Bundle
// (searchset, history, batch-response, transaction-response). An OperationOutcome stays whole.
void apply_view(fhir::Element& root, const View& view, const fhir::Engine& engine, Arena& arena);

// The same on FHIR JSON; `json` is changed in place.
void apply_view(std::string& json, const View& view, const fhir::Engine& engine);

}  // namespace gatehouse::gateway
