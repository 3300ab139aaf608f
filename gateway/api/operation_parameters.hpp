#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Parameters of an operation, from the URL or from a posted Parameters resource (FHIR R4 §3.2.0.1).

#include <optional>
#include <string_view>

#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// Adds the primitive parameters of a posted Parameters resource to the call's, so that an operation
// reads them in one place. A refusal if something else was posted. Resources and complex values
// stay in the body: see posted_resource().
std::optional<Response> read_posted_parameters(Envelope& envelope);

// The resource that a parameter of the body is, or nullptr.
const fhir::Element* posted_resource(const Envelope& envelope, std::string_view name);

// The first parameter that is not in `known`; empty if all are.
std::string_view
unknown_parameter(const RestCall& call, std::initializer_list<std::string_view> known);

}  // namespace gatehouse::gateway
