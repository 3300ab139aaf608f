#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// White space as XML, JSON and FHIR have it: space, tab, carriage return and line feed. Others mean
// other characters and have their own: HTTP's optional white space (RFC 9110 §5.6.3) and FHIRPath's
// trim().

#include <string_view>

namespace gatehouse {

inline constexpr std::string_view blanks = " \t\r\n";

constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Without white space at either end.
constexpr std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace gatehouse
