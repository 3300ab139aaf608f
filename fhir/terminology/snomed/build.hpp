#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A SNOMED CT release (RF2 snapshot files, one edition and its extensions in any number of folders)
// -> one index file. Memory stays bounded by `memory_bytes` plus some 100 bytes a concept; what is
// more goes to temporary files beside the output.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/terminology/ecl/sctid.hpp"

namespace gatehouse::fhir::snomed {

struct BuildOptions {
    std::vector<std::filesystem::path> folders;
    std::filesystem::path out;
    // Whose preferred terms are shown, first match first. Others found in the release come behind.
    // The default is the NHS realm (clinical, pharmacy), then GB English, then US English.
    std::vector<Sctid> language_refsets{
        999001261000000100, 999000691000001104, 900000000000508004, 900000000000509007};
    // "http://snomed.info/sct/MODULE/version/DATE"; empty: from the module dependencies and the
    // newest effective time.
    std::string version;
    std::size_t memory_bytes = std::size_t{512} << 20U;
    std::function<void(const std::string&)> progress;  // a line per step; may be empty
};

struct BuildReport {
    std::string version;
    std::string digest;
    std::uint64_t files = 0;
    std::uint64_t concepts = 0;
    std::uint64_t active_concepts = 0;
    std::uint64_t is_a_relationships = 0;
    std::uint64_t attributes = 0;
    std::uint64_t terms = 0;
    std::uint64_t refsets = 0;
    std::uint64_t members = 0;
    std::uint64_t intervals = 0;
    // Left out, each for a reason that is not an error: relationships that are not inferred or
    // whose ends are inactive; refset members and terms of concepts that are not in the release.
    std::uint64_t relationships_left_out = 0;
    std::uint64_t members_left_out = 0;
    std::uint64_t terms_left_out = 0;
    // Active concepts other than the root without a parent.
    std::uint64_t roots_beside = 0;
};

// Errc::not_found, Errc::invalid (a release that is damaged or incomplete: file, line, reason),
// Errc::io, Errc::no_space. The output appears whole or not at all.
Result<BuildReport> build_index(const BuildOptions& options);

}  // namespace gatehouse::fhir::snomed
