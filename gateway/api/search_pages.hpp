#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Pages of a search behind the one way out (disclose.hpp): what the exit drops leaves no gap, no
// total and no trace. Where single records may be dropped (Exit::decides) the store counts nothing,
// and a total is told only of what is on one page;
// a page is filled up from the rows behind it and has a next link only if there is more to show,
// and a count is a walk that asks the exit.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/disclose.hpp"

namespace gatehouse::gateway {

struct Gathered {
    std::vector<StoredVersion> matches;  // disclosed
    std::optional<std::uint64_t> total;
    std::string next;      // cursor; empty on the last page
    std::string previous;  // cursor; empty on the first page
    bool back = false;     // reached by a `previous`
};

// What a search leaves out for reasons of its own, and how far it may look. Members may be empty.
struct Sieve {
    Sieve(const Envelope& envelope, const ApiContext& context)
        : until(envelope.request.deadline), examined_max(context.bounds.examined_max) {}

    std::function<bool(const StoredVersion&)> keep;
    std::function<void(const StoredVersion&)> aside;  // told of each row of the page not kept
    // Past it no more rows are looked at to fill a page; a count is refused.
    std::chrono::steady_clock::time_point until{};
    // Most rows looked at for one page, or for one count, where rows may be dropped.
    std::size_t examined_max;
    [[nodiscard]] bool late() const {
        return until != std::chrono::steady_clock::time_point{} &&
               std::chrono::steady_clock::now() > until;
    }
};

// The types that a query is about.
std::vector<std::string> types_of(const SearchQuery& query);

// One page, or the count alone (`count_only`). Faults are those of StoreReader::search, and
// Errc::too_many for a count that would look at more than Sieve::examined_max rows.
Result<Gathered> gather(SearchQuery query, const Sieve& sieve, Exit& exit, StoreReader& store);

// Ids of at most `limit` matches of a query over one type that the exit admits: what a condition
// finds. Faults as gather().
Result<std::vector<std::string>> match_admitted(
    SearchQuery query,
    std::uint32_t limit,
    std::size_t examined_max,
    const Exit& exit,
    StoreReader& store
);

// The answer to a page link that the store does not take.
Response foreign_page(const Envelope& envelope);

// Keeps a query, of a search or of a condition, within what the caller sees: its types are seen;
// chains, _has, :identifier, :above and :below lead only through types that are seen and whole
// (Sight::decides). An issue, to be answered with 403, if a type is not seen or nothing is left of
// a step: whatever is stored, so that it tells nothing.
std::optional<fhir::Issue> confine(SearchQuery& query, const Sight& sight);
// The issue about a type that is not seen.
fhir::Issue unseen_type(std::string_view type);

}  // namespace gatehouse::gateway
