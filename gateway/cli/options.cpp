// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/options.hpp"

#include <cstdio>

#include "gateway/cli/cli.hpp"

namespace gatehouse::cli {

void Options::value(
    std::initializer_list<std::string_view> names,
    std::string placeholder,
    std::string help,
    std::function<bool(std::string_view)> accept
) {
    Option option;
    for (const std::string_view name : names) {
        option.names.emplace_back(name);
    }
    option.placeholder = std::move(placeholder);
    option.help = std::move(help);
    option.accept = std::move(accept);
    options_.push_back(std::move(option));
}

void Options::flag(std::initializer_list<std::string_view> names, bool& target, std::string help) {
    value(names, {}, std::move(help), [&target](std::string_view) { return target = true; });
}

void Options::text(
    std::initializer_list<std::string_view> names,
    std::string& target,
    std::string placeholder,
    std::string help
) {
    value(names, std::move(placeholder), std::move(help), [&target](std::string_view given) {
        target = given;
        return true;
    });
}

void Options::list(
    std::initializer_list<std::string_view> names,
    std::vector<std::string>& target,
    std::string placeholder,
    std::string help
) {
    value(names, std::move(placeholder), std::move(help), [&target](std::string_view given) {
        target.emplace_back(given);
        return true;
    });
}

const Options::Option* Options::find(std::string_view name) const {
    for (const Option& option : options_) {
        for (const std::string& known : option.names) {
            // "--ig" and "-ig" are the same option.
            if (known == name || (known.size() > 2 && known.starts_with("--") &&
                                  std::string_view(known).substr(1) == name)) {
                return &option;
            }
        }
    }
    return nullptr;
}

Options::Parsed Options::parse(int argc, char** argv) {
    bool options_over = false;
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if (options_over || word == "-" || !word.starts_with('-')) {
            if (positionals_ == nullptr) {
                wrong("'" + std::string(word) + "' is not expected here");
                return Parsed::wrong;
            }
            positionals_->emplace_back(word);
            continue;
        }
        if (word == "--") {
            options_over = true;
            continue;
        }
        if (word == "--help" || word == "-h" || word == "-help") {
            print_help();
            return Parsed::help;
        }
        std::string_view given;
        bool has_value = false;
        if (const auto equals = word.find('='); equals != std::string_view::npos) {
            given = word.substr(equals + 1);
            word = word.substr(0, equals);
            has_value = true;
        }
        const Option* option = find(word);
        if (option == nullptr) {
            wrong("unknown option " + std::string(word));
            return Parsed::wrong;
        }
        if (option->placeholder.empty() && has_value) {
            wrong("option " + std::string(word) + " takes no value");
            return Parsed::wrong;
        }
        if (!option->placeholder.empty() && !has_value) {
            if (i + 1 >= argc) {
                wrong(
                    "option " + std::string(word) + " needs a value (" + option->placeholder + ")"
                );
                return Parsed::wrong;
            }
            given = argv[++i];
        }
        if (!option->accept(given)) {
            wrong(
                "option " + std::string(word) + ": '" + std::string(given) +
                "' does not fit; expected " + option->placeholder
            );
            return Parsed::wrong;
        }
    }
    return Parsed::go;
}

int Options::wrong(const std::string& words) const {
    const std::string command = usage_.substr(0, usage_.find(' '));
    std::fprintf(
        stderr,
        "gatehouse %s: %s (see gatehouse %s --help)\n",
        command.c_str(),
        words.c_str(),
        command.c_str()
    );
    return exit_failure;
}

void Options::print_help() const {
    std::printf("usage: gatehouse %s\n\n%s\n\n", usage_.c_str(), about_.c_str());
    for (const Option& option : options_) {
        std::string left = option.names.front();
        if (!option.placeholder.empty()) {
            left += ' ';
            left += option.placeholder;
        }
        if (option.help.empty()) {
            continue;  // accepted for other tools' scripts, not advertised
        }
        if (left.size() > 30) {
            std::printf("  %s\n  %30s %s\n", left.c_str(), "", option.help.c_str());
        } else {
            std::printf("  %-30s %s\n", left.c_str(), option.help.c_str());
        }
    }
    std::printf("  %-30s %s\n", "--help", "these words");
}

}  // namespace gatehouse::cli
