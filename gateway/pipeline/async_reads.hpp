#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Reads that were asked for with Prefer: respond-async: they run on the pool of reads, and their
// answers wait here until they are fetched, given up, or too old. In memory alone: a read can be
// asked for again. Thread-safe.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/api/api.hpp"
#include "gateway/base/async.hpp"

namespace gatehouse::gateway {

struct AsyncReadLimits {
    std::size_t jobs_max = 256;  // going on or waiting to be fetched
    std::size_t jobs_of_partner_max = 16;
    std::uint64_t bytes_max = 256ULL << 20U;  // of answers that wait
    Micros kept = Micros{600} * 1'000'000;    // after they are ready
};

class AsyncReads {
public:
    using Work = std::function<LateAnswer()>;
    explicit AsyncReads(AsyncReadLimits limits = {}) : limits_(limits) {}
    ~AsyncReads() { wait(); }
    AsyncReads(const AsyncReads&) = delete;
    AsyncReads& operator=(const AsyncReads&) = delete;

    // Errc::busy when there are too many, or the pool is full. `work` must not throw.
    Result<void>
    start(Pool& pool, const std::string& partner, const std::string& id, Micros now, Work work);
    // Not ready while it goes on; nothing when there is none of this partner.
    std::optional<LateAnswer> fetch(const std::string& partner, const std::string& id, Micros now);
    // Its answer is thrown away, now or when it comes.
    bool give_up(const std::string& partner, const std::string& id);
    // Until none goes on.
    void wait();

private:
    struct Job {
        std::string partner;
        bool ready = false;
        Micros ready_at = 0;
        LateAnswer answer;
    };
    void finished(const std::string& id, LateAnswer answer, Micros now);
    void forget_old(Micros now);

    const AsyncReadLimits limits_;
    std::mutex mutex_;
    std::condition_variable idle_;
    std::map<std::string, Job> jobs_;
    std::uint64_t bytes_ = 0;
    std::size_t going_ = 0;
};

}  // namespace gatehouse::gateway
