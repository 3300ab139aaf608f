// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/rate.hpp"

#include <algorithm>
#include <functional>

namespace gatehouse::gateway {

double RateLimiter::take(std::string_view partner, double per_second, double burst, Micros now) {
    if (per_second <= 0) {
        return 0;
    }
    const double most = std::max(1.0, burst);
    Shard& shard = shards_[std::hash<std::string_view>{}(partner) % shards_.size()];
    const std::lock_guard lock(shard.mutex);
    Bucket& bucket = shard.buckets[std::string(partner)];
    if (!bucket.begun) {
        bucket = {most, now, true};
    }
    // A clock that steps back gives nothing and takes nothing.
    const double passed = static_cast<double>(std::max<Micros>(0, now - bucket.filled_at)) / 1e6;
    bucket.tokens = std::min(most, bucket.tokens + passed * per_second);
    bucket.filled_at = std::max(bucket.filled_at, now);
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return 0;
    }
    return (1 - bucket.tokens) / per_second;
}

}  // namespace gatehouse::gateway
