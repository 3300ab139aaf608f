#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Token buckets per partner (guardrail G16). The state lives here, outside the policy, so that
// decide() stays a pure function and a reload forgets no debt. Thread-safe.

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

class RateLimiter {
public:
    // Takes one token of `partner`'s bucket, which holds at most `burst` (at least 1) and fills by
    // `per_second`. Gives 0 when there was one, else the seconds until there will be. per_second 0:
    // no limit.
    double take(std::string_view partner, double per_second, double burst, Micros now);

private:
    struct Bucket {
        double tokens = 0;
        Micros filled_at = 0;
        bool begun = false;
    };
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::string, Bucket> buckets;
    };
    std::array<Shard, 8> shards_;
};

}  // namespace gatehouse::gateway
