// SPDX-License-Identifier: Apache-2.0
//
// gatehouse validate: files, folders, standard input or batch rows, judged by one shared engine.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "fhir/json/value.hpp"
#include "fhir/outcome/outcome.hpp"
#include "fhir/terminology/load/content.hpp"
#include "fhir/validate/options.hpp"
#include "gateway/base/advisor_file.hpp"
#include "gateway/base/profiles.hpp"
#include "gateway/cli/batch.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/judge.hpp"
#include "gateway/cli/validate_options.hpp"
#include "gateway/cli/validate_report.hpp"
#include "gateway/cli/workers.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* validate_about =
    "Checks resources (JSON or XML) against R4, the profiles they claim, the profiles given and "
    "the\n"
    "configured default profile of their type. PATH is a file, a folder (every .json and .xml "
    "below it)\n"
    "or '-' for standard input. A resource is valid if it has no error.";

// Why a profile that was asked for cannot be used, and the way out.
std::string
unknown_profile(const fhir::Engine& engine, std::string_view profile, const std::string& problem) {
    std::string words(profile);
    if (engine.definitions().structure(profile) != nullptr) {
        return words + " cannot be used: " + problem;
    }
    const std::string_view url = profile.substr(0, profile.find('|'));
    if (const auto* other = engine.definitions().structure(url); other != nullptr) {
        return words + " is not loaded, but version " + std::string(other->version) +
               " of it is; ask for that one or add its package with --package";
    }
    return words + " is in none of the loaded packages; add its package with --package";
}

bool is_resource_file(const std::filesystem::path& file) {
    const std::string name = file.filename().string();
    std::string extension = file.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    // A package's own index and manifest are no resources.
    return (extension == ".json" || extension == ".xml") && !name.starts_with('.') &&
           name != "package.json";
}

// The files behind the paths, folders replaced by what they hold, sorted.
std::vector<std::string> expand_paths(const std::vector<std::string>& paths) {
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        std::error_code error;
        if (path == "-" || !std::filesystem::is_directory(path, error)) {
            files.push_back(path);
            continue;
        }
        std::vector<std::string> inside;
        std::filesystem::recursive_directory_iterator at(
            path, std::filesystem::directory_options::skip_permission_denied, error
        );
        for (; at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
            if (at->is_regular_file(error) && is_resource_file(at->path())) {
                inside.push_back(at->path().string());
            }
        }
        std::sort(inside.begin(), inside.end());
        files.insert(files.end(), inside.begin(), inside.end());
    }
    return files;
}

void list_named_options() {
    for (const fhir::NamedOption& option : fhir::named_options()) {
        std::printf(
            "%-28.*s %.*s\n%29s%.*s\n",
            static_cast<int>(option.name.size()),
            option.name.data(),
            static_cast<int>(option.values.size()),
            option.values.data(),
            "",
            static_cast<int>(option.meaning.size()),
            option.meaning.data()
        );
    }
}

Result<Judge> make_judge(const ValidateArguments& arguments) {
    GH_TRY_ASSIGN(const Installation installation, find_installation(arguments.config));
    GH_TRY_ASSIGN(
        fhir::EngineOptions options,
        engine_options(installation, arguments.no_package, arguments.packages)
    );
    options.search = false;
    if (!arguments.advisor.empty()) {
        GH_TRY_ASSIGN(
            options.advisor,
            gateway::load_advisor(arguments.advisor, fhir::Advisor::Reach::errors_too)
        );
        for (const std::string& id : options.advisor->unknown()) {
            std::fprintf(
                stderr,
                "gatehouse validate: %s: no rule here has the message id %s, so this entry does "
                "nothing\n",
                arguments.advisor.c_str(),
                id.c_str()
            );
        }
    }
    GH_TRY_ASSIGN(
        options.content, fhir::load_content({arguments.content.begin(), arguments.content.end()})
    );
    GH_TRY_ASSIGN(std::shared_ptr<const fhir::Engine> engine, fhir::Engine::load(options));
    print_notes("validate", engine->notes());
    for (const std::string& profile : arguments.profiles) {
        std::string problem;
        if (engine->schema().profile(profile, &problem) == nullptr) {
            return Fault(Errc::not_found, "profile", unknown_profile(*engine, profile, problem));
        }
    }
    fhir::ProfileChooser chooser;
    std::error_code error;
    if (!arguments.no_default_profiles && std::filesystem::exists(installation.profiles, error)) {
        GH_TRY_ASSIGN(
            gateway::DefaultProfiles table,
            gateway::DefaultProfiles::load(installation.profiles.string())
        );
        chooser = gateway::DefaultProfiles::chooser(
            std::make_shared<const gateway::DefaultProfiles>(std::move(table))
        );
    }
    return Judge(std::move(engine), std::move(chooser), arguments.rules);
}

// "sha256-… (hl7.fhir.r4.core#4.0.1, …)".
std::string words_of(const fhir::Engine& engine) {
    std::string text = engine.digest();
    const char* before = " (";
    for (const fhir::PackageInfo& package : engine.definitions().packages()) {
        text.append(before).append(package.name).append("#").append(package.version);
        before = ", ";
    }
    return text + (*before == ',' ? ")" : "");
}

