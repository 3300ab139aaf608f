// SPDX-License-Identifier: Apache-2.0
//
// A Bundle whose entries several threads read is the one that a single reading gives: findings,
// places and every node. Also where the text is damaged, and where it looks like an entry begins
// and none does.
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "tests/fhir/same_reading.hpp"
#include "tests/support/eager_threads.hpp"
#include "tests/support/small_types.hpp"

namespace gatehouse::fhir {
namespace {

struct Outcome {
    std::string difference;
    bool in_pieces = false;
    bool read = false;  // there is a tree
};

// Reads `text` as it is, and in pieces of as little as `piece_bytes`, by one thread and by three.
Outcome compare(std::string_view text, std::size_t piece_bytes, const DecodeLimits& limits = {}) {
    const TypeModel& types = test::small_types();
    Arena alone;
    const Decoded one = read_json(text, alone, types.symbols(), limits, {.types = &types});
    const Helpers same{1, [](const std::function<void()>& task) { task(); }};
    const Helpers others = gatehouse::test::eager_threads(2);
    Outcome out;
    out.read = one.root != nullptr;
    for (const Helpers* helpers : {&same, &others}) {
        Arena arena;
        const Decoded many = read_json(
            text,
            arena,
            types.symbols(),
            limits,
            {.types = &types, .helpers = helpers, .piece_bytes = piece_bytes}
        );
        if (out.difference.empty()) {
            out.difference = test::reading_difference(one, many);
        }
        if (helpers == &same) {
            out.in_pieces = arena.adopted_bytes() != 0;
        }
    }
    return out;
}

std::string entry_of(std::size_t i, std::string_view end) {
    const std::string id = std::to_string(i);
    std::string text = "{" + std::string(end) + R"("fullUrl": "urn:x:)" + id +
                       R"(", "resource": {"resourceType":"Patient","id":"p)" + id +
                       R"(","name":[{"given":["a\n\u00e9",null],"_given":[null,{"id":"g"}],)" +
                       R"("family":"O \"},{ \"fullUrl\" \" Brien ü"}],"gender":"male"}})";
    return text;
}

std::string bundle_of(std::size_t count, std::string_view white, std::string_view type_first) {
    std::string text = "{";
    text += type_first == "first" ? R"("resourceType":"Bundle",)" : "";
    text += R"("type":"collection","entry":[)";
    for (std::size_t i = 0; i < count; ++i) {
        text += i == 0 ? std::string(white) : "," + std::string(white);
        text += entry_of(i, white);
    }
    text += "\n ],\"total\":3";
    text += type_first == "first" ? "" : R"(,"resourceType":"Bundle")";
    return text + "}\n";
}

TEST(JsonPieces, are_one_reading) {
    for (const std::string_view white : {"", " ", "\n    ", "\r\n\t"}) {
        for (const std::string_view order : {"first", "last"}) {
            const std::string text = bundle_of(40, white, order);
            for (const std::size_t bytes : {1U, 100U, 1000U, 3000U}) {
                const Outcome out = compare(text, bytes);
                EXPECT_EQ(out.difference, "") << bytes;
                EXPECT_TRUE(out.read);
                EXPECT_TRUE(out.in_pieces);
            }
        }
    }
}

TEST(JsonPieces, findings_of_form_keep_their_order_and_place) {
    std::string text = bundle_of(60, "\n ", "first");
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{R"("gender":"male")", R"("gender":null)"},
          {R"("id":"p7")", R"("id":[])"},
          {R"("id":"p31")", R"("id":{})"}}) {
        for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
            text.replace(at, from.size(), to);
        }
    }
    const Outcome out = compare(text, 500);
    EXPECT_EQ(out.difference, "");
    EXPECT_TRUE(out.in_pieces);
    // More than a list takes.
    std::string many = R"({"resourceType":"Bundle","entry":[)";
    for (int i = 0; i < 300; ++i) {
        many += i == 0 ? "" : ",";
        many += R"({"fullUrl":"u","link":[],"resource":{"resourceType":"Patient","active":null}})";
    }
    const Outcome cut = compare(many + "]}", 300);
    EXPECT_EQ(cut.difference, "");
    EXPECT_TRUE(cut.in_pieces);
}

TEST(JsonPieces, types_are_those_of_annotate) {
    const TypeModel& types = test::small_types();
    for (const std::string_view order : {"first", "last"}) {
        const std::string text = bundle_of(5, " ", order);
        Arena arena;
        const Decoded typed = read_json(text, arena, types.symbols(), {}, {.types = &types});
        const Decoded plain = read_json(text, arena, types.symbols());
        ASSERT_NE(plain.root, nullptr);
        EXPECT_NE(test::reading_difference(typed, plain), "");
        annotate(*plain.root, types);
        EXPECT_EQ(test::reading_difference(typed, plain), "");
    }
}

