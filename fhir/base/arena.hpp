#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Arena: one bump allocator per message. Tree nodes, decoded strings and FHIRPath temporaries live in
// it and die together, so the hot path frees nothing. Only trivially destructible types are allowed.
// Not thread-safe: an arena belongs to one message at a time.

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

class Arena {
public:
    static constexpr std::size_t first_block_bytes = 64 * 1024;

    Arena() = default;
    Arena(Arena&& other) noexcept
        : blocks_(std::move(other.blocks_)),
          next_(std::exchange(other.next_, nullptr)),
          end_(std::exchange(other.end_, nullptr)),
          reserved_(std::exchange(other.reserved_, 0)) {}
    Arena& operator=(Arena&& other) noexcept {
        blocks_ = std::move(other.blocks_);
        next_ = std::exchange(other.next_, nullptr);
        end_ = std::exchange(other.end_, nullptr);
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

    template <class T, class... Args>
    T* create(Args&&... args) {
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
    template <class T>
    std::span<T> array(std::size_t count) {
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

    // Forgets everything but keeps the first block, so a worker's arena is warm for its next message.
    void reset() noexcept;

    // Bytes taken from the system so far.
    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_; }

private:
    void* allocate_slow(std::size_t bytes, std::size_t alignment);

    struct Block {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
    };
    std::vector<Block> blocks_;
    std::byte* next_ = nullptr;
    std::byte* end_ = nullptr;
    std::size_t reserved_ = 0;
};

}  // namespace gatehouse
