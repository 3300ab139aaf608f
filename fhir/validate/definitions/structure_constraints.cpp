// SPDX-License-Identifier: Apache-2.0
//
// ElementDefinition.constraint (R4 §5.1.0.5): expressions are FHIRPath, and a key means one
// invariant: the same expression wherever it stands, here and in the base.
#include "fhir/validate/definitions/structure.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

// From the compiled base: its snapshot may have to be made first.
void read_base(const Desk& desk, StructureFrame& frame) {
    frame.base_read = true;
    const Plan* plan = desk.plan(frame.structure.child_value("baseDefinition"));
    if (plan == nullptr) {
        return;
    }
    for (const Invariant& invariant : plan->profile->invariants) {
        if (invariant.expression) {
            frame.base_invariants.emplace(invariant.key, invariant.expression.text());
        }
    }
}

void report_conflict(const Desk& desk, const Element& constraint, std::string_view key) {
    desk.report(rules::constraint_conflict, constraint, [&] {
        return join(
            "The key ",
            key,
            " stands for another expression elsewhere. Give this invariant a key of its own."
        );
    });
}

}  // namespace

void check_constraints(
    const Desk& desk, StructureFrame& frame, const Element& element, bool snapshot
) {
    for (const Element& constraint : children(element, "constraint")) {
        const std::string_view key = constraint.child_value("key");
        const std::string_view expression = constraint.child_value("expression");
        const std::string_view source = constraint.child_value("source");
        if (key.empty() || expression.empty()) {
            continue;
        }
        const bool own = source.empty() || without_version(source) == frame.url;
        if (!snapshot) {
            if (!own) {
                desk.report(rules::constraint_source, constraint, [&] {
                    return join(
                        "An invariant of the differential is the definition's own: its source is ",
                        frame.url,
                        " or left out, not ",
                        source,
                        "."
                    );
                });
                continue;
            }
            if (!frame.base_read) {
                read_base(desk, frame);
            }
            const auto before = frame.base_invariants.find(key);
            if (before != frame.base_invariants.end() && before->second != expression) {
                report_conflict(desk, constraint, key);
                continue;
            }
        }
        const auto [at, fresh] = frame.invariants.emplace(key, expression);
        if (!fresh && at->second != expression && key != "ele-1") {
            report_conflict(desk, constraint, key);
        }
        if (fresh && own && desk.spend(64 + expression.size())) {
            path::Error error;
            if (!path::compile(expression, desk.types(), error)) {
                desk.report(rules::constraint_expression, constraint, [&] {
                    return join(
                        "The expression of ", key, " is not FHIRPath: ", located(error, expression)
                    );
                });
            }
        }
    }
}

}  // namespace gatehouse::fhir::judge::definitions
