#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Quantities in UCUM's base units, so that 5.4 mg and 0.0054 g are one value in an index and in a
// search (FHIR R4 §3.1.1.4.13).

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::fhir {

inline constexpr std::string_view ucum_system = "http://unitsofmeasure.org";

// What a number of a search stands for, in base units: the value itself and its range by its
// significant digits.
struct BaseQuantity {
    std::string unit;  // "g", "g/m/s2"
    double value = 0;
    double low = 0;
    double high = 0;
};

// Nothing if `code` is no UCUM unit or `number` no number.
std::optional<BaseQuantity> to_base_units(std::string_view number, std::string_view code);
// The range is a tenth of the value either way instead (prefix `ap`).
std::optional<BaseQuantity> about_base_units(std::string_view number, std::string_view code);

}  // namespace gatehouse::fhir
