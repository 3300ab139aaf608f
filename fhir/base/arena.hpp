#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Arena: one bump allocator per message. Tree nodes, decoded strings and FHIRPath temporaries live
// in it and die together, so the hot path frees nothing. Only trivially destructible types are
// allowed. Not thread-safe: an arena belongs to one message at a time.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gatehouse {

// Asks for the cache line at `at`, which will soon be written. It need not be valid.
inline void prefetch_for_write(const void* at) noexcept {
#if defined(__x86_64__)
    // What the builtin below gives for the oldest processors brings the line to be read, and a
    // line that another core wrote before has to be asked for once more to be written.
    __asm__ volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
    __builtin_prefetch(at, 1);
#endif
}

class Arena {
public:
    static constexpr std::size_t first_block_bytes = 64 * 1024;

    Arena() = default;
    Arena(Arena&& other) noexcept
        : blocks_(std::move(other.blocks_)), adopted_(std::move(other.adopted_)),
          next_(std::exchange(other.next_, nullptr)), end_(std::exchange(other.end_, nullptr)),
          current_(std::exchange(other.current_, 0)), reserved_(std::exchange(other.reserved_, 0)) {
    }
    Arena& operator=(Arena&& other) noexcept {
        blocks_ = std::move(other.blocks_);
        adopted_ = std::move(other.adopted_);
        next_ = std::exchange(other.next_, nullptr);
        end_ = std::exchange(other.end_, nullptr);
        current_ = std::exchange(other.current_, 0);
        reserved_ = std::exchange(other.reserved_, 0);
        return *this;
    }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // Uninitialised memory, aligned, valid until reset() or destruction.
    void* allocate(std::size_t bytes, std::size_t alignment) {
        auto address = (reinterpret_cast<std::uintptr_t>(next_) + alignment - 1) & ~(alignment - 1);
        if (next_ == nullptr || address + bytes > reinterpret_cast<std::uintptr_t>(end_)) {
            return allocate_slow(bytes, alignment);
        }
        next_ = reinterpret_cast<std::byte*>(address + bytes);
        return reinterpret_cast<void*>(address);
    }

    template <class T, class... Args> T* create(Args&&... args) {
        static_assert(std::is_trivially_destructible_v<T>);
        return ::new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
    }

    // A copy of `text` that lives as long as the arena.
    std::string_view copy(std::string_view text) {
        if (text.empty()) {
            return {};
        }
        auto* bytes = static_cast<char*>(allocate(text.size(), 1));
        std::memcpy(bytes, text.data(), text.size());
        return {bytes, text.size()};
    }

    // Default-initialised array.
    template <class T> std::span<T> array(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        if (count == 0) {
            return {};
        }
        auto* items = static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
        for (std::size_t i = 0; i < count; ++i) {
            ::new (items + i) T{};
        }
        return {items, count};
    }

    // Forgets everything but keeps the first block, so a worker's arena is warm for its next
    // message.
    void reset() noexcept;

    // Takes over all that another arena holds: it lives until reset() or destruction, whatever is
    // rewound. For parts of a message that another thread built.
    void adopt(Arena&& other);

    // A place in the arena to come back to: rewind() forgets what was allocated since mark(), and
    // keeps the blocks for what comes next. Marks nest; a mark dies with a rewind to an earlier
    // one.
    struct Mark {
        std::size_t block = 0;
        std::byte* next = nullptr;
    };
    [[nodiscard]] Mark mark() const noexcept { return {current_, next_}; }
    void rewind(Mark mark) noexcept {
        if (mark.next == nullptr) {
            rewind_to_start();
            return;
        }
        if (mark.block != current_) {
            current_ = mark.block;
            end_ = blocks_[current_].bytes.get() + blocks_[current_].size;
        }
        next_ = mark.next;
    }

    // Bytes taken from the system so far.
    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_; }
    // Of these, what adopt() took over.
    [[nodiscard]] std::size_t adopted_bytes() const noexcept;

private:
    void* allocate_slow(std::size_t bytes, std::size_t alignment);
    void rewind_to_start() noexcept;

    struct Block {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
    };
    std::vector<Block> blocks_;
    std::vector<Block> adopted_;  // full
    std::byte* next_ = nullptr;
    std::byte* end_ = nullptr;
    std::size_t current_ = 0;  // block that next_ is in; those behind it are free for use
    std::size_t reserved_ = 0;
};

// Gives back, at the end of a block of code, what it allocated: for temporaries of a step.
class ArenaScope {
public:
    explicit ArenaScope(Arena& arena) noexcept : arena_(arena), mark_(arena.mark()) {}
    ArenaScope(const ArenaScope&) = delete;
    ArenaScope& operator=(const ArenaScope&) = delete;
    ~ArenaScope() { arena_.rewind(mark_); }

private:
    Arena& arena_;
    Arena::Mark mark_;
};

}  // namespace gatehouse
