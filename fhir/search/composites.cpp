// SPDX-License-Identifier: Apache-2.0
//
// Composite parameters (FHIR R4 §3.1.1.4.14): their values must come from one element, so each such
// element of a record is numbered and its components' values are indexed together. A composite
// about the resource itself needs no rows where other parameters have the same values: of one
// resource there is only one.

#include <algorithm>

#include "fhir/search/parameters.hpp"

namespace gatehouse::fhir {

using search_steps::Steps;

namespace {

constexpr std::string_view of_resource = "%resource.";

// Steps that yield values for this kind of parameter; SampledData, which quantities also name, has
// none.
bool yields(const Steps& steps, SearchType kind) {
    return kind != SearchType::quantity || steps.empty() ||
           steps.back().kind != search_steps::StepKind::as_type ||
           steps.back().name != "SampledData";
}

std::vector<Steps> only_yielding(std::vector<Steps> all, SearchType kind) {
    std::erase_if(all, [&](const Steps& steps) { return !yields(steps, kind); });
    return all;
}

bool same_set(const std::vector<Steps>& a, const std::vector<Steps>& b) {
    const auto within = [](const std::vector<Steps>& inner, const std::vector<Steps>& outer) {
        return std::ranges::all_of(inner, [&](const Steps& steps) {
            return std::ranges::find(outer, steps) != outer.end();
        });
    };
    return within(a, b) && within(b, a);
}

Steps joined(const Steps& base, const Steps& more) {
    Steps all = base;
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace

void SearchParameters::Impl::read_components(
    const Element& definition, SearchParameter& parameter
) {
    for (const Element& child : definition.children()) {
        if (child.name == "component") {
            SearchComponent& component = parameter.components.emplace_back();
            component.url = child.child_value("definition");
            component.expression = child.child_value("expression");
        }
    }
}

// Components take type and targets from the parameters that define them.
void SearchParameters::Impl::link_components(Issues& notes) {
    for (SearchParameter& composite : parameters) {
        for (SearchComponent& component : composite.components) {
            const std::string_view url =
                std::string_view(component.url).substr(0, component.url.find('|'));
            const auto found = std::find_if(
                parameters.rbegin(),
                parameters.rend(),
                [&](const SearchParameter& each) { return each.url == url; }
            );
            if (found == parameters.rend() || found->type == SearchType::composite ||
                found->type == SearchType::special) {
                note(notes, composite, "no parameter " + component.url + " defines a component");
                composite.searchable = false;
                continue;
            }
            component.type = found->type;
            component.targets = found->targets;
        }
        composite.searchable = composite.searchable && (composite.type != SearchType::composite ||
                                                        composite.components.size() > 1);
    }
}

// The walks of an expression's operands that speak of this type; those that are no walk are left
// out.
std::vector<Steps>
SearchParameters::Impl::operands_of(TypeId type, std::string_view expression) const {
    std::vector<Steps> all;
    for (search_steps::Operand& operand : search_steps::read_expression(expression, types)) {
        const TypeId speaks_of = operand.type.empty() ? type : types.find(operand.type);
        if (operand.steps && speaks_of != unknown_type && types.is_a(type, speaks_of)) {
            all.push_back(std::move(*operand.steps));
        }
    }
    return all;
}

const SearchParameter* SearchParameters::Impl::same_values(
    TypeId type, SearchType kind, const std::vector<Steps>& wanted
) {
    for (const auto& [code, parameter] : plans[type].by_code) {
        if (parameter->type != kind || !parameter->searchable) {
            continue;
        }
        const auto walks = walks_of(type, parameter->expression);
        if (walks && same_set(only_yielding(*walks, kind), wanted)) {
            return parameter;
        }
    }
    return nullptr;
}

void SearchParameters::Impl::plan_composite(
    TypeId type, const SearchParameter& composite, BoundSystems& systems
) {
    TypePlan& plan = plans[type];
    std::vector<std::string> expressions;
    for (const SearchComponent& component : composite.components) {
        expressions.push_back(component.expression);
    }
    for (search_steps::Operand& operand :
         search_steps::read_expression(composite.expression, types)) {
        const TypeId speaks_of = operand.type.empty() ? type : types.find(operand.type);
        if (!operand.steps || speaks_of == unknown_type || !types.is_a(type, speaks_of)) {
            continue;
        }
        const Steps& base = *operand.steps;
        // R4's DocumentReference "relationship" names its two definitions in the wrong order (its
        // words and expressions have the relation first): each expression takes the definition that
        // also has it.
        const auto fits = [&](std::size_t component, const std::string& expression) {
            const auto definition = std::ranges::find(
                parameters, composite.components[component].url, [](const auto& p) { return p.url; }
            );
            if (definition == parameters.end()) {
                return false;
            }
            const std::vector<Steps> defined = operands_of(type, definition->expression);
            return std::ranges::any_of(operands_of(type, expression), [&](const Steps& steps) {
                return std::ranges::find(defined, joined(base, steps)) != defined.end();
            });
        };
        const std::vector<std::string>& used = expressions;
        if (used.size() == 2 && !fits(0, used[0]) && !fits(1, used[1]) && fits(0, used[1]) &&
            fits(1, used[0])) {
            std::vector<SearchComponent>& components = parameters[composite.id].components;
            std::swap(components[0], components[1]);
            std::swap(components[0].expression, components[1].expression);
        }
        CompositePart part;
        part.type = types.type(type).name;
        Items items;
        items.parameter = &composite;
        items.steps = base;
        for (std::size_t c = 0; c < used.size(); ++c) {
            const SearchType kind = composite.components[c].type;
            std::string_view expression = used[c];
            const bool from_resource = expression.starts_with(of_resource);
            if (from_resource) {
                expression.remove_prefix(of_resource.size());
            }
            std::vector<Steps> walks = only_yielding(operands_of(type, expression), kind);
            if (base.empty() && !from_resource) {
                if (const SearchParameter* own = same_values(type, kind, walks)) {
                    part.own.push_back(own);
                }
            }
            for (Steps& steps : walks) {
                const std::string system =
                    kind != SearchType::token
                        ? std::string()
                        : systems.of(types.type(type), from_resource ? steps : joined(base, steps));
                items.walks.push_back({c, from_resource, std::move(steps), system});
            }
        }
        if (part.own.size() != used.size()) {
            part.own.clear();
            part.rows = operand.text.substr(std::min(operand.text.size(), part.type.size() + 1));
            part.rows += "(";
            for (std::size_t c = 0; c < used.size(); ++c) {
                part.rows.append(c == 0 ? "" : ",").append(used[c]);
            }
            part.rows += ")";
        }
        SearchParameter& owner = parameters[composite.id];
        items.part = owner.parts.size();
        const bool known = std::ranges::any_of(plan.items, [&](const Items& each) {
            return each.parameter->parts[each.part].rows == part.rows;
        });
        if (!part.rows.empty() && !known) {
            plan.items.push_back(std::move(items));
        }
        owner.parts.push_back(std::move(part));
    }
}

void SearchParameters::Impl::extract_items(
    const TypePlan& plan, const Element& resource, search_convert::Converter::Target target
) const {
    std::vector<IndexEntry>& out = *target.out;
    for (const Items& items : plan.items) {
        target.parameter = items.parameter;
        target.part = &items.parameter->parts[items.part];
        target.item = 0;
        const auto& components = items.parameter->components;
        search_steps::walk(items.steps, 0, resource, types, [&](const Element& element) {
            const std::size_t begin = out.size();
            ++target.item;
            for (std::size_t c = 0; c < components.size(); ++c) {
                const std::size_t before = out.size();
                target.type = components[c].type;
                target.component = static_cast<std::uint32_t>(c) + 1;
                for (const ComponentWalk& walk : items.walks) {
                    if (walk.component != c) {
                        continue;
                    }
                    target.code_system = walk.code_system;
                    const Element& start = walk.from_resource ? resource : element;
                    search_steps::walk(walk.steps, 0, start, types, [&](const Element& value) {
                        converter.convert(value, target);
                    });
                }
                if (out.size() == before) {
                    out.resize(begin);  // an element without one of its values cannot match
                    return;
                }
            }
        });
    }
}

}  // namespace gatehouse::fhir
