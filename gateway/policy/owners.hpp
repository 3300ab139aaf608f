#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Who answers for a partner, route or policy (guardrail G03). An `owner:` is written in place, as a
// map, or names an entry of config/owners. Without role, organisation, contact and review date
// nothing loads.

#include <filesystem>
#include <map>
#include <string>

#include "gateway/base/clock.hpp"
#include "gateway/base/yaml.hpp"
#include "gateway/identity/identity.hpp"

namespace gatehouse::gateway {

using Owners = std::map<std::string, Owner>;

// Every *.yaml of `folder` (which may be absent: then there are none).
Owners load_owners(const std::filesystem::path& folder, Problems& problems);
// The owner that `node` states or names. `holder` is the map that ought to have it (for the place
// of the complaint when `node` is null). Incomplete: problems are added and what there is comes
// back.
Owner read_owner(
    const YamlNode* node,
    const YamlNode& holder,
    const Owners& owners,
    const std::string& file,
    Problems& problems
);
// Midnight UTC after the review date: from then on it is overdue. 0 if `review` is not a date.
Micros review_end(const std::string& review) noexcept;
// Midnight UTC at the beginning of a YYYY-MM-DD date.
Micros day_start(const std::string& date) noexcept;

}  // namespace gatehouse::gateway
