// SPDX-License-Identifier: Apache-2.0

#include "fhir/search/parameters.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::fhir {

const char* to_string(SearchType type) noexcept {
    switch (type) {
    case SearchType::number: return "number";
    case SearchType::date: return "date";
    case SearchType::string: return "string";
    case SearchType::token: return "token";
    case SearchType::reference: return "reference";
    case SearchType::composite: return "composite";
    case SearchType::quantity: return "quantity";
    case SearchType::uri: return "uri";
    case SearchType::special: return "special";
    }
    return "special";
}

namespace {

constexpr std::array<std::pair<std::string_view, SearchType>, 9> search_types{{
    {"number", SearchType::number},
    {"date", SearchType::date},
    {"string", SearchType::string},
    {"token", SearchType::token},
    {"reference", SearchType::reference},
    {"composite", SearchType::composite},
    {"quantity", SearchType::quantity},
    {"uri", SearchType::uri},
    {"special", SearchType::special},
}};

}  // namespace

void note(Issues& notes, const SearchParameter& parameter, const std::string& words) {
    Issue& issue = notes.emplace_back();
    issue.severity = Severity::warning;
    issue.type = IssueType::not_supported;
    issue.rule = "search-parameter";
    issue.diagnostics = "SearchParameter " + parameter.url + " (" + parameter.code + "): " + words;
}

namespace {

std::vector<std::string> values_of(const Element& element, std::string_view name) {
    std::vector<std::string> values;
    for (const Element& child : element.children()) {
        if (child.name == name) {
            values.emplace_back(child.value);
        }
    }
    return values;
}

// Others have its rows.
bool has_no_rows(const SearchParameter& parameter, std::string_view type) {
    return std::ranges::find(parameter.kept_as, type, &SearchParameter::Kept::type) !=
           parameter.kept_as.end();
}

// The store keeps these itself, for every resource.
bool kept_by_store(std::string_view code) {
    return code == "_id" || code == "_lastUpdated";
}

}  // namespace

SearchParameters::SearchParameters(
    const TypeModel& types, const Definitions& definitions, Issues& notes
)
    : impl_(std::make_unique<Impl>(types, definitions)) {
    Arena arena;
    for (const Definition* definition : definitions.all("SearchParameter")) {
        if (const Element* root = definition->decode(arena)) {
            impl_->read(*root, notes);
        }
        arena.reset();
    }
    BoundSystems systems(definitions);
    const TypeId resource = types.find("Resource");
    std::vector<std::string> every;
    for (TypeId type = 1; type < types.type_count(); ++type) {
        const TypeInfo& info = types.type(type);
        if (info.kind == TypeKind::resource && !info.abstract && types.is_a(type, resource)) {
            every.push_back(info.name);
        }
    }
    for (SearchParameter& parameter : impl_->parameters) {
        const bool any = std::ranges::any_of(parameter.targets, [](const std::string& target) {
            return target == "Resource" || target == "DomainResource";
        });
        if (parameter.type == SearchType::reference && (parameter.targets.empty() || any)) {
            parameter.targets = every;  // a reference to anything
        }
    }
    impl_->link_components(notes);
    for (TypeId type = 1; type < types.type_count(); ++type) {
        const TypeInfo& info = types.type(type);
        if (info.kind == TypeKind::resource && !info.abstract && types.is_a(type, resource)) {
            impl_->plan_type(type, systems, notes);
        }
    }
}

SearchParameters::SearchParameters(std::shared_ptr<const Schema> schema, Issues& notes)
    : SearchParameters(schema->types(), schema->definitions(), notes) {
    impl_->schema = std::move(schema);
}

SearchParameters::~SearchParameters() = default;

void SearchParameters::Impl::read(const Element& definition, Issues& notes) {
    SearchParameter parameter;
    parameter.code = definition.child_value("code");
    parameter.url = definition.child_value("url");
    if (parameter.url.starts_with("http://hl7.org/fhir/SearchParameter/example")) {
        return;  // HL7's package shows examples, and one would stand in for Condition.subject
    }
    parameter.expression = definition.child_value("expression");
    parameter.bases = values_of(definition, "base");
    parameter.targets = values_of(definition, "target");
    if (parameter.code == "patient") {
        // Shared definitions also list Group, which subject may be and a patient may not.
        parameter.targets = {"Patient"};
    }
    const std::string_view type = definition.child_value("type");
    const auto* known =
        std::ranges::find(search_types, type, [](const auto& pair) { return pair.first; });
    if (known == search_types.end() || parameter.code.empty()) {
        note(notes, parameter, "its type or code cannot be used");
        return;
    }
    parameter.type = known->second;
    parameter.searchable = (parameter.type != SearchType::special || parameter.code == "near") &&
                           (!parameter.expression.empty() || kept_by_store(parameter.code));
    read_components(definition, parameter);
    parameter.id = static_cast<std::uint32_t>(parameters.size());
    parameters.push_back(std::move(parameter));
}

