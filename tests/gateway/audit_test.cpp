// SPDX-License-Identifier: Apache-2.0
#include "gateway/audit/audit.hpp"

#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "gateway/audit/chain.hpp"
#include "gateway/audit/explain.hpp"
#include "gateway/journal/file.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/torn_files.hpp"

namespace gatehouse::gateway {
namespace {

using tests::ScratchFolder;
using tests::TornFiles;

constexpr Micros noon = 1'790'000'000'000'000;  // 2026-09-21

AuditEvent event(const std::string& message) {
    AuditEvent one;
    one.message_id = message;
    one.decision_id = "D" + message;
    one.at = noon;
    one.interaction = "read";
    one.partner = "north-trust";
    one.organisation = "RCB";
    one.method = "GET";
    one.target = "/fhir/R4/Patient/1";
    one.status = 200;
    one.outcome = "0";
    one.disclosed = {"Patient/1/_history/2"};
    return one;
}

boost::asio::awaitable<void> append_one(Audit& audit, AuditEvent one, Result<void>& out) {
    out = co_await audit.append(std::move(one));
}

Result<void> put(Audit& audit, const AuditEvent& one) {
    boost::asio::io_context context;
    Result<void> result = Fault(Errc::internal, "test");
    boost::asio::co_spawn(context, append_one(audit, one, result), boost::asio::detached);
    context.run();
    return result;
}

std::unique_ptr<Audit> open(const AuditOptions& options) {
    auto audit = Audit::open(options);
    EXPECT_TRUE(audit.has_value()) << (audit ? "" : describe(audit.error()));
    return audit ? std::move(*audit) : nullptr;
}

void write_records(const AuditOptions& options, int count) {
    const auto audit = open(options);
    for (int i = 0; i < count; ++i) {
        ASSERT_TRUE(put(*audit, event("M" + std::to_string(i))).has_value());
    }
}

void replace(const std::filesystem::path& file, const std::string& what, const std::string& by) {
    std::string bytes = *read_whole(file);
    const std::size_t at = bytes.find(what);
    ASSERT_NE(at, std::string::npos);
    bytes.replace(at, what.size(), by);
    std::ofstream(file, std::ios::binary) << bytes;
}

TEST(Audit, keeps_a_sound_chain_across_openings) {
    const ScratchFolder folder;
    AuditOptions options;
    options.folder = folder.path();
    write_records(options, 3);
    write_records(options, 2);

    const auto verdict = verify_chain(folder.path());

    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->records, 6U);  // and the one that opens the file
    EXPECT_EQ(verdict->last_seq, 6U);
}

TEST(Audit, can_be_verified_while_it_is_written) {
    const ScratchFolder folder;
    AuditOptions options;
    options.folder = folder.path();
    const auto audit = open(options);
    ASSERT_TRUE(put(*audit, event("M")).has_value());

    const auto verdict = verify_chain(folder.path());

    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->torn_bytes, 0U);
}

TEST(Audit, starts_a_file_every_day_and_at_its_size) {
    const ScratchFolder folder;
    FakeClock clock(noon);
    AuditOptions options;
    options.folder = folder.path();
    options.clock = &clock;
    options.file_bytes = 1500;
    {
        const auto audit = open(options);
        for (int i = 0; i < 6; ++i) {
            ASSERT_TRUE(put(*audit, event("M")).has_value());
        }
        clock.advance(24LL * 3600 * 1'000'000);
        ASSERT_TRUE(put(*audit, event("next day")).has_value());
    }
    const auto files = chain_files(folder.path());
    const auto verdict = verify_chain(folder.path());

    ASSERT_TRUE(files.has_value() && verdict.has_value());
    EXPECT_GE(files->size(), 3U);
    EXPECT_TRUE(files->back().filename().string().starts_with("audit-20260922-"));
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->files, files->size());
}

TEST(Audit, verify_names_the_first_record_that_was_changed) {
    const ScratchFolder folder;
    AuditOptions options;
    options.folder = folder.path();
    write_records(options, 5);
    const auto file = chain_files(folder.path())->front();
    replace(file, "\"message\":\"M2\"", "\"message\":\"M9\"");

    const auto verdict = verify_chain(folder.path());

    ASSERT_TRUE(verdict.has_value());
    EXPECT_FALSE(verdict->sound);
    EXPECT_EQ(verdict->problem_seq, 4U);
    EXPECT_TRUE(verdict->problem.starts_with(file.filename().string() + ":4: "))
        << verdict->problem;
}

TEST(Audit, verify_sees_a_change_of_the_very_last_record) {
    const ScratchFolder folder;
    AuditOptions options;
    options.folder = folder.path();
    write_records(options, 3);
    replace(chain_files(folder.path())->front(), "\"message\":\"M2\"", "\"message\":\"M9\"");

    const auto verdict = verify_chain(folder.path());

    ASSERT_TRUE(verdict.has_value());
    EXPECT_FALSE(verdict->sound);
    EXPECT_EQ(verdict->problem_seq, 4U);
}

