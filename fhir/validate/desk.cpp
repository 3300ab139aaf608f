// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/desk.hpp"

#include "fhir/validate/answers/answers.hpp"
#include "fhir/validate/definitions/definitions.hpp"
#include "fhir/validate/definitions/structure.hpp"
#include "fhir/validate/measures/measures.hpp"
#include "fhir/validate/text.hpp"

namespace gatehouse::fhir::judge {

const Element* Desk::definition(std::string_view type, std::string_view canonical) const {
    const Definitions& definitions = walker_.schema_.definitions();
    const Definition* found = definitions.find(type, canonical);
    return found == nullptr ? nullptr : found->root();
}

const Element* Desk::contained_resource(const Element& from, std::string_view reference) const {
    if (!reference.starts_with('#') || reference.size() < 2) {
        return nullptr;
    }
    const std::string_view id = reference.substr(1);
    for (const Element* resource = &enclosing_resource(from); resource != nullptr;
         resource = resource->parent == nullptr ? nullptr
                                                : &enclosing_resource(*resource->parent)) {
        for (const Element& contained : children(*resource, "contained")) {
            if (contained.child_value("id") == id) {
                return &contained;
            }
        }
    }
    return nullptr;
}

path::Truth Desk::truth(std::string_view expression, const Element& resource) const {
    path::Error error;
    const path::Expression compiled = path::compile(expression, walker_.types_, error);
    if (!compiled || !spend(64)) {
        return path::Truth::failed;
    }
    path::Environment environment;
    environment.types = &walker_.types_;
    environment.resource = &resource;
    environment.root_resource = &root_resource(resource);
    environment.now = walker_.options_.now;
    environment.step_budget = 100'000;
    return path::evaluate_truth(compiled, &resource, environment, walker_.arena_, error);
}

const Element* extension_value(const Element& at, std::string_view url) noexcept {
    for (const Element& extension : children(at, "extension")) {
        if (extension.child_value("url") == url) {
            return choice_child(extension, "value");
        }
    }
    return nullptr;
}

const Element* choice_child(const Element& at, std::string_view stem) noexcept {
    for (const Element& child : at.children()) {
        if (!choice_type(child, stem).empty()) {
            return &child;
        }
    }
    return nullptr;
}

std::string_view choice_type(const Element& child, std::string_view stem) noexcept {
    if (child.name.size() <= stem.size() || !child.name.starts_with(stem)) {
        return {};
    }
    const char next = child.name[stem.size()];
    return next >= 'A' && next <= 'Z' ? child.name.substr(stem.size()) : std::string_view{};
}

bool is_absolute_url(std::string_view text) noexcept {
    for (const std::string_view scheme : {"http://", "https://", "urn:uuid:", "urn:oid:", "urn:"}) {
        if (text.size() > scheme.size() && text.starts_with(scheme)) {
            return true;
        }
    }
    // Other schemes (ftp:, mailto:, x-app:) are absolute as well.
    const std::size_t colon = text.find(':');
    return colon != std::string_view::npos && colon > 1 && has_scheme(text) &&
           colon + 1 < text.size() && text.find('/') > colon && text.find('#') > colon;
}

ResourceCheck resource_check(std::string_view type) noexcept {
    struct Row {
        std::string_view type;
        ResourceCheck check;
    };
    static constexpr Row rows[] = {
        {"QuestionnaireResponse", &answers::check_response},
        {"Questionnaire", &answers::check_form},
        {"Measure", &measures::check_measure},
        {"MeasureReport", &measures::check_report},
        {"StructureDefinition", &definitions::check_structure},
        {"ValueSet", &definitions::check_value_set},
        {"CodeSystem", &definitions::check_code_system},
        {"ConceptMap", &definitions::check_concept_map},
        {"SearchParameter", &definitions::check_search_parameter},
        {"CapabilityStatement", &definitions::check_capabilities},
        {"OperationDefinition", &definitions::check_operation},
        {"ActivityDefinition", &definitions::check_canonical},
        {"ChargeItemDefinition", &definitions::check_canonical},
        {"CompartmentDefinition", &definitions::check_canonical},
        {"EffectEvidenceSynthesis", &definitions::check_canonical},
        {"EventDefinition", &definitions::check_canonical},
        {"Evidence", &definitions::check_canonical},
        {"EvidenceVariable", &definitions::check_canonical},
        {"ExampleScenario", &definitions::check_canonical},
        {"GraphDefinition", &definitions::check_canonical},
        {"ImplementationGuide", &definitions::check_guide},
        {"Library", &definitions::check_canonical},
        {"MessageDefinition", &definitions::check_canonical},
        {"NamingSystem", &definitions::check_canonical},
        {"PlanDefinition", &definitions::check_canonical},
        {"ResearchDefinition", &definitions::check_canonical},
        {"ResearchElementDefinition", &definitions::check_canonical},
        {"RiskEvidenceSynthesis", &definitions::check_canonical},
        {"StructureMap", &definitions::check_canonical},
        {"TerminologyCapabilities", &definitions::check_canonical},
        {"TestScript", &definitions::check_canonical},
    };
    for (const Row& row : rows) {
        if (row.type == type) {
            return row.check;
        }
    }
    return nullptr;
}

}  // namespace gatehouse::fhir::judge
