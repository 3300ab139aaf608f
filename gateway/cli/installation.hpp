#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Where this installation keeps its configuration and definitions, so that every subcommand works
// from any folder.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/engine/engine.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {

struct Installation {
    std::filesystem::path root;      // holds config/
    std::filesystem::path cache;     // package cache
    std::filesystem::path lock;      // the configured packages
    std::vector<std::string> load;   // configured packages after those
    std::filesystem::path profiles;  // default profiles
    std::string registry;            // empty: no network call
    std::filesystem::path journal;   // folder of the gateway's journal
};

// --config and --set, which every subcommand takes.
struct ConfigArguments {
    std::string file;
    std::vector<std::pair<std::string, std::string>> settings;
};
void declare_config_options(Options& options, ConfigArguments& arguments);

// What the configuration says of definitions. The installation is GATEHOUSE_HOME or the nearest
// folder above the binary that holds config/gatehouse.yaml; GATEHOUSE_CACHE names another package
// cache.
Result<Installation> find_installation(const ConfigArguments& arguments = {});

// The packages a command works with: the configured ones (`no_package`: R4 core alone), then
// `packages` in order.
Result<fhir::EngineOptions> engine_options(
    const Installation& installation, bool no_package, const std::vector<std::string>& packages
);

// Reads a whole file, or standard input for "-".
Result<std::string> read_input(const std::string& path);

// A fault for people: where it arose, if that says more than the command's name, and what it is.
std::string fault_words(const Fault& fault, std::string_view command = {});

// Prints "gatehouse COMMAND: fault" to stderr and returns the exit code for failure.
int fail(const char* command, const Fault& fault);
// Notes of loading that a person should see (warnings and worse), to stderr.
void print_notes(const char* command, const fhir::Issues& notes);

}  // namespace gatehouse::cli
