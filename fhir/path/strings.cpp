// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/strings.hpp"

#include <algorithm>
#include <cstring>

#include <unicode/ucasemap.h>

namespace gatehouse::fhir::path {
namespace letters {

bool is_ascii(std::string_view s) {
    return std::all_of(s.begin(), s.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    });
}

char ascii_lower(char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

char ascii_upper(char c) {
    return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
}

using Mapping =
    std::int32_t (*)(const UCaseMap*, char*, std::int32_t, const char*, std::int32_t, UErrorCode*);

// Full Unicode case mapping in the root locale.
std::string map_case(std::string_view s, Mapping mapping) {
    UErrorCode status = U_ZERO_ERROR;
    UCaseMap* map = ucasemap_open("", 0, &status);
    std::string out(s.size() + s.size() / 2 + 8, '\0');
    const auto size = static_cast<std::int32_t>(s.size());
    std::int32_t needed =
        mapping(map, out.data(), static_cast<std::int32_t>(out.size()), s.data(), size, &status);
    if (status == U_BUFFER_OVERFLOW_ERROR) {
        status = U_ZERO_ERROR;
        out.resize(static_cast<std::size_t>(needed));
        needed = mapping(map, out.data(), needed, s.data(), size, &status);
    }
    ucasemap_close(map);
    if (U_FAILURE(status)) {
        return std::string(s);
    }
    out.resize(static_cast<std::size_t>(needed));
    return out;
}

// Lower case, every run of white space a single blank, none at the ends.
std::string folded(std::string_view s) {
    std::string out;
    bool gap = false;
    for (const char c : to_lower(s)) {
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v') {
            gap = true;
            continue;
        }
        if (gap && !out.empty()) {
            out += ' ';
        }
        gap = false;
        out += c;
    }
    return out;
}

}  // namespace letters

std::size_t code_point_bytes(std::string_view s, std::size_t at) {
    std::size_t bytes = 1;
    while (at + bytes < s.size() && (static_cast<unsigned char>(s[at + bytes]) & 0xC0) == 0x80) {
        ++bytes;
    }
    return bytes;
}

std::size_t code_point_count(std::string_view s) {
    return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::size_t byte_offset(std::string_view s, std::size_t index) {
    std::size_t at = 0;
    while (at < s.size() && index > 0) {
        at += code_point_bytes(s, at);
        --index;
    }
    return at;
}

std::size_t find_text(std::string_view s, std::string_view part, std::size_t from) {
    if (from > s.size()) {
        return std::string_view::npos;
    }
    if (part.empty()) {
        return from;
    }
    // Two-way search; string_view's own compares the whole part at every place it might start.
    const void* found = memmem(s.data() + from, s.size() - from, part.data(), part.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - s.data());
}

std::size_t find_last_text(std::string_view s, std::string_view part) {
    constexpr std::size_t small = 64;  // nothing to run away with
    if (part.size() <= small || part.size() > s.size()) {
        return s.rfind(part);
    }
    const std::string text(s.rbegin(), s.rend());
    const std::string wanted(part.rbegin(), part.rend());
    const std::size_t at = find_text(text, wanted);
    return at == std::string_view::npos ? at : s.size() - part.size() - at;
}

std::string to_upper(std::string_view s) {
    if (!letters::is_ascii(s)) {
        return letters::map_case(s, ucasemap_utf8ToUpper);
    }
    std::string out(s);
    std::transform(out.begin(), out.end(), out.begin(), letters::ascii_upper);
    return out;
}

std::string to_lower(std::string_view s) {
    if (!letters::is_ascii(s)) {
        return letters::map_case(s, ucasemap_utf8ToLower);
    }
    std::string out(s);
    std::transform(out.begin(), out.end(), out.begin(), letters::ascii_lower);
    return out;
}

bool equivalent_text(std::string_view a, std::string_view b) {
    return a == b || letters::folded(a) == letters::folded(b);
}

}  // namespace gatehouse::fhir::path
