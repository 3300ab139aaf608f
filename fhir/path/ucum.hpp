#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// UCUM (Unified Code for Units of Measure, case-sensitive codes): unit expressions reduced to base
// units with exact factors, for comparing and combining quantities. The atoms are in
// ucum_atoms.cpp.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/path/decimal.hpp"

namespace gatehouse::fhir::path {

// A unit as factor x product of base dimensions. The factor is a fraction, so conversions stay
// exact.
struct Unit {
    struct Dimension {
        std::uint16_t atom =
            0;  // 0..6 the base units; above: an arbitrary unit that only equals itself
        std::int16_t exponent = 0;
    };
    static constexpr std::size_t dimensions_max = 12;

    Decimal numerator{1};
    Decimal denominator{1};
    // Zero point of a temperature scale in the base unit (Cel, [degF]); only for a unit on its own.
    Decimal offset{0};
    std::array<Dimension, dimensions_max> dimensions{};
    std::size_t dimension_count = 0;

    [[nodiscard]] bool same_dimensions(const Unit& other) const noexcept;
    [[nodiscard]] bool is_dimensionless() const noexcept { return dimension_count == 0; }
    // Code of the base-unit product, in UCUM's grammar: "m2", "g/m", "1".
    [[nodiscard]] std::string base_code() const;
};

// Parses a unit expression ("mg/dL", "10*3/uL", "m[H2O]"); empty if it is not UCUM.
std::optional<Unit> parse_unit(std::string_view code);

std::optional<Unit> multiply(const Unit& a, const Unit& b);
std::optional<Unit> divide(const Unit& a, const Unit& b);

// Code of a product (sign 1) or quotient (-1) in the units' own atoms: "cm" by "cm2" is "cm3",
// "mg/mL" by "mL" is "mg". Empty where they mix atoms of one dimension (cm by m), or have brackets,
// numbers, annotations or a zero point: such a product is told in base units.
std::string joined_code(std::string_view a, std::string_view b, int sign);

// value in `from` expressed in `to`; empty if the dimensions differ.
std::optional<Decimal> convert(const Decimal& value, const Unit& from, const Unit& to);

// -1, 0, 1 by exact cross-multiplication; empty if the dimensions differ.
std::optional<int>
compare(const Decimal& a, const Unit& unit_a, const Decimal& b, const Unit& unit_b);

// One row of the unit table.
struct UnitAtom {
    std::string_view code;
    bool metric;             // takes prefixes
    std::string_view value;  // digits of the factor
    std::string_view unit;   // expression it is defined by; empty: a dimension of its own
};
// nullptr if unknown.
const UnitAtom* find_unit_atom(std::string_view code);
// Index in the table, for naming arbitrary dimensions.
std::uint16_t unit_atom_index(const UnitAtom& atom);
std::string_view unit_atom_code(std::uint16_t index);

}  // namespace gatehouse::fhir::path
