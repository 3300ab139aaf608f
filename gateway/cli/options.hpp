#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Options of one subcommand: declared with the variable they set, parsed once, and printed by
// --help. Long names may be written with one dash, as HL7's validator does (-ig, -profile), so its
// scripts carry over. "--name=value" and "--name value" mean the same; "--" ends the options.

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::cli {

class Options {
public:
    // `usage` follows "gatehouse "; `about` is a paragraph for --help.
    Options(std::string usage, std::string about)
        : usage_(std::move(usage)), about_(std::move(about)) {}

    // The first name is the one to print; the others are aliases and do not show.
    void flag(std::initializer_list<std::string_view> names, bool& target, std::string help);
    void text(
        std::initializer_list<std::string_view> names,
        std::string& target,
        std::string placeholder,
        std::string help
    );
    void list(
        std::initializer_list<std::string_view> names,
        std::vector<std::string>& target,
        std::string placeholder,
        std::string help
    );
    // `accept` returns false for a value it does not know.
    void value(
        std::initializer_list<std::string_view> names,
        std::string placeholder,
        std::string help,
        std::function<bool(std::string_view)> accept
    );
    void positionals(std::vector<std::string>& target) { positionals_ = &target; }

    enum class Parsed { go, help, wrong };
    // After `help` or `wrong` the words have been printed (to stdout and stderr).
    Parsed parse(int argc, char** argv);
    // Prints a usage mistake; returns the exit code for it.
    int wrong(const std::string& words) const;

private:
    struct Option {
        std::vector<std::string> names;
        std::string placeholder;  // empty: a flag
        std::string help;
        std::function<bool(std::string_view)> accept;
    };
    const Option* find(std::string_view name) const;
    void print_help() const;

    std::string usage_;
    std::string about_;
    std::vector<Option> options_;
    std::vector<std::string>* positionals_ = nullptr;
};

}  // namespace gatehouse::cli
