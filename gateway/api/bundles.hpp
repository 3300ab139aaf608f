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
    std::string relation;  // "self", "first", "previous", "next"
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

// self, and the neighbours that there are by the cursors of a search's or history's page: `current`
// is its own (empty: the first page). Where there are several pages, the first one too; there is no
// link to the last, which a keyset cannot name (FHIR R4 §3.1.1.1.7: none but self is required).
std::vector<BundleLink> page_links(
    std::string_view base,
    std::string_view path,
    const std::vector<std::pair<std::string, std::string>>& parameters,
    std::string_view current,
    std::string_view next,
    std::string_view previous
);

// base/Type?name=value&... with percent-encoding.
std::string search_url(
    std::string_view base,
    std::string_view path,
    const std::vector<std::pair<std::string, std::string>>& parameters
);

}  // namespace gatehouse::gateway
