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
// Decimals by value, dates and times by text where both have the same precision and zone,
// quantities by value where the units are the same.
Order compare_ordered(const Element& a, const Element& b);
Order compare_decimals(std::string_view a, std::string_view b);

}  // namespace gatehouse::fhir::judge
