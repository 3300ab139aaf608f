#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A search as it was asked for: the parameters that filter (search_parameters.hpp), those that say
// what the answer holds (FHIR R4 §3.1.1.5), the place that was searched, and what of all this is
// within the caller's rights. The links of the answer tell what was really done.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/api/bundles.hpp"
#include "gateway/api/includes.hpp"
#include "gateway/api/search_pages.hpp"

namespace gatehouse::gateway {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct SearchRequest {
    SearchQuery query;
    IncludePlan includes;
    std::string path;  // for links: "Patient", "Patient/1/Observation", "" at the base
    Parameters used;   // for links, without the page
    // Errors: the search is refused with `status`. Otherwise what the answer has to tell.
    fhir::Issues issues;
    int status = 400;
};

// What the call's URL and parameters ask for.
SearchRequest
read_search(Envelope& envelope, const ApiContext& context, Exit& exit, StoreReader& store);
// A search over one type with these parameters, for operations that are searches.
SearchRequest read_search(
    const std::string& type,
    const Parameters& parameters,
    Envelope& envelope,
    const ApiContext& context,
    Exit& exit,
    StoreReader& store
);

// The links of a page of it (page_links()).
std::vector<BundleLink>
search_links(const SearchRequest& request, const std::string& base, const Gathered& page);

// Fills a set with what the plan includes, and answers with it.
Response answer_set(
    Envelope& envelope,
    const ApiContext& context,
    SearchSet set,
    const IncludePlan& includes,
    Exit& exit,
    StoreReader& store
);

// A store's refusal to search, in terms of the request.
Response search_refusal(const Fault& fault, const Envelope& envelope);

}  // namespace gatehouse::gateway
