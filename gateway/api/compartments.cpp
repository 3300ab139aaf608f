// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/compartments.hpp"

#include <algorithm>

namespace gatehouse::gateway {
std::string compartment_canonical(std::string_view type) {
    std::string name(type);
    name.front() = static_cast<char>(name.front() - 'A' + 'a');
    return "http://hl7.org/fhir/CompartmentDefinition/" + name;
}

std::optional<Compartment> compartment_of(std::string_view type, const fhir::Engine& engine) {
    if (type.empty() || type.front() < 'A' || type.front() > 'Z') {
        return std::nullopt;
    }
    const fhir::Definition* definition =
        engine.definitions().find("CompartmentDefinition", compartment_canonical(type));
    const fhir::Element* root = definition == nullptr ? nullptr : definition->root();
    if (root == nullptr || root->child_value("code") != type) {
        return std::nullopt;
    }
    Compartment out;
    out.type = type;
    for (const fhir::Element& resource : root->children()) {
        if (resource.name != "resource") {
            continue;
        }
        const std::string_view held = resource.child_value("code");
        bool any = false;
        for (const fhir::Element& param : resource.children()) {
            if (param.name != "param") {
                continue;
            }
            const fhir::SearchParameter* parameter = engine.search()->find(held, param.value);
            if (parameter != nullptr && parameter->type == fhir::SearchType::reference) {
                out.links.push_back({std::string(held), parameter->code});
                any = true;
            }
        }
        if (any) {
            out.types.emplace_back(held);
        }
    }
    return out;
}

SearchClause in_compartment(
    const Compartment& compartment, std::string_view id, const std::vector<std::string>& types
) {
    SearchClause clause;
    clause.field = SearchClause::Field::linked;
    SearchValue value;
    value.type = compartment.type;
    value.value = id;
    clause.any_of.push_back(std::move(value));
    for (const SearchLink& link : compartment.links) {
        if (types.empty() || std::find(types.begin(), types.end(), link.type) != types.end()) {
            clause.links.push_back(link);
        }
    }
    return clause;
}

}  // namespace gatehouse::gateway
