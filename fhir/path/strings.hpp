#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Text on code points, and quantity conversion shared by several function files.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/path/decimal.hpp"
#include "fhir/path/path.hpp"

namespace gatehouse::fhir::path {

std::size_t code_point_count(std::string_view text);
// Byte offset of the code point `index`, or text.size() if it has fewer.
std::size_t byte_offset(std::string_view text, std::size_t index);
// Bytes of the code point at `at`.
std::size_t code_point_bytes(std::string_view text, std::size_t at);

// Byte offset of the first `part` at or after `from`, and of the last; npos if there is none.
// Linear in the sizes of both whatever they hold: "aaaa...b" in "aaaa..." is what a hostile
// expression asks.
std::size_t find_text(std::string_view text, std::string_view part, std::size_t from = 0);
std::size_t find_last_text(std::string_view text, std::string_view part);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

// `~` on strings: letter case and kinds of white space do not matter (N1 §6.1.2).
bool equivalent_text(std::string_view a, std::string_view b);

// Value of quantity `a` in the unit of `b`; years and months may be read as calendar or UCUM.
std::optional<Decimal> convert_quantity(const Item& a, const Item& b);

}  // namespace gatehouse::fhir::path
