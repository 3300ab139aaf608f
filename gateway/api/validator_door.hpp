#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// POST /validateResource, the way HL7's validator server is spoken to (org.hl7.fhir.core, validator
// server mode): the resource is the body, the query configures, the answer is 200 with an
// OperationOutcome whatever the verdict; 400 for a parameter it does not know. Content-Type and
// Accept mean XML where they contain "xml" and JSON otherwise. Nothing is kept.

#include <optional>

#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// Whether the path is this door's: at the root and below the base, with anything after a slash.
bool is_validator_door(std::string_view path, std::string_view base_path);

// Reads method, formats and parameters into the envelope, or refuses: 404 where it is switched off.
std::optional<Response> route_validator_door(Envelope& envelope, const ApiContext& context);

Response answer_validator_door(Envelope& envelope, const ApiContext& context);

}  // namespace gatehouse::gateway
