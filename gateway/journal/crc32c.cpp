// SPDX-License-Identifier: Apache-2.0
#include "gateway/journal/crc32c.hpp"

#include <array>
#include <cstring>

namespace gatehouse::gateway {
namespace crc_detail {

constexpr std::uint32_t polynomial = 0x82F63B78U;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value >> 1U) ^ ((value & 1U) != 0 ? polynomial : 0U);
        }
        table[i] = value;
    }
    return table;
}

constexpr auto table = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t
with_instruction(std::string_view bytes, std::uint32_t seed) noexcept {
    std::uint64_t value = ~seed;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    while (left >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        value = __builtin_ia32_crc32di(value, word);
        at += 8;
        left -= 8;
    }
    auto narrow = static_cast<std::uint32_t>(value);
    while (left > 0) {
        narrow = __builtin_ia32_crc32qi(narrow, static_cast<unsigned char>(*at));
        ++at;
        --left;
    }
    return ~narrow;
}

const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

}  // namespace crc_detail

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
    if (crc_detail::has_instruction) {
        return crc_detail::with_instruction(bytes, seed);
    }
#endif
    return crc32c_portable(bytes, seed);
}

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t seed) noexcept {
    std::uint32_t value = ~seed;
    for (const char c : bytes) {
        value = crc_detail::table[(value ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (value >> 8U);
    }
    return ~value;
}

}  // namespace gatehouse::gateway
