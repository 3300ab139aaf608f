#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Are two trees the same resource? Names, values, children and their order; source places, types
// and the way a value was spelled in its format do not count.

#include <string>

#include "fhir/model/element.hpp"

namespace gatehouse::test {

// Empty if equal, else where they part.
inline std::string difference(const fhir::Element& left, const fhir::Element& right) {
    if (left.name != right.name) {
        return expression_of(left) + " is named " + std::string(right.name) + " on the other side";
    }
    if (left.is_resource != right.is_resource || left.has_value() != right.has_value() ||
        left.value != right.value) {
        return expression_of(left) + " has another value";
    }
    const fhir::Element* a = left.first_child;
    const fhir::Element* b = right.first_child;
    for (; a != nullptr && b != nullptr; a = a->next, b = b->next) {
        if (std::string found = difference(*a, *b); !found.empty()) {
            return found;
        }
    }
    if (a != nullptr || b != nullptr) {
        return expression_of(left) + " has " + (a != nullptr ? "more" : "fewer") +
               " children: " + std::string(a != nullptr ? a->name : b->name);
    }
    return {};
}

}  // namespace gatehouse::test
