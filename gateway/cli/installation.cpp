// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/installation.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "gateway/base/config.hpp"
#include "gateway/cli/cli.hpp"

namespace gatehouse::cli {
namespace {

// The package that every validation stands on; --no-package keeps it.
constexpr std::string_view core_package = "hl7.fhir.r4.core";

}  // namespace

void declare_config_options(Options& options, ConfigArguments& arguments) {
    options.text({"--config"}, arguments.file, "FILE", "another configuration file");
    options.value(
        {"--set"},
        "KEY=VALUE",
        "override one key of the configuration",
        [&arguments](std::string_view given) {
            auto setting = gateway::parse_setting(given);
            if (setting) {
                arguments.settings.push_back(std::move(*setting));
            }
            return setting.has_value();
        }
    );
}

Result<Installation> find_installation(const ConfigArguments& arguments) {
    gateway::ConfigSource source;
    source.file = arguments.file;
    source.settings = arguments.settings;
    // Better said here than as a missing file: a binary copied alone has no definitions either.
    const auto home = gateway::installation_home();
    std::error_code error;
    if (arguments.file.empty() && !std::filesystem::exists(home / "config/gatehouse.yaml", error)) {
        return Fault(
            Errc::not_found,
            "find installation",
            (home / "config/gatehouse.yaml").string() +
                " is not there; set GATEHOUSE_HOME to the folder of the installation (it holds "
                "config/), or name a configuration with --config FILE"
        );
    }
    GH_TRY_ASSIGN(gateway::Config config, gateway::load_config(source));
    Installation found;
    found.root = config.home;
    found.lock = config.packages.lock_file;
    found.load = config.packages.load;
    found.profiles = config.folders.profiles_file;
    found.registry = config.packages.registry_url;
    found.journal = config.journal_folder();
    const char* cache = std::getenv("GATEHOUSE_CACHE");
    found.cache =
        cache != nullptr && *cache != '\0' ? std::filesystem::path(cache) : config.packages.cache;
    return found;
}

Result<fhir::EngineOptions> engine_options(
    const Installation& installation, bool no_package, const std::vector<std::string>& packages
) {
    fhir::EngineOptions options;
    options.cache = installation.cache;
    GH_TRY_ASSIGN(options.lock, fhir::read_lock(installation.lock));
    if (no_package) {
        std::erase_if(options.lock.packages, [](const fhir::LockEntry& entry) {
            return entry.name != core_package;
        });
    }
    if (!no_package) {
        for (const std::string& package : installation.load) {
            options.packages.push_back({package});
        }
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

std::string fault_words(const Fault& fault, std::string_view command) {
    if (fault.detail.empty()) {
        return describe(fault);
    }
    // "generate snapshot: Patient.x: ..." helps; "validate: validate: ..." and "read: ..." do not.
    const std::string where = fault.where;
    const bool helps =
        where.find(' ') != std::string::npos && (command.empty() || !where.starts_with(command));
    return helps ? where + ": " + fault.detail : fault.detail;
}

int fail(const char* command, const Fault& fault) {
    std::fprintf(stderr, "gatehouse %s: %s\n", command, fault_words(fault, command).c_str());
    return exit_failure;
}

void print_notes(const char* command, const fhir::Issues& notes) {
    for (const fhir::Issue& note : notes) {
        // A missing dependency is no fault, but explains what is not checkable afterwards.
        if (note.severity <= fhir::Severity::warning || note.rule == "package-dependency") {
            std::fprintf(
                stderr,
                "gatehouse %s: %s: %s\n",
                command,
                to_string(note.severity),
                note.diagnostics.c_str()
            );
        }
    }
}

}  // namespace gatehouse::cli
