#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// HTTP search parameters -> SearchQuery (FHIR R4 §3.1.1). Everything is understood or refused in
// words; nothing is ignored unless the caller asks for it with Prefer: handling=lenient.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "fhir/outcome/issue.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/store/query.hpp"

namespace gatehouse::gateway {

// Offered on every type although no definition says what they find; so is _has, whose name is
// longer. Off, and refused in words: _text, _content, _query and functional lists
// ($current-problems).
inline constexpr std::string_view searched_without_definition[] = {"_filter", "_list"};

struct ParsedSearch {
    SearchQuery query;
    // What was really searched, in order, for the self link; paging and format not included.
    std::vector<std::pair<std::string, std::string>> used;
    // Errors (the search is refused), or warnings about ignored parameters in lenient mode.
    fhir::Issues issues;
};

struct SearchLimits {
    std::uint32_t page_default = 20;
    std::uint32_t page_max = 500;
    std::size_t parameters_max = 64;  // per search
    std::size_t values_max = 1000;    // alternatives of one parameter
    Micros now = 0;                   // for the prefix ap
    std::string base;                 // our own absolute references equal relative ones
    bool lenient = false;
    // A record by type and canonical, or by "ValueSet/id", as a tree that lives as long as the
    // search is parsed; nullptr if there is none. Empty: what is stored is not asked.
    std::function<const fhir::Element*(std::string_view type, std::string_view name)> stored;
};

// `type` empty: a search at system level, over the types that _type names, else over all.

ParsedSearch parse_search(
    const std::string& type,
    const std::vector<std::pair<std::string, std::string>>& parameters,
    const fhir::Engine& engine,
    const SearchLimits& limits
);

// "Patient?identifier=a|b" or "identifier=a|b" (If-None-Exist) as a query on `type`.
ParsedSearch parse_condition(
    const std::string& type,
    std::string_view query,
    const fhir::Engine& engine,
    const SearchLimits& limits
);

}  // namespace gatehouse::gateway
