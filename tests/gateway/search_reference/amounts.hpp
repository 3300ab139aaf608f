#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Numbers and quantities for the slow evaluator, in exact fractions: FHIR R4 search §number and
// §quantity, and as much UCUM as the corpus uses.

#include <optional>
#include <string>
#include <string_view>

#include <boost/multiprecision/cpp_int.hpp>

#include "tests/gateway/search_reference/verdict.hpp"

namespace gatehouse::search_reference {

using Fraction = boost::multiprecision::cpp_rational;

// A decimal as written and the range its significant digits stand for: low <= x < high.
struct Searched {
    Fraction value;
    Fraction low;
    Fraction high;
};
std::optional<Searched> read_decimal(std::string_view text);

// What a resource says: a number, or everything between two; an end that is absent is open.
struct Extent {
    std::optional<Fraction> low;
    std::optional<Fraction> high;
    bool low_open = false;  // the end itself does not belong to it ("> 5")
    bool high_open = false;
};

Truth compare_amounts(Prefix prefix, const Searched& searched, const Extent& target);

// Factor to the base unit of its kind and that kind's name; nothing for what the table does not
// know. Celsius is a kind of its own: it is not a multiple of Kelvin.
struct Unit {
    std::string_view kind;
    Fraction factor;
};
std::optional<Unit> ucum_unit(std::string_view code);

}  // namespace gatehouse::search_reference
