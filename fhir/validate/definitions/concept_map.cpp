// SPDX-License-Identifier: Apache-2.0
//
// ConceptMap (R4 §4.10): the codes of a group are codes of its source and target systems, and
// members of the value sets that the map is for, as far as those are loaded.
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

struct Side {
    std::string_view system;
    std::string_view version;
    const Element* definition = nullptr;
    const ValueSetIndex* set = nullptr;
    std::string_view set_url;
    const char* name = "";
};

Side side_of(
    const Desk& desk,
    const Element& map,
    const Element& group,
    std::string_view name,
    const char* shown
) {
    Side side;
    side.name = shown;
    side.system = without_version(group.child_value(name));
    side.version = group.child_value(name == "source" ? "sourceVersion" : "targetVersion");
    if (!side.system.empty()) {
        side.definition = desk.definition("CodeSystem", side.system);
    }
    if (const Element* scope = choice_child(map, name)) {
        side.set_url = scope->value;
        side.set = desk.terminology().value_set(scope->value);
    }
    return side;
}

void check_mapped(const Desk& desk, const Element& code, const Side& side) {
    if (side.system.empty() || !code.has_value()) {
        return;
    }
    const Terminology::CodeFacts facts =
        desk.terminology().facts({side.system, side.version, code.value, {}});
    const bool partial =
        side.definition != nullptr && side.definition->child_value("content") != "complete";
    const Severity severity = partial ? Severity::warning : Severity::error;
    if (facts.known == Verdict::not_checkable) {
        desk.leave_undecided();
        return;
    }
    if (facts.known == Verdict::no) {
        desk.report_as(rules::map_code, severity, code, [&] {
            return join(
                "The ",
                side.name,
                " code",
                desk.shown(code.value),
                " is not one of ",
                side.system,
                "."
            );
        });
        return;
    }
    if (side.set != nullptr && side.definition != nullptr &&
        desk.terminology().contains(*side.set, side.system, code.value) == Verdict::no) {
        desk.report_as(rules::map_scope, severity, code, [&] {
            return join(
                "The ",
                side.name,
                " code",
                desk.shown(code.value),
                " is not in the value set ",
                side.set_url,
                " that the map is for."
            );
        });
    }
}

}  // namespace

void check_concept_map(const Desk& desk, const Element& map) {
    check_canonical(desk, map);
    for (const std::string_view name : {"source", "target"}) {
        const Element* scope = choice_child(map, name);
        if (scope == nullptr || desk.terminology().value_set(scope->value) != nullptr) {
            continue;
        }
        for (const std::string_view type : {"CodeSystem", "StructureDefinition"}) {
            if (desk.definition(type, scope->value) != nullptr) {
                desk.report(rules::map_not_value_set, *scope, [&] {
                    return join("A map is for value sets, and ", scope->value, " is a ", type, ".");
                });
            }
        }
    }
    for (const Element& group : children(map, "group")) {
        const Side source = side_of(desk, map, group, "source", "source");
        const Side target = side_of(desk, map, group, "target", "target");
        for (const Element& element : children(group, "element")) {
            if (!desk.spend()) {
                return;
            }
            if (const Element* code = element.child("code")) {
                check_mapped(desk, *code, source);
            }
            for (const Element& mapped : children(element, "target")) {
                if (const Element* code = desk.spend() ? mapped.child("code") : nullptr) {
                    check_mapped(desk, *code, target);
                }
            }
        }
    }
}

}  // namespace gatehouse::fhir::judge::definitions
