#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Messages between their first look and their settled state, by the keys that make a repeat a
// repeat: the partner with its X-Request-ID, and with the identifier of a message Bundle. What is
// settled is in the store's receipts; together the two decide what a delivery is. Thread-safe.

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

class InFlight {
public:
    enum class Claim { mine, same, different };

    // Makes `key` belong to the message, unless another one has it: `same` content (the digest) or
    // not.
    Claim claim(const std::string& key, const std::string& digest, const std::string& message_id);
    // Every key of the message is free again.
    void release(const std::string& message_id);

    // The message is accepted: shown by pending() until released.
    void accepted(const Receipt& receipt);
    // By message id, or by the partner's own request id.
    std::optional<Receipt> pending(const std::string& partner, const std::string& id) const;

    static std::string request_key(const std::string& partner, const std::string& request_id) {
        return "r\n" + partner + "\n" + request_id;
    }
    static std::string bundle_key(const std::string& partner, const std::string& identifier) {
        return "b\n" + partner + "\n" + identifier;
    }

private:
    struct Holder {
        std::string digest;
        std::string message_id;
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Holder> by_key_;
    std::unordered_map<std::string, std::vector<std::string>> keys_;  // by message
    std::unordered_map<std::string, Receipt> accepted_;               // by message
};

}  // namespace gatehouse::gateway
