// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/commands.hpp"

#include <cstdio>

namespace gatehouse::cli {

namespace {

constexpr Command table[] = {
    {"serve", "run the gateway", run_serve},
    {"check", "check configuration, policies, partners and packages", run_check},
    {"partner", "add, list, rotate and revoke partners' tokens", run_partner},
    {"backup", "copy journal, store, audit and tokens while the gateway runs", run_backup},
    {"restore", "put a backup into an empty data folder", run_restore},
    {"receipts", "what became of messages", run_receipts},
    {"audit", "verify the audit's hash chain", run_audit},
    {"explain", "a decision or message in words", run_explain},
    {"explain-search", "plan and SQL of a search", run_explain_search},
};

}  // namespace

std::span<const Command> service_commands() {
    return table;
}

void ConfigOptions::declare(Options& options) {
    options.text(
        {"--config", "-c"},
        file,
        "FILE",
        "configuration (default: config/gatehouse.yaml of the installation)"
    );
    options.list(
        {"--set"},
        settings,
        "KEY=VALUE",
        "one setting over the configuration, as in data.dir=/srv/data"
    );
}

std::optional<gateway::Config> ConfigOptions::load(const char* command) const {
    gateway::ConfigSource source;
    if (!file.empty()) {
        std::error_code ignored;
        source.file = std::filesystem::absolute(file, ignored);
    }
    for (const std::string& setting : settings) {
        auto pair = gateway::parse_setting(setting);
        if (!pair) {
            failed(command, pair.error());
            return std::nullopt;
        }
        source.settings.push_back(std::move(*pair));
    }
    auto config = gateway::load_config(source);
    if (!config) {
        failed(command, config.error());
        return std::nullopt;
    }
    return std::move(*config);
}

int failed(const char* command, const Fault& fault) {
    if (fault.detail.find('\n') != std::string::npos) {
        std::fprintf(stderr, "gatehouse %s: %s:\n%s\n", command, fault.where, fault.detail.c_str());
    } else {
        std::fprintf(stderr, "gatehouse %s: %s\n", command, describe(fault).c_str());
    }
    return exit_failure;
}

}  // namespace gatehouse::cli
