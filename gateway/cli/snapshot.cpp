// SPDX-License-Identifier: Apache-2.0
//
// gatehouse snapshot: a StructureDefinition with its snapshot, as JSON on standard output.
#include <cstdio>

#include "fhir/json/json.hpp"
#include "fhir/outcome/outcome.hpp"
#include "fhir/schema/snapshot.hpp"
#include "fhir/xml/xml.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/definitions.hpp"
#include "gateway/cli/judge.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* snapshot_about =
    "Generates the snapshot of a StructureDefinition (JSON or XML) from its differential and its "
    "base,\n"
    "which comes from the configured packages and those given. Prints the definition as JSON. A\n"
    "snapshot it already has is ignored.";

struct SnapshotArguments {
    ConfigArguments config;
    std::vector<std::string> packages;
    std::vector<std::string> files;
    bool no_package = false;
    bool sort = false;
    bool compact = false;
};

Result<std::string> generate(const SnapshotArguments& arguments) {
    GH_TRY_ASSIGN(const std::string text, read_input(arguments.files.front()));
    GH_TRY_ASSIGN(const Installation installation, find_installation(arguments.config));
    GH_TRY_ASSIGN(
        const fhir::EngineOptions options,
        engine_options(installation, arguments.no_package, arguments.packages)
    );
    fhir::Issues notes;
    fhir::DefinitionOptions how;
    how.keep_prose = true;
    GH_TRY_ASSIGN(const auto definitions, load_definitions(options, how, notes));
    print_notes("snapshot", notes);
    GH_TRY_ASSIGN(const fhir::TypeModel types, build_types(*definitions));

    Arena arena;
    const fhir::SymbolTable& symbols = types.symbols();
    const fhir::Decoded decoded = fhir::format_of(text) == fhir::Format::json
                                      ? read_json(text, arena, symbols, generous_limits())
                                      : read_xml(text, arena, symbols, generous_limits());
    if (decoded.root == nullptr) {
        const fhir::Issue& issue = decoded.issues.back();
        return Fault(
            Errc::invalid,
            "read",
            arguments.files.front() + ":" + std::to_string(issue.line) + ":" +
                std::to_string(issue.column) + ": " + issue.diagnostics
        );
    }
    if (decoded.root->resource_type() != "StructureDefinition") {
        return Fault(
            Errc::invalid, "read", arguments.files.front() + " is not a StructureDefinition"
        );
    }
    annotate(*decoded.root, types);
    fhir::SnapshotOptions snapshot;
    snapshot.sort_differential = arguments.sort;
    GH_TRY_ASSIGN(
        fhir::Element * generated, generate_snapshot(*decoded.root, *definitions, arena, snapshot)
    );
    annotate(*generated, types);
    fhir::WriteOptions writing;
    writing.pretty = !arguments.compact;
    return write_json(*generated, &types, writing);
}

}  // namespace

int run_snapshot(int argc, char** argv) {
    SnapshotArguments arguments;
    Options options("snapshot [OPTION]... FILE|-", snapshot_about);
    options.list(
        {"--package", "--ig", "-p"},
        arguments.packages,
        "REF",
        "add a package: name#version, .tgz, folder or file; a later one wins"
    );
    options.flag({"--no-package"}, arguments.no_package, "start from R4 core alone");
    options.flag({"--sort"}, arguments.sort, "put the differential in the base's order first");
    options.flag({"--compact"}, arguments.compact, "without line breaks");
    declare_config_options(options, arguments.config);
    options.positionals(arguments.files);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (arguments.files.size() != 1) {
        return options.wrong("one FILE, or '-', is needed");
    }
    const auto json = generate(arguments);
    if (!json) {
        return fail("snapshot", json.error());
    }
    std::printf("%s\n", json->c_str());
    return exit_good;
}

}  // namespace gatehouse::cli
