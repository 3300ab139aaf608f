// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/package_diff.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>

#include "fhir/json/value.hpp"
#include "gateway/base/profiles.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/judge.hpp"
#include "gateway/cli/rule_diff.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/journal/segment.hpp"

namespace gatehouse::cli {
namespace {

// A message whose verdict is another.
struct ChangedVerdict {
    std::string name;
    bool valid_before = false;
    bool valid_after = false;
    fhir::Issue first;  // the first error of the side that refuses
};

struct Impact {
    std::size_t checked = 0;
    std::size_t valid_before = 0;
    std::size_t valid_after = 0;
    std::vector<ChangedVerdict> changed;
};

using Visit = std::function<void(const std::string& name, std::string_view text)>;

Result<std::shared_ptr<const fhir::Engine>>
load_side(const Installation& installation, const std::string& refs) {
    const bool configured = refs == "configured";
    std::vector<std::string> packages;
    for (std::size_t at = 0; !configured && at <= refs.size();) {
        const std::size_t comma = std::min(refs.find(',', at), refs.size());
        packages.push_back(refs.substr(at, comma - at));
        at = comma + 1;
    }
    GH_TRY_ASSIGN(fhir::EngineOptions options, engine_options(installation, !configured, packages));
    options.search = false;
    auto engine = fhir::Engine::load(options);
    if (!engine) {
        return Fault(engine.error().code, "packages diff", refs + ": " + engine.error().detail);
    }
    print_notes("packages diff", (*engine)->notes());
    return engine;
}

Result<void> each_file(const std::string& path, const Visit& visit) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::vector<std::string> files;
    if (fs::is_directory(path, error)) {
        for (fs::recursive_directory_iterator at(path, error), end; at != end;
             at.increment(error)) {
            const auto extension = at->path().extension();
            if (at->is_regular_file(error) && (extension == ".json" || extension == ".xml") &&
                at->path().filename() != "package.json") {
                files.push_back(at->path().string());
            }
        }
        std::sort(files.begin(), files.end());
    } else {
        files.push_back(path);
    }
    for (const std::string& file : files) {
        GH_TRY_ASSIGN(const std::string text, read_input(file));
        visit(file, text);
    }
    return {};
}

// Only reads: a gateway may be writing to the same folder, and its last batch may not be there yet.
Result<void> each_message(const std::filesystem::path& folder, const Visit& visit) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator at(folder, error), end; at != end; at.increment(error)) {
        if (at->is_regular_file(error)) {
            files.push_back(at->path());
        }
    }
    if (files.empty()) {
        return Fault(Errc::not_found, "packages diff", "there is no journal in " + folder.string());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        GH_TRY_ASSIGN(const std::string bytes, read_input(file.string()));
        const auto header = gateway::decode_header(bytes);
        if (!header) {
            continue;  // a lock or a segment being prepared
        }
        gateway::scan_segment(bytes, *header, [&](const gateway::Frame& frame) {
            const auto record = gateway::decode_record(frame.payload);
            if (record && record->kind == gateway::RecordKind::accepted && !record->body.empty() &&
                record->method != "PATCH") {
                visit(record->message_id, record->body);
            }
            return true;
        });
    }
    return {};
}

Result<fhir::ProfileChooser> default_profiles(const Installation& installation) {
    std::error_code error;
    if (!std::filesystem::exists(installation.profiles, error)) {
        return fhir::ProfileChooser();
    }
    GH_TRY_ASSIGN(
        gateway::DefaultProfiles table,
        gateway::DefaultProfiles::load(installation.profiles.string())
    );
    return gateway::DefaultProfiles::chooser(
        std::make_shared<const gateway::DefaultProfiles>(std::move(table))
    );
}

Result<Impact> judge_messages(
    const Installation& installation,
    const PackageDiffArguments& arguments,
    const std::shared_ptr<const fhir::Engine>& before,
    const std::shared_ptr<const fhir::Engine>& after
) {
    GH_TRY_ASSIGN(const fhir::ProfileChooser chooser, default_profiles(installation));
    const Judge old(before, chooser, {});
    const Judge now(after, chooser, {});
    Impact impact;
    Arena arena;
    const Visit visit = [&](const std::string& name, std::string_view text) {
        ChangedVerdict one;
        one.name = name;
        const Verdict first = old.judge(text, {}, arena);
        const Verdict second = now.judge(text, {}, arena);
        ++impact.checked;
        impact.valid_before += first.valid ? 1 : 0;
        impact.valid_after += second.valid ? 1 : 0;
        if (first.valid != second.valid) {
            one.valid_before = first.valid;
            one.valid_after = second.valid;
            const fhir::Issues& issues = first.valid ? second.issues : first.issues;
            const auto error = std::find_if(issues.begin(), issues.end(), [](const auto& issue) {
                return issue.severity <= fhir::Severity::error;
            });
            if (error != issues.end()) {
                one.first = *error;
            }
            impact.changed.push_back(std::move(one));
        }
        arena.reset();
    };
    if (arguments.against == "journal") {
        GH_TRY(each_message(arguments.journal, visit));
    } else {
        GH_TRY(each_file(arguments.against, visit));
    }
    return impact;
}

// ---- Reports ----

std::string packages_text(const fhir::Engine& engine) {
    std::string text;
    for (const fhir::PackageInfo& package : engine.definitions().packages()) {
        text.append(text.empty() ? "" : ", ").append(package.name + "#" + package.version);
    }
    return text + " (" + engine.digest() + ")";
}

