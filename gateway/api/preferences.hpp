#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What a request says about its answer, apart from the media type.

#include <optional>
#include <string>
#include <string_view>

#include "gateway/http/message.hpp"
#include "gateway/pipeline/envelope.hpp"

namespace gatehouse::gateway {

// All Prefer headers together; a preference that is not known is not one (RFC 7240 §2).
Preferences preferences_of(const Headers& headers);

// _summary and _elements of `call`. False if _summary has a value that there is not. `count` is
// search's own and leaves the view whole.
bool read_view(const RestCall& call, View& out);

// An HTTP date (RFC 9110 §5.6.7, the preferred form) in microseconds; nothing if it is none.
std::optional<Micros> read_http_date(std::string_view text);

// True if `version`, written at `last_modified`, is what the caller holds already (If-None-Match,
// else If-Modified-Since; RFC 9110 §13.1).
bool caller_is_current(const Headers& headers, std::uint64_t version, Micros last_modified);

}  // namespace gatehouse::gateway
