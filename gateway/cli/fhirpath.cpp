// SPDX-License-Identifier: Apache-2.0
//
// gatehouse fhirpath: one expression, or a batch of them.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "fhir/json/value.hpp"
#include "gateway/cli/batch.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/options.hpp"
#include "gateway/cli/path_runner.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* fhirpath_about = "Evaluates a FHIRPath expression on a resource (JSON or "
                                       "XML; plain JSON too), or on nothing if no\n"
                                       "FILE is given. Prints one item a line: primitives as text, "
                                       "quantities as literals, complex items\n"
                                       "as FHIR JSON.";

struct FhirpathArguments {
    ConfigArguments config;
    std::vector<std::string> words;
    std::vector<std::string> packages;
    std::string batch;
    bool no_package = false;
    bool strict = false;
    bool json = false;
};

void write_items(fhir::JsonWriter& writer, const std::vector<PathRunner::Item>& items) {
    writer.begin_array();
    for (const PathRunner::Item& item : items) {
        writer.begin_object().key("type").string(item.type).key("value").raw(item.json).end_object(
        );
    }
    writer.end_array();
}

int run_single(PathRunner& runner, const FhirpathArguments& arguments) {
    const LoadedResource* resource = nullptr;
    if (arguments.words.size() > 1) {
        const LoadedResource& loaded = runner.load(arguments.words[1]);
        if (loaded.root == nullptr) {
            std::fprintf(stderr, "gatehouse fhirpath: %s\n", loaded.problem.c_str());
            return exit_failure;
        }
        resource = &loaded;
    }
    const PathRunner::Answer answer = runner.run(arguments.words[0], resource, arguments.strict);
    if (answer.failed) {
        std::fprintf(
            stderr,
            "gatehouse fhirpath: %s error: %s\n",
            phase_name(answer.error.phase),
            located(answer.error, arguments.words[0]).c_str()
        );
        return exit_failure;
    }
    if (arguments.json) {
        fhir::JsonWriter writer;
        write_items(writer, answer.items);
        std::printf("%s\n", writer.text().c_str());
        return exit_good;
    }
    for (const PathRunner::Item& item : answer.items) {
        std::printf("%s\n", item.text.c_str());
    }
    return exit_good;
}

// A row's path as written, else below the batch file's folder.
std::string resolve_path(std::string_view path, const std::filesystem::path& folder) {
    std::error_code error;
    const std::filesystem::path given(path);
    if (given.is_relative() && !std::filesystem::exists(given, error)) {
        return (folder / given).string();
    }
    return given.string();
}

void write_error(fhir::JsonWriter& writer, std::string_view phase, std::string_view message) {
    writer.key("error").begin_object().key("phase").string(phase);
    writer.key("message").string(message).end_object();
}

// Returns false for a row that is no row: a fault of ours or the caller's, not of an expression.
bool run_row(
    PathRunner& runner, std::string_view line, const std::filesystem::path& folder, bool strict
) {
    Arena arena;
    fhir::JsonWriter writer;
    writer.begin_object();
    bool good = true;
    const auto row = fhir::parse_json_value(line, arena);
    const fhir::JsonValue* expression = row ? row->find("expression") : nullptr;
    write_row_id(writer, row ? row->find("id") : nullptr);
    if (expression == nullptr || !expression->is(fhir::JsonValue::Kind::string)) {
        write_error(
            writer,
            "syntax",
            row ? "a row has its expression as a string in 'expression'"
                : "the row is no JSON object: " + row.error().detail
        );
        good = false;
    } else {
        const std::string_view path = row->string("resource");
        LoadedResource* loaded = path.empty() ? nullptr : &runner.load(resolve_path(path, folder));
        if (loaded != nullptr && loaded->root == nullptr) {
            write_error(writer, "execution", loaded->problem);
        } else {
            const PathRunner::Answer answer =
                runner.run(expression->text, loaded, strict || row->string("mode") == "strict");
            if (answer.failed) {
                write_error(
                    writer, phase_name(answer.error.phase), located(answer.error, expression->text)
                );
            } else {
                writer.key("result");
                write_items(writer, answer.items);
            }
        }
    }
    writer.end_object();
    std::printf("%s\n", writer.text().c_str());
    return good;
}

int run_batch(PathRunner& runner, const FhirpathArguments& arguments) {
    const auto text = read_input(arguments.batch);
    if (!text) {
        return fail("fhirpath", text.error());
    }
    const auto folder = std::filesystem::path(arguments.batch).parent_path();
    bool good = true;
    for (const BatchRow& row : split_rows(*text)) {
        good = run_row(runner, row.text, folder, arguments.strict) && good;
    }
    return good ? exit_good : exit_findings;
}

}  // namespace

int run_fhirpath(int argc, char** argv) {
    FhirpathArguments arguments;
    Options options("fhirpath [OPTION]... EXPRESSION [FILE|-]", fhirpath_about);
    options.text(
        {"--batch"},
        arguments.batch,
        "FILE.ndjson",
        "rows {\"id\",\"expression\",\"resource\":path|null} in, rows {\"id\",\"result\"} or "
        "{\"id\",\"error\"} out"
    );
    options.value(
        {"--output", "-o"},
        "text|json",
        "how to print the items (text)",
        [&arguments](std::string_view given) {
            arguments.json = given == "json";
            return arguments.json || given == "text";
        }
    );
    options.flag({"--strict"}, arguments.strict, "check names and types against the definitions");
    options.list({"--package", "--ig", "-p"}, arguments.packages, "REF", "add a package");
    options.flag({"--no-package"}, arguments.no_package, "start from R4 core alone");
    declare_config_options(options, arguments.config);
    options.positionals(arguments.words);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (arguments.batch.empty() ? arguments.words.empty() || arguments.words.size() > 2
                                : !arguments.words.empty()) {
        return options.wrong("an EXPRESSION and at most one FILE, or --batch alone, is needed");
    }
    const auto installation = find_installation(arguments.config);
    if (!installation) {
        return fail("fhirpath", installation.error());
    }
    auto engine_from = engine_options(*installation, arguments.no_package, arguments.packages);
    if (!engine_from) {
        return fail("fhirpath", engine_from.error());
    }
    engine_from->search = false;
    auto engine = fhir::Engine::load(*engine_from);
    if (!engine) {
        return fail("fhirpath", engine.error());
    }
    PathRunner runner(std::move(*engine));
    return arguments.batch.empty() ? run_single(runner, arguments) : run_batch(runner, arguments);
}

}  // namespace gatehouse::cli
