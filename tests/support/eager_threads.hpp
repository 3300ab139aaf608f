#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Helpers whose threads all take part in each run, so that a test of what they do together does not
// pass because they came too late.

#include <thread>
#include <vector>

#include "fhir/base/helpers.hpp"

namespace gatehouse::test {

inline Helpers eager_threads(unsigned count) {
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

}  // namespace gatehouse::test
