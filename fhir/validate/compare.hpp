#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Comparisons of element content that several mechanisms share.

#include <cstdint>
#include <string_view>

#include "fhir/model/element.hpp"

namespace gatehouse::fhir::judge {

// fixed[x] and pattern[x] (fixed_pattern.cpp); slicing by value and pattern asks the same.
bool equals_fixed(const Element& at, const Element& wanted);
bool matches_pattern(const Element& at, const Element& wanted);

enum class Order : std::uint8_t { less, equal, greater, unknown };
// Decimals by value; instants where both have a time and a zone, other dates and times as far as
// both are written; quantities by value, after conversion where both units are UCUM's.
Order compare_ordered(const Element& a, const Element& b);
// Quantities of UCUM units that no conversion joins ("g" and "m").
bool other_dimension(const Element& a, const Element& b);
Order compare_decimals(std::string_view a, std::string_view b);

}  // namespace gatehouse::fhir::judge
