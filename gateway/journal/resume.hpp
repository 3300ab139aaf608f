#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Waiting in a coroutine for something that another thread will call back about: a commit thread,
// the applier. The coroutine resumes on its own executor, whatever thread calls.

#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse::gateway {

template <class T> using Callback = std::function<void(T)>;

// Calls `start` with a callback that must be called exactly once, from any thread, also from within
// `start`. `start` lives in this coroutine's frame (STYLE C3); make it in a plain function.
template <class T> boost::asio::awaitable<T> until_called(std::function<void(Callback<T>)> start) {
    auto initiate = [&start](auto handler) {
        using Handler = decltype(handler);
        auto shared = std::make_shared<Handler>(std::move(handler));
        // Tracked: the io_context must not run out of work while another thread has ours.
        auto executor = boost::asio::prefer(
            boost::asio::get_associated_executor(*shared),
            boost::asio::execution::outstanding_work.tracked
        );
        start(Callback<T>([shared, executor](T value) {
            auto answer = std::make_shared<T>(std::move(value));
            boost::asio::post(executor, [shared, answer]() mutable {
                (*shared)(std::move(*answer));
            });
        }));
    };
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(
        initiate, boost::asio::use_awaitable
    );
}

}  // namespace gatehouse::gateway
