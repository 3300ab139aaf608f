// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/cli.hpp"

#include <cstdio>
#include <string>

namespace gatehouse::cli {
namespace {

constexpr Command commands[] = {
    {"validate", "check resources against R4, profiles and invariants", run_validate},
    {"rules", "list the rules of the validator", run_rules},
    {"fhirpath", "evaluate a FHIRPath expression", run_fhirpath},
    {"snapshot", "generate the snapshot of a StructureDefinition", run_snapshot},
    {"convert", "convert a resource between JSON and XML", run_convert},
    {"terminology",
     "expand value sets, check, look up, compare and translate codes",
     run_terminology},
    {"packages", "list, add, verify and lock FHIR packages", run_packages},
};

void print_commands(std::FILE* to, std::span<const std::span<const Command>> tables) {
    std::fputs("usage: gatehouse COMMAND [OPTION]...\n\n", to);
    for (const auto& table : tables) {
        for (const Command& command : table) {
            std::fprintf(
                to,
                "  %-12.*s %.*s\n",
                static_cast<int>(command.name.size()),
                command.name.data(),
                static_cast<int>(command.summary.size()),
                command.summary.data()
            );
        }
    }
    std::fputs(
        "\n'gatehouse COMMAND --help' explains one. Exit codes: 0 good, 1 findings, 2 usage or "
        "failure.\n",
        to
    );
}

}  // namespace

std::span<const Command> engine_commands() {
    return commands;
}

int dispatch(int argc, char** argv, std::span<const std::span<const Command>> tables) {
    const std::string_view wanted = argc > 1 ? argv[1] : "";
    for (const auto& table : tables) {
        for (const Command& command : table) {
            if (command.name == wanted) {
                return command.run(argc - 1, argv + 1);
            }
        }
    }
    if (wanted == "--help" || wanted == "-h" || wanted == "help") {
        print_commands(stdout, tables);
        return exit_good;
    }
    if (!wanted.empty()) {
        std::fprintf(stderr, "gatehouse: '%s' is no command\n\n", argv[1]);
    }
    print_commands(stderr, tables);
    return exit_failure;
}

}  // namespace gatehouse::cli
