#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SearchQuery: a search in typed form, after the HTTP parameters have been understood (gateway/api)
// and before they become SQL (gateway/store). No text of a parameter reaches SQL except as a bound
// value.

#include <cstdint>
#include <string>
#include <vector>

#include "fhir/search/search.hpp"

namespace gatehouse::gateway {

enum class SearchPrefix : std::uint8_t { eq, ne, gt, lt, ge, le, sa, eb, ap };
enum class SearchModifier : std::uint8_t { none, missing, exact, contains, not_, type, identifier };

struct SearchValue {
    SearchPrefix prefix = SearchPrefix::eq;
    bool has_system = false;  // token "system|code", "|code" (has_system with empty system), "code"
    std::string system;
    std::string value;     // token code, folded or exact string, uri, reference id or absolute URL
    std::string code;      // quantity: code or unit; `value` is the number's text
    std::string type;      // reference: wanted type ("Patient"), or empty for any
    std::int64_t low = 0;  // date: [low, high) in microseconds UTC
    std::int64_t high = 0;
    bool truth = false;  // :missing
};

// Most values of one search in all its clauses, and most hops of a chain: over it Errc::too_many.
inline constexpr std::size_t search_values_max = 1000;
inline constexpr std::size_t search_hops_max = 4;

// One HTTP parameter: its values are alternatives. Clauses are all required.
struct SearchClause {
    enum class Field : std::uint8_t { parameter, id, last_updated };
    Field field = Field::parameter;
    const fhir::SearchParameter* parameter = nullptr;  // Field::parameter
    SearchModifier modifier = SearchModifier::none;
    std::vector<SearchValue> any_of;
    // patient:identifier=..., patient.identifier=...: the clause holds for the referenced resource.
    // Modifier `identifier` with values and nothing chained does the same and also finds references
    // that carry the identifier itself without a literal reference.
    std::vector<SearchClause> chained;
    // Types the chained clauses are about; empty: all targets of `parameter`.
    std::vector<std::string> target_types;
};

struct SearchSort {
    const fhir::SearchParameter* parameter = nullptr;  // null: _lastUpdated or _id
    bool by_id = false;
    bool descending = false;
};

struct SearchQuery {
    std::string type;
    std::vector<SearchClause> all_of;
    std::vector<SearchSort> sort;
    std::uint32_t count = 20;  // page size
    bool count_only = false;   // _summary=count
    bool want_total = true;
    std::string after;  // opaque keyset cursor of the previous page, or empty
};

}  // namespace gatehouse::gateway
