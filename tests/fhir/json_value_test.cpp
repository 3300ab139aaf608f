// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"

namespace gatehouse::fhir {
namespace {

TEST(JsonValue, reads_every_kind) {
    Arena arena;

    const auto value = parse_json_value(
        R"({"a":[1,-2.50e3,true,false,null,"x\u00e9\n"],"b":{"c":{}},"d":""})", arena
    );

    ASSERT_TRUE(value);
    const JsonValue* items = value->find("a");
    ASSERT_NE(items, nullptr);
    ASSERT_EQ(items->items.size(), 6U);
    EXPECT_EQ(items->items[1].text, "-2.50e3");
    EXPECT_TRUE(items->items[4].is(JsonValue::Kind::null));
    EXPECT_EQ(items->items[5].text, "x\xC3\xA9\n");
    EXPECT_EQ(value->find("b")->find("c")->members.size(), 0U);
    EXPECT_EQ(value->string("d", "fallback"), "");
    EXPECT_EQ(value->string("missing", "fallback"), "fallback");
}

TEST(JsonValue, refuses_what_the_strict_reader_refuses) {
    Arena arena;
    const std::string deep = std::string(65, '[') + std::string(65, ']');

    for (const std::string_view bad :
         {std::string_view("{\"a\":1,\"a\":2}"),
          std::string_view("[1,]"),
          std::string_view(""),
          std::string_view("\"\\udc00\""),
          std::string_view("\"\\u0000\""),
          std::string_view("\"\xff\""),
          std::string_view("1 2"),
          std::string_view(deep),
          std::string_view("{}\0{}", 5)}) {
        const auto value = parse_json_value(bad, arena);
        EXPECT_FALSE(value) << bad;
        if (!value) {
            EXPECT_EQ(value.error().code, Errc::invalid);
            EXPECT_NE(value.error().detail.find("line 1"), std::string::npos);
        }
    }
}

TEST(JsonWriter, nests_and_separates) {
    JsonWriter writer;

    writer.begin_object().key("a").number(-1).key("b").begin_array();
    writer.string("\"\n").boolean(true).null().begin_object().end_object().end_array();
    writer.key("c").raw("[1.00]").end_object();

    EXPECT_EQ(writer.text(), "{\"a\":-1,\"b\":[\"\\\"\\n\",true,null,{}],\"c\":[1.00]}");
}

TEST(JsonWriter, indents) {
    JsonWriter writer(true);

    writer.begin_object().key("a").begin_array().number(1).end_array().end_object();

    EXPECT_EQ(writer.text(), "{\n  \"a\": [\n    1\n  ]\n}");
}

}  // namespace
}  // namespace gatehouse::fhir
