// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "gateway/cli/options.hpp"
#include "gateway/cli/validate_options.hpp"
#include "gateway/cli/workers.hpp"

namespace gatehouse::cli {
namespace {

struct Parse {
    ValidateArguments arguments;
    Options::Parsed parsed = Options::Parsed::wrong;
    std::string errors;
};

Parse parse(std::vector<std::string> words) {
    Parse result;
    Options options("validate [OPTION]...", "about");
    declare_validate_options(options, result.arguments);
    words.insert(words.begin(), "validate");
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    testing::internal::CaptureStderr();
    result.parsed = options.parse(static_cast<int>(argv.size()), argv.data());
    result.errors = testing::internal::GetCapturedStderr();
    return result;
}

TEST(Options, take_values_in_both_spellings_and_repeat) {
    const Parse result = parse({"--package", "a#1", "--package=b.tgz", "file", "--", "--odd"});

    EXPECT_EQ(result.parsed, Options::Parsed::go);
    EXPECT_EQ(result.arguments.packages, (std::vector<std::string>{"a#1", "b.tgz"}));
    EXPECT_EQ(result.arguments.paths, (std::vector<std::string>{"file", "--odd"}));
}

TEST(Options, take_the_other_validators_spellings) {
    const Parse result = parse(
        {"-ig",
         "a#1",
         "-profile",
         "http://p",
         "-tx",
         "n/a",
         "-version",
         "4.0",
         "-extension",
         "http://x/",
         "-best-practice",
         "warning",
         "-output",
         "out/result.json",
         "-display-issues-are-warnings",
         "f"}
    );

    EXPECT_EQ(result.parsed, Options::Parsed::go) << result.errors;
    EXPECT_EQ(result.arguments.packages, (std::vector<std::string>{"a#1"}));
    EXPECT_EQ(result.arguments.profiles, (std::vector<std::string>{"http://p"}));
    EXPECT_EQ(result.arguments.rules.extension_domains, (std::vector<std::string>{"http://x/"}));
    EXPECT_FALSE(result.arguments.rules.any_extension);
    EXPECT_EQ(result.arguments.rules.best_practice, fhir::BestPractice::warning);
    EXPECT_EQ(result.arguments.rules.display_issues, fhir::Severity::warning);
    EXPECT_EQ(result.arguments.output, Output::json);
    EXPECT_EQ(result.arguments.output_file, "out/result.json");
}

TEST(Options, refuse_in_words) {
    EXPECT_NE(parse({"--nonsense"}).errors.find("unknown option --nonsense"), std::string::npos);
    EXPECT_NE(parse({"--package"}).errors.find("needs a value"), std::string::npos);
    EXPECT_NE(
        parse({"--output", "html"}).errors.find("expected text|json|ndjson"), std::string::npos
    );
    EXPECT_NE(parse({"--jobs", "0"}).errors.find("'0'"), std::string::npos);
    EXPECT_NE(parse({"--no-package=1"}).errors.find("takes no value"), std::string::npos);
    EXPECT_EQ(parse({"--references", "sometimes"}).parsed, Options::Parsed::wrong);
}

TEST(Options, dashes_alone_are_standard_input) {
    EXPECT_EQ(parse({"-"}).arguments.paths, (std::vector<std::string>{"-"}));
}

TEST(Workers, answer_in_input_order_whatever_takes_long) {
    constexpr std::size_t count = 5000;
    std::vector<std::size_t> order;
    std::atomic<std::size_t> worked = 0;

    in_order(
        count,
        4,
        [&](std::size_t index, Arena&) {
            if (index % 977 == 0) {
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
            }
            ++worked;
            return std::to_string(index);
        },
        [&](std::size_t index, const std::string& answer) {
            EXPECT_EQ(answer, std::to_string(index));
            order.push_back(index);
        }
    );

    EXPECT_EQ(worked, count);
    ASSERT_EQ(order.size(), count);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Workers, do_nothing_for_nothing) {
    in_order(
        0,
        4,
        [](std::size_t, Arena&) { return std::string(); },
        [](std::size_t, const std::string&) { FAIL(); }
    );
}

}  // namespace
}  // namespace gatehouse::cli
