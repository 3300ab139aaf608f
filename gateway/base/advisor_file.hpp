#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The advisor's file (fhir/validate/advisor.hpp), for the command line and the gateway.

#include <filesystem>
#include <memory>

#include "fhir/validate/advisor.hpp"

namespace gatehouse::gateway {

// Errc::io or not_found where it cannot be read, Errc::invalid with every problem, one a line.
Result<std::shared_ptr<const fhir::Advisor>>
load_advisor(const std::filesystem::path& file, fhir::Advisor::Reach reach);

}  // namespace gatehouse::gateway
