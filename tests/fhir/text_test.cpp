// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fhir/base/blanks.hpp"
#include "fhir/base/percent.hpp"

namespace gatehouse {
namespace {

TEST(Percent, encodes_all_but_unreserved_characters) {
    EXPECT_EQ(percent_encoded("aZ9-._~"), "aZ9-._~");
    EXPECT_EQ(percent_encoded("a b&c=d|e/é"), "a%20b%26c%3Dd%7Ce%2F%C3%A9");
    EXPECT_EQ(percent_encoded("http://e.org/x,y", "/:,"), "http://e.org/x,y");
}

TEST(Percent, decodes_what_it_encodes) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes.push_back(static_cast<char>(i));
    }
    std::string out;
    EXPECT_TRUE(percent_decoded(percent_encoded(bytes), false, out));
    EXPECT_EQ(out, bytes);
}

TEST(Percent, tells_a_malformed_escape_and_leaves_it_as_it_is) {
    std::string out;
    for (const char* text : {"%", "a%4", "%zz", "%4g", "%%41"}) {
        EXPECT_FALSE(percent_decoded(text, false, out)) << text;
    }
    EXPECT_EQ(out, "%A");
    EXPECT_TRUE(percent_decoded("a+b%2bC", true, out));
    EXPECT_EQ(out, "a b+C");
    EXPECT_TRUE(percent_decoded("a+b", false, out));
    EXPECT_EQ(out, "a+b");
}

TEST(Blanks, go_from_both_ends_and_no_others) {
    EXPECT_EQ(trimmed(" \t\r\na b\n "), "a b");
    EXPECT_EQ(trimmed(" \n"), "");
    EXPECT_EQ(trimmed("\va\f"), "\va\f");
}

}  // namespace
}  // namespace gatehouse
