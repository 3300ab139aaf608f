#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Helpers: other threads that may lend a hand with one piece of work. The library starts none by
// itself; who calls it says where they come from (the gateway's CPU pool, threads of the command
// line). Work is written so that the caller could do all of it alone.

#include <functional>

namespace gatehouse {

struct Helpers {
    unsigned count = 0;  // besides the caller's thread
    // Calls `task` on the caller's thread and on up to `count` others at the same time, and returns
    // when every call that began has ended. Others that are late or busy may not take part. `task`
    // does not throw.
    std::function<void(const std::function<void()>& task)> run;
};

// `count` threads that wait for work as long as the helpers (and their copies) live. One run at a
// time.
Helpers helper_threads(unsigned count);

}  // namespace gatehouse
