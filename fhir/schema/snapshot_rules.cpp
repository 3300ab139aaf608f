// SPDX-License-Identifier: Apache-2.0
//
// What a differential may change of its base, and how: cardinality, types, bindings, slicing,
// values.
#include <algorithm>
#include <array>

#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

constexpr std::array<std::string_view, 13> bindable_types{
    "code",
    "Coding",
    "CodeableConcept",
    "Quantity",
    "string",
    "uri",
    "url",
    "canonical",
    "id",
    "oid",
    "uuid",
    "CodeableReference",
    "http://hl7.org/fhirpath/System.String"};

unsigned strength_rank(std::string_view strength) {
    return strength == "required"     ? 3U
           : strength == "extensible" ? 2U
           : strength == "preferred"  ? 1U
                                      : 0U;
}

}  // namespace

bool Generator::type_allowed(std::string_view code, std::string_view allowed) {
    // System types stand for the primitives' own values (Extension.url, ids): uri and string fit.
    if (code == allowed || allowed == "*" || allowed == "Element" || allowed == "Resource" ||
        allowed.starts_with("http://hl7.org/fhirpath/System.")) {
        return true;
    }
    // Age where Quantity is allowed, or the reverse of a profiled Quantity in older material.
    std::string_view at = code;
    for (int depth = 0; depth < 16; ++depth) {
        const Definition* definition = definitions_.structure(
            at.find(':') != std::string_view::npos
                ? std::string(at)
                : "http://hl7.org/fhir/StructureDefinition/" + std::string(at)
        );
        const Element* root = definition == nullptr ? nullptr : definition->root();
        if (root == nullptr) {
            return false;
        }
        const std::string_view parent = root->child_value("baseDefinition");
        const auto slash = parent.rfind('/');
        if (slash == std::string_view::npos) {
            return false;
        }
        at = parent.substr(slash + 1);
        if (at == allowed || parent == allowed) {
            return true;
        }
    }
    return false;
}

void Generator::merge_cardinality(
    Element& definition, const Element& change, std::string_view path, bool slice
) {
    const Element* min = change.child("min");
    const Element* max = change.child("max");
    const std::string_view base_max = definition.child_value("max");
    if (min != nullptr) {
        const auto stated = min_number(min->value);
        const auto inherited = min_number(definition.child_value("min"));
        if (stated < inherited && !slice) {
            problem(
                std::string(path) + ": min " + std::string(min->value) +
                " is less than the base's " + std::to_string(inherited)
            );
        }
        set_value(definition, "min", min->value, Written::number, arena_);
    }
    if (max != nullptr) {
        if (max_number(max->value) > max_number(base_max)) {
            problem(
                std::string(path) + ": max " + std::string(max->value) +
                " is more than the base's " + std::string(base_max)
            );
        }
        set_value(definition, "max", max->value, Written::string, arena_);
    }
    if ((min != nullptr || max != nullptr) &&
        min_number(definition.child_value("min")) > max_number(definition.child_value("max"))) {
        problem(
            std::string(path) + ": min " + std::string(definition.child_value("min")) +
            " is more than max " + std::string(definition.child_value("max"))
        );
    }
}

void Generator::merge_types(
    Element& definition, const Node& node, const Element& change, std::string_view path
) {
    if (change.child("type") == nullptr) {
        return;
    }
    const bool root = node.parent == nullptr && node.entry == nullptr;
    if (!specialization_ || !root) {
        for (const Element& type : change.children()) {
            if (type.name != "type" || definition.child("type") == nullptr) {
                continue;
            }
            const std::string_view code = type.child_value("code");
            bool allowed = false;
            std::string known;
            for (const Element& base_type : definition.children()) {
                if (base_type.name == "type") {
                    allowed = allowed || type_allowed(code, base_type.child_value("code"));
                    known +=
                        (known.empty() ? "" : ", ") + std::string(base_type.child_value("code"));
                }
            }
            if (!allowed) {
                problem(
                    std::string(path) + ": type " + std::string(code) +
                    " is not one of the base's: " + known
                );
            }
        }
        if (root && definition.child("type") == nullptr) {
            // The root's type is the structure's own.
            for (const Element& type : change.children()) {
                if (type.name == "type" && home_ != nullptr &&
                    !type_allowed(home_->type, type.child_value("code"))) {
                    problem(
                        std::string(path) + ": type " + std::string(type.child_value("code")) +
                        " on the root of a profile on " + home_->type
                    );
                }
            }
        }
    }
    for (const Element& type : change.children()) {
        const Element* profile = type.name == "type" ? type.child("profile") : nullptr;
        if (profile == nullptr) {
            continue;
        }
        const Base* home = base(profile->value.substr(0, profile->value.find('#')));
        const std::string_view code = type.child_value("code");
        if (home == nullptr || home->type == code) {
            continue;
        }
        // A profile on Patient may stand where any Resource may; the type Patient itself is no
        // profile.
        const bool is_type = home->kind == "resource" && !options_.types_as_profiles &&
                             home->structure->child_value("derivation") != "constraint";
        if (is_type || (!type_allowed(home->type, code) && !type_allowed(code, home->type))) {
            problem(
                std::string(path) + ": profile " + std::string(profile->value) + " is about " +
                home->type + ", not about " + std::string(code)
            );
        }
    }
    take_children(definition, change, "type", arena_);
}

