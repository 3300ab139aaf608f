// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/wildcard.hpp"

namespace gatehouse::fhir {

bool fits_pattern(std::string_view text, std::string_view pattern) noexcept {
    // One pass with one step back: the last '*' takes one character more at each failure.
    std::size_t at = 0;
    std::size_t in_pattern = 0;
    std::size_t star = std::string_view::npos;
    std::size_t taken = 0;
    while (at < text.size()) {
        if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
            star = in_pattern++;
            taken = at;
        } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
            ++in_pattern;
            ++at;
        } else if (star != std::string_view::npos) {
            in_pattern = star + 1;
            at = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

}  // namespace gatehouse::fhir
