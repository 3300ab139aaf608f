#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Breaker: stops asking a server that does not answer. After some failures in a row it is open: no
// question goes out for a pause; then one does, and its outcome decides. Thread-safe.

#include <chrono>
#include <cstdint>
#include <mutex>

namespace gatehouse::gateway {

class Breaker {
public:
    using Time = std::chrono::steady_clock::time_point;

    Breaker(std::uint32_t failures_max, std::chrono::milliseconds pause)
        : failures_max_(failures_max), pause_(pause) {}

    // Whether a question may go out. After the pause the first caller gets yes, the others wait for
    // what becomes of it (for a pause at most).
    bool allow(Time now);
    // Whether questions wait for a pause to end; allows nothing.
    [[nodiscard]] bool open(Time now) const;
    // What became of a question that was allowed.
    void succeeded();
    void failed(Time now);

private:
    const std::uint32_t failures_max_;
    const std::chrono::milliseconds pause_;
    mutable std::mutex mutex_;
    std::uint32_t failures_ = 0;  // in a row
    Time until_{};                // no question before
};

}  // namespace gatehouse::gateway
