// SPDX-License-Identifier: Apache-2.0
//
// HL7's FHIRPath suite for R4 and fhirpath.js's own cases, where the shared material is present.
// What fails is listed with its reason in path_known.txt; the list may only shrink.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "fhir/json/value.hpp"
#include "fhir/path/path.hpp"
#include "fhir/path/values.hpp"
#include "tests/fhir/path/model.hpp"

namespace gatehouse::fhir {
namespace {

struct Suite {
    std::map<std::string, std::unique_ptr<test::Subject>> subjects;
    std::vector<std::string> failed;  // "id: why"
    int total = 0;
};

const test::Subject*
subject_of(Suite& suite, const std::filesystem::path& file, const TypeModel& model) {
    auto& slot = suite.subjects[file.string()];
    if (!slot) {
        slot = test::read_subject(test::read_text_file(file), model);
    }
    return slot.get();
}

std::string value_text(std::string_view text) {
    if (text.starts_with("@T")) {
        text.remove_prefix(2);
    } else if (text.starts_with("@")) {
        text.remove_prefix(1);
    }
    return std::string(text);
}

bool same_value(const path::Item& item, const JsonValue& expected, const TypeModel& model) {
    const std::string wanted = value_text(expected.string("value"));
    const std::string found = path::to_text(item);
    if (const auto type = expected.string("type");
        !type.empty() && type != path::type_name(item, model) && type != "Quantity") {
        return false;
    }
    if (wanted == found) {
        return true;
    }
    const auto a = path::Decimal::parse(wanted);
    const auto b = path::Decimal::parse(found);
    if (a && b) {
        return compare(*a, *b) == 0;
    }
    const auto x = path::parse_date_time(wanted);
    const auto y = path::parse_date_time(found);
    return x && y && x->has_zone && equivalent(*x, *y);
}

// Empty if the case passes, else what was found instead.
std::string run_official(const JsonValue& row, const Element* focus, const TypeModel& model) {
    path::CompileOptions options;
    options.as_filters = false;
    options.strict = row.string("mode") == "strict";
    options.context_type = focus != nullptr ? focus->resource_type() : std::string_view{};
    path::Error error;
    const auto expression = path::compile(row.string("expression"), model, error, options);
    const JsonValue& expect = *row.find("expect");
    const bool wants_error = expect.string("kind") == "error";
    if (!expression) {
        return wants_error ? "" : "does not compile: " + error.message;
    }
    if (!wants_error && focus != nullptr && !options.strict) {
        options.strict = true;  // the checker refuses nothing that is good
        if (!path::compile(row.string("expression"), model, error, options)) {
            return "strict checking refuses it: " + error.message;
        }
    }
    Arena arena;
    path::Environment environment;
    environment.types = &model;
    environment.now = "2026-02-03T04:05:06.789Z";
    const auto outcome = path::evaluate(expression, focus, environment, arena);
    if (outcome.failed || wants_error) {
        return outcome.failed == wants_error ? ""
               : outcome.failed              ? "failed: " + outcome.error.message
                                             : "no error";
    }
    std::vector<path::Item> items(outcome.items.begin(), outcome.items.end());
    if (const auto* predicate = row.find("predicate");
        predicate != nullptr && predicate->text == "true") {
        const bool truth = items.size() == 1 && items[0].kind == path::ItemKind::boolean
                               ? items[0].truth
                               : !items.empty();
        items.assign(1, path::Item{});
        items[0].truth = truth;
    }
    std::string found;
    for (const auto& item : items) {
        found += std::string(path::type_name(item, model)) + ":" + path::to_text(item) + " | ";
    }
    const auto values = expect.find("values")->items;
    if (values.size() != items.size()) {
        return "found " + found;
    }
    std::vector<bool> taken(items.size());
    const bool ordered =
        expect.find("ordered") == nullptr || expect.find("ordered")->text != "false";
    for (std::size_t i = 0; i < values.size(); ++i) {
        bool good = false;
        for (std::size_t j = ordered ? i : 0; j < (ordered ? i + 1 : items.size()) && !good; ++j) {
            good = !taken[j] && same_value(items[j], values[i], model);
            taken[j] = taken[j] || good;
        }
        if (!good) {
            return "found " + found;
        }
    }
    return "";
}

std::string json_of(const JsonValue& value) {
    switch (value.kind) {
    case JsonValue::Kind::string: {
        std::string out;
        append_json_string(out, value.text);
        return out;
    }
    case JsonValue::Kind::array: {
        std::string out = "[";
        for (const auto& item : value.items) {
            out += (out.size() > 1 ? "," : "") + json_of(item);
        }
        return out + "]";
    }
    case JsonValue::Kind::object: {
        std::string out = "{";
        for (const auto& member : value.members) {
            out += out.size() > 1 ? "," : "";
            append_json_string(out, member.name);
            out += ":" + json_of(member.value);
        }
        return out + "}";
    }
    case JsonValue::Kind::null: return "null";
    default: return std::string(value.text);
    }
}

std::string json_of(const path::Item& item, const TypeModel& model) {
    const std::string text = path::to_text(item);
    const auto type = path::type_name(item, model);
    const bool bare = type == "boolean" || type == "integer" || type == "decimal" ||
                      type == "positiveInt" || type == "unsignedInt";
    if (item.kind == path::ItemKind::element && !item.element->has_value()) {
        return write_json(*item.element, &model);
    }
    if (bare) {
        return text;
    }
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string run_secondary(const JsonValue& row, const Element* focus, const TypeModel& model) {
    const JsonValue& given = *row.find("expression");
    std::string text(given.text);
    if (given.is(JsonValue::Kind::object)) {  // a fragment that stands for an element of a resource
        return "the input is a fragment, not a resource";
    }
    path::Error error;
    const auto expression = path::compile(text, model, error);
    const JsonValue& expect = *row.find("expect");
    const bool wants_error = expect.string("kind") == "error";
    if (!expression) {
        return wants_error ? "" : "does not compile: " + error.message;
    }
    Arena arena;
    path::Environment environment;
    environment.types = &model;
    environment.now = "2026-02-03T04:05:06.789Z";
    const auto outcome = path::evaluate(expression, focus, environment, arena);
    if (outcome.failed || wants_error) {
        return outcome.failed == wants_error ? ""
                                             : "error expected or found: " + outcome.error.message;
    }
    const auto values = expect.find("values")->items;
    std::string found;
    std::string wanted;
    for (const auto& item : outcome.items) {
        // fhirpath.js shows a primitive that has only extensions as nothing.
        const bool hidden = item.kind == path::ItemKind::element && !item.element->has_value() &&
                            item.type != unknown_type &&
                            model.type(item.type).kind == TypeKind::primitive;
        found += hidden ? "" : json_of(item, model) + " ";
    }
    for (const auto& value : values) {
        wanted += json_of(value) + " ";
    }
    return found == wanted ? "" : "found " + found;
}

using Runner = std::string (*)(const JsonValue& row, const Element* focus, const TypeModel& model);

void run_suite(const std::string& file_name, Runner runner, Suite& suite) {
    const auto shared = test::path_shared_folder();
    const TypeModel* model = test::r4_model();
    if (!shared || model == nullptr) {
        GTEST_SKIP() << "needs the shared conformance material and R4's definitions";
    }
    const auto folder = *shared / "conformance/fhirpath";
    std::istringstream lines(test::read_text_file(folder / file_name));
    for (std::string line; std::getline(lines, line);) {
        Arena arena;
        const auto row = parse_json_value(line, arena);
        ASSERT_TRUE(row) << line;
        const auto* input = row->find("input_json");
        const Element* focus = nullptr;
        if (input != nullptr && input->is(JsonValue::Kind::string)) {
            focus = subject_of(suite, folder / std::string(input->text), *model)->root;
        }
        ++suite.total;
        const std::string why = runner(*row, focus, *model);
        if (!why.empty()) {
            suite.failed.push_back(std::string(row->string("id")) + ": " + why);
        }
    }
}

// Ids of path_known.txt: "id: reason" lines, # comments.
std::set<std::string> known_failures() {
    std::set<std::string> out;
    std::istringstream lines(test::read_text_file(
        std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/fhir/path_known.txt"
    ));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line[0] != '#') {
            out.insert(line.substr(0, line.find(": ")));
        }
    }
    return out;
}

void judge(const Suite& suite, std::string_view prefix) {
    std::set<std::string> known;
    for (const std::string& id : known_failures()) {
        if (id.starts_with("fhirpathjs/") == prefix.starts_with("fhirpathjs/")) {
            known.insert(id);
        }
    }
    for (const std::string& failure : suite.failed) {
        const std::string id = failure.substr(0, failure.find(": "));
        EXPECT_EQ(known.erase(id), 1U) << "fails and is not in path_known.txt: " << failure;
    }
    for (const std::string& id : known) {
        ADD_FAILURE() << id << " passes now: take it out of tests/fhir/path_known.txt";
    }
    std::printf(
        "%d of %d cases pass\n", suite.total - static_cast<int>(suite.failed.size()), suite.total
    );
}

TEST(FhirpathConformance, passes_the_official_suite) {
    Suite suite;
    run_suite("INDEX.jsonl", run_official, suite);
    if (!IsSkipped() && !HasFatalFailure()) {
        judge(suite, "");
    }
}

TEST(FhirpathConformance, passes_fhirpath_js_cases) {
    Suite suite;
    run_suite("FHIRPATHJS.jsonl", run_secondary, suite);
    if (!IsSkipped() && !HasFatalFailure()) {
        judge(suite, "fhirpathjs/");
    }
}

}  // namespace
}  // namespace gatehouse::fhir
