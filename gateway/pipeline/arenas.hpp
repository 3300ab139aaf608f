#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Arenas that have served a message serve the next one: their first block is the largest single
// allocation of a small message, and giving it back makes the allocator tidy up behind it.

#include <memory>
#include <mutex>
#include <vector>

#include "fhir/base/arena.hpp"

namespace gatehouse::gateway {

class SpareArenas {
public:
    std::unique_ptr<Arena> take() {
        const std::lock_guard lock(mutex_);
        if (spare_.empty()) {
            return std::make_unique<Arena>();
        }
        auto arena = std::move(spare_.back());
        spare_.pop_back();
        return arena;
    }
    void give_back(std::unique_ptr<Arena> arena) noexcept {
        if (arena->reserved_bytes() == 0) {
            return;  // a read: nothing to keep
        }
        arena->reset();
        if (arena->reserved_bytes() > Arena::first_block_bytes) {
            return;  // of a large message
        }
        const std::lock_guard lock(mutex_);
        if (spare_.size() < spare_max) {
            spare_.push_back(std::move(arena));
        }
    }
    // The process's own, as the allocator is.
    static SpareArenas& instance() {
        static SpareArenas arenas;
        return arenas;
    }

private:
#ifdef __SANITIZE_ADDRESS__
    static constexpr std::size_t spare_max = 0;  // let it see what is used after its message
#else
    static constexpr std::size_t spare_max = 32;  // 2 MiB
#endif

    SpareArenas() { spare_.reserve(spare_max); }
    std::mutex mutex_;
    std::vector<std::unique_ptr<Arena>> spare_;
};

struct GiveBackArena {
    void operator()(Arena* arena) const noexcept {
        SpareArenas::instance().give_back(std::unique_ptr<Arena>(arena));
    }
};
using LeasedArena = std::unique_ptr<Arena, GiveBackArena>;

inline LeasedArena lease_arena() {
    return LeasedArena(SpareArenas::instance().take().release());
}

}  // namespace gatehouse::gateway
