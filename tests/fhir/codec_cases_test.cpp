// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/cases/json and tests/cases/xml. A file is an array of cases:
//   name, source   what is stated, and where the standard states it
//   input          the text; or input_hex, for bytes that JSON cannot hold
//   repeat         optional {"text", "times"}: replaces "%REPEAT%" in the input
//   limits         optional {"depth", "string_bytes", "members", "elements"}
//   expect         {"read": bool, "issues": [{"rule", "line", "column", "expression", "severity"}],
//                   "json": text, "xml": text}; issues are compared in order, absent members are
//                   not compared; without "issues" there must be none
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/json/value.hpp"
#include "fhir/xml/xml.hpp"
#include "tests/support/core_definitions.hpp"

namespace gatehouse::fhir {
namespace {

struct CaseFile {
    std::filesystem::path file;
    Format format = Format::json;
};

std::vector<CaseFile> case_files() {
    std::vector<CaseFile> files;
    const std::filesystem::path cases = std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/cases";
    for (const Format format : {Format::json, Format::xml}) {
        const char* folder = format == Format::json ? "json" : "xml";
        for (const auto& entry : std::filesystem::directory_iterator(cases / folder)) {
            files.push_back({entry.path(), format});
        }
    }
    std::sort(files.begin(), files.end(), [](const CaseFile& left, const CaseFile& right) {
        return left.file < right.file;
    });
    return files;
}

std::string input_of(const JsonValue& test) {
    std::string input(test.string("input"));
    const std::string_view hex = test.string("input_hex");
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
        input += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    }
    if (const JsonValue* repeat = test.find("repeat"); repeat != nullptr) {
        std::string many;
        for (int i = std::stoi(std::string(repeat->find("times")->text)); i > 0; --i) {
            many += repeat->string("text");
        }
        input.replace(input.find("%REPEAT%"), 8, many);
    }
    return input;
}

DecodeLimits limits_of(const JsonValue& test) {
    DecodeLimits limits;
    const JsonValue* given = test.find("limits");
    if (given == nullptr) {
        return limits;
    }
    const auto take = [&](const char* name, std::size_t& into) {
        if (const JsonValue* value = given->find(name); value != nullptr) {
            into = std::stoul(std::string(value->text));
        }
    };
    take("depth", limits.depth);
    take("string_bytes", limits.string_bytes);
    take("members", limits.members);
    take("elements", limits.elements);
    return limits;
}

void compare_issues(const JsonValue* expected, const Issues& issues) {
    const std::size_t count = expected == nullptr ? 0 : expected->items.size();
    for (const Issue& issue : issues) {
        SCOPED_TRACE(issue.rule + " " + issue.expression + " " + issue.diagnostics);
        ASSERT_EQ(issues.size(), count);
    }
    ASSERT_EQ(issues.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
        const JsonValue& want = expected->items[i];
        const Issue& issue = issues[i];
        EXPECT_EQ(issue.rule, want.string("rule"));
        if (want.find("expression") != nullptr) {
            EXPECT_EQ(issue.expression, want.string("expression"));
        }
        if (want.find("line") != nullptr) {
            EXPECT_EQ(std::to_string(issue.line), want.find("line")->text);
        }
        if (want.find("column") != nullptr) {
            EXPECT_EQ(std::to_string(issue.column), want.find("column")->text);
        }
        if (want.find("severity") != nullptr) {
            EXPECT_EQ(to_string(issue.severity), want.string("severity"));
        }
    }
}

void run_case(const JsonValue& test, Format format, const TypeModel& types) {
    const std::string input = input_of(test);
    const DecodeLimits limits = limits_of(test);
    const JsonValue* expect = test.find("expect");
    ASSERT_NE(expect, nullptr);
    Arena arena;

    Decoded decoded = format == Format::json ? read_json(input, arena, types.symbols(), limits)
                                             : read_xml(input, arena, types.symbols(), limits);
    if (decoded.root != nullptr) {
        annotate(*decoded.root, types);
        if (format == Format::xml) {
            check_xml_form(*decoded.root, types, input, decoded.issues);
        }
    }

    const JsonValue* read = expect->find("read");
    EXPECT_EQ(decoded.root != nullptr, read == nullptr || read->text == "true");
    compare_issues(expect->find("issues"), decoded.issues);
    if (decoded.root != nullptr && expect->find("json") != nullptr) {
        EXPECT_EQ(write_json(*decoded.root, &types), expect->string("json"));
    }
    if (decoded.root != nullptr && expect->find("xml") != nullptr) {
        EXPECT_EQ(write_xml(*decoded.root, types), expect->string("xml"));
    }
}

TEST(CodecCases, hold) {
    GH_NEED_CORE_TYPES(types);
    std::size_t count = 0;

    for (const CaseFile& file : case_files()) {
        Arena arena;
        const std::string text = test::read_file(file.file);
        const auto cases = parse_json_value(text, arena);
        ASSERT_TRUE(cases) << file.file << ": " << describe(cases.error());
        for (const JsonValue& one : cases->items) {
            SCOPED_TRACE(file.file.filename().string() + ": " + std::string(one.string("name")));
            run_case(one, file.format, types);
            ++count;
        }
    }

    EXPECT_GT(count, 60U);
}

}  // namespace
}  // namespace gatehouse::fhir