void Generator::merge_binding(Element& definition, const Element& change, std::string_view path) {
    const Element* stated = change.child("binding");
    if (stated == nullptr) {
        return;
    }
    const Element* inherited = definition.child("binding");
    Element* merged = copy_tree(*stated, arena_);
    if (inherited != nullptr) {
        const auto have = strength_rank(inherited->child_value("strength"));
        if (have == 3 && merged->child("strength") != nullptr &&
            strength_rank(merged->child_value("strength")) < have) {
            problem(
                std::string(path) + ": binding strength " +
                std::string(merged->child_value("strength")) + " loosens the base's required"
            );
        }
        for (const char* member : {"strength", "valueSet"}) {
            if (merged->child(member) == nullptr && inherited->child(member) != nullptr) {
                insert_child(*merged, *copy_tree(*inherited->child(member), arena_));
            }
        }
    }
    remove_children_named(definition, "binding");
    insert_child(definition, *merged);
}

// A binding on a type that holds no code (an Extension, a Period) says nothing and is left out.
void Generator::drop_idle_binding(Element& definition) {
    bool typed = false;
    bool bindable = false;
    for (const Element& type : definition.children()) {
        if (type.name == "type") {
            typed = true;
            bindable =
                bindable ||
                std::find(bindable_types.begin(), bindable_types.end(), type.child_value("code")) !=
                    bindable_types.end() ||
                type_allowed(type.child_value("code"), "Quantity");
        }
    }
    if (typed && !bindable) {
        remove_children_named(definition, "binding");
    }
}

void Generator::merge_slicing(Element& definition, const Element& change, std::string_view path) {
    const Element* stated = change.child("slicing");
    if (stated == nullptr) {
        return;
    }
    const Element* inherited = definition.child("slicing");
    if (inherited == nullptr) {
        insert_child(definition, *copy_tree(*stated, arena_));
        return;
    }
    Element* merged = copy_tree(*inherited, arena_);
    const std::string_view rules = stated->child_value("rules");
    if (inherited->child_value("rules") == "closed" && rules != "closed" && !rules.empty() &&
        !is_choice_name(definition.child_value("path"))) {
        problem(
            std::string(path) + ": slicing rules " + std::string(rules) +
            " loosen the base's closed"
        );
    }
    for (const Element& member : stated->children()) {
        if (member.name == "discriminator") {
            bool known = false;
            for (const Element& other : merged->children()) {
                known = known || (other.name == "discriminator" &&
                                  other.child_value("type") == member.child_value("type") &&
                                  other.child_value("path") == member.child_value("path"));
            }
            if (!known) {
                insert_child(*merged, *copy_tree(member, arena_));
            }
        } else {
            remove_children_named(*merged, member.name);
            insert_child(*merged, *copy_tree(member, arena_));
        }
    }
    remove_children_named(definition, "slicing");
    insert_child(definition, *merged);
}

void Generator::check_value_type(
    const Element& definition, const Element& change, std::string_view path
) {
    for (const char* prefix : {"fixed", "pattern"}) {
        const Element* value = choice_child(change, prefix);
        if (value == nullptr) {
            continue;
        }
        const std::string_view written = value->name.substr(std::string_view(prefix).size());
        bool fits = false;
        bool typed = false;
        for (const Element& type : definition.children()) {
            if (type.name != "type") {
                continue;
            }
            typed = true;
            const std::string_view code = type.child_value("code");
            std::string spelled(code);
            if (!spelled.empty() && spelled.front() >= 'a' && spelled.front() <= 'z') {
                spelled.front() = static_cast<char>(spelled.front() - 'a' + 'A');
            }
            // System types stand for the primitives' own values (Extension.url, ids).
            fits = fits || spelled == written || code.starts_with("http://hl7.org/fhirpath/") ||
                   type_allowed(code, written) || type_allowed(written, code);
        }
        if (typed && !fits) {
            problem(
                std::string(path) + ": " + std::string(value->name) +
                " does not fit the element's type"
            );
        }
    }
}

}  // namespace gatehouse::fhir::snapshot