TEST(JsonPieces, what_only_looks_like_an_entry_is_none) {
    // Bundles in a Bundle, whose entries follow one another the same way; text that does too.
    std::string inner;
    for (int i = 0; i < 6; ++i) {
        inner += i == 0 ? "" : ",";
        inner += R"({"fullUrl":"urn:i","resource":{"resourceType":"Patient","id":"i"}})";
    }
    for (const int nested : {1, 5, 19}) {
        std::string text = R"({"resourceType":"Bundle","entry":[)";
        for (int i = 0; i < 20; ++i) {
            text += i == 0 ? "" : ",";
            text += i % nested == 0 && i != 0
                        ? R"({"fullUrl":"urn:o","resource":{"resourceType":"Bundle","entry":[)" +
                              inner + "]}}"
                        : R"({"fullUrl":"urn:a","resource":{"resourceType":"Patient","id":"a"}})";
        }
        text += "]}";
        for (const std::size_t bytes : {1U, 60U, 200U, 700U}) {
            EXPECT_EQ(compare(text, bytes).difference, "") << nested << " " << bytes;
        }
    }
}

TEST(JsonPieces, limits_are_those_of_the_message) {
    const std::string text = bundle_of(40, " ", "first");
    for (std::size_t elements : {10U, 100U, 411U, 412U, 413U, 443U, 444U, 445U, 446U, 500U}) {
        DecodeLimits limits;
        limits.elements = elements;
        EXPECT_EQ(compare(text, 300, limits).difference, "") << elements;
    }
    for (std::size_t depth : {1U, 2U, 3U, 5U, 6U, 7U, 8U}) {
        DecodeLimits limits;
        limits.depth = depth;
        EXPECT_EQ(compare(text, 300, limits).difference, "") << depth;
    }
    DecodeLimits strings;
    strings.string_bytes = 4;
    EXPECT_EQ(compare(text, 300, strings).difference, "");
    DecodeLimits members;
    members.members = 3;
    EXPECT_EQ(compare(text, 300, members).difference, "");
}

// Every kind of damage, at every kind of place; the seed makes it the same each time.
TEST(JsonPieces, damaged_text_is_refused_as_one_reading_refuses_it) {
    const std::string whole = bundle_of(30, "\n ", "first");
    static constexpr std::string_view scraps[] = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "null",
        "1",
        "\xFF",
        "\xC3",
        std::string_view("\0", 1),
        "},{",
        "},\n {\n \"fullUrl\"",
        "\\ud800",
        "\\u0000",
        " ",
        "[]",
        "{}",
        "\"entry\":[{}],",
        "_",
    };
    std::mt19937 random(4);  // NOLINT(cert-msc51-cpp): the same damage in every run
    std::size_t read = 0;
    for (int i = 0; i < 1'500; ++i) {
        std::string text = whole;
        for (unsigned k = 0; k < 1 + random() % 3; ++k) {
            const std::size_t at = random() % text.size();
            const std::string_view scrap = scraps[random() % std::size(scraps)];
            text.replace(at, random() % 4, scrap);
        }
        if (random() % 8 == 0) {
            text.resize(random() % text.size());
        }
        DecodeLimits limits;
        limits.read_past_bad_bytes = random() % 2 == 0;
        const Outcome out = compare(text, 1 + random() % 900, limits);
        ASSERT_EQ(out.difference, "") << text;
        read += out.read ? 1U : 0U;
    }
    EXPECT_GT(read, 50U);
}

TEST(JsonPieces, bytes_that_are_not_utf8_are_found_wherever_parts_meet) {
    std::string text = R"({"resourceType":"Patient","name":[{"family":")";
    text.resize(3 * 1024 * 1024, 'a');
    text += R"("}]})";
    for (const std::size_t at : {256U * 1024 - 2, 256U * 1024 - 1, 256U * 1024, 700'000U}) {
        for (const std::string_view scrap :
             {"\xE2\x82\xAC", "\xE2\x82", "\x80", "\xF0\x9F\x98\x80", "\x80\x80\x80\x80\x80"}) {
            std::string damaged = text;
            damaged.replace(at, scrap.size(), scrap);
            EXPECT_EQ(compare(damaged, 1'000).difference, "") << at;
        }
    }
}

}  // namespace
}  // namespace gatehouse::fhir
