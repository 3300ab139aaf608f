// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

constexpr std::string_view work_group =
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-wg";

// What the shareable profiles of a type ask of what is published (R4 ShareableValueSet, ...).
void check_shareable(const Desk& desk, const Element& resource) {
    const std::string_view type = resource.resource_type();
    const bool codes = type == "CodeSystem";
    if (!codes && type != "ValueSet" && type != "Measure") {
        return;
    }
    const bool by_hl7 = has_part(resource.child_value("url"), "hl7");
    const auto ask = [&](std::string_view part, bool demanded) {
        if (resource.child(part) != nullptr) {
            return;
        }
        desk.report_as(
            rules::publication_missing,
            by_hl7 && demanded ? Severity::error : Severity::warning,
            resource,
            [&] { return join("What is published to be shared needs the element ", part, "."); }
        );
    };
    for (const std::string_view part :
         {"url", "version", "status", "experimental", "description"}) {
        ask(part, true);
    }
    ask("title", type != "Measure");
    ask("name", type == "Measure");
    if (type == "Measure") {
        ask("publisher", true);
    }
    if (codes) {
        ask("content", true);
        if (resource.child_value("content") != "supplement") {
            ask("caseSensitive", true);
        }
    }
}

void check_publisher(const Desk& desk, const Element& resource) {
    const std::string_view url = resource.child_value("url");
    if (!url.starts_with("http://hl7.org/fhir/")) {
        return;
    }
    std::size_t groups = 0;
    for (const Element& extension : children(resource, "extension")) {
        groups += extension.child_value("url") == work_group ? 1U : 0U;
    }
    if (groups > 1) {
        desk.report(rules::publication_groups, resource, [] {
            return std::string("A definition belongs to one work group; here are several.");
        });
    }
    if (desk.options().for_publication && groups == 0 &&
        !has_part(url, "http://hl7.org/fhir/sid")) {
        desk.report(rules::publication_group, resource, [] {
            return join(
                "What HL7 publishes says which work group owns it: add the extension ",
                work_group,
                "."
            );
        });
    }
}

}  // namespace

void check_canonical(const Desk& desk, const Element& resource) {
    const Element* url = resource.child("url");
    if (url != nullptr && url->has_value() && !url->value.empty() && !is_absolute_url(url->value)) {
        desk.report(
            desk.contained() ? rules::canonical_contained : rules::canonical_absolute,
            *url,
            [&] {
                return join(
                    "The url of a definition must be absolute, and",
                    desk.shown(url->value),
                    " is not."
                );
            }
        );
    }
    check_publisher(desk, resource);
    if (desk.options().for_publication && !desk.contained()) {
        check_shareable(desk, resource);
    }
}

}  // namespace gatehouse::fhir::judge::definitions
