// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/base/utf8.hpp"
#include "fhir/json/json.hpp"
#include "tests/support/core_definitions.hpp"
#include "tests/support/small_types.hpp"

namespace gatehouse::fhir {
namespace {

Element* read(std::string_view text, Arena& arena, const TypeModel& types) {
    Element* root = read_json(text, arena, types.symbols()).root;
    annotate(*root, types);
    return root;
}

std::string type_of(const TypeModel& types, const ChildMatch& match) {
    return match ? types.type(match.type).name : "nothing";
}

ChildMatch child(const TypeModel& types, const char* parent, const char* name) {
    return types.child(types.find(parent), types.symbols().find(name));
}

TEST(Utf8, finds_the_first_bad_byte) {
    EXPECT_EQ(invalid_utf8_at("plain ascii, longer than sixteen bytes"), std::string_view::npos);
    EXPECT_EQ(invalid_utf8_at("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), std::string_view::npos);
    EXPECT_EQ(invalid_utf8_at("0123456789abcdef0123\x80"), 20U);
    EXPECT_EQ(invalid_utf8_at("a\xC3"), 1U);
    EXPECT_EQ(invalid_utf8_at("a\xC1\x81"), 1U);
    EXPECT_EQ(invalid_utf8_at("\xED\xA0\x80"), 0U);
    EXPECT_EQ(invalid_utf8_at("\xF4\x90\x80\x80"), 0U);
    EXPECT_EQ(invalid_utf8_at("\xF5\x80\x80\x80"), 0U);
}

TEST(Element, says_its_place_in_fhirpath) {
    const TypeModel& types = test::small_types();
    Arena arena;
    const Element* root = read(
        R"({"resourceType":"Patient","name":[{"given":["a","b"],"family":"f"}],"multipleBirthInteger":2,)"
        R"("contained":[{"resourceType":"Patient","active":true}],"zzz":[1,2]})",
        arena,
        types
    );

    const Element* name = root->child("name");
    EXPECT_EQ(expression_of(*root), "Patient");
    EXPECT_EQ(expression_of(*name), "Patient.name[0]");
    EXPECT_EQ(expression_of(*name->first_child->next), "Patient.name[0].given[1]");
    EXPECT_EQ(expression_of(*name->child("family")), "Patient.name[0].family");
    EXPECT_EQ(
        expression_of(*root->child("multipleBirthInteger")), "Patient.multipleBirth.ofType(integer)"
    );
    EXPECT_EQ(
        expression_of(*root->child("contained")->child("active")), "Patient.contained[0].active"
    );
    EXPECT_EQ(expression_of(*root->child("zzz")->next), "Patient.zzz[1]");
}

TEST(Element, finds_its_neighbours_and_resources) {
    const TypeModel& types = test::small_types();
    Arena arena;
    const Element* root = read(
        R"({"resourceType":"Patient","contained":[{"resourceType":"Patient","name":[{"family":"x"}]}],)"
        R"("name":[{"family":"a"},{"family":"b"}]})",
        arena,
        types
    );
    const Element* inner = root->child("contained")->child("name")->child("family");
    const Element* second = root->child("name")->next_same();

    EXPECT_EQ(&enclosing_resource(*inner), root->child("contained"));
    EXPECT_EQ(&root_resource(*inner), root);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->index(), 1U);
    EXPECT_TRUE(second->repeats());
    EXPECT_EQ(second->next_same(), nullptr);
    EXPECT_EQ(second->child_value("family"), "b");
    EXPECT_EQ(root->child(types.symbols().find("name")), root->child("name"));
}

TEST(Element, positions_count_code_points) {
    const std::string_view text = "a\n\xC3\xA9\xE2\x82\xACx";
    EXPECT_EQ(position_of(text, 0).column, 1U);
    EXPECT_EQ(position_of(text, 7).line, 2U);
    EXPECT_EQ(position_of(text, 7).column, 3U);
    EXPECT_EQ(position_of(text, 999).line, 2U);
}

// Long texts, in which eight bytes are counted at a time, beside one byte at a time; forwards and
// back.
TEST(Element, positions_of_long_texts_are_those_of_single_steps) {
    std::string text;
    std::uint32_t state = 7;
    const auto next = [&state](std::uint32_t below) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8U) % below;
    };
    constexpr std::string_view parts[] = {
        "a", "\n", "\xC3\xA9", "\xF0\x9F\x98\x80", "\v", "\x8A", "long words"};
    while (text.size() < 9000) {
        text += parts[next(7)];
    }
    std::vector<Position> wanted(text.size() + 1);
    Position at{1, 1};
    for (std::size_t i = 0; i < text.size(); ++i) {
        wanted[i] = at;
        const auto byte = static_cast<unsigned char>(text[i]);
        at.column += (byte & 0xC0U) != 0x80U ? 1U : 0U;
        at = byte == '\n' ? Position{at.line + 1, 1} : at;
    }
    wanted.back() = at;
    PositionCursor cursor(text);
    std::size_t offset = 0;
    for (int i = 0; i < 2000; ++i) {
        // Mostly a little on, now and then anywhere.
        offset = next(5) == 0 ? next(9000) : std::min<std::size_t>(offset + next(90), text.size());
        const Position found = cursor.at(offset);
        ASSERT_EQ(found.line, wanted[offset].line) << offset;
        ASSERT_EQ(found.column, wanted[offset].column) << offset;
    }
    EXPECT_EQ(position_of(text, text.size()).line, wanted.back().line);
    EXPECT_EQ(position_of(text, text.size()).column, wanted.back().column);
}

TEST(TypeModel, knows_r4) {
    GH_NEED_CORE_TYPES(types);

    EXPECT_EQ(type_of(types, child(types, "Patient", "name")), "HumanName");
    EXPECT_EQ(type_of(types, child(types, "Patient", "id")), "id");
    EXPECT_EQ(type_of(types, child(types, "Patient", "deceasedDateTime")), "dateTime");
    EXPECT_EQ(type_of(types, child(types, "Patient", "deceased")), "nothing");
    EXPECT_EQ(type_of(types, child(types, "Patient", "contact")), "Patient.contact");
    EXPECT_EQ(type_of(types, child(types, "Patient.contact", "name")), "HumanName");
    EXPECT_EQ(type_of(types, child(types, "HumanName", "id")), "string");
    EXPECT_EQ(type_of(types, child(types, "Extension", "url")), "uri");
    EXPECT_EQ(type_of(types, child(types, "Extension", "valueQuantity")), "Quantity");
    EXPECT_EQ(type_of(types, child(types, "Timing", "repeat")), "Timing.repeat");
    EXPECT_EQ(type_of(types, child(types, "Narrative", "div")), "xhtml");
    EXPECT_EQ(type_of(types, child(types, "string", "extension")), "Extension");
    EXPECT_EQ(type_of(types, child(types, "string", "value")), "nothing");
    EXPECT_EQ(type_of(types, child(types, "Bundle.entry", "resource")), "Resource");
}

TEST(TypeModel, resolves_content_references) {
    GH_NEED_CORE_TYPES(types);

    EXPECT_EQ(type_of(types, child(types, "Questionnaire.item", "item")), "Questionnaire.item");
    EXPECT_EQ(type_of(types, child(types, "Bundle.entry", "link")), "Bundle.link");
    EXPECT_EQ(
        type_of(types, child(types, "Observation.component", "referenceRange")),
        "Observation.referenceRange"
    );
}

TEST(TypeModel, knows_order_repetition_and_attributes) {
    GH_NEED_CORE_TYPES(types);

    EXPECT_TRUE(child(types, "Patient", "name").info->repeats);
    EXPECT_FALSE(child(types, "Patient", "gender").info->repeats);
    EXPECT_TRUE(child(types, "Observation", "status").info->required);
    EXPECT_TRUE(child(types, "HumanName", "id").info->attribute);
    EXPECT_TRUE(child(types, "Extension", "url").info->attribute);
    EXPECT_FALSE(child(types, "Patient", "id").info->attribute);
    EXPECT_LT(child(types, "Patient", "id").index, child(types, "Patient", "gender").index);
}

TEST(TypeModel, knows_the_hierarchy) {
    GH_NEED_CORE_TYPES(types);

    EXPECT_TRUE(types.is_a(types.find("Patient"), types.find("DomainResource")));
    EXPECT_TRUE(types.is_a(types.find("Age"), types.find("Quantity")));
    EXPECT_TRUE(types.is_a(types.find("Patient.contact"), types.find("BackboneElement")));
    EXPECT_TRUE(types.is_a(types.find("code"), types.find("string")));
    EXPECT_FALSE(types.is_a(types.find("string"), types.find("code")));
    EXPECT_EQ(types.type(types.find("decimal")).json, JsonKind::number);
    EXPECT_EQ(types.type(types.find("boolean")).json, JsonKind::boolean);
    EXPECT_EQ(types.type(types.find("xhtml")).json, JsonKind::xhtml);
    EXPECT_EQ(types.find("nothing like it"), unknown_type);
}

TEST(TypeModel, child_by_path_finds_a_choice) {
    GH_NEED_CORE_TYPES(types);

    const ChildInfo* value =
        types.child_by_path(types.find("Observation"), types.symbols().find("value"));

    ASSERT_NE(value, nullptr);
    EXPECT_TRUE(value->choice);
    EXPECT_EQ(value->types.size(), 11U);
    EXPECT_EQ(value->types.size(), value->spellings.size());
}

TEST(TypeModel, annotates_hand_made_trees_without_symbols) {
    const TypeModel& types = test::small_types();
    Arena arena;
    const SymbolTable none;
    Element* root =
        read_json(
            R"({"resourceType":"Patient","name":[{"family":"f"}],"zzz":{"a":1}})", arena, none
        )
            .root;

    annotate(*root, types);

    EXPECT_EQ(root->type, types.find("Patient"));
    EXPECT_EQ(root->child("name")->type, types.find("HumanName"));
    EXPECT_TRUE(root->child("name")->may_repeat);
    EXPECT_EQ(root->child("name")->child("family")->type, types.find("string"));
    EXPECT_EQ(root->child("zzz")->type, unknown_type);
    EXPECT_EQ(root->child("zzz")->child("a")->child_rule, 0U);
}

}  // namespace
}  // namespace gatehouse::fhir
