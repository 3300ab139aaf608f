// SPDX-License-Identifier: Apache-2.0
#include "gateway/terminology/answer_cache.hpp"

namespace gatehouse::gateway {
namespace {

// List and map nodes, about.
constexpr std::uint64_t entry_bytes = 256;

}  // namespace

std::optional<AnswerCache::Found> AnswerCache::find(std::string_view key, Time now) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) {
        return std::nullopt;
    }
    const Place place = found->second;
    if (now >= place->end) {
        drop(place);
        return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, place);
    return Found{place->answer, now >= place->half};
}

void AnswerCache::put(
    std::string key, ServerAnswer answer, Time now, std::chrono::milliseconds life
) {
    const std::uint64_t size = entry_bytes + key.size() + answer.body.size() +
                               answer.answer.display.size() + answer.answer.reason.size();
    const std::lock_guard lock(mutex_);
    if (const auto old = places_.find(key); old != places_.end()) {
        drop(old->second);
    }
    if (size > bytes_max_ / 16) {
        return;
    }
    while (bytes_ + size > bytes_max_ && !entries_.empty()) {
        drop(std::prev(entries_.end()));
    }
    entries_.push_front({std::move(key), std::move(answer), now + life / 2, now + life, size});
    places_.emplace(entries_.front().key, entries_.begin());
    bytes_ += size;
}

void AnswerCache::drop(Place place) {
    bytes_ -= place->bytes;
    places_.erase(place->key);
    entries_.erase(place);
}

std::uint64_t AnswerCache::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

std::size_t AnswerCache::entries() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace gatehouse::gateway
