// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/installation.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "gateway/cli/cli.hpp"

namespace gatehouse::cli {
namespace {

// The package that every validation stands on; --no-package keeps it.
constexpr std::string_view core_package = "hl7.fhir.r4.core";

std::filesystem::path binary_folder() {
    std::error_code error;
    const auto binary = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::filesystem::current_path(error) : binary.parent_path();
}

}  // namespace

Result<Installation> find_installation() {
    Installation found;
    std::error_code error;
    if (const char* home = std::getenv("GATEHOUSE_HOME"); home != nullptr && *home != '\0') {
        found.root = std::filesystem::absolute(home, error);
    } else {
        for (auto at = binary_folder(); !at.empty() && at != at.root_path(); at = at.parent_path()) {
            if (std::filesystem::exists(at / "config" / "packages", error)) {
                found.root = at;
                break;
            }
        }
    }
    if (found.root.empty() || !std::filesystem::exists(found.root / "config" / "packages", error)) {
        return Fault(Errc::not_found, "installation",
                     "no folder config/packages above the binary; set GATEHOUSE_HOME to the "
                     "installation's root");
    }
    const char* cache = std::getenv("GATEHOUSE_CACHE");
    found.cache = cache != nullptr && *cache != '\0' ? std::filesystem::path(cache)
                                                     : found.root / ".cache" / "packages";
    found.lock = found.root / "config" / "packages" / "lock.json";
    found.profiles = found.root / "config" / "profiles.yaml";
    return found;
}

Result<fhir::EngineOptions> engine_options(const Installation& installation, bool no_package,
                                           const std::vector<std::string>& packages) {
    fhir::EngineOptions options;
    options.cache = installation.cache;
    GH_TRY_ASSIGN(options.lock, fhir::read_lock(installation.lock));
    if (no_package) {
        std::erase_if(options.lock.packages, [](const fhir::LockEntry& entry) {
            return entry.name != core_package;
        });
    }
    for (const std::string& package : packages) {
        options.packages.push_back({package});
    }
    return options;
}

Result<std::string> read_input(const std::string& path) {
    if (path == "-") {
        return std::string(std::istreambuf_iterator<char>(std::cin), {});
    }
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return Fault(Errc::invalid, "read", path + " is a folder; a file was expected");
    }
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        return Fault(Errc::not_found, "read", path + " cannot be opened");
    }
    std::string text;
    const auto size = std::filesystem::file_size(path, error);
    if (!error) {
        text.reserve(size);
    }
    text.assign(std::istreambuf_iterator<char>(stream), {});
    if (stream.bad()) {
        return Fault(Errc::io, "read", path + " cannot be read");
    }
    return text;
}

int fail(const char* command, const Fault& fault) {
    std::fprintf(stderr, "gatehouse %s: %s\n", command, describe(fault).c_str());
    return exit_failure;
}

void print_notes(const char* command, const fhir::Issues& notes) {
    for (const fhir::Issue& note : notes) {
        if (note.severity <= fhir::Severity::warning) {
            std::fprintf(stderr, "gatehouse %s: %s: %s\n", command, to_string(note.severity),
                         note.diagnostics.c_str());
        }
    }
}

}  // namespace gatehouse::cli
