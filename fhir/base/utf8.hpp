#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 checks for the decoders: one pass over a whole message finds the first byte that is not
// UTF-8, so that no later step has to look again. Overlong forms, surrogates and code points past
// U+10FFFF are not UTF-8 (RFC 3629).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse {

// Offset of the first byte that does not start or continue a valid sequence, or npos. Linear; runs
// of ASCII go sixteen bytes at a time.
std::size_t invalid_utf8_at(std::string_view text) noexcept;

// The text with '?' for every byte that belongs to no valid sequence, so that every offset stays
// what it was, and how many runs of such bytes there were.
struct MendedText {
    std::string text;
    std::size_t runs = 0;
};
MendedText mend_utf8(std::string_view text);

// Appends the code point as UTF-8. `code_point` must be a Unicode scalar value.
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace gatehouse
