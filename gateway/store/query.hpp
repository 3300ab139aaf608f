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

// `co` is of _filter: the period includes all of the value's.
enum class SearchPrefix : std::uint8_t { eq, ne, gt, lt, ge, le, sa, eb, ap, co };

// What a modifier means depends on the parameter's type (FHIR R4 §3.1.1.4.4). `:in`, `:not-in`,
// `:above` and `:below` on a token arrive here as codes, worked out by whoever knows terminology.
enum class SearchModifier : std::uint8_t {
    none,
    missing,
    exact,     // string
    contains,  // string
    text,      // token: a display or text begins so
    not_,      // token: nothing that matches, or nothing at all
    // uri: the value or a path above (below) it. reference: the value or what is above (below) it
    // in SearchClause::hierarchy; a canonical, below: the version or one that begins with it.
    above,
    below,
    in_set,      // token: in one of SearchClause::sets
    not_in_set,  // token: not in_set
    of_type,     // token on Identifier: `system` and `value` of the type, `code` the number
    type,        // reference
    identifier,  // reference
    equals,      // string: the folded text is the same (`eq` of _filter)
    unequal,     // string, token, uri, reference: a value that is another one (`ne`)
    starts,      // uri (`sw`)
    ends,        // string, uri (`ew`)
    listed,      // Field::has by List.item: entries that are not deleted (_list)
};

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
    // special `near`: degrees and metres.
    double latitude = 0;
    double longitude = 0;
    double metres = 0;
    // quantity whose unit is UCUM's: the same number in base units, and what it stands for there.
    std::string base_unit;  // empty: none
    double base = 0;
    double base_low = 0;
    double base_high = 0;
    // composite: one value for each of SearchParameter::components, which must hold for the same
    // element.
    std::vector<SearchValue> components;
};

// Codes of one system, worked out from a value set or a hierarchy.
struct SearchCodes {
    std::string system;
    std::vector<std::string> codes;
};

// A reference parameter of a type.
struct SearchLink {
    std::string type;
    std::string code;
};

// Bounds of one search, over all its clauses; beyond them Errc::too_many.
inline constexpr std::size_t search_values_max = 1000;
inline constexpr std::size_t search_codes_max = 20'000;  // in SearchClause::sets
inline constexpr std::size_t search_hops_max = 4;        // of chains and _has
inline constexpr std::size_t search_clauses_max = 256;   // with those inside others
inline constexpr std::size_t search_depth_max = 16;      // of groups

// One condition on a resource. Clauses side by side are all required.
struct SearchClause {
    enum class Field : std::uint8_t {
        parameter,     // `parameter` has one of `any_of`, or leads to what satisfies `chained`
        id,            // _id is one of `any_of`
        last_updated,  // _lastUpdated
        // A resource of `target_types` for which all of `chained` hold points here with `parameter`
        // (_has, _list).
        has,
        linked,  // points at one of `any_of` (references with type) through one of `links`
        all,     // all of `members`
        any,     // at least one of `members`
        none,    // none of `members`
    };
    Field field = Field::parameter;
    const fhir::SearchParameter* parameter = nullptr;  // Field::parameter, has
    SearchModifier modifier = SearchModifier::none;
    std::vector<SearchValue> any_of;  // alternatives
    // patient:identifier=..., patient.identifier=...: the clauses hold for the referenced resource.
    // Modifier `identifier` with values and nothing chained does the same and also finds references
    // that carry the identifier itself without a literal reference.
    std::vector<SearchClause> chained;
    // Types the chained clauses are about; empty: all targets of `parameter`.
    std::vector<std::string> target_types;
    std::vector<SearchCodes> sets;  // in_set, not_in_set
    // reference, above and below: what leads from a resource to the one above it (Location.partof).
    std::vector<SearchLink> hierarchy;
    // Field::linked: compartments. On a composite (made by the compiler): where its rows stand.
    std::vector<SearchLink> links;
    std::vector<SearchClause> members;  // Field::all, any, none
    // Holds only for resources of these types; empty: those that the search is about. A parameter
    // whose meaning differs between types is one clause for each, in a group.
    std::vector<std::string> types;
};

struct SearchSort {
    const fhir::SearchParameter* parameter = nullptr;  // null: _lastUpdated or _id
    bool by_id = false;
    bool descending = false;
};

// FHIR R4 §3.1.1.5.7: whether contained resources match.
enum class SearchContained : std::uint8_t { no, only, both };

struct SearchQuery {
    std::string type;
    // Instead of `type`: a search over several types (system level); matches come in one order
    // over all of them. `all_types`: `types` names every type there is.
    std::vector<std::string> types;
    bool all_types = false;
    std::vector<SearchClause> all_of;
    std::vector<SearchSort> sort;
    SearchContained contained = SearchContained::no;
    bool contained_alone = false;  // they are yielded themselves, not the records that hold them
    // Contained resources count only in records of these types, also for _has; empty: of any.
    std::vector<std::string> holder_types;
    std::uint32_t count = 20;  // page size
    bool count_only = false;   // _summary=count
    bool want_total = true;
    std::uint64_t total_max = 0;  // more matches than this are not counted to the end, and their
                                  // number is not said; 0: it always is
    std::string after;            // SearchPage::next or previous of a page, or empty
};

}  // namespace gatehouse::gateway
