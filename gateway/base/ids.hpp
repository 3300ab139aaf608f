#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Identifiers we mint. A MessageId is a ULID: 48 bits of milliseconds and 80 random bits, 26
// Crockford characters, sortable by time. Resource ids that a message creates are derived from its
// id and the entry's position, so replaying the journal gives the same ids.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

std::string make_ulid(Micros now);
bool is_ulid(std::string_view text) noexcept;
// A UUID (version 8, RFC 9562) of the message's time in milliseconds and SHA-256 of the parts:
// lower-case, 36 characters, the same for the same parts.
std::string derived_uuid(std::string_view message_id, std::uint32_t entry);
std::string random_uuid();
// `count` cryptographically random bytes as lower-case hex: token secrets, keys.
std::string random_hex(std::size_t count);
// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);

}  // namespace gatehouse::gateway
