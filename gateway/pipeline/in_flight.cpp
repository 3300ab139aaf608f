// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/in_flight.hpp"

namespace gatehouse::gateway {

InFlight::Claim
InFlight::claim(const std::string& key, const std::string& digest, const std::string& message_id) {
    const std::lock_guard lock(mutex_);
    const auto [holder, fresh] = by_key_.try_emplace(key, Holder{digest, message_id});
    if (fresh) {
        keys_[message_id].push_back(key);
        return Claim::mine;
    }
    if (holder->second.message_id == message_id) {
        return Claim::mine;
    }
    return holder->second.digest == digest ? Claim::same : Claim::different;
}

void InFlight::release(const std::string& message_id) {
    const std::lock_guard lock(mutex_);
    if (const auto keys = keys_.find(message_id); keys != keys_.end()) {
        for (const auto& key : keys->second) {
            by_key_.erase(key);
        }
        keys_.erase(keys);
    }
    accepted_.erase(message_id);
}

void InFlight::accepted(const Receipt& receipt) {
    const std::lock_guard lock(mutex_);
    accepted_.insert_or_assign(receipt.message_id, receipt);
}

std::optional<Receipt> InFlight::pending(const std::string& partner, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    if (const auto found = accepted_.find(id); found != accepted_.end()) {
        return found->second;
    }
    const auto holder = by_key_.find(request_key(partner, id));
    if (holder != by_key_.end()) {
        if (const auto found = accepted_.find(holder->second.message_id);
            found != accepted_.end()) {
            return found->second;
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::gateway
