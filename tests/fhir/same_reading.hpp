#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Are two readings of one text the same to the last detail: findings with their places, and every
// node with its source offsets, types and spelling?

#include <string>

#include "fhir/json/json.hpp"

namespace gatehouse::test {

inline bool same_node(const fhir::Element& a, const fhir::Element& b) {
    return a.name == b.name && a.value == b.value && a.symbol == b.symbol && a.type == b.type &&
           a.child_rule == b.child_rule && a.offset == b.offset && a.end_offset == b.end_offset &&
           a.written == b.written && a.is_resource == b.is_resource && a.in_array == b.in_array &&
           a.has_twin == b.has_twin && a.may_repeat == b.may_repeat && a.lost_part == b.lost_part &&
           a.choice_bytes == b.choice_bytes;
}

// Empty if equal, else where they part.
inline std::string reading_difference(const fhir::Element& a, const fhir::Element& b) {
    if (!same_node(a, b)) {
        return expression_of(a);
    }
    const fhir::Element* left = a.first_child;
    const fhir::Element* right = b.first_child;
    for (; left != nullptr && right != nullptr; left = left->next, right = right->next) {
        if (left->parent != &a || right->parent != &b) {
            return expression_of(*left) + " has another parent";
        }
        if (std::string found = reading_difference(*left, *right); !found.empty()) {
            return found;
        }
    }
    return left == right ? std::string() : expression_of(a) + " has another number of children";
}

inline std::string reading_difference(const fhir::Decoded& a, const fhir::Decoded& b) {
    if (a.issues.size() != b.issues.size()) {
        return std::to_string(a.issues.size()) + " and " + std::to_string(b.issues.size()) +
               " findings";
    }
    for (std::size_t i = 0; i < a.issues.size(); ++i) {
        const fhir::Issue& x = a.issues[i];
        const fhir::Issue& y = b.issues[i];
        if (x.severity != y.severity || x.type != y.type || x.rule != y.rule ||
            x.diagnostics != y.diagnostics || x.expression != y.expression || x.line != y.line ||
            x.column != y.column) {
            return "finding " + std::to_string(i) + ": " + x.rule + " at " + x.expression +
                   ", and " + y.rule + " at " + y.expression;
        }
    }
    if (a.root == nullptr || b.root == nullptr) {
        return a.root == b.root ? std::string() : "a tree on one side only";
    }
    return reading_difference(*a.root, *b.root);
}

}  // namespace gatehouse::test
