// SPDX-License-Identifier: Apache-2.0
//
// ValueSet.compose (R4 §4.9): systems are absolute URLs of code systems, no supplements and no
// value sets; listed codes exist where the system is loaded; filters fit what the system knows.
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

// "#id" as system: FHIR wants the url of the contained code system instead.
void check_contained_system(
    const Desk& desk, const Element& include, std::string_view system, std::string_view version
) {
    std::size_t found = 0;
    for (const Element& contained : children(enclosing_resource(include), "contained")) {
        if (!desk.spend() || contained.child_value("id") != system.substr(1)) {
            continue;
        }
        if (contained.resource_type() != "CodeSystem") {
            desk.report(rules::compose_not_code_system, include, [&] {
                return join(
                    "The system ",
                    system,
                    " means a contained ",
                    contained.resource_type(),
                    ", not a CodeSystem."
                );
            });
        } else if (version.empty() || version == contained.child_value("version")) {
            ++found;
        }
    }
    if (found != 1) {
        desk.report(rules::compose_no_code_system, include, [&] {
            return join(
                found == 0 ? "There is no contained code system "
                           : "There is more than one contained code system ",
                system,
                version.empty() ? "" : " of version ",
                version,
                "."
            );
        });
    }
}

void check_loaded_system(
    const Desk& desk, const Element& include, std::string_view system, const Element* definition
) {
    if (definition == nullptr) {
        if (system.starts_with("urn:oid:")) {
            const std::string_view url = desk.terminology().system_with_identifier(system);
            if (!url.empty()) {
                desk.report(rules::compose_system_oid, include, [&] {
                    return join(
                        "The code system with the identifier ",
                        system,
                        " is named by its URL in FHIR: ",
                        url,
                        "."
                    );
                });
            }
        }
        if (desk.terminology().is_value_set_url(system)) {
            desk.report(rules::compose_value_set, include, [&] {
                return join(
                    "The system ",
                    system,
                    " is a value set. Name the code system that its codes come from."
                );
            });
        }
        return;
    }
    const std::string_view content = definition->child_value("content");
    if (content == "supplement") {
        desk.report(rules::compose_supplement, include, [&] {
            return join(
                "The system ",
                system,
                " is a supplement of ",
                definition->child_value("supplements"),
                ". Name that code system; the supplement adds only words."
            );
        });
    } else if (content == "example" || content == "fragment" || content == "not-present") {
        desk.report_as(
            rules::compose_content,
            content == "fragment" ? Severity::information : Severity::warning,
            include,
            [&] {
                return join(
                    "The loaded definition of ",
                    system,
                    " is of content '",
                    content,
                    "', so codes were not all checked."
                );
            }
        );
    }
}

void check_codes(
    const Desk& desk, const Element& include, std::string_view system, std::string_view version
) {
    for (const Element& code : children(include, "concept")) {
        if (!desk.spend()) {
            return;
        }
        const Terminology::CodeFacts facts =
            desk.terminology().facts({system, version, code.child_value("code"), {}});
        if (facts.known == Verdict::no) {
            const bool sure = facts.system == SystemKnowledge::complete;
            desk.report_as(
                rules::compose_code,
                sure ? Severity::error : Severity::warning,
                code,
                [&] {
                    return join(
                        "Code system ",
                        system,
                        " has no code",
                        desk.shown(code.child_value("code")),
                        "."
                    );
                }
            );
        } else if (facts.known == Verdict::not_checkable) {
            desk.leave_undecided();
            return;  // none of this system can be checked
        }
    }
}

void check_include(const Desk& desk, const Element& include) {
    for (const Element& import : children(include, "valueSet")) {
        if (desk.terminology().value_set(import.value) == nullptr &&
            !import.value.starts_with('#')) {
            desk.report(rules::compose_import_unknown, import, [&] {
                return join(
                    "The value set ", import.value, " is not loaded, so it was not looked at."
                );
            });
        }
    }
    const std::string_view written = include.child_value("system");
    if (written.empty()) {
        if (include.child("filter") != nullptr || include.child("concept") != nullptr) {
            desk.report(rules::compose_no_system, include, [] {
                return std::string("Concepts and filters mean nothing without a system. Name it.");
            });
        }
        return;
    }
    std::string_view version = include.child_value("version");
    const std::string_view system = without_version(written);
    if (system.size() != written.size()) {
        desk.report(rules::compose_version, include, [&] {
            return join(
                "The version belongs into the element version, not behind the system ", system, "."
            );
        });
        version = written.substr(system.size() + 1);
    }
    if (!is_absolute_url(system)) {
        desk.report(rules::compose_system, include, [&] {
            return join(
                "The system",
                desk.shown(system),
                " must be an absolute URL.",
                system.starts_with('#') ? " Name a contained code system by its url, with the "
                                          "extension valueset-system."
                                        : ""
            );
        });
        if (system.starts_with('#')) {
            check_contained_system(desk, include, system, version);
        }
        return;
    }
    const Element* definition = desk.definition("CodeSystem", system);
    if (definition != nullptr && !version.empty() &&
        definition->child_value("version") != version) {
        if (const Element* exact = desk.definition("CodeSystem", join(system, "|", version))) {
            definition = exact;
        }
    }
    check_loaded_system(desk, include, system, definition);
    if (definition == nullptr || definition->child_value("content") != "supplement") {
        check_codes(desk, include, system, version);
    }
    for (const Element& filter : children(include, "filter")) {
        check_filter(desk, filter, system, version, definition);
    }
}

}  // namespace

void check_value_set(const Desk& desk, const Element& value_set) {
    check_canonical(desk, value_set);
    const Element* compose = value_set.child("compose");
    if (compose == nullptr) {
        return;
    }
    for (const Element& part : compose->children()) {
        if (part.name == "include" || part.name == "exclude") {
            check_include(desk, part);
        }
    }
}

}  // namespace gatehouse::fhir::judge::definitions
