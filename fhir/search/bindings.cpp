// SPDX-License-Identifier: Apache-2.0

#include "fhir/search/bindings.hpp"

namespace gatehouse::fhir {

void BoundSystems::begin(const TypeInfo& type) {
    paths_.clear();
    const Definition* definition = definitions_.structure(type.url);
    Arena arena;
    const Element* root = definition != nullptr ? definition->decode(arena) : nullptr;
    const Element* snapshot = root != nullptr ? root->child("snapshot") : nullptr;
    if (snapshot == nullptr) {
        return;
    }
    for (const Element& element : snapshot->children()) {
        const Element* binding = element.name == "element" ? element.child("binding") : nullptr;
        if (binding == nullptr || binding->child_value("strength") != "required") {
            continue;
        }
        std::string system = system_of(binding->child_value("valueSet"));
        if (!system.empty()) {
            paths_.emplace(element.child_value("path"), std::move(system));
        }
    }
}

std::string BoundSystems::of(const TypeInfo& type, const search_steps::Steps& steps) const {
    std::string path = type.name;
    for (const search_steps::Step& step : steps) {
        if (step.kind == search_steps::StepKind::child) {
            path.append(".").append(step.name);
        }
    }
    const auto found = paths_.find(path);
    return found == paths_.end() ? std::string() : found->second;
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
