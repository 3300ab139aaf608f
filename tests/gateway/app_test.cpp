// SPDX-License-Identifier: Apache-2.0
//
// The parts of the composition that have no process of their own; tests/end_to_end starts the rest.
#include <fstream>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "gateway/app/data_folder.hpp"
#include "gateway/app/housekeeping.hpp"
#include "gateway/app/rules.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;

TEST(DataFolder, a_new_folder_gets_a_format_and_opens_again) {
    const tests::ScratchFolder scratch;
    const fs::path dir = scratch.path() / "deep" / "data";

    { ASSERT_TRUE(DataFolder::open(dir)); }

    EXPECT_TRUE(check_data_format(dir));
    EXPECT_TRUE(DataFolder::open(dir));
}

TEST(DataFolder, another_format_is_refused_by_name) {
    const tests::ScratchFolder scratch;
    std::ofstream(scratch.path() / "format") << "gatehouse-data 7\n";

    const auto folder = DataFolder::open(scratch.path());

    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().code, Errc::unsupported);
    EXPECT_NE(folder.error().detail.find("has data format 7"), std::string::npos);
    EXPECT_NE(folder.error().detail.find("writes format 1"), std::string::npos);
}

TEST(DataFolder, data_without_a_format_is_not_taken_for_new) {
    const tests::ScratchFolder scratch;
    fs::create_directories(scratch.path() / "journal");
    EXPECT_EQ(DataFolder::open(scratch.path()).error().code, Errc::corrupt);

    std::ofstream(scratch.path() / "format") << "something else\n";
    EXPECT_EQ(DataFolder::open(scratch.path()).error().code, Errc::corrupt);
    EXPECT_EQ(check_data_format(scratch.path() / "nowhere").error().code, Errc::not_found);
}

TEST(DataFolder, one_process_at_a_time) {
    const tests::ScratchFolder scratch;
    auto held = DataFolder::open(scratch.path());
    ASSERT_TRUE(held);

    const auto second = DataFolder::open(scratch.path());

    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::busy);
    EXPECT_NE(second.error().detail.find(std::to_string(::getpid())), std::string::npos);
    { const DataFolder gone = std::move(*held); }
    EXPECT_TRUE(DataFolder::open(scratch.path()));
}

TEST(Watermark, the_smaller_of_bytes_and_share_applies) {
    Config::Data limits;
    limits.warn_free_bytes = 2000;
    limits.warn_free_percent = 10;
    limits.refuse_free_bytes = 500;
    limits.refuse_free_percent = 3;
    const auto at = [&](std::uint64_t free, std::uint64_t total, Watermark before = Watermark::fine
                    ) {
        return watermark(limits, DiskSpace{free, total}, before);
    };

    EXPECT_EQ(at(2000, 1'000'000), Watermark::fine);
    EXPECT_EQ(at(1999, 1'000'000), Watermark::warned);
    EXPECT_EQ(at(500, 1'000'000), Watermark::warned);
    EXPECT_EQ(at(499, 1'000'000), Watermark::refused);
    // A disk of 1,000 bytes is not refused for being small.
    EXPECT_EQ(at(100, 1000), Watermark::fine);
    EXPECT_EQ(at(99, 1000), Watermark::warned);
    EXPECT_EQ(at(29, 1000), Watermark::refused);
    // It takes a tenth more to get better.
    EXPECT_EQ(at(549, 1'000'000, Watermark::refused), Watermark::refused);
    EXPECT_EQ(at(550, 1'000'000, Watermark::refused), Watermark::warned);
    EXPECT_EQ(at(2199, 1'000'000, Watermark::warned), Watermark::warned);
    EXPECT_EQ(at(2200, 1'000'000, Watermark::warned), Watermark::fine);
}

TEST(Rules, the_shipped_ones_have_no_problem_and_production_refuses_the_samples) {
    ConfigSource source;
    source.home = GATEHOUSE_SOURCE_DIR;
    source.environment = false;
    auto config = load_config(source);
    ASSERT_TRUE(config);
    Problems problems;
    check_settings(*config, problems);
    check_rules(*config, problems);
    EXPECT_EQ(problems.text(), "");

    config->profile = RunProfile::production;
    check_settings(*config, problems);
    check_rules(*config, problems);

    EXPECT_NE(problems.text().find("production refuses plain HTTP"), std::string::npos);
    for (const char* sample : {"aa-development", "gp-practice", "acute-trust", "county-council"}) {
        EXPECT_NE(problems.text().find(sample), std::string::npos) << sample;
    }
}

}  // namespace
}  // namespace gatehouse::gateway
