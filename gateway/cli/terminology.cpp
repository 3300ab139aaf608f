// SPDX-License-Identifier: Apache-2.0
//
// gatehouse terminology: the FHIR terminology operations over the configured packages, as JSON on
// standard output. The same code answers over HTTP.
#include <cstdio>
#include <ctime>

#include "fhir/json/json.hpp"
#include "fhir/outcome/outcome.hpp"
#include "fhir/terminology/load/content.hpp"
#include "fhir/terminology/operations/operations.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/definitions.hpp"
#include "gateway/cli/judge.hpp"
#include "gateway/cli/options.hpp"
#include "gateway/cli/terminology_build.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* terminology_about =
    "Asks the terminology of the configured packages, offline. OPERATION is expand, "
    "validate-code,\n"
    "lookup, subsumes or translate; NAME=VALUE are its parameters as FHIR R4 names them, for "
    "example\n"
    "  gatehouse terminology expand url=http://hl7.org/fhir/ValueSet/administrative-gender\n"
    "  gatehouse terminology validate-code url=URL system=URI code=CODE display=WORDS\n"
    "  gatehouse terminology lookup system=http://hl7.org/fhir/observation-status code=final\n"
    "valueSet=@FILE (codeSystem, conceptMap, tx-resource) hands over a resource, "
    "coding=SYSTEM|CODE "
    "a\n"
    "Coding. validate-code is about a value set, with --type CodeSystem about a code system. Exit "
    "code\n"
    "1: refused, or the answer is false. 'gatehouse terminology build' compiles SNOMED CT, dm+d, LOINC and ICD-10.";

struct TerminologyArguments {
    ConfigArguments config;
    std::vector<std::string> packages;
    std::vector<std::string> words;
    std::vector<std::string> content;  // index files
    std::string type;
    std::string parameters;
    bool no_package = false;
    bool compact = false;
};

std::string now_instant() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[32];
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, size};
}

std::string default_type(fhir::TerminologyOperation operation) {
    for (const char* type : {"ValueSet", "CodeSystem", "ConceptMap"}) {
        if (is_offered(operation, type)) {
            return type;
        }
    }
    return {};
}

Result<const fhir::Element*>
read_resource(const std::string& file, const fhir::Engine& engine, Arena& arena) {
    GH_TRY_ASSIGN(const std::string text, read_input(file));
    const std::string_view kept = arena.copy(text);
    const fhir::Decoded decoded =
        engine.read(kept, fhir::format_of(kept), arena, generous_limits());
    if (decoded.root == nullptr) {
        return Fault(Errc::invalid, "read", file + ": " + decoded.issues.back().diagnostics);
    }
    return static_cast<const fhir::Element*>(decoded.root);
}

// "SYSTEM|CODE" or "SYSTEM|CODE|DISPLAY" as a valueCoding element.
const fhir::Element* coding_element(std::string_view text, Arena& arena) {
    auto* coding = arena.create<fhir::Element>();
    coding->name = "valueCoding";
    fhir::Element* last = nullptr;
    for (const char* name : {"system", "code", "display"}) {
        const std::size_t bar = text.find('|');
        auto* member = arena.create<fhir::Element>();
        member->name = name;
        member->value = arena.copy(text.substr(0, bar));
        member->written = fhir::Written::string;
        member->parent = coding;
        (last == nullptr ? coding->first_child : last->next) = member;
        last = member;
        if (bar == std::string_view::npos) {
            break;
        }
        text.remove_prefix(bar + 1);
    }
    return coding;
}

Result<void> add_word(
    std::string_view word, fhir::OperationRequest& request, const fhir::Engine& engine, Arena& arena
) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        return Fault(
            Errc::invalid, "parameters", "'" + std::string(word) + "' is not of the form NAME=VALUE"
        );
    }
    fhir::OperationParameter out;
    out.name = word.substr(0, equals);
    out.text = word.substr(equals + 1);
    if (out.text.starts_with("@")) {
        GH_TRY_ASSIGN(out.resource, read_resource(out.text.substr(1), engine, arena));
        out.text.clear();
    } else if (out.name == "coding" || out.name == "codingA" || out.name == "codingB") {
        out.element = coding_element(out.text, arena);
    }
    request.parameters.push_back(std::move(out));
    return {};
}

