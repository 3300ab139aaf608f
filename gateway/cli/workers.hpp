#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Work on numbered items by several threads, answers in input order. Bounded: a worker that is far
// ahead of the slowest item waits, so memory does not grow with the input.

#include <cstddef>
#include <functional>
#include <string>

#include "fhir/base/arena.hpp"

namespace gatehouse::cli {

// Calls work(index, arena) for 0..count-1 on `jobs` threads and emit(index, answer) in order on the
// calling thread. The arena is a thread's own and is reset before each item. `work` must be
// thread-safe and must not throw.
void in_order(
    std::size_t count,
    unsigned jobs,
    const std::function<std::string(std::size_t, Arena&)>& work,
    const std::function<void(std::size_t, const std::string&)>& emit
);

// A progress bar on stderr, drawn at most ten times a second and only if stderr is a terminal.
class Progress {
public:
    explicit Progress(std::size_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void step(bool finding);
    // Before other output: takes the bar off the line if that output goes to the same terminal. A
    // later step draws it again.
    void make_room();

private:
    void draw();
    void clear();
    std::size_t total_;
    std::size_t done_ = 0;
    std::size_t findings_ = 0;
    long long started_ms_ = 0;
    long long drawn_ms_ = 0;
    bool shown_;
    bool shared_;  // standard output is a terminal too
    bool visible_ = false;
};

// Number of threads by default: the machine's, at most 64.
unsigned default_jobs();

}  // namespace gatehouse::cli
