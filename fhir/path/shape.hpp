#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Shapes: most invariants only ask which parts an element has ("value.empty() or
// component.empty()", "start <= end"). Such an expression, or the part of it that is so, is
// compiled a second time into a few nodes that look at the tree and build nothing. A shape decides
// or defers: where an operand is not of the plain kind that it knows, the general evaluator
// answers. What it decides is what the general evaluator would (tests/fhir/path/shape_test.cpp
// compares them).

#include <cstdint>

#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {

// Adds the shape of a node to program.shape and gives its index; no_shape where nothing of the node
// has a shape.
std::uint32_t compile_shape(Expression::Program& program, NodeId node);

// What a shape says of `focus`. Truth::failed means "deferred". `steps` grows by the elements
// looked at, and stops the look (by deferring) at `steps_max`.
Truth shape_truth(
    const Expression::Program& program,
    std::uint32_t shape,
    const Element& focus,
    const TypeModel& types,
    std::uint64_t& steps,
    std::uint64_t steps_max
);

}  // namespace gatehouse::fhir::path
