#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Trails: nearly every search parameter, and most paths that a person writes, is a union of walks
// down the tree: names, a choice of types, a filter. Such an expression is compiled a second time
// into steps that a loop follows; an operand of the union that begins with another type than the
// focus has costs one comparison. What is not a walk stays with the general evaluator, operand by
// operand. A trail gives the items that the general evaluator gives, in its order
// (tests/fhir/path/trail_test.cpp compares them).

#include "fhir/path/evaluator.hpp"

namespace gatehouse::fhir::path {

// Fills program.trails; leaves them empty where no operand is a walk.
void compile_trails(Expression::Program& program);

// Whether the trails of run.program hold for this focus; else the general evaluator decides.
bool has_trails(const Evaluator& run, const Element& focus);

// Appends the expression's items; false on failure. Only where has_trails().
bool follow_trails(Evaluator& run, const Item& focus, Items& out);

}  // namespace gatehouse::fhir::path