// Exit code by the answer: a result that is false is a finding.
bool says_no(std::string_view json) {
    return json.find(R"("name":"result","valueBoolean":false)") != std::string_view::npos;
}

Result<int> ask(const TerminologyArguments& arguments, fhir::TerminologyOperation operation) {
    GH_TRY_ASSIGN(const Installation installation, find_installation(arguments.config));
    GH_TRY_ASSIGN(
        fhir::EngineOptions options,
        engine_options(installation, arguments.no_package, arguments.packages)
    );
    options.search = false;
    GH_TRY_ASSIGN(
        options.content, fhir::load_content({arguments.content.begin(), arguments.content.end()})
    );
    GH_TRY_ASSIGN(const auto engine, fhir::Engine::load(options));
    print_notes("terminology", engine->notes());
    Arena arena;
    fhir::OperationRequest request;
    request.operation = operation;
    const std::string type = arguments.type.empty() ? default_type(operation) : arguments.type;
    request.type = type;
    request.time = now_instant();
    if (!arguments.parameters.empty()) {
        GH_TRY_ASSIGN(
            const fhir::Element* given, read_resource(arguments.parameters, *engine, arena)
        );
        if (given->resource_type() != "Parameters") {
            return Fault(
                Errc::invalid, "read", arguments.parameters + " is no Parameters resource"
            );
        }
        add_parameters(*given, request);
    }
    for (std::size_t i = 1; i < arguments.words.size(); ++i) {
        GH_TRY(add_word(arguments.words[i], request, *engine, arena));
    }
    const fhir::OperationAnswer answer = run(engine->terminology(), request);
    if (answer.status != 200) {
        std::printf("%s\n", fhir::outcome_json(answer.issues, !arguments.compact).c_str());
        return exit_findings;
    }
    std::string json = answer.json;
    if (!arguments.compact) {
        Arena own;
        const fhir::Decoded decoded =
            engine->read(json, fhir::Format::json, own, generous_limits());
        if (decoded.root != nullptr) {
            fhir::WriteOptions writing;
            writing.pretty = true;
            json = write_json(*decoded.root, &engine->types(), writing);
        }
    }
    std::printf("%s\n", json.c_str());
    return says_no(answer.json) ? exit_findings : exit_good;
}

}  // namespace

int run_terminology(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "build") {
        return run_terminology_build(argc - 1, argv + 1);
    }
    TerminologyArguments arguments;
    Options options("terminology OPERATION [OPTION]... [NAME=VALUE]...", terminology_about);
    options.text(
        {"--type"}, arguments.type, "TYPE", "ValueSet, CodeSystem or ConceptMap, where it matters"
    );
    options.text(
        {"--parameters"},
        arguments.parameters,
        "FILE",
        "a Parameters resource with the in-parameters; '-' reads standard input"
    );
    options.list(
        {"--package", "--ig", "-p"},
        arguments.packages,
        "REF",
        "add a package: name#version, .tgz, folder or file; a later one wins"
    );
    options.list(
        {"--terminology"},
        arguments.content,
        "FILE",
        "an index file of 'gatehouse terminology build'; may be repeated"
    );
    options.flag({"--no-package"}, arguments.no_package, "start from R4 core alone");
    options.flag({"--compact"}, arguments.compact, "without line breaks");
    declare_config_options(options, arguments.config);
    options.positionals(arguments.words);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    const auto operation = arguments.words.empty()
                               ? std::nullopt
                               : fhir::terminology_operation(arguments.words.front());
    if (!operation) {
        return options.wrong(
            "an OPERATION is needed: expand, validate-code, lookup, subsumes, translate or build"
        );
    }
    const auto code = ask(arguments, *operation);
    return code ? *code : fail("terminology", code.error());
}

}  // namespace gatehouse::cli
