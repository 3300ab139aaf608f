// SPDX-License-Identifier: Apache-2.0
//
// offload() and Pool; run under the address and thread sanitizers, at -O0 and -O1 (STYLE C5).
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "gateway/base/async.hpp"

namespace gatehouse::gateway {
namespace {

struct Work {
    std::string text;
    Result<std::string> operator()() const { return text + "!"; }
};

asio::awaitable<void> ask(Pool& pool, int rounds, std::atomic<int>& good, std::thread::id home) {
    for (int i = 0; i < rounds; ++i) {
        Work work;
        work.text = "a text too long for the small buffer, number " + std::to_string(i);
        const std::string expected = work.text + "!";
        const Result<std::string> answer = co_await offload(pool, std::move(work));
        if (answer && *answer == expected && std::this_thread::get_id() == home) {
            good.fetch_add(1);
        }
    }
}

void no_exception(std::exception_ptr error) {
    EXPECT_EQ(error, nullptr);
}

TEST(Offload, resumes_on_its_own_thread_with_the_answer) {
    Pool pool(2, 1024);
    asio::io_context context(1);
    std::atomic<int> good{0};

    for (int i = 0; i < 16; ++i) {
        asio::co_spawn(context, ask(pool, 50, good, std::this_thread::get_id()), no_exception);
    }
    context.run();

    EXPECT_EQ(good.load(), 16 * 50);
}

TEST(Offload, works_from_many_contexts_at_once) {
    Pool pool(3, 4096);
    std::atomic<int> good{0};
    std::vector<std::thread> threads;

    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&pool, &good] {
            asio::io_context context(1);
            for (int i = 0; i < 8; ++i) {
                asio::co_spawn(
                    context, ask(pool, 30, good, std::this_thread::get_id()), no_exception
                );
            }
            context.run();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }

    EXPECT_EQ(good.load(), 3 * 8 * 30);
}

asio::awaitable<void> expect_busy(Pool& pool, bool& busy) {
    Work work;
    const Result<std::string> answer = co_await offload(pool, std::move(work));
    busy = !answer && answer.error().code == Errc::busy;
}

TEST(Offload, says_busy_when_the_queue_is_full) {
    Pool pool(1, 1);
    std::promise<void> release;
    std::shared_future<void> released = release.get_future().share();
    ASSERT_TRUE(pool.try_post([released] { released.wait(); }));
    while (pool.queued() > 0) {
        std::this_thread::yield();  // until the thread holds it
    }
    ASSERT_TRUE(pool.try_post([] {}));
    asio::io_context context(1);
    bool busy = false;

    asio::co_spawn(context, expect_busy(pool, busy), no_exception);
    context.run();

    EXPECT_TRUE(busy);
    release.set_value();
}

TEST(Pool, join_finishes_what_was_queued_and_takes_no_more) {
    std::atomic<int> done{0};
    Pool pool(2, 10000);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(pool.try_post([&done] { done.fetch_add(1); }));
    }

    pool.join();

    EXPECT_EQ(done.load(), 1000);
    EXPECT_FALSE(pool.try_post([] {}));
}

}  // namespace
}  // namespace gatehouse::gateway
