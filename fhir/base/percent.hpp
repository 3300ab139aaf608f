#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Percent-encoding of URLs and their queries (RFC 3986 §2.1).

#include <string>
#include <string_view>

namespace gatehouse {

// Letters, digits and "-._~" stay, and what `also` holds; every other byte is escaped.
std::string percent_encoded(std::string_view text, std::string_view also = {});

// Sets `out` to what `text` stands for; with `plus_is_space` as forms write it. False if an escape
// is malformed: it stands in `out` as it was written.
bool percent_decoded(std::string_view text, bool plus_is_space, std::string& out);

}  // namespace gatehouse
