// SPDX-License-Identifier: Apache-2.0
#include "gateway/terminology/breaker.hpp"

namespace gatehouse::gateway {

bool Breaker::allow(Time now) {
    const std::lock_guard lock(mutex_);
    if (failures_ < failures_max_) {
        return true;
    }
    if (now < until_) {
        return false;
    }
    until_ = now + pause_;  // this one goes out; the others wait for it
    return true;
}

bool Breaker::open(Time now) const {
    const std::lock_guard lock(mutex_);
    return failures_ >= failures_max_ && now < until_;
}

void Breaker::succeeded() {
    const std::lock_guard lock(mutex_);
    failures_ = 0;
}

void Breaker::failed(Time now) {
    const std::lock_guard lock(mutex_);
    if (failures_ < failures_max_) {
        ++failures_;
    }
    if (failures_ >= failures_max_) {
        until_ = now + pause_;
    }
}

}  // namespace gatehouse::gateway
