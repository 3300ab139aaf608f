#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// AnswerCache: what a terminology server said, for a time, within a bound of bytes. Who was asked
// for least recently goes first. Thread-safe.

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fhir/base/hash.hpp"
#include "fhir/terminology/remote.hpp"

namespace gatehouse::gateway {

// An answer to a code or membership question, or an operation's own answer.
struct ServerAnswer {
    fhir::RemoteAnswer answer;
    int status = 0;
    std::string body;
};

class AnswerCache {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit AnswerCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    struct Found {
        ServerAnswer answer;
        bool ageing = false;  // past half of its time: worth asking again beside its use
    };
    // nullopt if it is not known, or its time is over.
    std::optional<Found> find(std::string_view key, Time now);
    // Replaces what was known. An answer that takes more than a sixteenth of the bound is not kept.
    void put(std::string key, ServerAnswer answer, Time now, std::chrono::milliseconds life);
    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::size_t entries() const;

private:
    struct Entry {
        std::string key;
        ServerAnswer answer;
        Time half;
        Time end;
        std::uint64_t bytes = 0;
    };
    using Place = std::list<Entry>::iterator;
    void drop(Place place);

    const std::uint64_t bytes_max_;
    mutable std::mutex mutex_;
    std::list<Entry> entries_;  // asked for most recently first
    std::unordered_map<std::string_view, Place, TextHash, TextEqual> places_;
    std::uint64_t bytes_ = 0;
};

}  // namespace gatehouse::gateway
