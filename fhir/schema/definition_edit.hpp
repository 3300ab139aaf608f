#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Editing ElementDefinition trees: copies, and children set or removed in the order that the FHIR
// definition gives them, so a generated snapshot reads like a published one.

#include <string>
#include <string_view>

#include "fhir/base/arena.hpp"
#include "fhir/model/element.hpp"

namespace gatehouse::fhir::snapshot {

Element* copy_tree(const Element& source, Arena& arena);

// First child whose name is `prefix` followed by a type ("fixedUri" for "fixed"), or nullptr.
const Element* choice_child(const Element& element, std::string_view prefix) noexcept;

// Adds a child at its place among ElementDefinition's members, after others of its name.
void insert_child(Element& element, Element& child) noexcept;
void remove_children_named(Element& element, std::string_view name) noexcept;
void remove_choice(Element& element, std::string_view prefix) noexcept;
void set_value(
    Element& element, std::string_view name, std::string_view value, Written written, Arena& arena
);
// Replaces all children of a name by copies of those of `from` (none there: removes them).
void take_children(Element& element, const Element& from, std::string_view name, Arena& arena);

Element* new_element(std::string_view name, Arena& arena);
Element*
value_element(std::string_view name, std::string_view value, Written written, Arena& arena);
// Adds a child after all others (insert_child knows ElementDefinition's own members only).
void append_child(Element& parent, Element& child) noexcept;

// The only child of a name, or nullptr if there is none or several.
const Element* only_child(const Element& element, std::string_view name) noexcept;
// Deep equality by names and values.
bool same_tree(const Element& a, const Element& b) noexcept;

// Cardinality text as numbers; "*" and nonsense above any number.
std::uint32_t max_number(std::string_view text) noexcept;
std::uint32_t min_number(std::string_view text) noexcept;
std::string number_text(std::uint32_t number);

}  // namespace gatehouse::fhir::snapshot
