#pragma once
// SPDX-License-Identifier: Apache-2.0

#include <string_view>

#include "fhir/path/evaluator.hpp"

namespace gatehouse::fhir::path {

// The resource a reference means, seen from `from`: contained ("#id", "#"), an entry of the
// enclosing Bundle by fullUrl, by "Type/id" beside the entry's own fullUrl or by the resource's own
// type and id; at last whatever the environment knows. nullptr if nothing is found.
const Element* resolve_reference(Evaluator& run, std::string_view reference, const Element& from);

}  // namespace gatehouse::fhir::path
