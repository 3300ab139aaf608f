#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The parts of a request beside method and path: media types, parameters, a posted form. Each adds
// to the envelope or gives the refusal.

#include <optional>

#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// What a PATCH may be sent as (RFC 5789 §3.1).
inline constexpr const char* patch_types =
    "application/json-patch+json, application/fhir+json, application/fhir+xml";

// Accept or _format, and _pretty. 406 for what is not offered.
std::optional<Response> read_formats(Envelope& envelope);
// Interactions whose answer has a format of its own, whatever Accept says: raw Binary content, JSON
// documents about the gateway.
bool has_own_format(const RestCall& call);
// What the body is, from Content-Type and interaction. 415 for what is not taken.
std::optional<Response> read_content_type(Envelope& envelope);
// A posted _search: adds its parameters to the call's.
std::optional<Response> read_form(Envelope& envelope);
// 400 for a parameter that the interaction does not have; search reads its own, and so does what is
// conditional. Prefer: handling=lenient lets it pass.
std::optional<Response> check_parameters(Envelope& envelope);

}  // namespace gatehouse::gateway
