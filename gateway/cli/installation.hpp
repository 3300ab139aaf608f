#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Where this installation keeps its configuration and definitions, so that every subcommand works from
// any folder.

#include <filesystem>
#include <string>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/engine/engine.hpp"

namespace gatehouse::cli {

struct Installation {
    std::filesystem::path root;      // holds config/
    std::filesystem::path cache;     // package cache
    std::filesystem::path lock;      // config/packages/lock.json
    std::filesystem::path profiles;  // config/profiles.yaml
};

// GATEHOUSE_HOME, else the nearest folder above the binary that holds config/packages (build/release/
// gatehouse: two levels up). GATEHOUSE_CACHE names another package cache than <root>/.cache/packages.
Result<Installation> find_installation();

// The packages a command works with: those of the lock file (`no_package`: R4 core alone), then
// `packages` in order.
Result<fhir::EngineOptions> engine_options(const Installation& installation, bool no_package,
                                           const std::vector<std::string>& packages);

// Reads a whole file, or standard input for "-".
Result<std::string> read_input(const std::string& path);

// Prints "gatehouse COMMAND: fault" to stderr and returns the exit code for failure.
int fail(const char* command, const Fault& fault);
// Notes of loading that a person should see (warnings and worse), to stderr.
void print_notes(const char* command, const fhir::Issues& notes);

}  // namespace gatehouse::cli
