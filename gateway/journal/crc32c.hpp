#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli, RFC 3720 §B.4), the checksum of journal frames. Uses the processor's
// instruction where there is one and a table elsewhere; both give the same value, which a test
// states.

#include <cstdint>
#include <string_view>

namespace gatehouse::gateway {

// Continues `seed` (0 to begin) over `bytes`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0) noexcept;
// The table form, for machines without the instruction and for the test.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t seed = 0) noexcept;

}  // namespace gatehouse::gateway
