#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A quick hash of short texts (names, codes, URLs), eight bytes at a time. For tables whose keys
// are the definitions' own: it withstands no attacker who may choose the keys.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gatehouse {

inline std::uint64_t hash_text(std::string_view text) noexcept {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15ULL;
    const auto mix = [](std::uint64_t hash, std::uint64_t word) {
        hash = (hash ^ word) * odd;
        return hash ^ (hash >> 32U);
    };
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t hash = left * odd;
    std::uint64_t word = 0;
    if (left >= 8) {
        const char* last = at + left - 8;
        for (; left > 8; left -= 8, at += 8) {
            std::memcpy(&word, at, 8);
            hash = mix(hash, word);
        }
        std::memcpy(&word, last, 8);  // overlaps what was read before
        return mix(hash, word);
    }
    if (left >= 4) {
        std::uint32_t head = 0;
        std::uint32_t tail = 0;
        std::memcpy(&head, at, 4);
        std::memcpy(&tail, at + left - 4, 4);
        word = (static_cast<std::uint64_t>(head) << 32U) | tail;
    } else if (left > 0) {
        word = static_cast<std::uint64_t>(static_cast<unsigned char>(at[0])) |
               (static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8U) |
               (static_cast<std::uint64_t>(static_cast<unsigned char>(at[left - 1])) << 16U);
    }
    return mix(hash, word);
}

// Whether two texts of the same length are equal; short ones without a call.
inline bool same_text(const char* a, const char* b, std::size_t bytes) noexcept {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    if (bytes >= 8) {
        if (bytes > 32) {
            return std::memcmp(a, b, bytes) == 0;
        }
        for (std::size_t at = 0; at + 8 < bytes; at += 8) {
            std::memcpy(&x, a + at, 8);
            std::memcpy(&y, b + at, 8);
            if (x != y) {
                return false;
            }
        }
        std::memcpy(&x, a + bytes - 8, 8);
        std::memcpy(&y, b + bytes - 8, 8);
        return x == y;
    }
    if (bytes >= 4) {
        std::uint32_t head[2];
        std::uint32_t tail[2];
        std::memcpy(&head[0], a, 4);
        std::memcpy(&head[1], b, 4);
        std::memcpy(&tail[0], a + bytes - 4, 4);
        std::memcpy(&tail[1], b + bytes - 4, 4);
        return head[0] == head[1] && tail[0] == tail[1];
    }
    for (std::size_t i = 0; i < bytes; ++i) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

inline bool same_text(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && same_text(a.data(), b.data(), a.size());
}

// For unordered containers; looks up by view.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return static_cast<std::size_t>(hash_text(text));
    }
};
struct TextEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept {
        return same_text(a, b);
    }
};

}  // namespace gatehouse
