// SPDX-License-Identifier: Apache-2.0
//
// What must hold when the process dies or the disk refuses: whole transactions only, and a journal
// position that never claims more than is there.

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

#include <gmock/gmock.h>

#include "tests/adapters/sqlite_support.hpp"

namespace gatehouse::adapters {
namespace {

// Transaction n writes ten resources and position n.
Result<void> write_batch(Store& store, std::uint64_t n) {
    return store.transact([n](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 10; ++i) {
            GH_TRY(writer.put(patient(std::to_string(n) + "-" + std::to_string(i))));
        }
        return writer.set_applied_position(n);
    });
}

void expect_whole(Store& store) {
    const auto position = store.applied_position();
    ASSERT_TRUE(position);
    EXPECT_EQ(store.stats()->resources, *position * 10);
    EXPECT_EQ(store.stats()->versions, *position * 10);
    for (std::uint64_t n = 1; n <= *position; ++n) {
        ASSERT_TRUE(store.read("Patient", std::to_string(n) + "-9")) << n;
    }
    gateway::SearchQuery query;
    query.type = "Patient";
    query.count_only = true;
    EXPECT_EQ(*store.search(query)->total, *position * 10);
}

TEST(SqliteCrash, killed_in_the_middle_it_keeps_whole_transactions) {
    const Folder folder;
    std::uint64_t acknowledged = 0;
    for (int round = 0; round < 8; ++round) {
        int pipe_ends[2];
        ASSERT_EQ(::pipe(pipe_ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(pipe_ends[0]);
            const auto store = open_store(folder.file());
            const std::uint64_t start = *store->applied_position();
            for (std::uint64_t n = start + 1;; ++n) {
                if (!write_batch(*store, n) || ::write(pipe_ends[1], &n, sizeof n) != sizeof n) {
                    ::_exit(1);
                }
                if (n % 7 == 0) {
                    static_cast<void>(store->checkpoint());
                }
            }
        }
        ::close(pipe_ends[1]);
        // Let it write a while, then kill it wherever it is.
        std::uint64_t n = 0;
        for (int i = 0; i < 5 + round * 3; ++i) {
            ASSERT_EQ(::read(pipe_ends[0], &n, sizeof n), static_cast<ssize_t>(sizeof n));
            acknowledged = n;
        }
        ::usleep(static_cast<useconds_t>(round) * 300);
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        while (::read(pipe_ends[0], &n, sizeof n) == static_cast<ssize_t>(sizeof n)) {
            acknowledged = n;
        }
        ::close(pipe_ends[0]);

        const auto store = open_store(folder.file());
        EXPECT_GE(*store->applied_position(), acknowledged);
        expect_whole(*store);
        ASSERT_TRUE(check_sqlite_file(folder.file()));
    }
}

TEST(SqliteCrash, full_it_says_so_and_keeps_what_it_had) {
    const Folder folder;
    const auto store = open_store(folder.file(), 512ULL * 1024);
    std::uint64_t n = 0;
    Result<void> outcome;

    while (outcome && n < 1000) {
        outcome = write_batch(*store, n + 1);
        n += outcome ? 1 : 0;
    }

    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::no_space);
    EXPECT_GT(n, 0U);
    expect_whole(*store);
    EXPECT_EQ(*store->applied_position(), n);
    EXPECT_EQ(write_batch(*store, n + 1).error().code, Errc::no_space);
    EXPECT_TRUE(store->read("Patient", "1-1"));
}

TEST(SqliteCrash, a_swallowed_disk_error_cannot_be_committed) {
    const Folder folder;
    const auto store = open_store(folder.file(), 512ULL * 1024);

    const auto outcome = store->transact([](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 20000; ++i) {
            static_cast<void>(writer.put(patient(std::to_string(i))));
        }
        return writer.set_applied_position(9);
    });

    EXPECT_EQ(outcome.error().code, Errc::no_space);
    EXPECT_EQ(*store->applied_position(), 0U);
    EXPECT_EQ(store->stats()->versions, 0U);
}

TEST(SqliteCrash, a_refusing_file_system_leaves_whole_transactions) {
    const Folder folder;
    const auto store = open_store(folder.file());
    ASSERT_TRUE(write_batch(*store, 1));
    const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit previous{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &previous), 0);
    rlimit small = previous;
    small.rlim_cur = 600ULL * 1024;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    std::uint64_t n = 1;
    Result<void> outcome;

    while (outcome && n < 5000) {
        outcome = write_batch(*store, n + 1);
        n += outcome ? 1 : 0;
    }
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &previous), 0);
    std::signal(SIGXFSZ, previous_handler);

    ASSERT_FALSE(outcome);
    // A quota or a size limit is not always told apart from a broken disk.
    EXPECT_THAT(outcome.error().code, testing::AnyOf(Errc::no_space, Errc::io));
    expect_whole(*store);
    // The same transaction again, now that there is room.
    EXPECT_TRUE(write_batch(*store, n + 1));
    expect_whole(*store);
}

TEST(SqliteCrash, a_read_only_file_is_refused_with_io) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root may write read-only files";
    }
    const Folder folder;
    open_store(folder.file());
    std::filesystem::permissions(folder.file(), std::filesystem::perms::owner_read);
    std::filesystem::permissions(
        folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec
    );

    const auto store = open_sqlite_store({.file = folder.file()});
    const bool refused = !store || put_one(**store, patient("p")).error().code == Errc::io;

    EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace gatehouse::adapters
