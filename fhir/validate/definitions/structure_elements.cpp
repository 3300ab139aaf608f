// SPDX-License-Identifier: Apache-2.0
//
// One ElementDefinition (R4 §2.25): path, slicing, types with their profiles and targets, and the
// facets (binding, length, bounds, fixed values) that only some types have.
#include <algorithm>
#include <array>

#include "fhir/validate/definitions/structure.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

constexpr std::string_view fhir_type =
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
constexpr std::string_view system_types = "http://hl7.org/fhirpath/System.";
constexpr std::string_view min_length = "http://hl7.org/fhir/StructureDefinition/minLength";
constexpr std::string_view max_decimals =
    "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces";
constexpr std::string_view max_size = "http://hl7.org/fhir/StructureDefinition/maxSize";

// What a type lets an element say of its values.
struct Facets {
    bool bind = false, length = false, range = false, decimals = false, size = false,
         target = false;
    Facets& operator|=(const Facets& other) {
        bind |= other.bind;
        length |= other.length;
        range |= other.range;
        decimals |= other.decimals;
        size |= other.size;
        target |= other.target;
        return *this;
    }
};

Facets facets_of(std::string_view type) {
    struct Row {
        std::string_view type;
        std::string_view letters;  // b bind, l length, r range, d decimals, s size, t target
    };
    static constexpr std::array<Row, 31> rows{
        {{"integer", "rl"},
         {"integer64", "rl"},
         {"decimal", "rdl"},
         {"base64Binary", "s"},
         {"instant", "rdl"},
         {"string", "lb"},
         {"uri", "lb"},
         {"date", "rl"},
         {"dateTime", "rdl"},
         {"time", "rdl"},
         {"canonical", "tl"},
         {"code", "lb"},
         {"id", "l"},
         {"markdown", "l"},
         {"oid", "lb"},
         {"positiveInt", "rl"},
         {"unsignedInt", "rl"},
         {"url", "lb"},
         {"uuid", "lb"},
         {"Age", "rdb"},
         {"Attachment", "s"},
         {"CodeableConcept", "b"},
         {"CodeableReference", "tb"},
         {"Coding", "b"},
         {"Count", "r"},
         {"Distance", "rdb"},
         {"Duration", "rdb"},
         {"Money", "rd"},
         {"Quantity", "rdb"},
         {"Range", "b"},
         {"Reference", "t"}}};
    Facets out;
    if (type == "Extension" || type == "MoneyQuantity" || type == "SimpleQuantity") {
        out.bind = true;
        out.range = out.decimals = type != "Extension";
        return out;
    }
    for (const Row& row : rows) {
        if (row.type == type) {
            const auto has = [&](char c) { return row.letters.find(c) != std::string_view::npos; };
            out = {has('b'), has('l'), has('r'), has('d'), has('s'), has('t')};
        }
    }
    return out;
}

// A type as FHIR names it: the primitive behind "http://hl7.org/fhirpath/System.String".
std::string_view name_of_type(const Element& type) {
    if (const Element* real = extension_value(type, fhir_type)) {
        return real->value;
    }
    return type.child_value("code");
}

void check_facets(
    const Desk& desk, const Element& element, const std::vector<std::string_view>& types
) {
    Facets facets;
    for (const std::string_view type : types) {
        if (desk.types().find(type) == unknown_type || type.starts_with(system_types)) {
            return;  // nothing is known of what such a type allows
        }
        facets |= facets_of(type);
    }
    const auto demand = [&](bool allowed, bool present, const char* what) {
        if (present && !allowed) {
            desk.report(rules::element_facet, element, [&] {
                return join(
                    "The element states ",
                    what,
                    ", which its type ",
                    types.front(),
                    " has no use for."
                );
            });
        }
    };
    demand(facets.bind, element.child("binding") != nullptr, "a binding");
    demand(facets.length, element.child("maxLength") != nullptr, "a maxLength");
    demand(facets.length, extension_value(element, min_length) != nullptr, "a minLength");
    demand(facets.range, choice_child(element, "minValue") != nullptr, "a minValue");
    demand(facets.range, choice_child(element, "maxValue") != nullptr, "a maxValue");
    demand(
        facets.decimals, extension_value(element, max_decimals) != nullptr, "a number of decimals"
    );
    demand(facets.size, extension_value(element, max_size) != nullptr, "a size");
}

bool is_or_derives(const TypeModel& types, std::string_view type, std::string_view ancestor) {
    const TypeId id = types.find(type);
    const TypeId above = types.find(ancestor);
    return type == ancestor ||
           (id != unknown_type && above != unknown_type && types.is_a(id, above));
}

