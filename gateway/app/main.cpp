// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <string_view>

#include "gateway/app/commands.hpp"
#include "gateway/cli/cli.hpp"

int main(int argc, char** argv) {
    // One of the three places that catch: whatever escapes is a bug, and what() could hold a value.
    try {
        const std::span<const gatehouse::cli::Command> tables[] = {
            gatehouse::cli::service_commands(), gatehouse::cli::engine_commands()};
        if (argc == 2 && std::string_view(argv[1]) == "--version") {
            std::puts("gatehouse " GATEHOUSE_VERSION);
            return gatehouse::cli::exit_good;
        }
        return gatehouse::cli::dispatch(argc, argv, tables);
    } catch (const std::exception&) {
        std::fputs("gatehouse: stopped by an unexpected exception\n", stderr);
        return gatehouse::cli::exit_failure;
    }
}
