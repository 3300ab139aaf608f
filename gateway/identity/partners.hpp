#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Partner files: config/partners/*.yaml, one partner each (config/partners/README.md explains the
// keys). A partner without an accountable owner, contact and review date does not load (guardrail
// G03), and one bad file keeps the whole set from loading.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/base/yaml.hpp"
#include "gateway/identity/identity.hpp"

namespace gatehouse::gateway {

using Partners = std::vector<std::shared_ptr<const Partner>>;

struct PartnerSource {
    std::filesystem::path partners;
    std::filesystem::path owners;  // folder of named owners; may be absent
    bool samples_allowed = true;   // false: the production profile
};

// In order of id. Every problem goes to `problems` with file, line and column.
Partners load_partners(const PartnerSource& source, Problems& problems);

// Lower-case letters, digits and hyphens, at most 63: ids become file names and metric labels.
bool is_partner_id(std::string_view text) noexcept;
// Two to twelve capitals and digits, as the Organisation Data Service writes them.
bool is_ods_code(std::string_view text) noexcept;

}  // namespace gatehouse::gateway
