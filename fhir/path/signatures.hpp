#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What kinds of value functions and operators take (FHIRPath N1 §5, §6), for strict mode: a use
// that no value of the types found can satisfy is told when the expression is compiled.

#include <cstdint>
#include <string_view>

#include "fhir/path/functions.hpp"

namespace gatehouse::fhir::path {

// Sets of kinds, a bit each.
using KindSet = std::uint16_t;
inline constexpr KindSet kind_boolean = 1;
inline constexpr KindSet kind_integer = 2;
inline constexpr KindSet kind_decimal = 4;
inline constexpr KindSet kind_string = 8;
inline constexpr KindSet kind_date = 16;
inline constexpr KindSet kind_date_time = 32;
inline constexpr KindSet kind_time = 64;
inline constexpr KindSet kind_quantity = 128;
inline constexpr KindSet kind_other = 256;  // complex elements, type information
inline constexpr KindSet kind_any = 511;
inline constexpr KindSet kind_number = kind_integer | kind_decimal;
inline constexpr KindSet kind_moment = kind_date | kind_date_time | kind_time;
// What string functions read: dates and times are text to many published expressions.
inline constexpr KindSet kind_text = kind_string | kind_moment;

KindSet kind_set(ItemKind kind);

struct Signature {
    KindSet input = kind_any;
    KindSet first = kind_any;   // argument 0
    KindSet second = kind_any;  // argument 1
};
Signature signature_of(Function function);

// Whether some value of `left` and some of `right` can be joined by the arithmetic operator.
bool can_join(Op op, KindSet left, KindSet right);

// "a String", "a number": for messages.
std::string_view kind_words(KindSet kinds);

}  // namespace gatehouse::fhir::path
