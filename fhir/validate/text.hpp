#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Small questions about URLs and texts that several mechanisms ask.

#include <algorithm>
#include <string_view>

#include "fhir/base/blanks.hpp"

namespace gatehouse::fhir::judge {

inline std::string_view without_version(std::string_view canonical) noexcept {
    return canonical.substr(0, canonical.find('|'));
}

// "scheme:..." with no '/' before the colon.
inline bool has_scheme(std::string_view uri) noexcept {
    const std::size_t colon = uri.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == uri.size()) {
        return false;
    }
    // Lower case only: FHIR compares URIs as they are written, and no known one has a capital here.
    for (const char c : uri.substr(0, colon)) {
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

inline bool has_space(std::string_view text) noexcept {
    return std::ranges::any_of(text, is_space);
}

// A URI with a scheme and no white space.
inline bool is_absolute(std::string_view uri) noexcept {
    return has_scheme(uri) && !has_space(uri);
}

inline bool has_part(std::string_view text, std::string_view part) noexcept {
    return text.find(part) != std::string_view::npos;
}

// Domains set aside for examples: what is below them need not exist.
inline bool is_example_url(std::string_view url) noexcept {
    return has_part(url, "example.org") || has_part(url, "acme.com") || has_part(url, "nema.org");
}

}  // namespace gatehouse::fhir::judge
