#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Answer Bundles as text. Entries are stored JSON, put in unparsed: a page of twenty costs copies
// only.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/outcome/issue.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

struct BundleLink {
    std::string relation;  // "self", "next"
    std::string url;
};

// What a searchset holds, all of it disclosed.
struct SearchSet {
    std::vector<StoredVersion> matches;
    std::vector<StoredVersion> included;
    // Of $match, one for each match, or none: a score with its grade ("certain").
    struct Score {
        int hundredths = 0;
        std::string_view grade;
    };
    std::vector<Score> scores;
    std::optional<std::uint64_t> total;
    std::vector<BundleLink> links;
    fhir::Issues told;  // what the caller should know of the search: an entry of mode outcome
};
std::string searchset(const SearchSet& set, std::string_view base);

// "history": entries with request and response.
std::string history_bundle(
    const HistoryPage& page, const std::vector<BundleLink>& links, std::string_view base
);

// Opens a Bundle with type, optional total and links, up to and including `"entry":[`; close with
// "]}".
std::string open_bundle(
    std::string_view type,
    const std::optional<std::uint64_t>& total,
    const std::vector<BundleLink>& links
);

// base/Type?name=value&... with percent-encoding.
std::string search_url(
    std::string_view base,
    std::string_view path,
    const std::vector<std::pair<std::string, std::string>>& parameters
);

}  // namespace gatehouse::gateway
