#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Helpers: other threads that may lend a hand with one piece of work. The library starts none by
// itself; who calls it says where they come from (the gateway's CPU pool, threads of the command
// line). Work is written so that the caller could do all of it alone.

#include <functional>
#include <thread>
#include <vector>

namespace gatehouse {

struct Helpers {
    unsigned count = 0;  // besides the caller's thread
    // Calls `task` on the caller's thread and on up to `count` others at the same time, and returns
    // when every call that began has ended. A busy pool may lend none. `task` does not throw.
    std::function<void(const std::function<void()>& task)> run;
};

// Threads that are started for each run.
inline Helpers helper_threads(unsigned count) {
    return {count, [count](const std::function<void()>& task) {
                std::vector<std::thread> threads;
                threads.reserve(count);
                for (unsigned i = 0; i < count; ++i) {
                    threads.emplace_back(task);
                }
                task();
                for (std::thread& thread : threads) {
                    thread.join();
                }
            }};
}

}  // namespace gatehouse
