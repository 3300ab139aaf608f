// SPDX-License-Identifier: Apache-2.0

#include "fhir/search/bindings.hpp"

namespace gatehouse::fhir {

void BoundSystems::begin(const TypeInfo& type) {
    resource_ = read(type.url);
}

BoundSystems::Places BoundSystems::read(std::string_view url) {
    Places places;
    const Definition* definition = definitions_.structure(url);
    Arena arena;
    const Element* root = definition != nullptr ? definition->decode(arena) : nullptr;
    const Element* snapshot = root != nullptr ? root->child("snapshot") : nullptr;
    if (snapshot == nullptr) {
        return places;
    }
    for (const Element& element : snapshot->children()) {
        if (element.name != "element") {
            continue;
        }
        Place& place = places[std::string(element.child_value("path"))];
        const Element* type = element.child("type");
        if (type != nullptr && type->next_same() == nullptr) {
            place.type = type->child_value("code");
        }
        const Element* binding = element.child("binding");
        if (binding != nullptr && binding->child_value("strength") == "required") {
            place.system = system_of(binding->child_value("valueSet"));
        }
    }
    return places;
}

// Of the resource begun, or of a data type.
const BoundSystems::Place* BoundSystems::find(const std::string& path) {
    if (const auto found = resource_.find(path); found != resource_.end()) {
        return &found->second;
    }
    const std::string type = path.substr(0, path.find('.'));
    auto known = data_types_.find(type);
    if (known == data_types_.end()) {
        known = data_types_.emplace(type, read("http://hl7.org/fhir/StructureDefinition/" + type))
                    .first;
    }
    const auto found = known->second.find(path);
    return found == known->second.end() ? nullptr : &found->second;
}

std::string BoundSystems::of(const TypeInfo& type, const search_steps::Steps& steps) {
    std::string path = type.name;
    const Place* place = nullptr;
    for (const search_steps::Step& step : steps) {
        if (step.kind == search_steps::StepKind::as_type) {
            path = step.name;
            place = nullptr;
            continue;
        }
        if (step.kind != search_steps::StepKind::child) {
            continue;
        }
        // Into a data type, unless its children stand in this definition.
        if (place != nullptr && find(path + "." + step.name) == nullptr) {
            path = place->type;
        }
        path.append(".").append(step.name);
        place = find(path);
    }
    return place == nullptr ? std::string() : place->system;
}

// The one code system that a value set draws from, or empty.
std::string BoundSystems::system_of(std::string_view value_set) {
    if (const auto found = value_sets_.find(value_set); found != value_sets_.end()) {
        return found->second;
    }
    std::string system;
    Arena arena;
    const Definition* definition = definitions_.find("ValueSet", value_set);
    const Element* root = definition != nullptr ? definition->decode(arena) : nullptr;
    const Element* compose = root != nullptr ? root->child("compose") : nullptr;
    bool one = compose != nullptr;
    for (const Element* include = one ? compose->child("include") : nullptr; include != nullptr;
         include = include->next_same()) {
        const std::string_view from = include->child_value("system");
        one = one && !from.empty() && (system.empty() || system == from);
        system = from;
    }
    return value_sets_[std::string(value_set)] = one ? system : std::string();
}

}  // namespace gatehouse::fhir
