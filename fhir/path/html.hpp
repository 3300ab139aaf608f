#pragma once
// SPDX-License-Identifier: Apache-2.0

#include <string_view>

namespace gatehouse::fhir::path {

// htmlChecks(): is this a narrative as FHIR R4 §2.4.0.1 allows: one <div> of permitted elements and
// attributes, properly nested, with something to read in it.
bool is_narrative(std::string_view xhtml);

}  // namespace gatehouse::fhir::path
