// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/helpers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace gatehouse {
namespace {

TEST(HelperThreads, share_each_run_and_are_gone_from_it_when_it_ends) {
    const Helpers helpers = helper_threads(3);
    EXPECT_EQ(helpers.count, 3U);
    for (int run = 0; run < 200; ++run) {
        std::vector<int> parts(50);  // no longer there when a run has ended
        std::atomic<std::size_t> next{0};
        helpers.run([&] {
            for (std::size_t part = next++; part < parts.size(); part = next++) {
                ++parts[part];
            }
        });
        EXPECT_TRUE(std::ranges::all_of(parts, [](int times) { return times == 1; }));
    }
}

TEST(HelperThreads, take_part) {
    const Helpers helpers = helper_threads(2);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    std::atomic<unsigned> inside{0};
    // The caller's call ends only when both others are inside as well.
    helpers.run([&] {
        ++inside;
        {
            const std::lock_guard lock(mutex);
            seen.insert(std::this_thread::get_id());
        }
        while (inside < 3) {
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(seen.size(), 3U);
    EXPECT_TRUE(seen.contains(std::this_thread::get_id()));
}

TEST(HelperThreads, none_leave_the_work_to_the_caller) {
    const Helpers helpers = helper_threads(0);
    int calls = 0;
    helpers.run([&] { ++calls; });
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace gatehouse
