#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Dates for the slow evaluator: FHIR R4 search §date. Every date is a span from its first
// microsecond to just after its last; an end of a Period that is not given lies beyond all dates.

#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/gateway/search_reference/verdict.hpp"

namespace gatehouse::search_reference {

struct Span {
    std::int64_t begin = 0;  // microseconds since 1970 UTC
    std::int64_t end = 0;    // exclusive
};
inline constexpr std::int64_t before_all = INT64_MIN;
inline constexpr std::int64_t after_all = INT64_MAX;

// Nothing if the text is no date. Without a zone the clocks of London count.
std::optional<Span> read_moment(std::string_view text);

// Does a resource's span satisfy "prefix" + the span searched for? `now` is for ap.
Truth compare_spans(Prefix prefix, const Span& searched, const Span& target, std::int64_t now);

}  // namespace gatehouse::search_reference
