// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/definition_edit.hpp"

#include <array>
#include <charconv>

namespace gatehouse::fhir::snapshot {
namespace {

constexpr std::array<std::string_view, 38> definition_order{
    "id",
    "extension",
    "modifierExtension",
    "path",
    "representation",
    "sliceName",
    "sliceIsConstraining",
    "label",
    "code",
    "slicing",
    "short",
    "definition",
    "comment",
    "requirements",
    "alias",
    "min",
    "max",
    "base",
    "contentReference",
    "type",
    "defaultValue",
    "meaningWhenMissing",
    "orderMeaning",
    "fixed",
    "pattern",
    "example",
    "minValue",
    "maxValue",
    "maxLength",
    "condition",
    "constraint",
    "mustHaveValue",
    "mustSupport",
    "isModifier",
    "isModifierReason",
    "isSummary",
    "binding",
    "mapping"};

bool is_choice_of(std::string_view name, std::string_view prefix) noexcept {
    return name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] >= 'A' &&
           name[prefix.size()] <= 'Z';
}

std::size_t order_of(std::string_view name) noexcept {
    for (std::size_t i = 0; i < definition_order.size(); ++i) {
        const std::string_view member = definition_order[i];
        const bool choice = member == "defaultValue" || member == "fixed" || member == "pattern" ||
                            member == "minValue" || member == "maxValue";
        if (name == member || (choice && is_choice_of(name, member))) {
            return i;
        }
    }
    return definition_order.size();
}

template <class Cut> void cut_children(Element& element, Cut cut) noexcept {
    Element** link = &element.first_child;
    while (*link != nullptr) {
        if (cut(**link)) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
}

}  // namespace

Element* copy_tree(const Element& source, Arena& arena) {
    auto* copy = arena.create<Element>(source);
    copy->parent = nullptr;
    copy->next = nullptr;
    copy->first_child = nullptr;
    Element* last = nullptr;
    for (const Element& child : source.children()) {
        Element* twin = copy_tree(child, arena);
        twin->parent = copy;
        (last == nullptr ? copy->first_child : last->next) = twin;
        last = twin;
    }
    return copy;
}

const Element* choice_child(const Element& element, std::string_view prefix) noexcept {
    for (const Element& child : element.children()) {
        if (is_choice_of(child.name, prefix)) {
            return &child;
        }
    }
    return nullptr;
}

void insert_child(Element& element, Element& child) noexcept {
    const std::size_t order = order_of(child.name);
    Element** link = &element.first_child;
    while (*link != nullptr && order_of((*link)->name) <= order) {
        link = &(*link)->next;
    }
    child.next = *link;
    child.parent = &element;
    *link = &child;
}

void remove_children_named(Element& element, std::string_view name) noexcept {
    cut_children(element, [name](const Element& child) { return child.name == name; });
}

void remove_choice(Element& element, std::string_view prefix) noexcept {
    cut_children(element, [prefix](const Element& child) {
        return is_choice_of(child.name, prefix);
    });
}

Element* new_element(std::string_view name, Arena& arena) {
    auto* element = arena.create<Element>();
    element->name = name;
    return element;
}

Element*
value_element(std::string_view name, std::string_view value, Written written, Arena& arena) {
    Element* element = new_element(name, arena);
    element->value = value;
    element->written = written;
    return element;
}

void append_child(Element& parent, Element& child) noexcept {
    Element** link = &parent.first_child;
    while (*link != nullptr) {
        link = &(*link)->next;
    }
    *link = &child;
    child.parent = &parent;
}

const Element* only_child(const Element& element, std::string_view name) noexcept {
    const Element* found = nullptr;
    for (const Element& child : element.children()) {
        if (child.name == name) {
            if (found != nullptr) {
                return nullptr;
            }
            found = &child;
        }
    }
    return found;
}

void set_value(
    Element& element, std::string_view name, std::string_view value, Written written, Arena& arena
) {
    Element* child = element.child(name);
    if (child == nullptr) {
        child = new_element(name, arena);
        insert_child(element, *child);
    }
    child->value = arena.copy(value);
    child->written = written;
}

void take_children(Element& element, const Element& from, std::string_view name, Arena& arena) {
    remove_children_named(element, name);
    for (const Element& child : from.children()) {
        if (child.name == name) {
            insert_child(element, *copy_tree(child, arena));
        }
    }
}

bool same_tree(const Element& a, const Element& b) noexcept {
    if (a.name != b.name || a.value != b.value) {
        return false;
    }
    const Element* left = a.first_child;
    const Element* right = b.first_child;
    for (; left != nullptr && right != nullptr; left = left->next, right = right->next) {
        if (!same_tree(*left, *right)) {
            return false;
        }
    }
    return left == right;
}

std::uint32_t max_number(std::string_view text) noexcept {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : UINT32_MAX;
}

std::uint32_t min_number(std::string_view text) noexcept {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::string number_text(std::uint32_t number) {
    return number == UINT32_MAX ? "*" : std::to_string(number);
}

}  // namespace gatehouse::fhir::snapshot
