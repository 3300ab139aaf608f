// SPDX-License-Identifier: Apache-2.0
//
// The process ends at each named point of a commit; what was acknowledged must be there afterwards.

#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include <gtest/gtest.h>

#include "gateway/journal/journal.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/torn_files.hpp"

namespace gatehouse::gateway {
namespace {

using tests::ScratchFolder;
using tests::TornFiles;

// Tells the parent of every acknowledgement through a pipe, as a sender would know it.
class Acknowledger final : public JournalWaiter {
public:
    explicit Acknowledger(int fd) : fd_(fd) {}
    void durable(std::uint64_t position, Micros /*accepted_at*/) noexcept override {
        const auto byte = static_cast<char>(position);
        if (::write(fd_, &byte, 1) != 1) {
            ::_exit(7);
        }
        done.set_value();
    }
    void failed(const Fault& /*fault*/) noexcept override { done.set_value(); }
    std::promise<void> done;

private:
    int fd_;
};

[[noreturn]] void write_until_killed(JournalOptions options, TornFiles& files, int fd) {
    options.files = &files;
    auto journal = Journal::open(options);
    if (!journal) {
        ::_exit(6);
    }
    for (int i = 0; i < 40; ++i) {
        JournalRecord record;
        record.message_id = "m" + std::to_string(i);
        record.body = std::string(300, 'b');
        auto waiter = std::make_shared<Acknowledger>(fd);
        if (!(*journal)->submit(encode_record(record), waiter)) {
            ::_exit(5);
        }
        waiter->done.get_future().wait();
    }
    ::_exit(4);  // the point was never reached
}

struct Point {
    const char* name;
    int TornFiles::*when;
};

class CrashPoint : public testing::TestWithParam<Point> {};

TEST_P(CrashPoint, loses_nothing_acknowledged_and_keeps_nothing_half) {
    for (const int nth : {3, 6, 9, 14, 21}) {
        const ScratchFolder folder;
        JournalOptions options;
        options.folder = folder.path();
        options.segment_bytes = 2048;
        options.zero_ahead_bytes = 700;
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            TornFiles files;
            files.*GetParam().when = nth;
            write_until_killed(options, files, ends[1]);
        }
        ::close(ends[1]);
        std::uint64_t acknowledged = 0;
        char byte = 0;
        while (::read(ends[0], &byte, 1) == 1) {
            acknowledged = static_cast<std::uint64_t>(byte);
        }
        ::close(ends[0]);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_EQ(WEXITSTATUS(status), 9) << GetParam().name << " " << nth;

        auto journal = Journal::open(options);

        ASSERT_TRUE(journal.has_value()) << describe(journal.error());
        EXPECT_GE((*journal)->last_position(), acknowledged);
        EXPECT_LE((*journal)->last_position(), acknowledged + 1);
        std::uint64_t count = 0;
        const auto read = (*journal)->read(1, [&](const JournalRecord& record) {
            EXPECT_EQ(record.message_id, "m" + std::to_string(count));
            EXPECT_EQ(record.body.size(), 300U);
            ++count;
            return true;
        });
        EXPECT_TRUE(read.has_value());
        EXPECT_EQ(count, (*journal)->last_position());
    }
}

INSTANTIATE_TEST_SUITE_P(
    Journal,
    CrashPoint,
    testing::Values(
        Point{"before_write", &TornFiles::die_before_write},
        Point{"in_write", &TornFiles::die_in_write},
        Point{"after_write", &TornFiles::die_after_write},
        Point{"before_sync", &TornFiles::die_before_sync},
        Point{"after_sync", &TornFiles::die_after_sync}
    ),
    [](const auto& point) { return std::string(point.param.name); }
);

}  // namespace
}  // namespace gatehouse::gateway
