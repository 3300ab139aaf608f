// SPDX-License-Identifier: Apache-2.0
//
// Prose stripping. Two thirds of the published definitions are words for readers: definitions,
// comments, mappings, narrative. The engine reads none of them, so neither memory nor start-up
// pays. What a finding quotes stays: constraint.human, concept displays and designations, titles.
#include <algorithm>
#include <array>

#include "fhir/packages/facts.hpp"

namespace gatehouse::fhir::packages {
namespace {

template <std::size_t N>
bool listed(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 14> resource_prose{
    "text",
    "meta",
    "contact",
    "description",
    "purpose",
    "copyright",
    "mapping",
    "date",
    "publisher",
    "useContext",
    "jurisdiction",
    "keyword",
    "xpath",
    "implicitRules"};

constexpr std::array<std::string_view, 11> element_prose{
    "definition",
    "comment",
    "requirements",
    "alias",
    "mapping",
    "short",
    "example",
    "orderMeaning",
    "isModifierReason",
    "meaningWhenMissing",
    "label"};

constexpr std::array<std::string_view, 3> constraint_prose{"xpath", "requirements", "suppress"};

// Extensions about the publication of a definition, not about the data it describes.
constexpr std::array<std::string_view, 16> publishing_extensions{
    "structuredefinition-standards-status",
    "structuredefinition-standards-status-reason",
    "structuredefinition-normative-version",
    "structuredefinition-wg",
    "structuredefinition-fmm",
    "structuredefinition-category",
    "structuredefinition-security-category",
    "structuredefinition-explicit-type-name",
    "structuredefinition-summary",
    "structuredefinition-ballot-status",
    "structuredefinition-display-hint",
    "elementdefinition-bindingName",
    "elementdefinition-isCommonBinding",
    "elementdefinition-translatable",
    "valueset-concept-comments",
    "codesystem-concept-comments"};

constexpr std::array<std::string_view, 4> concept_prose_properties{
    "internalId", "HL7usageNotes", "v2-concComment", "v2-concCommentAsPub"};

bool is_publishing_extension(const Element& element) {
    if (element.name != "extension") {
        return false;
    }
    const std::string_view url = element.child_value("url");
    const auto slash = url.rfind('/');
    return slash != std::string_view::npos && listed(publishing_extensions, url.substr(slash + 1));
}

// Unlinks the children that `cut` names.
template <class Cut> void remove_children(Element& element, Cut cut) {
    Element** link = &element.first_child;
    while (*link != nullptr) {
        if (cut(**link)) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
}

void strip_element_definition(Element& element) {
    remove_children(element, [](const Element& child) {
        return listed(element_prose, child.name) || is_publishing_extension(child);
    });
    for (Element& child : element.children()) {
        if (child.name == "constraint") {
            remove_children(child, [](const Element& part) {
                return listed(constraint_prose, part.name);
            });
        } else if (child.name == "slicing" || child.name == "binding") {
            remove_children(child, [](const Element& part) {
                return part.name == "description" || is_publishing_extension(part);
            });
        }
    }
}

void strip_concept(Element& code) {
    remove_children(code, [](const Element& child) {
        return child.name == "definition" || is_publishing_extension(child) ||
               (child.name == "property" &&
                listed(concept_prose_properties, child.child_value("code")));
    });
    for (Element& child : code.children()) {
        if (child.name == "concept") {
            strip_concept(child);
        }
    }
}

}  // namespace

void strip_prose(Element& resource) {
    const bool has_snapshot = resource.child("snapshot") != nullptr;
    const bool is_structure = resource.resource_type() == "StructureDefinition";
    // A core definition's snapshot is its differential's last word; others may have been made for
    // another FHIR version and are then made anew.
    const bool final_snapshot =
        has_snapshot && resource.child("fhirVersion") != nullptr &&
        resource.child_value("version") == resource.child_value("fhirVersion") &&
        resource.child_value("url").starts_with("http://hl7.org/fhir/StructureDefinition/");
    // The displays of a code system, and of a supplement, are in its language.
    const bool has_displays = resource.resource_type() == "CodeSystem";
    remove_children(resource, [&](const Element& child) {
        return listed(resource_prose, child.name) || (child.name == "language" && !has_displays) ||
               is_publishing_extension(child) ||
               (is_structure && final_snapshot && child.name == "differential") ||
               (resource.resource_type() == "CodeSystem" && child.name == "property" &&
                listed(concept_prose_properties, child.child_value("code")));
    });
    for (Element& child : resource.children()) {
        if (is_structure && (child.name == "snapshot" || child.name == "differential")) {
            for (Element& element : child.children()) {
                strip_element_definition(element);
            }
        } else if (child.name == "concept") {
            strip_concept(child);
        } else if (child.name == "contained") {
            strip_prose(child);
        } else if (child.name == "parameter") {
            remove_children(child, [](const Element& part) {
                return part.name == "documentation";
            });
        }
    }
}

}  // namespace gatehouse::fhir::packages
