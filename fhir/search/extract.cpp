// SPDX-License-Identifier: Apache-2.0
//
// A record -> its index entries: one pass over the record's members, each handed to the walks that
// begin with it; then what only FHIRPath can say. The same again for each contained resource.

#include <algorithm>

#include "fhir/search/parameters.hpp"

namespace gatehouse::fhir {

void SearchParameters::extract(
    const Element& resource, Arena& arena, std::vector<IndexEntry>& out, std::string_view own_base
) const {
    search_convert::Converter::Target target;
    target.own_base = own_base;
    target.out = &out;
    impl_->extract_one(resource, arena, target);
    for (const Element& child : resource.children()) {
        if (child.name != "contained" || !child.is_resource) {
            continue;
        }
        if (++target.holder > contained_max) {
            return;
        }
        const SearchParameter* id = find(child.resource_type(), "_id");
        if (id == nullptr) {
            continue;
        }
        IndexEntry& there = out.emplace_back();
        there.parameter = id;
        there.kind = EntryKind::contained;
        there.holder = target.holder;
        there.system = child.resource_type();
        there.value = child.child_value("id");
        impl_->extract_one(child, arena, target);
    }
}

void SearchParameters::Impl::extract_one(
    const Element& resource, Arena& arena, search_convert::Converter::Target target
) const {
    const auto found = plans.find(types.find(resource.resource_type()));
    if (found == plans.end()) {
        return;
    }
    const TypePlan& plan = found->second;
    const auto follow = [&](const Walk& walk, std::size_t from, const Element& start) {
        target.parameter = walk.parameter;
        target.type = walk.parameter->type;
        target.code_system = walk.code_system;
        search_steps::walk(walk.steps, from, start, types, [&](const Element& element) {
            converter.convert(element, target);
        });
    };
    const auto begin_at = [&](Symbol symbol, const Element& child) {
        const auto walks = plan.walks.find(symbol);
        if (symbol == unknown_symbol || walks == plan.walks.end()) {
            return;
        }
        for (const Walk& walk : walks->second) {
            follow(walk, 1, child);
        }
    };
    for (const Element& child : resource.children()) {
        begin_at(child.symbol, child);
        if (child.choice_bytes != 0 && child.child_rule != 0) {
            begin_at(types.type(resource.type).children[child.child_rule - 1].symbol, child);
        }
    }
    for (const Walk& walk : plan.whole) {
        follow(walk, 0, resource);
    }
    extract_items(plan, resource, target);
    extract_members(plan, resource, target);
    path::Environment environment;
    environment.types = &types;
    target.code_system = {};
    for (const Formula& formula : plan.formulas) {
        target.parameter = formula.parameter;
        target.type = formula.parameter->type;
        const path::Outcome outcome =
            path::evaluate(formula.expression, &resource, environment, arena);
        // A record on which an expression fails is kept; it cannot be found by that parameter.
        for (const path::Item& item : outcome.items) {
            if (item.kind == path::ItemKind::element) {
                converter.convert(*item.element, target);
            } else {
                search_convert::Converter::convert_text(path::to_text(item), target);
            }
        }
    }
}

// FHIR R4 List.entry.deleted: such an entry says what is no member of the list any more. For
// `_list`, which asks for members; `item` finds every entry.
void SearchParameters::Impl::extract_members(
    const TypePlan& plan, const Element& resource, search_convert::Converter::Target target
) const {
    const auto item = plan.by_code.find("item");
    if (resource.resource_type() != "List" || item == plan.by_code.end()) {
        return;
    }
    target.parameter = item->second;
    target.type = SearchType::reference;
    std::vector<IndexEntry>& out = *target.out;
    const std::size_t before = out.size();
    for (const Element& entry : resource.children()) {
        const Element* reference = entry.name == "entry" ? entry.child("item") : nullptr;
        if (reference != nullptr && entry.child_value("deleted") != "true") {
            converter.convert(*reference, target);
        }
    }
    out.erase(
        std::remove_if(
            out.begin() + static_cast<std::ptrdiff_t>(before),
            out.end(),
            [](const IndexEntry& entry) { return entry.kind != EntryKind::value; }
        ),
        out.end()
    );
    for (std::size_t i = before; i < out.size(); ++i) {
        out[i].kind = EntryKind::member;
    }
}

}  // namespace gatehouse::fhir
