// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/supplement.hpp"

#include <algorithm>

#include "fhir/terminology/resource_provider.hpp"

namespace gatehouse::fhir {

void collect_additions(
    const Element& list_parent,
    const std::function<std::optional<ConceptNumber>(std::string_view code)>& find,
    Additions& out
) {
    for (const Element& node : list_parent.children()) {
        if (node.name != "concept") {
            continue;
        }
        if (const auto number = find(node.child_value("code"))) {
            out[*number].push_back(&node);
        }
        collect_additions(node, find, out);
    }
}

void add_designations(const Element& node, std::vector<ConceptDesignation>& out) {
    for (const Element& child : node.children()) {
        if (child.name != "designation" || child.child_value("value").empty()) {
            continue;
        }
        out.push_back(designation_of(child));
    }
}

void add_supplement_names(
    const Element& node, std::string_view display, std::vector<ConceptDesignation>& out
) {
    const std::string_view own = node.child_value("display");
    if (!own.empty() && own != display) {
        ConceptDesignation name;
        name.language = root_resource(node).child_value("language");
        name.value = own;
        out.push_back(name);
    }
    add_designations(node, out);
}

std::string_view property_text(const Element& property) noexcept {
    for (const Element& child : property.children()) {
        if (child.name == "valueCoding") {
            return child.child_value("code");
        }
        if (child.name.starts_with("value")) {
            return child.value;
        }
    }
    return {};
}

ConceptProperty property_of(const Element& property) {
    constexpr std::pair<std::string_view, PropertyType> types[] = {
        {"valueCode", PropertyType::code},
        {"valueCoding", PropertyType::coding},
        {"valueInteger", PropertyType::integer},
        {"valueBoolean", PropertyType::boolean},
        {"valueDateTime", PropertyType::date_time},
        {"valueDecimal", PropertyType::decimal},
    };
    ConceptProperty out;
    out.code = property.child_value("code");
    out.value = property_text(property);
    for (const auto& [name, type] : types) {
        if (property.child(name) != nullptr) {
            out.type = type;
        }
    }
    if (const Element* coding = property.child("valueCoding")) {
        out.description = coding->child_value("display");
    }
    return out;
}

SupplementedProvider::SupplementedProvider(
    const CodeSystemProvider& base, const std::vector<const Element*>& supplements
)
    : base_(base) {
    for (const Element* supplement : supplements) {
        collect_additions(
            *supplement, [this](std::string_view code) { return base_.find(code); }, additions_
        );
    }
}

std::string_view
SupplementedProvider::display(ConceptNumber number, std::string_view language) const {
    const auto found = additions_.find(number);
    if (language.empty() || found == additions_.end()) {
        return base_.display(number, language);
    }
    const auto serves = [&](const ConceptDesignation& name) {
        return !name.language.empty() && language_serves(name.language, language);
    };
    std::vector<ConceptDesignation> names;
    base_.designations(number, names);
    if (std::none_of(names.begin(), names.end(), serves)) {
        names.clear();
        for (const Element* node : found->second) {
            add_supplement_names(*node, {}, names);
        }
        if (const auto name = std::find_if(names.begin(), names.end(), serves);
            name != names.end()) {
            return name->value;
        }
    }
    return base_.display(number, language);
}

void SupplementedProvider::designations(ConceptNumber number, std::vector<ConceptDesignation>& out)
    const {
    base_.designations(number, out);
    if (const auto found = additions_.find(number); found != additions_.end()) {
        const std::string_view display = base_.display(number);
        for (const Element* node : found->second) {
            add_supplement_names(*node, display, out);
        }
    }
}

void SupplementedProvider::properties(ConceptNumber number, std::vector<ConceptProperty>& out)
    const {
    if (const auto found = additions_.find(number); found != additions_.end()) {
        for (const Element* node : found->second) {
            for (const Element& child : node->children()) {
                const std::string_view code =
                    child.name == "property" ? child.child_value("code") : std::string_view{};
                // The hierarchy is the system's own.
                if (!code.empty() && code != "parent" && code != "child" && code != "subsumedBy") {
                    out.push_back(property_of(child));
                }
            }
        }
    }
    base_.properties(number, out);
}

}  // namespace gatehouse::fhir