// Extension profiles on extension and modifierExtension: whether the definition is a modifier.
bool is_modifier(const Desk& desk, std::string_view canonical) {
    const Plan* plan = desk.plan(canonical);
    return plan != nullptr && plan->profile->modifier_extension;
}

void check_profiles(
    const Desk& desk, const Element& type, std::string_view code, std::string_view path
) {
    for (const Element& profile : children(type, "profile")) {
        const Element* definition =
            desk.definition("StructureDefinition", without_version(profile.value));
        if (definition == nullptr) {
            desk.report(rules::element_profile_unknown, profile, [&] {
                return join("The profile ", profile.value, " is not loaded.");
            });
            continue;
        }
        const std::string_view of = definition->child_value("type");
        if (!code.empty() && !is_or_derives(desk.types(), of, code)) {
            desk.report(rules::element_profile_type, profile, [&] {
                return join(
                    "The profile ",
                    profile.value,
                    " is for ",
                    of,
                    ", and the element has the type ",
                    code,
                    "."
                );
            });
            continue;
        }
        if (of == "Extension") {
            const bool modifier = is_modifier(desk, profile.value);
            if (modifier != path.ends_with(".modifierExtension")) {
                desk.report(
                    modifier ? rules::element_modifier : rules::element_no_modifier,
                    profile,
                    [&] {
                        return modifier ? join(
                                              "The extension ",
                                              profile.value,
                                              " is a modifier, and ",
                                              path,
                                              " holds none."
                                          )
                                        : join(
                                              "The extension ",
                                              profile.value,
                                              " is no modifier, and ",
                                              path,
                                              " holds only those."
                                          );
                    }
                );
            }
        }
    }
    const bool references = code == "Reference" || code == "CodeableReference";
    for (const Element& target : children(type, "targetProfile")) {
        if (code.empty()) {
            continue;
        }
        if (!references && code != "canonical") {
            desk.report(rules::element_target, target, [&] {
                return join("The type ", code, " has no target, so no target profile.");
            });
            continue;
        }
        const Element* definition =
            desk.definition("StructureDefinition", without_version(target.value));
        if (definition == nullptr) {
            desk.report(rules::element_profile_unknown, target, [&] {
                return join("The profile ", target.value, " is not loaded.");
            });
        } else if (references && definition->child_value("kind") != "resource" && definition->child_value("kind") != "logical") {
            desk.report(rules::element_target_type, target, [&] {
                return join(
                    "A reference is to a resource, and ",
                    target.value,
                    " defines ",
                    definition->child_value("type"),
                    "."
                );
            });
        }
    }
}

void check_slicing(
    const Desk& desk, const StructureFrame& frame, const Element& element, bool snapshot
) {
    const Element* slicing = element.child("slicing");
    if (slicing == nullptr) {
        return;
    }
    const std::string_view path = element.child_value("path");
    if (path.find('.') == std::string_view::npos) {
        if (!snapshot) {
            desk.report(rules::element_slicing_root, element, [] {
                return std::string("The root of a definition cannot be sliced.");
            });
        }
        return;
    }
    const PathTarget target = find_path(desk.types(), path);
    if (frame.logical || target.info == nullptr) {
        return;
    }
    // What a data type's own parts allow, the type's profile says.
    const bool own = desk.types().type(target.owner).kind == TypeKind::backbone ||
                     desk.types().type(target.owner).name == frame.type;
    if (own && !target.info->repeats && !target.info->choice) {
        desk.report(rules::element_slicing, *slicing, [&] {
            return join(
                "The element ",
                path,
                " neither repeats nor has several types, so there is nothing to slice."
            );
        });
    }
    const std::vector<std::string_view> types = types_of_element(desk, element);
    if (types.size() != 1) {
        return;
    }
    const TypeId only = target.info->choice          ? desk.types().find(types.front())
                        : target.info->types.empty() ? unknown_type
                                                     : target.info->types.front();
    if (only == unknown_type) {
        return;
    }
    for (const Element& discriminator : children(*slicing, "discriminator")) {
        const std::string_view expression = discriminator.child_value("path");
        // What a reference leads to, or a resource of any type holds, is not known from the type.
        if (expression.empty() || !desk.spend(64 + expression.size()) ||
            has_part(expression, "resolve()") ||
            desk.types().type(only).kind == TypeKind::resource) {
            continue;
        }
        path::CompileOptions options;
        options.strict = true;
        options.context_type = desk.types().type(only).name;
        path::Error error;
        if (!path::compile(expression, desk.types(), error, options)) {
            // A differential that states no type may narrow it where this does not look.
            const bool stated = element.child("type") != nullptr;
            const Severity severity = stated ? Severity::error : Severity::warning;
            desk.report_as(rules::element_discriminator, severity, discriminator, [&] {
                return join(
                    "The discriminator path does not fit ", path, ": ", located(error, expression)
                );
            });
        }
    }
}