void SearchParameters::Impl::plan_type(TypeId type, BoundSystems& systems, Issues& notes) {
    TypePlan& plan = plans[type];
    systems.begin(types.type(type));
    for (const SearchParameter& parameter : parameters) {
        const bool ours = std::ranges::any_of(parameter.bases, [&](const std::string& base) {
            const TypeId id = types.find(base);
            return id != unknown_type && types.is_a(type, id);
        });
        if (ours) {
            plan.by_code[parameter.code] = &parameter;  // a later package wins
        }
    }
    share_rows(type);
    for (const auto& [code, parameter] : plan.by_code) {
        if (!parameter->searchable || kept_by_store(code) ||
            has_no_rows(*parameter, types.type(type).name)) {
            continue;
        }
        if (parameter->type == SearchType::composite) {
            plan_composite(type, *parameter, systems);
            continue;
        }
        for (search_steps::Operand& operand :
             search_steps::read_expression(parameter->expression, types)) {
            const TypeId speaks_of = operand.type.empty() ? type : types.find(operand.type);
            if (speaks_of == unknown_type || !types.is_a(type, speaks_of)) {
                continue;
            }
            if (operand.steps) {
                Walk walk{parameter, std::move(*operand.steps), {}};
                walk.code_system = parameter->type == SearchType::token
                                       ? systems.of(types.type(type), walk.steps)
                                       : "";
                const bool begins = !walk.steps.empty() &&
                                    walk.steps.front().kind == search_steps::StepKind::child &&
                                    walk.steps.front().position < 0;
                (begins ? plan.walks[walk.steps.front().symbol] : plan.whole)
                    .push_back(std::move(walk));
                continue;
            }
            path::Error error;
            path::CompileOptions options;
            options.as_filters = true;
            Formula formula{parameter, path::compile(operand.text, types, error, options)};
            if (!formula.expression) {
                note(
                    notes,
                    *parameter,
                    "its expression does not compile: " + located(error, operand.text)
                );
                continue;
            }
            plan.formulas.push_back(std::move(formula));
        }
    }
}

namespace {

// Changes with what is written for a kind of parameter, whatever its definition says.
constexpr std::uint64_t index_revision = 1;
// The same for quantities. 2: an end that does not belong to the range.
constexpr std::uint64_t quantity_revision = 2;

std::uint64_t digest(std::uint64_t seed, std::string_view text) {
    for (const char c : text) {
        seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return (seed ^ 0xffU) * 0x100000001b3U;
}

}  // namespace

std::vector<IndexUnit> SearchParameters::index_units() const {
    std::map<std::string, std::uint64_t> units;
    for (const auto& [type, plan] : impl_->plans) {
        const std::string prefix = impl_->types.type(type).name + ".";
        for (const auto& [code, parameter] : plan.by_code) {
            if (!parameter->searchable || kept_by_store(code) ||
                parameter->type == SearchType::composite ||
                has_no_rows(*parameter, impl_->types.type(type).name)) {
                continue;
            }
            const std::string name = prefix + code;
            const std::uint64_t own = digest(
                digest(
                    0xcbf29ce484222325U + (parameter->type == SearchType::quantity
                                               ? quantity_revision
                                               : index_revision),
                    to_string(parameter->type)
                ),
                parameter->expression
            );
            units[name] = own;
            if (parameter->type == SearchType::token) {
                units[name + ":text"] = own;
            } else if (parameter->type == SearchType::quantity) {
                units[name + ":base"] = own;
            } else if (name == "List.item") {
                units[name + ":member"] = own;
            }
        }
        for (const Impl::Items& items : plan.items) {
            const std::string& rows = items.parameter->parts[items.part].rows;
            const bool amounts = std::ranges::any_of(
                items.parameter->components,
                [](const SearchComponent& component) {
                    return component.type == SearchType::quantity;
                }
            );
            std::uint64_t own =
                digest(0xcbf29ce484222325U + (amounts ? quantity_revision : index_revision), rows);
            for (const SearchComponent& component : items.parameter->components) {
                own = digest(own, to_string(component.type));
            }
            units[prefix + rows] = own;
        }
    }
    // What contained resources have, in every type's rows.
    units["contained"] = digest(0xcbf29ce484222325U + index_revision, "contained");
    std::vector<IndexUnit> out;
    out.reserve(units.size());
    for (const auto& [name, own] : units) {
        out.push_back({name, own});
    }
    return out;
}

const SearchParameter* SearchParameters::find(std::string_view type, std::string_view code) const {
    const auto plan = impl_->plans.find(impl_->types.find(type));
    if (plan == impl_->plans.end()) {
        return nullptr;
    }
    const auto found = plan->second.by_code.find(code);
    return found == plan->second.by_code.end() ? nullptr : found->second;
}

std::vector<const SearchParameter*> SearchParameters::all(std::string_view type) const {
    std::vector<const SearchParameter*> found;
    const auto plan = impl_->plans.find(impl_->types.find(type));
    if (plan != impl_->plans.end()) {
        for (const auto& [code, parameter] : plan->second.by_code) {
            found.push_back(parameter);
        }
    }
    return found;
}

std::vector<std::string> SearchParameters::types() const {
    std::vector<std::string> names;
    for (const auto& [type, plan] : impl_->plans) {
        names.push_back(impl_->types.type(type).name);
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace gatehouse::fhir
