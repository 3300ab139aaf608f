#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the audit says about one decision or message, in words: for `gatehouse explain ID`.

#include <filesystem>
#include <string>
#include <string_view>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway {

// `id` is a decision id, our message id, or a partner's X-Request-ID. The newest records are looked
// at first; every record that bears the id is told. Errc::not_found when none does.
Result<std::string> explain(const std::filesystem::path& audit_folder, std::string_view id);

}  // namespace gatehouse::gateway