// fixed[x], pattern[x] and defaultValue[x] are of one of the element's types.
void check_values(
    const Desk& desk, const Element& element, const std::vector<std::string_view>& types
) {
    for (const std::string_view stem : {"fixed", "pattern", "defaultValue"}) {
        const Element* value = choice_child(element, stem);
        if (value == nullptr) {
            continue;
        }
        const std::string_view written = choice_type(*value, stem);
        const bool fits = std::any_of(types.begin(), types.end(), [&](std::string_view type) {
            const std::string_view plain =
                type.starts_with(system_types) ? type.substr(system_types.size()) : type;
            return plain.size() == written.size() &&
                   (plain.front() | 0x20) == (written.front() | 0x20) &&
                   plain.substr(1) == written.substr(1);
        });
        if (!fits && !types.empty()) {
            desk.report(rules::element_value_type, *value, [&] {
                return join(
                    "The ", stem, " value is of type ", written, ", and the element is not."
                );
            });
        }
    }
}

// R4's table of what an ElementDefinition may say in which kind of definition (§2.25,
// "Interpretation in context"), for snapshots: a root carries no values and no slices, a new type
// no fixed ones.
void check_table(const Desk& desk, const StructureFrame& frame, const Element& element, bool root) {
    const auto prohibit = [&](std::string_view part, bool choice) {
        const Element* found = choice ? choice_child(element, part) : element.child(part);
        if (found != nullptr) {
            desk.report(rules::element_prohibited, element, [&] {
                return join(
                    "The element ",
                    element.child_value("path"),
                    " cannot state ",
                    part,
                    frame.constraint ? " in a profile." : " in the definition of a type."
                );
            });
        }
    };
    if (frame.constraint && !root) {
        return;
    }
    prohibit("sliceName", false);
    for (const std::string_view part : {"fixed", "pattern", "minValue", "maxValue"}) {
        prohibit(part, true);
    }
    if (root) {
        prohibit("slicing", false);
        prohibit("requirements", false);
        prohibit("defaultValue", true);
        return;
    }
    for (const std::string_view part : {"min", "max"}) {
        if (element.child(part) == nullptr) {
            desk.report(rules::element_required, element, [&] {
                return join(
                    "The element ", element.child_value("path"), " of a type needs ", part, "."
                );
            });
        }
    }
}

}  // namespace

std::vector<std::string_view> types_of_element(const Desk& desk, const Element& element) {
    std::vector<std::string_view> out;
    for (const Element& type : children(element, "type")) {
        out.push_back(name_of_type(type));
    }
    if (!out.empty()) {
        return out;
    }
    const PathTarget target = find_path(desk.types(), element.child_value("path"));
    if (target.info != nullptr) {
        for (const TypeId type : target.info->types) {
            out.push_back(desk.types().type(type).name);
        }
    }
    return out;
}

void check_element(const Desk& desk, StructureFrame& frame, const Element& element, bool snapshot) {
    const std::string_view path = element.child_value("path");
    if (path.empty()) {
        return;  // cardinality says so
    }
    const std::string_view root = path.substr(0, path.find('.'));
    if (!frame.type.empty() && root != frame.type) {
        desk.report(rules::element_path, element, [&] {
            return join(
                "The path ", path, " must start with the type that is defined, ", frame.type, "."
            );
        });
        return;
    }
    check_slicing(desk, frame, element, snapshot);
    std::vector<std::string_view> stated;
    for (const Element& type : children(element, "type")) {
        const std::string_view code = name_of_type(type);
        stated.push_back(code);
        check_profiles(desk, type, code, path);
    }
    if (!stated.empty() && path != root) {
        check_facets(desk, element, stated);
    }
    if (snapshot) {
        check_table(desk, frame, element, path == root);
    }
    if (!snapshot || path == root) {
        return;
    }
    if (stated.empty() && element.child("contentReference") == nullptr) {
        desk.report(rules::element_no_type, element, [&] {
            return join(
                "The element ", path, " of the snapshot has neither types nor a content reference."
            );
        });
        return;
    }
    check_values(desk, element, stated);
}

}  // namespace gatehouse::fhir::judge::definitions
