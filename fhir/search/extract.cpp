// SPDX-License-Identifier: Apache-2.0
//
// A record -> its index entries: one pass over the record's members, each handed to the walks that
// begin with it; then what only FHIRPath can say.

#include "fhir/search/parameters.hpp"

namespace gatehouse::fhir {

void SearchParameters::extract(
    const Element& resource, Arena& arena, std::vector<IndexEntry>& out, std::string_view own_base
) const {
    const auto found = impl_->plans.find(impl_->types.find(resource.resource_type()));
    if (found == impl_->plans.end()) {
        return;
    }
    const Impl::TypePlan& plan = found->second;
    const TypeModel& types = impl_->types;
    search_convert::Converter::Target target;
    target.own_base = own_base;
    target.out = &out;
    const auto follow = [&](const Impl::Walk& walk, std::size_t from, const Element& start) {
        target.parameter = walk.parameter;
        target.type = walk.parameter->type;
        target.code_system = walk.code_system;
        search_steps::walk(walk.steps, from, start, types, [&](const Element& element) {
            impl_->converter.convert(element, target);
        });
    };
    const auto begin_at = [&](Symbol symbol, const Element& child) {
        const auto walks = plan.walks.find(symbol);
        if (symbol == unknown_symbol || walks == plan.walks.end()) {
            return;
        }
        for (const Impl::Walk& walk : walks->second) {
            follow(walk, 1, child);
        }
    };
    for (const Element& child : resource.children()) {
        begin_at(child.symbol, child);
        if (child.choice_bytes != 0 && child.child_rule != 0) {
            begin_at(types.type(resource.type).children[child.child_rule - 1].symbol, child);
        }
    }
    for (const Impl::Walk& walk : plan.whole) {
        follow(walk, 0, resource);
    }
    impl_->extract_items(plan, resource, target);
    path::Environment environment;
    environment.types = &types;
    target.code_system = {};
    for (const Impl::Formula& formula : plan.formulas) {
        target.parameter = formula.parameter;
        target.type = formula.parameter->type;
        const path::Outcome outcome =
            path::evaluate(formula.expression, &resource, environment, arena);
        // A record on which an expression fails is kept; it cannot be found by that parameter.
        for (const path::Item& item : outcome.items) {
            if (item.kind == path::ItemKind::element) {
                impl_->converter.convert(*item.element, target);
            } else {
                search_convert::Converter::convert_text(path::to_text(item), target);
            }
        }
    }
}

}  // namespace gatehouse::fhir
