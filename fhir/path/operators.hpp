#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Operators that the evaluator's core calls by name.

#include "fhir/path/decimal.hpp"
#include "fhir/path/evaluator.hpp"

namespace gatehouse::fhir::path {

Truth truth_of_logic(Evaluator& run, const Node& node, const Frame& frame);
Truth truth_of_equality(Evaluator& run, const Node& node, const Frame& frame);

// "valueQuantity" under the step "value": by annotate() where the tree is typed, else by spelling.
bool is_choice_by_spelling(const Evaluator& run, const Element& child, std::string_view step);
inline bool is_choice_of(
    const Evaluator& run, const Element& parent, const Element& child, std::string_view step
) {
    if (parent.type != unknown_type) {
        return child.choice_bytes == step.size() && child.choice_bytes != 0 &&
               child.name.starts_with(step);
    }
    return child.name.size() > step.size() && child.name.starts_with(step) &&
           is_choice_by_spelling(run, child, step);
}

// Functions whose truth is always decided by Evaluator::truth_of_call.
bool function_answers_truth(const Node& node);

// quantity or number arithmetic and moments; emits nothing on overflow.
bool arithmetic(Evaluator& run, const Node& node, const Item& a, const Item& b, Sink sink);

// A Decimal as an item; nothing is emitted when it has grown too large.
bool emit_decimal(Evaluator& run, const Decimal& value, Sink sink);
bool emit_quantity(
    Evaluator& run, const Decimal& value, std::string_view unit, std::int64_t flags, Sink sink
);

}  // namespace gatehouse::fhir::path
