// SPDX-License-Identifier: Apache-2.0
//
// Code systems that are a grammar: language tags (BCP 47 / RFC 5646), media types (RFC 2046, 6838),
// unit expressions (UCUM) and URIs (RFC 3986). Their codes are judged by form; whether a subtag or
// a media type is registered is not decided here.

#include <algorithm>
#include <array>

#include "fhir/base/hash.hpp"
#include "fhir/path/ucum.hpp"
#include "fhir/terminology/code_system.hpp"

namespace gatehouse::fhir {
namespace {

bool is_alpha(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
    return is_alpha(c) || is_digit(c);
}

template <class Predicate> bool all_of(std::string_view text, Predicate predicate) {
    return std::all_of(text.begin(), text.end(), predicate);
}

// RFC 6838 restricted-name.
bool is_media_name(std::string_view text) {
    return !text.empty() && text.size() <= 127 && is_alnum(text.front()) &&
           all_of(text, [](char c) {
               return is_alnum(c) ||
                      std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
           });
}

// scheme ":" something, without spaces.
bool is_absolute_uri(std::string_view text) {
    const std::size_t colon = text.find(':');
    return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
           is_alpha(text.front()) &&
           all_of(
               text.substr(0, colon),
               [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; }
           ) &&
           text.find(' ') == std::string_view::npos;
}

}  // namespace

bool is_language_tag(std::string_view text) {
    if (text.size() > 2 && (text.starts_with("x-") || text.starts_with("i-"))) {
        return all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
    }
    std::size_t position = 0;
    bool extended = false;  // after a singleton anything of 2 to 8 (1 to 8 for x) goes
    while (true) {
        const std::size_t dash = text.find('-');
        const std::string_view part = text.substr(0, dash);
        if (part.empty() || part.size() > 8 || !all_of(part, is_alnum)) {
            return false;
        }
        if (position == 0) {
            if (part.size() < 2 || !all_of(part, is_alpha)) {
                return false;
            }
        } else if (part.size() == 1) {
            extended = true;
        } else if (!extended && part.size() == 4 && is_digit(part.front())) {
            // variant such as "1996"
        } else if (!extended && part.size() <= 4 && !all_of(part, is_alpha) && !all_of(part, is_digit)) {
            return false;
        }
        if (dash == std::string_view::npos) {
            return !(part.size() == 1);
        }
        text.remove_prefix(dash + 1);
        ++position;
    }
}

bool is_media_type(std::string_view text) {
    const std::size_t semicolon = text.find(';');
    const std::string_view essence = text.substr(0, semicolon);
    const std::size_t slash = essence.find('/');
    return slash != std::string_view::npos && is_media_name(essence.substr(0, slash)) &&
           is_media_name(essence.substr(slash + 1));
}

// Messages use few units, again and again: a thread remembers what it said of the last ones. Short
// texts only, one place for each hash, so it neither grows nor is worth filling up by a sender.
bool is_ucum_unit(std::string_view text) {
    struct Remembered {
        std::array<char, 22> text{};
        std::uint8_t size = 0;  // 0: nothing
        bool unit = false;
    };
    thread_local std::array<Remembered, 64> remembered;
    if (text.empty() || text.size() > remembered[0].text.size()) {
        return path::parse_unit(text).has_value();
    }
    Remembered& place = remembered[hash_text(text) % remembered.size()];
    if (place.size != text.size() || !same_text(place.text.data(), text.data(), text.size())) {
        place.unit = path::parse_unit(text).has_value();
        place.size = static_cast<std::uint8_t>(text.size());
        std::copy(text.begin(), text.end(), place.text.begin());
    }
    return place.unit;
}

bool has_code_shape(std::string_view system, std::string_view code) noexcept {
    const auto all = [](std::string_view part, bool letters, bool digits) {
        for (const char c : part) {
            const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
            const bool digit = c >= '0' && c <= '9';
            if (!(letter && letters) && !(digit && digits)) {
                return false;
            }
        }
        return true;
    };
    const bool three_digits = code.size() == 3 && all(code, false, true);
    if (system == "urn:iso:std:iso:3166") {
        return three_digits || ((code.size() == 2 || code.size() == 3) && all(code, true, false));
    }
    if (system == "urn:iso:std:iso:3166:-2") {
        return code.size() >= 4 && code.size() <= 6 && code[2] == '-' &&
               all(code.substr(0, 2), true, false) && all(code.substr(3), true, true);
    }
    return system != "http://unstats.un.org/unsd/methods/m49/m49.htm" || three_digits;
}

SyntaxAnswer check_syntax_system(std::string_view system, std::string_view code) {
    SyntaxAnswer answer;
    bool well_formed = false;
    if (system == "urn:ietf:bcp:47") {
        well_formed = is_language_tag(code);
    } else if (system == "urn:ietf:bcp:13") {
        well_formed = is_media_type(code);
    } else if (system == "http://unitsofmeasure.org") {
        well_formed = is_ucum_unit(code);
    } else if (system == "urn:ietf:rfc:3986") {
        well_formed = is_absolute_uri(code);
    } else {
        return answer;
    }
    answer.is_syntax_system = true;
    answer.verdict = well_formed ? Verdict::yes : Verdict::no;
    return answer;
}

}  // namespace gatehouse::fhir
