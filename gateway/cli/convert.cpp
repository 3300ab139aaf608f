// SPDX-License-Identifier: Apache-2.0
//
// gatehouse convert: a resource from one format to the other, losing nothing.
#include <cstdio>

#include "fhir/xml/xml.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/definitions.hpp"
#include "gateway/cli/judge.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* convert_about =
    "Reads a resource (JSON or XML) and prints it as the other format, or the same one. Decimals,\n"
    "white space, extensions on primitives and narrative stay as they are. Faults of form are "
    "listed on\n"
    "standard error (exit code 1); text that is no resource at all is not converted (exit code 2).";

struct ConvertArguments {
    ConfigArguments config;
    std::vector<std::string> files;
    std::string to;
    bool pretty = false;
};

Result<int> convert(const ConvertArguments& arguments) {
    GH_TRY_ASSIGN(const std::string text, read_input(arguments.files.front()));
    GH_TRY_ASSIGN(const Installation installation, find_installation(arguments.config));
    GH_TRY_ASSIGN(const fhir::EngineOptions options, engine_options(installation, true, {}));
    fhir::Issues notes;
    GH_TRY_ASSIGN(const auto definitions, load_definitions(options, {}, notes));
    GH_TRY_ASSIGN(const fhir::TypeModel types, build_types(*definitions));

    Arena arena;
    const fhir::Format from = fhir::format_of(text);
    fhir::Decoded decoded = from == fhir::Format::json
                                ? read_json(text, arena, types.symbols(), generous_limits())
                                : read_xml(text, arena, types.symbols(), generous_limits());
    if (decoded.root != nullptr) {
        annotate(*decoded.root, types);
        if (from == fhir::Format::xml) {
            check_xml_form(*decoded.root, types, text, decoded.issues);
        }
    }
    for (const fhir::Issue& issue : decoded.issues) {
        std::fprintf(
            stderr,
            "%s:%u:%u: %s: %s %s [%s]\n",
            arguments.files.front().c_str(),
            issue.line,
            issue.column,
            to_string(issue.severity),
            issue.expression.c_str(),
            issue.diagnostics.c_str(),
            issue.rule.c_str()
        );
    }
    if (decoded.root == nullptr) {
        return exit_failure;
    }
    fhir::WriteOptions writing;
    writing.pretty = arguments.pretty;
    const std::string out = arguments.to == "json" ? write_json(*decoded.root, &types, writing)
                                                   : write_xml(*decoded.root, types, writing);
    std::fwrite(out.data(), 1, out.size(), stdout);
    if (!out.ends_with('\n')) {
        std::fputc('\n', stdout);
    }
    return has_errors(decoded.issues) ? exit_findings : exit_good;
}

}  // namespace

int run_convert(int argc, char** argv) {
    ConvertArguments arguments;
    Options options("convert --to json|xml [OPTION]... FILE|-", convert_about);
    options
        .value({"--to"}, "json|xml", "the format to write", [&arguments](std::string_view given) {
            arguments.to = given;
            return given == "json" || given == "xml";
        });
    options.flag({"--pretty"}, arguments.pretty, "one element a line, indented");
    declare_config_options(options, arguments.config);
    options.positionals(arguments.files);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (arguments.to.empty() || arguments.files.size() != 1) {
        return options.wrong("--to and one FILE, or '-', are needed");
    }
    const auto code = convert(arguments);
    return code ? *code : fail("convert", code.error());
}

}  // namespace gatehouse::cli
