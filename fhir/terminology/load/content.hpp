#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Compiled terminology content (index files of 'gatehouse terminology build') as providers. Several
// files may hold the same system: editions and versions side by side, the first one named first.

#include <filesystem>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

// Maps and checks every file. Faults are those of IndexFile::open and of what the file holds; two
// files of the same system and version are Errc::conflict.
Result<TerminologyContent> load_content(const std::vector<std::filesystem::path>& files);

}  // namespace gatehouse::fhir
