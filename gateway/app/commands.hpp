#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Subcommands of the service: those that run it and those that look after its data. The engine's
// are in gateway/cli.

#include <span>
#include <string>
#include <vector>

#include "gateway/base/config.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {

// serve, check, partner, backup, restore, receipts, audit, explain, explain-search.
std::span<const Command> service_commands();

int run_serve(int argc, char** argv);
int run_check(int argc, char** argv);
int run_partner(int argc, char** argv);
int run_backup(int argc, char** argv);
int run_restore(int argc, char** argv);
int run_receipts(int argc, char** argv);
int run_audit(int argc, char** argv);
int run_explain(int argc, char** argv);
int run_explain_search(int argc, char** argv);

// --config and --set, which all of them take.
struct ConfigOptions {
    std::string file;
    std::vector<std::string> settings;

    void declare(Options& options);
    // Problems go to stderr; nullopt then.
    [[nodiscard]] std::optional<gateway::Config> load(const char* command) const;
};

// "gatehouse COMMAND: fault" on stderr; gives the exit code for failure. Several lines stay several
// lines.
int failed(const char* command, const Fault& fault);

}  // namespace gatehouse::cli
