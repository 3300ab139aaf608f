#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The cursor of a search or a history: a gap between two rows and the way that a page goes from
// there, as an opaque text for a link. It holds a row's sort keys and rid, enciphered and sealed
// with the store's own secret: a caller can neither read a name from a link in a log, nor count
// what was written between two links, nor move the cursor, nor use it with another search.
//
// A gap and not a row, so that both ways from it meet: the page back from where a page began is the
// one before it, whatever has been written elsewhere meanwhile.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/store/schema.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

using CursorSecret = std::array<std::uint64_t, 2>;

struct Cursor {
    std::vector<SqlValue> keys;  // of the search's sorts, in order
    std::int64_t rid = 0;        // of a history: vid
    bool above = false;          // the gap is above the row; else below it
    bool back = false;           // the page is what lies above the gap; else what lies below
};

// `search` is the text of the query's shape and values (fingerprint()).
std::string seal_cursor(const Cursor& cursor, std::string_view search, const CursorSecret& secret);
// Nothing if it was not sealed by this store for this search.
std::optional<Cursor>
open_cursor(std::string_view text, std::string_view search, const CursorSecret& secret);

// What the cursors of a history are bound to: all of the query but its page and count.
std::string fingerprint_of(const HistoryQuery& query);

// A row of a page as CompiledSearch::page() yields it.
struct PageRow {
    std::int64_t rid = 0;
    std::vector<SqlValue> keys;
};

struct PageLinks {
    std::string next;      // empty: nothing lies below the page
    std::string previous;  // empty: nothing lies above it
};

// Makes a page of what was read from `from` (null: the beginning), of which one row more than
// `count` was asked for: cut, in the order of the search, with the cursors of its neighbours.
PageLinks settle_page(
    std::vector<PageRow>& rows,
    const Cursor* from,
    std::uint32_t count,
    std::string_view search,
    const CursorSecret& secret
);

// SipHash-2-4 (Aumasson and Bernstein, 2012).
std::uint64_t sip_hash(std::string_view bytes, const CursorSecret& key) noexcept;

}  // namespace gatehouse::gateway
