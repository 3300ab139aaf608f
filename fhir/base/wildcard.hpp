#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Patterns with '*', for configuration that names canonicals, rules and paths.

#include <string_view>

namespace gatehouse::fhir {

// Whether `pattern` covers all of `text`; '*' stands for any run of characters, also none. Linear
// in memory, at worst text times pattern in steps.
bool fits_pattern(std::string_view text, std::string_view pattern) noexcept;

}  // namespace gatehouse::fhir
