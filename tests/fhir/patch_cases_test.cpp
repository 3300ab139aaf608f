// SPDX-License-Identifier: Apache-2.0
//
// JSON Patch by case files: tests/cases/patch/json_patch.json. FHIRPath Patch needs the types of
// FHIR and is in tests/cases/rest/patch.json.

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "fhir/patch/json_tree.hpp"
#include "fhir/patch/patch.hpp"

namespace gatehouse::fhir {
namespace {

std::string whole_file(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

const char* name_of(PatchFault::Kind kind) {
    switch (kind) {
    case PatchFault::Kind::malformed: return "malformed";
    case PatchFault::Kind::unmet: return "unmet";
    case PatchFault::Kind::untrue: return "untrue";
    case PatchFault::Kind::too_large: return "too_large";
    }
    return "";
}

std::string text_of(const JsonValue& value) {
    std::string out;
    patch::write(patch::node_of(value), out);
    return out;
}

// What a case comes to: the changed document, or "refused: kind operation".
std::string outcome_of(const JsonValue& one) {
    JsonPatch patch;
    std::string changed;
    auto fault = JsonPatch::read(text_of(*one.find("patch")), patch);
    if (!fault) {
        fault = patch.apply(text_of(*one.find("document")), changed);
    }
    return fault ? std::string("refused: ") + name_of(fault->kind) + " " +
                       std::to_string(fault->operation)
                 : changed;
}

TEST(JsonPatch, does_what_its_cases_say) {
    const std::string text =
        whole_file(std::string(GATEHOUSE_SOURCE_DIR) + "/tests/cases/patch/json_patch.json");
    Arena arena;
    const auto cases = parse_json_value(text, arena);
    ASSERT_TRUE(cases) << cases.error().detail;
    ASSERT_GT(cases->items.size(), 30U);

    for (const JsonValue& one : cases->items) {
        const JsonValue* refused = one.find("refused");
        const std::string expected = refused == nullptr
                                         ? text_of(*one.find("expect"))
                                         : "refused: " + std::string(refused->text) + " " +
                                               std::string(one.find("operation")->text);

        EXPECT_EQ(outcome_of(one), expected) << one.string("name");
    }
}

TEST(JsonPatch, keeps_the_digits_of_numbers) {
    JsonPatch patch;
    std::string changed;
    ASSERT_FALSE(JsonPatch::read(R"([{"op":"add","path":"/b","value":5.10}])", patch));

    ASSERT_FALSE(patch.apply(R"({"a":1.00})", changed));

    EXPECT_EQ(changed, R"({"a":1.00,"b":5.10})");
}

TEST(JsonPatch, copies_that_double_a_document_end_at_a_limit) {
    std::string operations = R"([{"op":"copy","from":"","path":"/x0"})";
    for (int i = 1; i < 60; ++i) {
        operations += R"(,{"op":"copy","from":"","path":"/x)" + std::to_string(i) + R"("})";
    }
    JsonPatch patch;
    std::string changed;
    ASSERT_FALSE(JsonPatch::read(operations + "]", patch));

    const auto fault = patch.apply(R"({"a":{"b":1}})", changed);

    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, PatchFault::Kind::too_large);
}

TEST(JsonPatch, more_operations_than_the_limit_are_refused) {
    std::string operations = "[";
    for (std::size_t i = 0; i <= patch_operations_max; ++i) {
        operations += R"({"op":"test","path":"/a","value":1},)";
    }
    operations.back() = ']';
    JsonPatch patch;

    const auto fault = JsonPatch::read(operations, patch);

    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, PatchFault::Kind::too_large);
}

}  // namespace
}  // namespace gatehouse::fhir
