#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The command line: one function per subcommand behind a table. gateway/app adds its own commands
// (serve, backup, ...) and calls dispatch(). Exit codes are the same everywhere: 0 good, 1 findings
// (the input is wrong), 2 usage or failure (we could not do it).

#include <span>
#include <string_view>

namespace gatehouse::cli {

inline constexpr int exit_good = 0;
inline constexpr int exit_findings = 1;
inline constexpr int exit_failure = 2;

struct Command {
    std::string_view name;
    std::string_view summary;           // one line for --help
    int (*run)(int argc, char** argv);  // argv[0] is the subcommand's name
};

// validate, fhirpath, snapshot, convert, terminology, packages.
std::span<const Command> engine_commands();

int run_validate(int argc, char** argv);
int run_rules(int argc, char** argv);
int run_fhirpath(int argc, char** argv);
int run_snapshot(int argc, char** argv);
int run_convert(int argc, char** argv);
int run_terminology(int argc, char** argv);
int run_packages(int argc, char** argv);

// Finds argv[1] in the tables and runs it; prints the list of commands for --help and for a name
// that is none of them.
int dispatch(int argc, char** argv, std::span<const std::span<const Command>> tables);

}  // namespace gatehouse::cli
