// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/definitions/structure.hpp"

#include "fhir/schema/snapshot.hpp"
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

std::string_view last_step(std::string_view url) noexcept {
    return url.substr(url.rfind('/') == std::string_view::npos ? 0 : url.rfind('/') + 1);
}

void check_circle(const Desk& desk, const Element& structure) {
    const std::string_view url = structure.child_value("url");
    std::string_view base = structure.child_value("baseDefinition");
    for (int steps = 0; !base.empty() && !url.empty() && steps < 64; ++steps) {
        const Element* next = desk.definition("StructureDefinition", base);
        if (next != nullptr && without_version(base) == url) {
            desk.report(rules::structure_circular, structure, [&] {
                return join("The definition builds on itself, by way of ", base, ".");
            });
            return;
        }
        base = next == nullptr ? std::string_view{} : next->child_value("baseDefinition");
    }
}

// Kind, type and derivation agree with what the definition builds on.
void check_base(const Desk& desk, const Element& structure, const Element& base) {
    const std::string_view derivation = structure.child_value("derivation");
    if (derivation.empty()) {
        desk.report(rules::structure_no_derivation, structure, [] {
            return std::string("A definition with a base says how it derives from it: "
                               "specialization or constraint.");
        });
        return;
    }
    const bool constraint = derivation == "constraint";
    const std::string_view kind = structure.child_value("kind");
    if (kind != base.child_value("kind") &&
        (constraint || base.child_value("abstract") != "true")) {
        desk.report(rules::structure_kind, structure, [&] {
            return join(
                "The kind is ", kind, ", and that of the base is ", base.child_value("kind"), "."
            );
        });
    }
    const std::string_view type = structure.child_value("type");
    const std::string_view base_type = base.child_value("type");
    if (constraint ? type != base_type : type == base_type) {
        desk.report(rules::structure_type, structure, [&] {
            return constraint
                       ? join(
                             "A profile is of the type of its base, ",
                             base_type,
                             ", not ",
                             type,
                             "."
                         )
                       : join("A new type needs another name than its base, ", base_type, ".");
        });
    }
}

void check_snapshot(const Desk& desk, const Element& structure) {
    // A snapshot costs more than a walk, so there is a limit to what is made for a message.
    constexpr std::size_t elements_max = 5000;
    const Element* differential = structure.child("differential");
    const std::size_t count =
        differential == nullptr ? 0 : children(*differential, "element").size();
    if (count == 0) {
        return;
    }
    if (count > elements_max || !desk.spend(2000 + 200 * count)) {
        desk.leave_undecided();
        return;
    }
    SnapshotOptions options;
    options.types_as_profiles = true;
    const auto made =
        generate_snapshot(structure, desk.schema().definitions(), desk.arena(), options);
    if (!made && made.error().code == Errc::invalid) {
        desk.report(rules::structure_snapshot, structure, [&] {
            return join("No snapshot can be made: ", made.error().detail);
        });
    }
}

bool is_loaded_path(const Desk& desk, std::string_view expression) {
    std::string_view path = expression;
    if (const std::size_t hash = expression.find('#'); hash != std::string_view::npos) {
        return desk.definition("StructureDefinition", expression.substr(0, hash)) != nullptr;
    }
    if (has_part(expression, "://")) {
        return desk.definition("StructureDefinition", expression) != nullptr;
    }
    const std::string_view root = path.substr(0, path.find('.'));
    if (root == "CanonicalResource" || root == "MetadataResource" || root == "Base" ||
        root == "BackboneType" || root == "DataType") {
        return true;  // newer names for groups of types
    }
    return find_path(desk.types(), path).found;
}

void check_contexts(const Desk& desk, const Element& structure) {
    const std::string_view type = structure.child_value("type");
    const bool extension = last_step(type) == "Extension";
    for (const Element& part : structure.children()) {
        if (part.name != "context" && part.name != "contextInvariant") {
            continue;
        }
        if (!extension) {
            desk.report(rules::structure_context_no_extension, part, [&] {
                return join("Only an extension has a context; this defines ", type, ".");
            });
            continue;
        }
        if (part.name == "contextInvariant") {
            path::Error error;
            if (!path::compile(part.value, desk.types(), error)) {
                desk.report(rules::structure_context_invariant, part, [&] {
                    return join(
                        "The context invariant is not FHIRPath: ", located(error, part.value), "."
                    );
                });
            }
            continue;
        }
        const std::string_view expression = part.child_value("expression");
        const bool versioned = part.child("extension") != nullptr;
        if (part.child_value("type") == "element" && !expression.empty() && !versioned &&
            !is_loaded_path(desk, expression)) {
            desk.report(rules::structure_context_unknown, part, [&] {
                return join("The context ", expression, " is no element of this FHIR version.");
            });
        }
    }
}

