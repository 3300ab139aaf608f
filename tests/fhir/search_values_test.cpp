// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include "fhir/search/search.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::int64_t second = 1'000'000;

// Start of a range in seconds since 1970, and its width in seconds.
std::pair<std::int64_t, std::int64_t> range(std::string_view text) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (!date_range(text, low, high)) {
        return {-1, -1};
    }
    return {low / second, (high - low) / second};
}

using Range = std::pair<std::int64_t, std::int64_t>;

TEST(SearchValues, a_date_covers_its_precision) {
    EXPECT_EQ(range("2024"), (Range{1704067200, 366 * 86400}));
    EXPECT_EQ(range("2024-02"), (Range{1706745600, 29 * 86400}));
    EXPECT_EQ(range("2024-02-29"), (Range{1709164800, 86400}));
    EXPECT_EQ(range("2024-02-29T10:30Z"), (Range{1709164800 + 37800, 60}));
    EXPECT_EQ(range("2024-02-29T10:30:05Z"), (Range{1709164800 + 37805, 1}));
    EXPECT_EQ(range("2024-02-29T10:30:05+01:00"), (Range{1709164800 + 34205, 1}));
    std::int64_t low = 0;
    std::int64_t high = 0;
    ASSERT_TRUE(date_range("1970-01-01T00:00:00.25Z", low, high));
    EXPECT_EQ(low, 250'000);
    EXPECT_EQ(high, 260'000);
}

TEST(SearchValues, a_date_without_zone_is_london_time) {
    // Summer: midnight in London is 23:00 UTC the day before.
    EXPECT_EQ(range("2024-07-01"), (Range{1719792000 - 3600, 86400}));
    EXPECT_EQ(range("2024-07-01T12:00:00"), (Range{1719792000 + 11 * 3600, 1}));
    EXPECT_EQ(range("2024-12-01T12:00:00"), (Range{1733011200 + 12 * 3600, 1}));
    // The days of change have 23 and 25 hours: last Sundays of March and October.
    EXPECT_EQ(range("2024-03-31"), (Range{1711843200, 23 * 3600}));
    EXPECT_EQ(range("2024-10-27"), (Range{1729987200 - 3600, 25 * 3600}));
    EXPECT_EQ(range("2024-03"), (Range{1709251200, 31 * 86400 - 3600}));
    // The older rules: 1982 began on 28 March and ended on 24 October, a week before the last
    // Sunday; 1975 began on 16 March.
    EXPECT_EQ(range("1985-06-01").first, 486432000 - 3600);
    EXPECT_EQ(range("1982-03-27"), (Range{386035200, 86400}));
    EXPECT_EQ(range("1982-03-28"), (Range{386121600, 23 * 3600}));
    EXPECT_EQ(range("1982-10-24"), (Range{404265600 - 3600, 25 * 3600}));
    EXPECT_EQ(range("1975-03-16"), (Range{164160000, 23 * 3600}));
}

TEST(SearchValues, what_is_no_date_is_refused) {
    for (const char* text :
         {"",
          "24",
          "0000",
          "2024-13",
          "2024-02-30",
          "2024-1-1",
          "2024-01-01T",
          "2024-01-01T25:00Z",
          "2024-01-01T10Z",
          "2024-01-01T10:00:00.Z",
          "2024-01-01T10:00:00+1",
          "2024-01-01 10:00",
          "2024-01-01T10:00:00Zx",
          "20240101",
          "ge2024"}) {
        EXPECT_EQ(range(text), (Range{-1, -1})) << text;
    }
}

TEST(SearchValues, folding_drops_case_accents_and_punctuation) {
    EXPECT_EQ(fold("O'Brien-Smith"), "obrien smith");
    EXPECT_EQ(fold("  Ma\u00ebl  Le\u202fGoff, Jr. "), "mael le goff jr");
    EXPECT_EQ(fold("STRASSE"), fold("stra\u00dfe"));
    EXPECT_EQ(fold("\u0141\u00f3d\u017a"), "\u0142odz");
    EXPECT_EQ(fold("\uff21\uff22"), "ab");
    EXPECT_EQ(fold("\u0395\u03bb\u03bb\u03ac\u03b4\u03b1"), "\u03b5\u03bb\u03bb\u03b1\u03b4\u03b1");
    EXPECT_EQ(fold(""), "");
    EXPECT_EQ(fold("..."), "");
}

TEST(SearchValues, a_number_stands_for_its_significant_digits) {
    const auto ends = [](std::string_view text) {
        double value = 0;
        double low = 0;
        double high = 0;
        EXPECT_TRUE(number_range(text, value, low, high)) << text;
        return std::pair{low, high};
    };
    EXPECT_EQ(ends("5.4"), (std::pair{5.35, 5.45}));
    EXPECT_EQ(ends("100"), (std::pair{99.5, 100.5}));
    EXPECT_EQ(ends("100.00"), (std::pair{99.995, 100.005}));
    EXPECT_EQ(ends("1e2"), (std::pair{95.0, 105.0}));
    EXPECT_EQ(ends("-1.0"), (std::pair{-1.05, -0.95}));
    EXPECT_EQ(ends("0"), (std::pair{-0.5, 0.5}));
    double ignored = 0;
    for (const char* text : {"", "-", "1.2.3", "e5", "1e", "1e999999999", "0x10", "nan", "1 "}) {
        EXPECT_FALSE(number_range(text, ignored, ignored, ignored)) << text;
    }
}

}  // namespace
}  // namespace gatehouse::fhir
