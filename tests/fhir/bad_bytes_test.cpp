// SPDX-License-Identifier: Apache-2.0
//
// A validator reads on past bytes that are not UTF-8 (DecodeLimits::read_past_bad_bytes), and the
// text stays refused.

#include <gtest/gtest.h>
#include <string>

#include "fhir/base/utf8.hpp"
#include "fhir/json/json.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir {
namespace {

DecodeLimits reading_on() {
    DecodeLimits limits;
    limits.read_past_bad_bytes = true;
    return limits;
}

TEST(BadBytes, json_is_read_on_and_stays_refused) {
    Arena arena;
    const std::string text =
        "{\"resourceType\":\"Patient\",\n\"name\":[{\"text\":\"J\xF6rg \xFC\"}],"
        "\"extra\":[]}";
    const Decoded strict = read_json(text, arena, SymbolTable{});
    EXPECT_EQ(strict.root, nullptr);
    const Decoded decoded = read_json(text, arena, SymbolTable{}, reading_on());
    ASSERT_NE(decoded.root, nullptr);
    ASSERT_EQ(decoded.issues.size(), 2U);
    EXPECT_EQ(decoded.issues[0].rule, "json-encoding");
    EXPECT_EQ(decoded.issues[0].severity, Severity::error);
    EXPECT_EQ(decoded.issues[0].line, 2U);
    EXPECT_EQ(decoded.issues[0].expression, "Patient.name[0].text");
    EXPECT_EQ(decoded.issues[1].rule, "json-empty-array");
    EXPECT_TRUE(has_errors(decoded.issues));
}

TEST(BadBytes, xml_is_read_on_and_stays_refused) {
    Arena arena;
    const std::string text =
        "<Patient xmlns=\"http://hl7.org/fhir\">\n<gender value=\"m\xE4le\"/>stray"
        "</Patient>";
    EXPECT_EQ(read_xml(text, arena, SymbolTable{}).root, nullptr);
    const Decoded decoded = read_xml(text, arena, SymbolTable{}, reading_on());
    ASSERT_NE(decoded.root, nullptr);
    ASSERT_EQ(decoded.issues.size(), 2U);
    EXPECT_EQ(decoded.issues[0].rule, "xml-encoding");
    EXPECT_EQ(decoded.issues[0].severity, Severity::error);
    EXPECT_EQ(decoded.issues[0].line, 2U);
    EXPECT_EQ(decoded.issues[1].rule, "xml-text");
    EXPECT_EQ(decoded.root->child_value("gender"), "m?le");
}

TEST(BadBytes, a_fault_of_syntax_before_them_is_still_the_fault) {
    Arena arena;
    const Decoded decoded = read_xml(
        "<Patient xmlns=\"http://hl7.org/fhir\"><a></b>\n<gender value=\"m\xE4le\"/></Patient>",
        arena,
        SymbolTable{},
        reading_on()
    );
    EXPECT_EQ(decoded.root, nullptr);
    ASSERT_FALSE(decoded.issues.empty());
    EXPECT_EQ(decoded.issues.back().severity, Severity::fatal);
    EXPECT_EQ(decoded.issues.back().rule, "xml-syntax");
}

TEST(BadBytes, mending_keeps_every_offset) {
    const MendedText mended = mend_utf8("a\xC3\xA4\xFF\xFE"
                                        "b\xE4"
                                        "c");
    EXPECT_EQ(mended.text, "a\xC3\xA4??b?c");
    EXPECT_EQ(mended.runs, 2U);
}

}  // namespace
}  // namespace gatehouse::fhir
