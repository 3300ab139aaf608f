#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The cursor of a search: where the next page begins, as an opaque text for a link. It holds the
// last row's sort keys and rid, enciphered and sealed with the store's own secret: a caller can
// neither read a name from a link in a log, nor move the cursor, nor use it with another search.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/store/schema.hpp"

namespace gatehouse::gateway {

using CursorSecret = std::array<std::uint64_t, 2>;

struct Cursor {
    std::vector<SqlValue> keys;  // of the search's sorts, in order
    std::int64_t rid = 0;
};

// `search` is the text of the query's shape and values (fingerprint()).
std::string seal_cursor(const Cursor& cursor, std::string_view search, const CursorSecret& secret);
// Nothing if it was not sealed by this store for this search.
std::optional<Cursor>
open_cursor(std::string_view text, std::string_view search, const CursorSecret& secret);

// SipHash-2-4 (Aumasson and Bernstein, 2012).
std::uint64_t sip_hash(std::string_view bytes, const CursorSecret& key) noexcept;

}  // namespace gatehouse::gateway
