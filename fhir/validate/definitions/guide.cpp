// SPDX-License-Identifier: Apache-2.0
//
// ImplementationGuide (R4 §6.12): dependencies name guides by their canonical, packages by their
// name, and versions where versions belong; HL7's own guides say who owns them and how mature they
// are. What the packages hold is not looked up.
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

constexpr std::string_view extension_base = "http://hl7.org/fhir/StructureDefinition/";

// name.part.part of letters, digits, '-' and '_', at least two parts.
bool is_package_name(std::string_view text) noexcept {
    bool start = true;
    std::size_t parts = 0;
    if (text.empty() || !((text.front() | 0x20) >= 'a' && (text.front() | 0x20) <= 'z')) {
        return false;
    }
    for (const char c : text) {
        const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (c == '.') {
            if (start) {
                return false;
            }
            start = true;
        } else if (letter || (c >= '0' && c <= '9') || c == '-' || c == '_') {
            parts += start ? 1U : 0U;
            start = false;
        } else {
            return false;
        }
    }
    return !start && parts > 1;
}

void check_dependency(const Desk& desk, const Element& dependency) {
    const std::string_view uri = dependency.child_value("uri");
    const std::string_view version = dependency.child_value("version");
    const std::string_view plain = without_version(uri);
    if (plain.size() != uri.size() && uri.substr(plain.size() + 1) != version) {
        desk.report(rules::guide_dependency, dependency, [&] {
            return join(
                "The version of the guide ",
                plain,
                " belongs into the element version, and must agree with it."
            );
        });
    }
    if (!plain.empty() && !has_part(plain, "/ImplementationGuide/")) {
        desk.report(rules::guide_dependency, dependency, [&] {
            return join(
                "A dependency is named by the canonical of its ImplementationGuide, and ",
                plain,
                " is none."
            );
        });
    }
    const std::string_view package = dependency.child_value("packageId");
    if (!package.empty() && !is_package_name(package)) {
        desk.report(rules::guide_package, dependency, [&] {
            return join(
                "The package id", desk.shown(package), " is not of the form name.part.part."
            );
        });
    }
}

}  // namespace

void check_guide(const Desk& desk, const Element& guide) {
    check_canonical(desk, guide);
    for (const Element& dependency : children(guide, "dependsOn")) {
        check_dependency(desk, dependency);
    }
    if (!guide.child_value("url").starts_with("http://hl7.org/fhir/")) {
        return;
    }
    for (const std::string_view name :
         {"structuredefinition-standards-status", "structuredefinition-wg"}) {
        bool found = false;
        for (const Element& extension : children(guide, "extension")) {
            const std::string_view url = extension.child_value("url");
            found = found ||
                    (url.starts_with(extension_base) && url.substr(extension_base.size()) == name);
        }
        if (!found) {
            desk.report(rules::guide_owner, guide, [&] {
                return join("A guide of HL7 carries the extension ", extension_base, name, ".");
            });
        }
    }
}

}  // namespace gatehouse::fhir::judge::definitions