int validate_files(const Judge& judge, const ValidateArguments& arguments) {
    const std::vector<std::string> files = expand_paths(arguments.paths);
    if (files.empty()) {
        return fail(
            "validate",
            Fault(Errc::not_found, "validate", "no .json or .xml file under the given folders")
        );
    }
    const std::vector<std::string_view> profiles(
        arguments.profiles.begin(), arguments.profiles.end()
    );
    std::FILE* out = stdout;
    if (!arguments.output_file.empty()) {
        out = std::fopen(arguments.output_file.c_str(), "wb");
        if (out == nullptr) {
            return fail(
                "validate",
                Fault(Errc::io, "write", arguments.output_file + " cannot be opened for writing")
            );
        }
    }
    // Files share the threads; the entries of a single one do.
    const unsigned helpers_count =
        files.size() == 1 && arguments.jobs > 1 ? static_cast<unsigned>(arguments.jobs - 1) : 0;
    const Helpers helpers = helper_threads(helpers_count);
    Progress progress(files.size());
    FileReport report(arguments.output, files.size(), out, words_of(judge.engine()));
    in_order(
        files.size(),
        arguments.jobs,
        [&](std::size_t index, Arena& arena) {
            Verdict verdict;
            const auto text = read_input(files[index]);
            if (text) {
                verdict = judge.judge(*text, profiles, arena, &helpers);
            } else {
                verdict.issues = single_issue(
                    fhir::IssueType::not_found, "file-unreadable", fault_words(text.error())
                );
            }
            return render_verdict(arguments.output, files[index], verdict, text.has_value());
        },
        [&](std::size_t, const std::string& rendered) {
            progress.make_room();
            report.add(rendered);
            progress.step(!rendered_valid(rendered));
        }
    );
    report.finish();
    if (out != stdout) {
        std::fclose(out);
    }
    return report.unreadable() > 0 ? exit_failure
                                   : (report.invalid() > 0 ? exit_findings : exit_good);
}

std::string bad_row(const fhir::JsonValue* id, const BatchRow& row, const std::string& why) {
    // The reader counts inside the row, which is one line.
    const std::string what = why.starts_with("line 1, ") ? why.substr(8) : why;
    const std::string words = "row on line " + std::to_string(row.line) + ": " + what +
                              "; expected {\"id\":…,\"profile\":url|null,\"resource\":text}";
    return render_row(id, false, single_issue(fhir::IssueType::structure, "batch-row", words));
}

std::string judge_row(
    const Judge& judge,
    const BatchRow& line,
    Arena& arena,
    const std::vector<std::string>& fixed_profiles
) {
    const auto row = fhir::parse_json_value(line.text, arena);
    if (!row || !row->is(fhir::JsonValue::Kind::object)) {
        return bad_row(nullptr, line, row ? "it is no JSON object" : row.error().detail);
    }
    const fhir::JsonValue* id = row->find("id");
    const fhir::JsonValue* resource = row->find("resource");
    if (resource == nullptr || !resource->is(fhir::JsonValue::Kind::string)) {
        return bad_row(id, line, "'resource' is not the resource's text as a string");
    }
    const fhir::JsonValue* asked = row->find("profile");
    if (asked != nullptr && !asked->is(fhir::JsonValue::Kind::string) &&
        !asked->is(fhir::JsonValue::Kind::null)) {
        return bad_row(id, line, "'profile' is neither a canonical URL as a string nor null");
    }
    std::vector<std::string_view> profiles(fixed_profiles.begin(), fixed_profiles.end());
    if (const std::string_view profile = row->string("profile"); !profile.empty()) {
        std::string problem;
        if (judge.engine().schema().profile(profile, &problem) == nullptr) {
            fhir::Issues issues = single_issue(
                fhir::IssueType::not_found,
                "profile-unknown",
                unknown_profile(judge.engine(), profile, problem)
            );
            issues.front().severity = fhir::Severity::error;
            return render_row(id, false, issues);
        }
        profiles.push_back(profile);
    }
    const Verdict verdict = judge.judge(resource->text, profiles, arena);
    return render_row(id, verdict.valid, verdict.issues, verdict.definitions);
}

int validate_batch(const Judge& judge, const ValidateArguments& arguments) {
    const auto text = read_input(arguments.batch);
    if (!text) {
        return fail("validate", text.error());
    }
    const std::vector<BatchRow> rows = split_rows(*text);
    bool findings = false;
    Progress progress(rows.size());
    in_order(
        rows.size(),
        arguments.jobs,
        [&](std::size_t index, Arena& arena) {
            return judge_row(judge, rows[index], arena, arguments.profiles);
        },
        [&](std::size_t, const std::string& row) {
            const bool valid = rendered_valid(row);
            findings = findings || !valid;
            progress.make_room();
            std::fwrite(row.data() + 1, 1, row.size() - 1, stdout);
            progress.step(!valid);
        }
    );
    return findings ? exit_findings : exit_good;
}

}  // namespace

int run_validate(int argc, char** argv) {
    ValidateArguments arguments;
    Options options("validate [OPTION]... PATH...|-", validate_about);
    declare_validate_options(options, arguments);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (arguments.list_options) {
        list_named_options();
        return exit_good;
    }
    for (const std::string& given : arguments.named) {
        const std::size_t equals = std::min(given.find('='), given.size());
        std::string problem;
        if (!fhir::set_option(
                arguments.rules,
                given.substr(0, equals),
                given.substr(std::min(equals + 1, given.size())),
                problem
            )) {
            return options.wrong("--option " + given + ": " + problem);
        }
    }
    if (arguments.batch.empty() == arguments.paths.empty()) {
        return options.wrong(
            arguments.paths.empty() ? "a PATH, '-' or --batch is needed"
                                    : "PATH and --batch exclude one another"
        );
    }
    if (arguments.jobs == 0) {
        arguments.jobs = default_jobs();
    }
    const auto judge = make_judge(arguments);
    if (!judge) {
        return fail("validate", judge.error());
    }
    return arguments.batch.empty() ? validate_files(*judge, arguments)
                                   : validate_batch(*judge, arguments);
}

}  // namespace gatehouse::cli
