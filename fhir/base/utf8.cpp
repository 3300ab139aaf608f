// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/utf8.hpp"

#include <cstring>

namespace gatehouse {
namespace {

bool continues(unsigned char byte) noexcept {
    return (byte & 0xC0U) == 0x80U;
}

// Length of the valid sequence at `at`, or 0.
std::size_t sequence_length(const unsigned char* at, std::size_t left) noexcept {
    const unsigned char lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2) {
        return 0;
    }
    if (lead < 0xE0) {
        return left >= 2 && continues(at[1]) ? 2 : 0;
    }
    if (lead < 0xF0) {
        if (left < 3 || !continues(at[1]) || !continues(at[2])) {
            return 0;
        }
        const bool overlong = lead == 0xE0 && at[1] < 0xA0;
        const bool surrogate = lead == 0xED && at[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (lead < 0xF5) {
        if (left < 4 || !continues(at[1]) || !continues(at[2]) || !continues(at[3])) {
            return 0;
        }
        const bool overlong = lead == 0xF0 && at[1] < 0x90;
        const bool too_high = lead == 0xF4 && at[1] >= 0x90;
        return overlong || too_high ? 0 : 4;
    }
    return 0;
}

}  // namespace

std::size_t invalid_utf8_at(std::string_view text) noexcept {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    const std::size_t size = text.size();
    std::size_t at = 0;
    while (at < size) {
        while (at + 16 <= size) {
            std::uint64_t words[2];
            std::memcpy(words, bytes + at, 16);
            if (((words[0] | words[1]) & 0x8080808080808080ULL) != 0) {
                break;
            }
            at += 16;
        }
        while (at < size && bytes[at] < 0x80) {
            ++at;
        }
        while (at < size && bytes[at] >= 0x80) {
            const std::size_t length = sequence_length(bytes + at, size - at);
            if (length == 0) {
                return at;
            }
            at += length;
        }
    }
    return std::string_view::npos;
}

MendedText mend_utf8(std::string_view text) {
    MendedText out{std::string(text), 0};
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t last = std::string_view::npos;  // the byte mended last
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence_length(bytes + at, text.size() - at);
        if (length == 0) {
            out.text[at] = '?';
            out.runs += last == std::string_view::npos || last + 1 != at ? 1U : 0U;
            last = at;
        }
        at += length == 0 ? 1 : length;
    }
    return out;
}

void append_utf8(std::string& out, std::uint32_t code_point) {
    if (code_point < 0x80) {
        out += static_cast<char>(code_point);
    } else if (code_point < 0x800) {
        out += static_cast<char>(0xC0U | (code_point >> 6));
        out += static_cast<char>(0x80U | (code_point & 0x3FU));
    } else if (code_point < 0x10000) {
        out += static_cast<char>(0xE0U | (code_point >> 12));
        out += static_cast<char>(0x80U | ((code_point >> 6) & 0x3FU));
        out += static_cast<char>(0x80U | (code_point & 0x3FU));
    } else {
        out += static_cast<char>(0xF0U | (code_point >> 18));
        out += static_cast<char>(0x80U | ((code_point >> 12) & 0x3FU));
        out += static_cast<char>(0x80U | ((code_point >> 6) & 0x3FU));
        out += static_cast<char>(0x80U | (code_point & 0x3FU));
    }
}

}  // namespace gatehouse
