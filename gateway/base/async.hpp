#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Crossing between the connection's executor and the pools. Stages that burn CPU or block on a disk run
// on a bounded Pool by `co_await offload(pool, function)`; the coroutine resumes on its own executor.
// When a pool's queue is full the answer is Errc::busy at once: never an unbounded wait.
//
// g++ 12: no braces and no capturing lambda inside a statement with co_await (STYLE C1). Make the
// callable a named local first, then `co_await offload(pool, std::move(work))`.

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/associated_executor.hpp>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway {

namespace asio = boost::asio;

class Pool {
public:
    Pool(std::size_t threads, std::size_t queue_max) : threads_(threads), queue_max_(queue_max) {}

    // False when the queue is full. `work` must not throw.
    template <class Work>
    bool try_post(Work&& work) {
        if (queued_.fetch_add(1, std::memory_order_relaxed) >= queue_max_) {
            queued_.fetch_sub(1, std::memory_order_relaxed);
            return false;
        }
        asio::post(threads_, [this, work = std::forward<Work>(work)]() mutable {
            work();
            queued_.fetch_sub(1, std::memory_order_relaxed);
        });
        return true;
    }
    // Lets queued work finish; no more may be posted.
    void join() { threads_.join(); }
    [[nodiscard]] std::size_t queued() const noexcept { return queued_.load(std::memory_order_relaxed); }

private:
    asio::thread_pool threads_;
    std::size_t queue_max_;
    std::atomic<std::size_t> queued_{0};
};

// Runs `work` (returning Result<T>) on the pool and resumes the caller on its own executor.
template <class Work>
asio::awaitable<decltype(std::declval<Work&>()())> offload(Pool& pool, Work work) {
    using Answer = decltype(work());
    auto initiate = [&pool, &work](auto handler) {
        using Handler = decltype(handler);
        auto shared = std::make_shared<Handler>(std::move(handler));
        auto executor = asio::get_associated_executor(*shared);
        const bool posted = pool.try_post([shared, executor, &work]() mutable {
            auto answer = std::make_shared<Answer>(work());
            asio::post(executor, [shared, answer]() mutable { (*shared)(std::move(*answer)); });
        });
        if (!posted) {
            asio::post(executor, [shared]() mutable {
                (*shared)(Answer(Fault(Errc::busy, "pool queue is full")));
            });
        }
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(
        initiate, asio::use_awaitable
    );
}

}  // namespace gatehouse::gateway
