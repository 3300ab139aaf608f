#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Binary content as it is (FHIR R4 §2.40): POST and PUT of any media type become a Binary resource,
// and a read that does not ask for FHIR gets the content back. Who may see it is decided by the
// resource that securityContext names, as if it were that one.

#include <string>
#include <string_view>

#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// The Binary resource of a raw body, as JSON in the envelope's arena: content type, securityContext
// from X-Security-Context, data.
std::string_view binary_of(Envelope& envelope);

// The answer to a read of `binary`: its content where the caller takes it, else the resource; 406
// where neither will do.
Response binary_answer(Envelope& envelope, StoredVersion binary);

std::string encode_base64(std::string_view bytes);

}  // namespace gatehouse::gateway