void print_change(const DefinitionChange& change) {
    std::string versions;
    if (change.version_before != change.version_after && !change.version_before.empty() &&
        !change.version_after.empty()) {
        versions = " " + change.version_before + " -> " + change.version_after;
    }
    std::printf(
        "%s %s %s%s\n",
        to_string(change.kind),
        change.type.c_str(),
        change.url.c_str(),
        versions.c_str()
    );
    if (!change.problem.empty()) {
        std::printf("    %s\n", change.problem.c_str());
    }
    for (const RuleChange& rule : change.rules) {
        std::printf(
            "    %-8s %s%s%s: %s -> %s\n",
            to_string(rule.effect),
            rule.element.c_str(),
            rule.element.empty() ? "" : " ",
            rule.what.c_str(),
            rule.before.empty() ? "(none)" : rule.before.c_str(),
            rule.after.empty() ? "(none)" : rule.after.c_str()
        );
    }
}

void print_text(
    const fhir::Engine& before,
    const fhir::Engine& after,
    const std::vector<DefinitionChange>& changes,
    const Impact* impact
) {
    std::printf("A  %s\nB  %s\n\n", packages_text(before).c_str(), packages_text(after).c_str());
    for (const DefinitionChange& change : changes) {
        print_change(change);
    }
    std::size_t tighter = 0;
    std::size_t rules = 0;
    for (const DefinitionChange& change : changes) {
        rules += change.rules.size();
        tighter += static_cast<std::size_t>(std::count_if(
            change.rules.begin(),
            change.rules.end(),
            [](const RuleChange& rule) { return rule.effect == Effect::tightens; }
        ));
    }
    std::printf(
        "%s%zu definitions differ in %zu rules, %zu of them tighter\n",
        changes.empty() ? "" : "\n",
        changes.size(),
        rules,
        tighter
    );
    if (impact == nullptr) {
        return;
    }
    for (const ChangedVerdict& one : impact->changed) {
        std::printf(
            "%s: %s -> %s  %s [%s] %s\n",
            one.name.c_str(),
            one.valid_before ? "valid" : "not valid",
            one.valid_after ? "valid" : "not valid",
            one.first.expression.c_str(),
            one.first.rule.c_str(),
            one.first.diagnostics.c_str()
        );
    }
    std::printf(
        "%zu messages: %zu valid by A, %zu by B, %zu change their verdict\n",
        impact->checked,
        impact->valid_before,
        impact->valid_after,
        impact->changed.size()
    );
}

void write_side(fhir::JsonWriter& json, const char* name, const fhir::Engine& engine) {
    json.key(name).begin_object().key("digest").string(engine.digest());
    json.key("packages").begin_array();
    for (const fhir::PackageInfo& package : engine.definitions().packages()) {
        json.begin_object().key("name").string(package.name);
        json.key("version").string(package.version).key("digest").string(package.digest);
        json.end_object();
    }
    json.end_array().end_object();
}

void write_definition(fhir::JsonWriter& json, const DefinitionChange& change) {
    json.begin_object().key("change").string(to_string(change.kind));
    json.key("type").string(change.type).key("url").string(change.url);
    json.key("versionBefore").string(change.version_before);
    json.key("versionAfter").string(change.version_after);
    if (!change.problem.empty()) {
        json.key("problem").string(change.problem);
    }
    json.key("rules").begin_array();
    for (const RuleChange& rule : change.rules) {
        json.begin_object().key("element").string(rule.element).key("what").string(rule.what);
        json.key("before").string(rule.before).key("after").string(rule.after);
        json.key("effect").string(to_string(rule.effect)).end_object();
    }
    json.end_array().end_object();
}

void write_impact(fhir::JsonWriter& json, const Impact& impact) {
    json.key("messages").begin_object();
    json.key("checked").number(static_cast<long long>(impact.checked));
    json.key("validBefore").number(static_cast<long long>(impact.valid_before));
    json.key("validAfter").number(static_cast<long long>(impact.valid_after));
    json.key("changed").begin_array();
    for (const ChangedVerdict& one : impact.changed) {
        json.begin_object().key("message").string(one.name);
        json.key("validBefore").boolean(one.valid_before);
        json.key("validAfter").boolean(one.valid_after);
        json.key("rule").string(one.first.rule).key("expression").string(one.first.expression);
        json.key("profile").string(one.first.profile);
        json.key("diagnostics").string(one.first.diagnostics).end_object();
    }
    json.end_array().end_object();
}

void print_json(
    const fhir::Engine& before,
    const fhir::Engine& after,
    const std::vector<DefinitionChange>& changes,
    const Impact* impact
) {
    fhir::JsonWriter json(true);
    json.begin_object();
    write_side(json, "a", before);
    write_side(json, "b", after);
    json.key("definitions").begin_array();
    for (const DefinitionChange& change : changes) {
        write_definition(json, change);
    }
    json.end_array();
    if (impact != nullptr) {
        write_impact(json, *impact);
    }
    json.end_object();
    std::printf("%s\n", json.text().c_str());
}

}  // namespace

Result<int> diff_packages(const Installation& installation, const PackageDiffArguments& arguments) {
    GH_TRY_ASSIGN(const auto before, load_side(installation, arguments.before));
    GH_TRY_ASSIGN(const auto after, load_side(installation, arguments.after));
    const std::vector<DefinitionChange> changes = diff_rules(*before, *after);
    Impact impact;
    const bool with_messages = !arguments.against.empty();
    if (with_messages) {
        GH_TRY_ASSIGN(impact, judge_messages(installation, arguments, before, after));
    }
    (arguments.json ? print_json
                    : print_text)(*before, *after, changes, with_messages ? &impact : nullptr);
    return impact.changed.empty() ? exit_good : exit_findings;
}

}  // namespace gatehouse::cli
