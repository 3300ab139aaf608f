#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the slow evaluator answers: yes, no, or that the specification leaves it to the server
// (`ap`'s width, for one). Three values, combined as Kleene has it.

#include <cstdint>

namespace gatehouse::search_reference {

enum class Truth : std::uint8_t { no, free, yes };

inline Truth both(Truth a, Truth b) {
    return a < b ? a : b;
}
inline Truth either(Truth a, Truth b) {
    return a < b ? b : a;
}
inline Truth opposite(Truth a) {
    return a == Truth::yes ? Truth::no : a == Truth::no ? Truth::yes : Truth::free;
}
inline Truth truth(bool value) {
    return value ? Truth::yes : Truth::no;
}
inline const char* word(Truth value) {
    return value == Truth::yes ? "yes" : value == Truth::no ? "no" : "left to the server";
}

enum class Prefix : std::uint8_t { eq, ne, gt, lt, ge, le, sa, eb, ap };

}  // namespace gatehouse::search_reference
