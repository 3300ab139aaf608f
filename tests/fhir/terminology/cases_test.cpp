// SPDX-License-Identifier: Apache-2.0
//
// tests/cases/terminology/*.json through the operations.
#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "fhir/terminology/operations/operations.hpp"

namespace gatehouse::fhir {
namespace {

std::string read_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void append_value(const JsonValue& value, JsonWriter& json) {
    switch (value.kind) {
    case JsonValue::Kind::null: json.null(); break;
    case JsonValue::Kind::boolean: json.boolean(value.text == "true"); break;
    case JsonValue::Kind::number: json.raw(value.text); break;
    case JsonValue::Kind::string: json.string(value.text); break;
    case JsonValue::Kind::array:
        json.begin_array();
        for (const JsonValue& item : value.items) {
            append_value(item, json);
        }
        json.end_array();
        break;
    case JsonValue::Kind::object:
        json.begin_object();
        for (const JsonValue::Member& member : value.members) {
            json.key(member.name);
            append_value(member.value, json);
        }
        json.end_object();
        break;
    }
}

std::string codes_of(std::string_view json, Arena& arena) {
    const auto value = parse_json_value(json, arena);
    std::string out;
    if (!value || value->find("expansion") == nullptr) {
        return "no expansion";
    }
    const JsonValue* contains = value->find("expansion")->find("contains");
    if (contains != nullptr) {
        for (const JsonValue& one : contains->items) {
            out += (out.empty() ? "" : " ") + std::string(one.string("code"));
        }
    }
    return out;
}

void check(const Terminology& terminology, const JsonValue& row) {
    OperationRequest request;
    const auto operation = terminology_operation(row.string("operation"));
    ASSERT_TRUE(operation);
    request.operation = *operation;
    request.type = row.string("type");
    request.time = "2026-01-01T00:00:00Z";
    if (const JsonValue* in = row.find("in")) {
        for (const JsonValue::Member& member : in->members) {
            OperationParameter parameter;
            parameter.name = member.name;
            parameter.text = member.value.text;
            request.parameters.push_back(std::move(parameter));
        }
    }
    Arena posted;
    std::string posted_text;
    if (const JsonValue* post = row.find("post")) {
        JsonWriter json;
        json.begin_object().key("resourceType").string("Parameters").key("parameter");
        append_value(*post, json);
        posted_text = json.end_object().take();
        const SymbolTable symbols;
        const Decoded decoded = read_json(posted_text, posted, symbols);
        ASSERT_NE(decoded.root, nullptr);
        add_parameters(*decoded.root, request);
    }
    const auto number = [&](const char* name, auto& into) {
        if (const JsonValue* value = row.find(name)) {
            std::from_chars(value->text.data(), value->text.data() + value->text.size(), into);
        }
    };
    number("expansion_max", request.limits.expansion_max);
    int status = 200;
    number("status", status);
    const OperationAnswer answer = run(terminology, request);
    std::string text = answer.json;
    for (const Issue& issue : answer.issues) {
        text += issue.diagnostics;
    }
    EXPECT_EQ(answer.status, status) << text;
    Arena arena;
    if (row.find("codes") != nullptr) {
        EXPECT_EQ(codes_of(answer.json, arena), row.string("codes")) << text;
    }
    if (const JsonValue* has = row.find("has")) {
        for (const JsonValue& one : has->items) {
            EXPECT_NE(text.find(one.text), std::string::npos) << one.text << " in " << text;
        }
    }
    if (const JsonValue* lacks = row.find("lacks")) {
        for (const JsonValue& one : lacks->items) {
            EXPECT_EQ(text.find(one.text), std::string::npos) << one.text << " in " << text;
        }
    }
}

TEST(TerminologyCases, answer_as_written) {
    const std::filesystem::path folder =
        std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/cases/terminology";
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (file.path().extension() != ".json") {
            continue;
        }
        const std::string text = read_file(file.path());
        Arena arena;
        const auto document = parse_json_value(text, arena);
        ASSERT_TRUE(document) << file.path();
        Definitions definitions;
        Issues notes;
        for (const JsonValue& one : document->find("definitions")->items) {
            JsonWriter json;
            append_value(one, json);
            ASSERT_TRUE(definitions.load_text(json.text(), one.string("url"), notes));
        }
        const Terminology terminology(definitions);
        for (const JsonValue& row : document->find("cases")->items) {
            SCOPED_TRACE(std::string(row.string("name")));
            check(terminology, row);
            ++count;
        }
    }
    EXPECT_GT(count, 40U);
}

// A hierarchy as deep as the decoder allows, and a compose with very many includes and a regex that
// backtracking engines die of.
TEST(Terminology, hostile_definitions_cost_little) {
    std::string nested = R"({"code":"leaf"})";
    for (int i = 0; i < 20; ++i) {
        nested = R"({"code":"n)" + std::to_string(i) + R"(","concept":[)" + nested + "]}";
    }
    Definitions definitions;
    Issues notes;
    ASSERT_TRUE(definitions.load_text(
        R"({"resourceType":"CodeSystem","url":"http://h.example/cs","status":"active","content":"complete","concept":[)" +
            nested + "]}",
        "deep",
        notes
    ));
    std::string includes;
    for (int i = 0; i < 20000; ++i) {
        includes += i == 0 ? "" : ",";
        includes +=
            R"({"system":"http://h.example/cs","filter":[{"property":"code","op":"regex","value":"(n*)*(n*)*!"}]})";
    }
    ASSERT_TRUE(definitions.load_text(
        R"({"resourceType":"ValueSet","url":"http://h.example/vs","status":"active","compose":{"include":[)" +
            includes + "]}}",
        "wide",
        notes
    ));
    const Terminology terminology(definitions);
    OperationRequest request;
    request.operation = TerminologyOperation::expand;
    request.type = "ValueSet";
    OperationParameter url;
    url.name = "url";
    url.text = "http://h.example/vs";
    request.parameters.push_back(url);
    request.limits.work_max = 100'000;
    const OperationAnswer answer = run(terminology, request);
    EXPECT_EQ(answer.status, 422);
    ASSERT_FALSE(answer.issues.empty());
    EXPECT_EQ(answer.issues.front().type, IssueType::too_costly);
}

}  // namespace
}  // namespace gatehouse::fhir
