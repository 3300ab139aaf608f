#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Small questions about URLs and texts that several mechanisms ask.

#include <string_view>

namespace gatehouse::fhir::judge {

inline bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

inline std::string_view without_version(std::string_view canonical) noexcept {
    return canonical.substr(0, canonical.find('|'));
}

// "scheme:..." with no '/' before the colon.
inline bool has_scheme(std::string_view uri) noexcept {
    const std::size_t colon = uri.find(':');
    return colon != std::string_view::npos && colon > 0 && uri.find('/') > colon;
}

inline bool has_part(std::string_view text, std::string_view part) noexcept {
    return text.find(part) != std::string_view::npos;
}

}  // namespace gatehouse::fhir::judge
