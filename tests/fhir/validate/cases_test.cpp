// SPDX-License-Identifier: Apache-2.0
//
// The validator's data-first cases: tests/cases/validate/*.json, each a list of small resources
// with the findings that must (and must not) come out. README.md there explains the form.

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "fhir/json/value.hpp"
#include "tests/fhir/validate/engine.hpp"

namespace gatehouse::fhir::test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void write(const JsonValue& value, std::string& out) {
    switch (value.kind) {
    case JsonValue::Kind::null: out += "null"; break;
    case JsonValue::Kind::boolean:
    case JsonValue::Kind::number: out += value.text; break;
    case JsonValue::Kind::string: append_json_string(out, value.text); break;
    case JsonValue::Kind::array:
        out += '[';
        for (std::size_t i = 0; i < value.items.size(); ++i) {
            out += i == 0 ? "" : ",";
            write(value.items[i], out);
        }
        out += ']';
        break;
    case JsonValue::Kind::object:
        out += '{';
        for (std::size_t i = 0; i < value.members.size(); ++i) {
            out += i == 0 ? "" : ",";
            append_json_string(out, value.members[i].name);
            out += ':';
            write(value.members[i].value, out);
        }
        out += '}';
        break;
    }
}

std::string text_of(const JsonValue& value) {
    if (value.is(JsonValue::Kind::string)) {
        return std::string(value.text);
    }
    std::string out;
    write(value, out);
    return out;
}

std::string describe_issues(const Verdict& verdict) {
    std::string out;
    for (const Issue& issue : verdict.issues) {
        out += std::string("\n  ") + to_string(issue.severity) + " " + issue.rule + " @ " +
               issue.expression + ": " + issue.diagnostics;
    }
    return out.empty() ? "\n  (none)" : out;
}

// An expectation names what must be equal: rule, at, severity, line; `contains` is part of the
// words.
bool fits(const Issue& issue, const JsonValue& wanted) {
    for (const JsonValue::Member& member : wanted.members) {
        const std::string_view text = member.value.text;
        bool same = false;
        if (member.name == "rule") {
            same = issue.rule == text;
        } else if (member.name == "at") {
            same = issue.expression == text;
        } else if (member.name == "severity") {
            same = to_string(issue.severity) == text;
        } else if (member.name == "message") {
            same = issue.message_id == text;
        } else if (member.name == "line") {
            same = std::to_string(issue.line) == text;
        } else if (member.name == "contains") {
            same = issue.diagnostics.find(text) != std::string::npos;
        } else {
            ADD_FAILURE() << "unknown expectation " << member.name;
        }
        if (!same) {
            return false;
        }
    }
    return true;
}

ValidateOptions options_of(const JsonValue* given) {
    ValidateOptions options;
    options.now = "2026-01-01T00:00:00Z";
    if (given == nullptr) {
        return options;
    }
    for (const JsonValue::Member& member : given->members) {
        const std::string_view text = member.value.text;
        if (member.name == "extensions") {
            options.any_extension = text == "any";
            if (text != "any" && text != "known") {
                options.extension_domains.emplace_back(text);
            }
        } else if (member.name == "display-issues") {
            options.display_issues = text == "warning" ? Severity::warning : Severity::error;
        } else if (member.name == "best-practice") {
            options.best_practice = text == "error"     ? BestPractice::error
                                    : text == "warning" ? BestPractice::warning
                                    : text == "hint"    ? BestPractice::hint
                                                        : BestPractice::ignore;
        } else if (member.name == "show-values") {
            options.show_values = text == "true";
        } else if (member.name == "unknown-profiles") {
            options.error_for_unknown_profiles = text == "error";
        } else if (member.name == "response-forms") {
            options.response_forms = text == "required" ? ResponseForms::required
                                     : text == "ignore" ? ResponseForms::ignore
                                                        : ResponseForms::check;
        } else if (member.name == "security-checks") {
            options.security_checks = text == "true";
        } else if (member.name == "for-publication") {
            options.for_publication = text == "true";
        } else if (member.name == "rest-references") {
            options.rest_references = text == "true";
        } else if (member.name == "step-budget") {
            options.step_budget = std::stoull(std::string(text));
        } else {
            ADD_FAILURE() << "unknown option " << member.name;
        }
    }
    return options;
}

void run_case(Engine& engine, const JsonValue& one, const std::string& file) {
    const std::string name = file + ": " + std::string(one.string("name"));
    std::vector<std::string_view> profiles;
    if (const JsonValue* list = one.find("profiles")) {
        for (const JsonValue& profile : list->items) {
            profiles.push_back(profile.text);
        }
    }
    const JsonValue* resource = one.find("resource");
    ASSERT_NE(resource, nullptr) << name;
    const std::string text = text_of(*resource);
    const Verdict verdict = engine.validate(text, profiles, options_of(one.find("options")));
    const JsonValue* expected = one.find("issues");
    const bool valid =
        one.find("valid") == nullptr ? expected == nullptr : one.find("valid")->text == "true";
    EXPECT_EQ(verdict.valid, valid) << name << describe_issues(verdict);
    if (expected != nullptr) {
        for (const JsonValue& wanted : expected->items) {
            const bool found =
                std::any_of(verdict.issues.begin(), verdict.issues.end(), [&](const Issue& issue) {
                    return fits(issue, wanted);
                });
            EXPECT_TRUE(found) << name << ": no issue " << text_of(wanted)
                               << describe_issues(verdict);
        }
    }
    if (const JsonValue* absent = one.find("absent")) {
        for (const JsonValue& unwanted : absent->items) {
            for (const Issue& issue : verdict.issues) {
                EXPECT_FALSE(fits(issue, unwanted))
                    << name << ": unexpected " << text_of(unwanted) << describe_issues(verdict);
            }
        }
    }
    if (const JsonValue* unchecked = one.find("not_checkable")) {
        EXPECT_EQ(std::to_string(verdict.not_checkable), unchecked->text)
            << name << describe_issues(verdict);
    }
}

TEST(ValidateCases, AllFiles) {
    const auto core = core_package();
    if (!core) {
        GTEST_SKIP(
        ) << "R4 core is not here: run deploy/fetch-definitions, or set GATEHOUSE_SHARED";
    }
    std::vector<fs::path> files;
    for (const auto& entry :
         fs::directory_iterator(fs::path(GATEHOUSE_SOURCE_DIR) / "tests/cases/validate")) {
        if (entry.path().extension() == ".json") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    ASSERT_FALSE(files.empty());
    // One engine with the definitions of all files: their canonicals are their own.
    Arena arena;
    std::vector<std::string> definitions;
    std::vector<std::pair<std::string, JsonValue>> loaded;
    std::vector<std::string> texts;
    texts.reserve(files.size());
    for (const fs::path& file : files) {
        texts.push_back(read_file(file));
        auto content = parse_json_value(texts.back(), arena);
        ASSERT_TRUE(content) << file << ": " << describe(content.error());
        loaded.emplace_back(file.filename().string(), *content);
        if (const JsonValue* list = content->find("definitions")) {
            for (const JsonValue& definition : list->items) {
                definitions.push_back(text_of(definition));
            }
        }
    }
    std::string why;
    const auto engine = Engine::load({*core}, why, definitions);
    ASSERT_NE(engine, nullptr) << why;
    std::size_t count = 0;
    for (const auto& [file, content] : loaded) {
        for (const JsonValue& one : content.find("cases")->items) {
            run_case(*engine, one, file);
            ++count;
        }
    }
    std::printf("%zu cases in %zu files\n", count, files.size());
}

}  // namespace
}  // namespace gatehouse::fhir::test
