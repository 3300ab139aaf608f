// SPDX-License-Identifier: Apache-2.0
//
// Data-first FHIRPath cases: tests/cases/path/*.json, one file a section of the specification, each
// with its own synthetic subject. A case expects texts of items ("expect"), with their types where
// it says so ("types"), or a phase of failure ("error"). Every expression must also print and parse
// to itself.
#include <gtest/gtest.h>

#include "fhir/json/value.hpp"
#include "fhir/path/path.hpp"
#include "tests/fhir/path/model.hpp"

namespace gatehouse::fhir {
namespace {

void write_value(const JsonValue& value, std::string& out) {
    switch (value.kind) {
    case JsonValue::Kind::string: append_json_string(out, value.text); break;
    case JsonValue::Kind::array:
    case JsonValue::Kind::object: {
        const bool object = value.kind == JsonValue::Kind::object;
        out += object ? '{' : '[';
        for (const auto& item : value.items) {
            out += out.back() == '[' ? "" : ",";
            write_value(item, out);
        }
        for (const auto& member : value.members) {
            out += out.back() == '{' ? "" : ",";
            append_json_string(out, member.name);
            out += ':';
            write_value(member.value, out);
        }
        out += object ? '}' : ']';
        break;
    }
    case JsonValue::Kind::null: out += "null"; break;
    default: out += value.text;
    }
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) {
        out += out.empty() ? "" : " | ";
        out += text;
    }
    return out;
}

std::string expected_text(const JsonValue* list) {
    std::vector<std::string> out;
    for (const auto& value : list->items) {
        out.emplace_back(value.text);
    }
    return joined(out);
}

std::string_view phase_name(path::ErrorPhase phase) {
    switch (phase) {
    case path::ErrorPhase::syntax: return "syntax";
    case path::ErrorPhase::semantic: return "semantic";
    case path::ErrorPhase::execution: return "execution";
    }
    return "";
}

void expect_round_trip(const path::Expression& expression, const TypeModel& model) {
    path::Error error;
    const std::string printed = path::print(expression);
    const auto again = path::compile(printed, model, error);
    ASSERT_TRUE(again) << printed << ": " << error.message;
    EXPECT_EQ(path::print(again), printed);
}

// "at": where the error is told to be, "(column 6)" or "(line 2, column 3)".
void expect_place(const JsonValue& row, const path::Error& error, std::string_view text) {
    const std::string told = path::located(error, text);
    if (const std::string_view wanted = row.string("at"); !wanted.empty()) {
        EXPECT_EQ(told, error.message + " " + std::string(wanted)) << text;
    }
}

void run_case(const JsonValue& row, const Element* focus, const TypeModel& model) {
    const std::string_view text = row.string("expression");
    const std::string_view wanted_error = row.string("error");
    path::CompileOptions options;
    options.as_filters = false;
    options.strict = row.string("mode") == "strict";
    options.context_type = focus != nullptr ? focus->resource_type() : std::string_view{};
    path::Error error;
    const auto expression = path::compile(text, model, error, options);
    if (!expression) {
        EXPECT_EQ(phase_name(error.phase), wanted_error) << text << ": " << error.message;
        EXPECT_LE(error.offset, text.size()) << text;
        expect_place(row, error, text);
        return;
    }
    expect_round_trip(expression, model);
    Arena arena;
    path::Environment environment;
    environment.types = &model;
    environment.now = "2026-02-03T04:05:06.789Z";
    const auto outcome = path::evaluate(expression, focus, environment, arena);
    if (outcome.failed) {
        EXPECT_EQ(wanted_error, "execution") << text << ": " << outcome.error.message;
        expect_place(row, outcome.error, text);
        return;
    }
    ASSERT_TRUE(wanted_error.empty()) << text << " should fail";
    std::vector<std::string> texts;
    std::vector<std::string> types;
    for (const auto& item : outcome.items) {
        texts.push_back(path::to_text(item));
        types.emplace_back(path::type_name(item, model));
    }
    EXPECT_EQ(joined(texts), expected_text(row.find("expect"))) << text;
    if (const auto* wanted = row.find("types")) {
        EXPECT_EQ(joined(types), expected_text(wanted)) << text;
    }
    // An invariant's verdict agrees with the collection.
    const path::Truth truth = path::evaluate_truth(expression, focus, environment, arena, error);
    if (outcome.items.size() == 1 && outcome.items[0].kind == path::ItemKind::boolean) {
        EXPECT_EQ(truth, outcome.items[0].truth ? path::Truth::yes : path::Truth::no) << text;
    } else if (outcome.items.empty()) {
        EXPECT_EQ(truth, path::Truth::unknown) << text;
    }
}

TEST(FhirpathCases, hold) {
    const TypeModel* model = test::r4_model();
    if (model == nullptr) {
        GTEST_SKIP() << "needs R4's definitions: run deploy/fetch-definitions";
    }
    const auto folder = std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/cases/path";
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        SCOPED_TRACE(entry.path().filename().string());
        const std::string text = test::read_text_file(entry.path());
        Arena arena;
        const auto file = parse_json_value(text, arena);
        ASSERT_TRUE(file) << describe(file.error());
        std::unique_ptr<test::Subject> subject;
        if (const auto* given = file->find("subject")) {
            std::string resource;
            write_value(*given, resource);
            subject = test::read_subject(resource, *model);
            ASSERT_NE(subject->root, nullptr);
        }
        for (const auto& row : file->find("cases")->items) {
            run_case(row, subject ? subject->root : nullptr, *model);
            ++count;
        }
    }
    std::printf("%d cases\n", count);
    EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace gatehouse::fhir
