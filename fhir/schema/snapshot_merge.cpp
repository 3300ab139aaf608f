// SPDX-License-Identifier: Apache-2.0
//
// One changed element onto one base element: what replaces, what adds, and what may not be changed.
#include <algorithm>
#include <array>

#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Members with rules of their own.
constexpr std::array<std::string_view, 11> special_members{
    "id",
    "path",
    "sliceName",
    "base",
    "min",
    "max",
    "type",
    "binding",
    "slicing",
    "contentReference",
    "constraint"};
constexpr std::array<std::string_view, 5> adding_members{
    "alias", "code", "condition", "mapping", "example"};
constexpr std::array<std::string_view, 4> prose_members{
    "short", "definition", "comment", "requirements"};
constexpr std::array<std::string_view, 5> choice_members{
    "defaultValue", "fixed", "pattern", "minValue", "maxValue"};

std::string_view choice_of(std::string_view name) {
    for (const std::string_view prefix : choice_members) {
        if (name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] >= 'A' &&
            name[prefix.size()] <= 'Z') {
            return prefix;
        }
    }
    return {};
}

}  // namespace

void Generator::merge(Node& node, const Element& change, std::string_view path, bool slice) {
    Element& definition = own(node, arena_);
    merge_cardinality(definition, change, path, slice);
    merge_types(definition, node, change, path);
    merge_binding(definition, change, path);
    merge_slicing(definition, change, path);
    drop_idle_binding(definition);
    check_value_type(definition, change, path);
    if (const Element* support = change.child("mustSupport");
        support != nullptr && support->value == "false" &&
        definition.child_value("mustSupport") == "true") {
        // Older editors write "false" beside every other statement; said alone it is meant.
        bool alone = true;
        for (const Element& member : change.children()) {
            alone = alone &&
                    (member.name == "id" || member.name == "path" || member.name == "mustSupport");
        }
        if (alone) {
            problem(
                std::string(path) + ": mustSupport is true in the base and cannot be taken back"
            );
        }
    }
    std::string_view replaced;  // a repeating member is taken whole at its first occurrence
    for (const Element& member : change.children()) {
        const std::string_view name = member.name;
        if (one_of(special_members, name)) {
            continue;
        }
        // Whether an element modifies the meaning of others is its definition's to say; only an
        // extension's use may differ from its base.
        if (name == "isModifier" && !specialization_ && definition.child("isModifier") != nullptr &&
            node.name != "extension" && node.name != "modifierExtension" &&
            node.name != "Extension") {
            continue;
        }
        if (one_of(adding_members, name)) {
            bool known = false;
            for (const Element& other : definition.children()) {
                known = known || (other.name == name && same_tree(other, member));
            }
            if (!known) {
                insert_child(definition, *copy_tree(member, arena_));
            }
        } else if (name == "extension") {
            const std::string_view url = member.child_value("url");
            Element** link = &definition.first_child;
            while (*link != nullptr) {
                if ((*link)->name == "extension" && (*link)->child_value("url") == url) {
                    *link = (*link)->next;
                } else {
                    link = &(*link)->next;
                }
            }
            insert_child(definition, *copy_tree(member, arena_));
        } else if (const std::string_view prefix = choice_of(name); !prefix.empty()) {
            remove_choice(definition, prefix);
            insert_child(definition, *copy_tree(member, arena_));
        } else if (one_of(prose_members, name) && member.value.starts_with("...")) {
            // A leading ellipsis adds to the inherited words.
            const std::string text = std::string(definition.child_value(name)) + "\r\n" +
                                     std::string(member.value.substr(3));
            set_value(definition, name, text, Written::string, arena_);
        } else if (name != replaced) {
            take_children(definition, change, name, arena_);
            replaced = name;
        }
    }
    for (const Element& constraint : change.children()) {
        if (constraint.name != "constraint") {
            continue;
        }
        bool known = false;
        for (const Element& other : definition.children()) {
            known = known || (other.name == "constraint" &&
                              other.child_value("key") == constraint.child_value("key"));
        }
        if (!known) {
            Element* copy = copy_tree(constraint, arena_);
            if (copy->child("source") == nullptr && !url_.empty()) {
                Element* source = new_element("source", arena_);
                source->value = arena_.copy(url_);
                source->written = Written::string;
                source->parent = copy;
                Element** link = &copy->first_child;
                while (*link != nullptr) {
                    link = &(*link)->next;
                }
                *link = source;
            }
            insert_child(definition, *copy);
        }
    }
}

}  // namespace gatehouse::fhir::snapshot