// An extension fixes its url to its own canonical.
void check_extension_url(const Desk& desk, const Element& structure) {
    const std::string_view url = structure.child_value("url");
    if (structure.child_value("type") != "Extension" || url.empty() ||
        structure.child_value("baseDefinition") !=
            "http://hl7.org/fhir/StructureDefinition/Extension") {
        return;
    }
    const Element* fixed = nullptr;
    for (const std::string_view list : {"differential", "snapshot"}) {
        const Element* elements = structure.child(list);
        if (elements == nullptr) {
            continue;
        }
        for (const Element& element : children(*elements, "element")) {
            if (fixed == nullptr && element.child_value("path") == "Extension.url") {
                fixed = choice_child(element, "fixed");
            }
        }
    }
    if (fixed == nullptr || fixed->value != url) {
        desk.report(
            fixed == nullptr ? rules::structure_url_missing : rules::structure_url,
            structure,
            [&] {
                return fixed == nullptr
                           ? join("Extension.url must be fixed to ", url, ".")
                           : join(
                                 "Extension.url is fixed to ", fixed->value, ", not to ", url, "."
                             );
            }
        );
    }
}

}  // namespace

PathTarget find_path(const TypeModel& types, std::string_view path) {
    PathTarget out;
    const std::size_t first = path.find('.');
    TypeId type = types.find(path.substr(0, first));
    std::string_view rest =
        first == std::string_view::npos ? std::string_view{} : path.substr(first + 1);
    if (type == unknown_type) {
        return out;
    }
    out.found = true;
    while (!rest.empty()) {
        const std::size_t dot = rest.find('.');
        std::string_view step = rest.substr(0, dot);
        rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
        step = step.substr(0, step.find(':'));
        if (step.ends_with("[x]")) {
            step.remove_suffix(3);
        }
        const Symbol name = types.symbols().find(step);
        const ChildInfo* info = type == unknown_type ? nullptr : types.child_by_path(type, name);
        TypeId next = unknown_type;
        if (info == nullptr && type != unknown_type) {
            const ChildMatch match = types.child(type, name);  // valueQuantity
            info = match.info;
            next = match.type;
        }
        out.owner = type;
        out.info = info;
        if (info == nullptr) {
            out.found = false;
            return out;
        }
        type = next != unknown_type      ? next
               : info->types.size() == 1 ? info->types.front()
                                         : unknown_type;
        if (type == unknown_type && !rest.empty()) {
            out.info = nullptr;  // behind a choice: any of its types may have it
            return out;
        }
    }
    return out;
}

void check_structure(const Desk& desk, const Element& structure) {
    check_canonical(desk, structure);
    check_circle(desk, structure);
    check_contexts(desk, structure);
    const std::string_view base_url = structure.child_value("baseDefinition");
    const Element* base =
        base_url.empty() ? nullptr : desk.definition("StructureDefinition", base_url);
    if (base != nullptr) {
        check_base(desk, structure, *base);
        if (structure.child_value("derivation") == "constraint") {
            check_snapshot(desk, structure);
        }
    } else if (!base_url.empty()) {
        desk.leave_undecided();
        desk.report(rules::structure_base_unknown, structure, [&] {
            return join(
                "The base ",
                base_url,
                " is not loaded, so the differential was not checked against it."
            );
        });
    }
    check_extension_url(desk, structure);
    for (const std::string_view list : {"differential", "snapshot"}) {
        const Element* elements = structure.child(list);
        if (elements == nullptr) {
            continue;
        }
        StructureFrame frame{
            structure,
            base,
            last_step(structure.child_value("type")),
            structure.child_value("url")};
        frame.constraint = structure.child_value("derivation") == "constraint";
        frame.logical = structure.child_value("kind") == "logical";
        for (const Element& element : children(*elements, "element")) {
            if (!desk.spend(4)) {
                return;
            }
            check_element(desk, frame, element, list == "snapshot");
            check_constraints(desk, frame, element, list == "snapshot");
        }
    }
}

}  // namespace gatehouse::fhir::judge::definitions
