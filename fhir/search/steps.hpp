#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Nearly every search parameter is a walk: names, a choice of types, a filter on one member. Such
// an expression becomes Steps, which a loop follows without making collections; what is more than a
// walk stays FHIRPath. The walk also means what the definitions want where FHIRPath is stricter or
// asks for more: `as` over several items keeps those that fit, and `resolve() is Patient` looks at
// the reference's text, because the target need not be here.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/model/types.hpp"

namespace gatehouse::fhir::search_steps {

enum class StepKind : std::uint8_t {
    child,          // name, perhaps one position
    as_type,        // type
    resolves_to,    // name: resource type of the reference's target
    where_equals,   // name = text
    has_extension,  // text: its URL
};

struct Step {
    StepKind kind = StepKind::child;
    std::string name;
    Symbol symbol = unknown_symbol;
    TypeId type = unknown_type;
    std::string text;
    int position = -1;
    bool operator==(const Step&) const = default;
};

using Steps = std::vector<Step>;

// One operand of the expression's union.
struct Operand {
    std::string text;
    std::string type;            // resource type it speaks of: "Patient", "Resource"; empty: any
    std::optional<Steps> steps;  // nothing: only FHIRPath can say it
};

// The union's operands. Never fails: what is not understood has no steps.
std::vector<Operand> read_expression(std::string_view expression, const TypeModel& types);

// Calls `sink(element)` for all that the steps reach from `element`.
template <class Sink>
void walk(
    const Steps& steps, std::size_t at, const Element& element, const TypeModel& types, Sink&& sink
);

// True if a child of `parent` is what FHIRPath calls `symbol` ("value" for "valueQuantity").
inline bool
is_child(const Element& parent, const Element& child, Symbol symbol, const TypeModel& types) {
    if (child.symbol == symbol) {
        return true;
    }
    if (child.choice_bytes == 0 || child.child_rule == 0) {
        return false;
    }
    return types.type(parent.type).children[child.child_rule - 1].symbol == symbol;
}

// Resource type that a Reference element points at by its own words: literal reference, contained
// resource or Reference.type. Empty if it does not say.
std::string_view target_type(const Element& reference);
// Whether an element passes a step that is not a child.
bool meets(const Step& step, const Element& element, const TypeModel& types);
// resolve() is `type`. A reference by identifier alone that names no type may be of any.
bool resolves_to(const Element& reference, std::string_view type);

template <class Sink>
void walk(
    const Steps& steps, std::size_t at, const Element& element, const TypeModel& types, Sink&& sink
) {
    for (; at < steps.size(); ++at) {
        const Step& step = steps[at];
        if (step.kind == StepKind::child) {
            int position = 0;
            for (const Element& child : element.children()) {
                if (!is_child(element, child, step.symbol, types)) {
                    continue;
                }
                if (step.position < 0 || step.position == position) {
                    walk(steps, at + 1, child, types, sink);
                }
                ++position;
            }
            return;
        }
        const bool holds = meets(step, element, types);
        if (!holds) {
            return;
        }
    }
    sink(element);
}

}  // namespace gatehouse::fhir::search_steps
