#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Crossing between the connection's executor and the pools. Stages that burn CPU or block on a disk
// run on a bounded Pool by `co_await offload(pool, function)`; the coroutine resumes on its own
// executor. When a pool's queue is full the answer is Errc::busy at once: never an unbounded wait.
//
// g++ 12: no braces and no capturing lambda inside a statement with co_await (STYLE C1). Make the
// callable a named local first, then `co_await offload(pool, std::move(work))`.

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway {

namespace asio = boost::asio;

// A fixed number of threads behind one bounded queue. join() or the destructor lets queued work
// finish.
class Pool {
public:
    Pool(std::size_t threads, std::size_t queue_max);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // A place in the queue, to be used by post_reserved(); false when it is full or the pool was
    // joined.
    bool try_reserve() noexcept;
    // `work` must not throw; it is moved, not copied.
    template <class Work> void post_reserved(Work&& work) {
        using Task = TaskOf<std::decay_t<Work>>;
        post_task(std::make_unique<Task>(std::forward<Work>(work)));
    }
    // Both; `work` is untouched when it says false.
    template <class Work> bool try_post(Work&& work) {
        if (!try_reserve()) {
            return false;
        }
        post_reserved(std::forward<Work>(work));
        return true;
    }
    // Lets queued work finish; no more may be posted. Safe to call twice.
    void join();
    // Waiting, not yet taken by a thread.
    [[nodiscard]] std::size_t queued() const noexcept;

private:
    struct TaskBase {
        virtual ~TaskBase() = default;
        virtual void run() = 0;
        std::unique_ptr<TaskBase> next;
    };
    template <class Work> struct TaskOf final : TaskBase {
        explicit TaskOf(Work work) : work_(std::move(work)) {}
        void run() override { work_(); }
        Work work_;
    };
    void post_task(std::unique_ptr<TaskBase> task);

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Runs `work` (returning Result<T>) on the pool and resumes the caller on its own executor. `work`
// lives in this coroutine's frame, which stays suspended until the answer is back.
template <class Work>
asio::awaitable<decltype(std::declval<Work&>()())> offload(Pool& pool, Work work) {
    using Answer = decltype(work());
    if (!pool.try_reserve()) {
        co_return Answer(Fault(Errc::busy, "pool", "its queue is full"));
    }
    Answer answer;
    auto initiate = [&pool, &work, &answer](auto handler) {
        // Tracked: the io_context must not run out of work while the pool has ours.
        auto executor = asio::prefer(
            asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked
        );
        pool.post_reserved([handler = std::move(handler), executor, &work, &answer]() mutable {
            answer = work();
            asio::post(executor, [handler = std::move(handler)]() mutable {
                std::move(handler)();
            });
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        initiate, asio::use_awaitable
    );
    co_return answer;
}

}  // namespace gatehouse::gateway
