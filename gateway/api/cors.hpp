#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// OPTIONS, and what browsers of other origins may see (Fetch standard, CORS). Off unless origins
// are configured.

#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// OPTIONS of any URL: a preflight is answered for its origin; else 204 with Allow for what the URL
// offers.
Response answer_options(Envelope& envelope, const ApiContext& context);

// Adds the headers that let the caller's origin read the answer, if it may.
void allow_origin(Response& response, const Envelope& envelope, const ApiContext& context);

}  // namespace gatehouse::gateway
