// SPDX-License-Identifier: Apache-2.0
//
// Our own snapshot cases (tests/cases/snapshot): profiles on a small core, each with lines that
// must stand in the snapshot ("id min..max types slicing:rules") or the reason it must be refused
// with.
#include "fhir/schema/snapshot.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"

namespace gatehouse::fhir {
namespace {

std::string case_file(const std::string& name) {
    std::ifstream file(
        std::string(GATEHOUSE_SOURCE_DIR) + "/tests/cases/snapshot/" + name, std::ios::binary
    );
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void append_json(std::string& out, const JsonValue& value) {
    switch (value.kind) {
    case JsonValue::Kind::string: append_json_string(out, value.text); break;
    case JsonValue::Kind::array: {
        out += '[';
        for (const JsonValue& item : value.items) {
            out += out.back() == '[' ? "" : ",";
            append_json(out, item);
        }
        out += ']';
        break;
    }
    case JsonValue::Kind::object: {
        out += '{';
        for (const auto& member : value.members) {
            out += out.back() == '{' ? "" : ",";
            append_json_string(out, member.name);
            out += ':';
            append_json(out, member.value);
        }
        out += '}';
        break;
    }
    default: out += value.text;
    }
}

std::string line_of(const Element& element) {
    std::string line(element.child_value("id"));
    line += " " + std::string(element.child_value("min")) + ".." +
            std::string(element.child_value("max"));
    std::string types;
    for (const Element& child : element.children()) {
        if (child.name == "type") {
            types += (types.empty() ? " " : ",") + std::string(child.child_value("code"));
        }
    }
    line += types;
    if (const Element* slicing = element.child("slicing"); slicing != nullptr) {
        line += " slicing:" + std::string(slicing->child_value("rules"));
    }
    return line;
}

TEST(Snapshot, refuses_what_is_not_a_structure_definition) {
    Definitions definitions;
    Arena arena;
    Element patient;
    patient.is_resource = true;
    patient.value = "Patient";
    const auto made = generate_snapshot(patient, definitions, arena);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::invalid);
}

TEST(Snapshot, names_a_missing_base) {
    Definitions definitions;
    Arena arena;
    const std::string text =
        R"({"resourceType":"StructureDefinition","type":"Record","baseDefinition":"http://example.org/none"})";
    const SymbolTable symbols;
    const auto made = generate_snapshot(*read_json(text, arena, symbols).root, definitions, arena);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::not_found);
    EXPECT_NE(made.error().detail.find("http://example.org/none"), std::string::npos);
}

TEST(Snapshot, survives_definitions_that_build_on_themselves) {
    Definitions definitions;
    Issues notes;
    for (const char* pair : {"ab", "ba"}) {
        const std::string text =
            std::string(
                R"({"resourceType":"StructureDefinition","type":"Record","url":"http://example.org/)"
            ) +
            pair[0] + R"(","baseDefinition":"http://example.org/)" + pair[1] + "\"}";
        ASSERT_TRUE(definitions.load_text(text, "circle", notes));
    }
    Arena arena;
    const auto made = generate_snapshot(
        *definitions.structure("http://example.org/a")->root(), definitions, arena
    );
    EXPECT_FALSE(made);
}

TEST(Snapshot, own_cases) {
    Definitions definitions;
    Issues notes;
    ASSERT_TRUE(definitions.load_text(case_file("core.json"), "core.json", notes));
    const std::string text = case_file("cases.json");
    Arena arena;
    const auto cases = parse_json_value(text, arena);
    ASSERT_TRUE(cases) << describe(cases.error());
    ASSERT_FALSE(cases->items.empty());
    const SymbolTable symbols;
    for (const JsonValue& row : cases->items) {
        SCOPED_TRACE(row.string("name"));
        std::string profile =
            R"({"resourceType":"StructureDefinition","url":"http://example.org/profile","fhirVersion":"4.0.1","kind":"resource","type":"Record","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Record","derivation":"constraint","differential":{"element":)";
        append_json(profile, *row.find("differential"));
        profile += "}}";
        SnapshotOptions options;
        options.sort_differential = row.find("sort") != nullptr;
        options.slices_inherit = row.find("inherit") != nullptr;
        const Decoded decoded = read_json(profile, arena, symbols);
        ASSERT_NE(decoded.root, nullptr);
        const auto made = generate_snapshot(*decoded.root, definitions, arena, options);
        if (const JsonValue* fails = row.find("fails"); fails != nullptr) {
            ASSERT_FALSE(made);
            EXPECT_NE(made.error().detail.find(fails->text), std::string::npos)
                << made.error().detail;
            continue;
        }
        ASSERT_TRUE(made) << describe(made.error());
        std::set<std::string> lines;
        std::string all;
        for (const Element& element : (*made)->child("snapshot")->children()) {
            lines.insert(line_of(element));
            all += line_of(element) + "\n";
            EXPECT_NE(element.child("base"), nullptr) << line_of(element);
        }
        for (const JsonValue& line : row.find("expect")->items) {
            EXPECT_TRUE(lines.contains(std::string(line.text))) << line.text << " is not in\n"
                                                                << all;
        }
    }
}

}  // namespace
}  // namespace gatehouse::fhir