TEST(Audit, verify_sees_a_record_taken_out_a_file_taken_away_and_a_cut_end) {
    FakeClock clock(noon);
    for (const int way : {0, 1, 2}) {
        const ScratchFolder folder;
        AuditOptions options;
        options.folder = folder.path();
        options.clock = &clock;
        options.file_bytes = 1200;
        write_records(options, 9);
        const auto files = *chain_files(folder.path());
        ASSERT_GE(files.size(), 3U);
        std::string bytes = *read_whole(files.back());
        if (way == 0) {
            std::string middle = *read_whole(files[1]);
            const auto first = middle.find('\n') + 1;
            middle.erase(first, middle.find('\n', first) + 1 - first);
            std::ofstream(files[1], std::ios::binary) << middle;
        } else if (way == 1) {
            std::filesystem::remove(files[1]);
        } else {
            bytes.erase(bytes.rfind('\n', bytes.size() - 2) + 1);
            std::ofstream(files.back(), std::ios::binary) << bytes;
        }

        const auto verdict = verify_chain(folder.path());

        ASSERT_TRUE(verdict.has_value());
        EXPECT_FALSE(verdict->sound) << way;
        EXPECT_NE(verdict->problem_seq, 0U);
        if (way == 2) {
            EXPECT_FALSE(Audit::open(options).has_value());
        }
    }
}

TEST(Audit, cuts_a_torn_tail_and_says_so_in_the_chain) {
    const ScratchFolder folder;
    AuditOptions options;
    options.folder = folder.path();
    write_records(options, 2);
    const auto file = chain_files(folder.path())->front();
    std::ofstream(file, std::ios::app) << "{\"at\":\"2026";

    write_records(options, 1);

    const auto verdict = verify_chain(folder.path());
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->last_seq, 5U);
    EXPECT_NE(
        read_whole(file)->find("\"event\":\"recovered\",\"cut_bytes\":11"), std::string::npos
    );
}

TEST(Audit, opens_on_a_full_disk_although_the_tail_is_torn) {
    const ScratchFolder folder;
    TornFiles files;
    AuditOptions options;
    options.folder = folder.path();
    options.files = &files;
    write_records(options, 2);
    const auto chain = chain_files(folder.path());
    std::ofstream(chain->front(), std::ios::app) << "{\"at\":\"2026";
    files.space_left = 0;
    {
        const auto audit = open(options);
        EXPECT_FALSE(put(*audit, event("full")).has_value());
        files.space_left = -1;
        EXPECT_TRUE(put(*audit, event("space")).has_value());
    }
    const auto verdict = verify_chain(folder.path());
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->last_seq, 4U);
}

TEST(Audit, refuses_while_the_disk_is_full_and_goes_on_after) {
    const ScratchFolder folder;
    TornFiles files;
    AuditOptions options;
    options.folder = folder.path();
    options.files = &files;
    options.zero_ahead_bytes = 1;
    {
        const auto audit = open(options);
        ASSERT_TRUE(put(*audit, event("a")).has_value());
        files.space_left = 100;
        const auto refused = put(*audit, event("b"));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, Errc::no_space);
        files.space_left = -1;
        EXPECT_TRUE(put(*audit, event("c")).has_value());
    }
    const auto verdict = verify_chain(folder.path());
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->records, 3U);
}

TEST(Audit, answers_nothing_after_a_failed_sync) {
    const ScratchFolder folder;
    TornFiles files;
    AuditOptions options;
    options.folder = folder.path();
    options.files = &files;
    const auto audit = open(options);
    files.fail_sync = true;
    EXPECT_FALSE(put(*audit, event("a")).has_value());
    files.fail_sync = false;
    EXPECT_FALSE(put(*audit, event("b")).has_value());
}

TEST(Explain, tells_a_decision_in_words) {
    const ScratchFolder folder;
    AuditOptions options;
    options.folder = folder.path();
    {
        const auto audit = open(options);
        AuditEvent refused = event("M1");
        refused.status = 400;
        refused.rules = R"([{"rule":"G05","layer":"national","mode":"enforce","effect":"deny",)"
                        R"("reason":"the check digit does not fit",)"
                        R"("expression":"Patient.identifier[0].value","line":4,"column":12}])";
        ASSERT_TRUE(put(*audit, refused).has_value());
    }
    const auto words = explain(folder.path(), "DM1");

    ASSERT_TRUE(words.has_value());
    EXPECT_NE(
        words->find("G05 (layer national, mode enforce) refused the message: the check digit does "
                    "not fit [at Patient.identifier[0].value, line 4, column 12]"),
        std::string::npos
    ) << *words;
    EXPECT_EQ(explain(folder.path(), "M1").value_or(""), *words);
    EXPECT_EQ(explain(folder.path(), "unknown").error().code, Errc::not_found);
}

}  // namespace
}  // namespace gatehouse::gateway
