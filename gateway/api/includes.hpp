#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// _include and _revinclude (FHIR R4 §3.1.1.5.4): parsed into rules, followed level by level from
// what has been disclosed. What is dropped at the exit is never followed, so nothing behind it
// leaves either; what we do not hold is passed over. A canonical reference brings what has its URL
// (and version, if it names one). Each resource is included once a page.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/api/disclose.hpp"

namespace gatehouse::gateway {

inline constexpr std::size_t include_rules_max = 32;  // of one search

struct IncludeRule {
    LinkRule link;
    bool iterate = false;  // from included resources too
};

struct IncludePlan {
    std::vector<IncludeRule> rules;
    std::vector<std::string> types;   // only resources of these are included; empty: of any
    std::vector<std::string> except;  // "Patient/1": in the answer already, or in another page
    [[nodiscard]] bool empty() const noexcept { return rules.empty(); }
};

// Whether a list of names holds this one.
bool is_among(const std::vector<std::string>& list, std::string_view name);

// "_include" or "_revinclude", with or without ":iterate" (":recurse").
bool is_include(std::string_view name) noexcept;

// Adds one such parameter of a search over `types` (empty: all) to the plan. False: `issues` says
// why not. A rule that cannot find anything is added, with a warning.
bool add_include(
    std::string_view name,
    std::string_view value,
    const std::vector<std::string>& types,
    const fhir::Engine& engine,
    IncludePlan& plan,
    fhir::Issues& issues
);

// Every reference parameter of a type.
std::vector<std::string> reference_parameters(const fhir::Engine& engine, std::string_view type);

// What the plan adds to these matches, disclosed. `told` gets a warning where one of the context's
// bounds cut, also that of the request's time (`until`; none for a read inside a transaction, whose
// searches have budgets of their own).
Result<std::vector<StoredVersion>> follow_includes(
    const IncludePlan& plan,
    const std::vector<StoredVersion>& matches,
    const ApiContext& context,
    Exit& exit,
    StoreReader& store,
    std::chrono::steady_clock::time_point until,
    fhir::Issues& told
);

}  // namespace gatehouse::gateway
