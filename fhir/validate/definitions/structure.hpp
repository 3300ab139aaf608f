#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// StructureDefinitions that arrive as messages (R4 §5.1 Profiling, §2.25 ElementDefinition): the
// definition as a whole (structure.cpp), and each of its elements (structure_elements.cpp,
// structure_constraints.cpp).

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/validate/desk.hpp"

namespace gatehouse::fhir::judge::definitions {

void check_structure(const Desk& desk, const Element& structure);

// What the elements of one definition have in common.
struct StructureFrame {
    const Element& structure;
    const Element* base = nullptr;  // of the definition that it builds on, or nullptr
    std::string_view type;          // last step of StructureDefinition.type
    std::string_view url;
    bool constraint = false;
    bool logical = false;
    // Expression of an invariant by its key, as first stated in this list of elements.
    std::unordered_map<std::string_view, std::string_view> invariants{};
    // The same for the base's snapshot; filled on the first invariant.
    std::unordered_map<std::string_view, std::string_view> base_invariants{};
    bool base_read = false;
};

// One element of differential (`snapshot` false) or snapshot.
void check_element(const Desk& desk, StructureFrame& frame, const Element& element, bool snapshot);
// The invariants of one element.
void check_constraints(
    const Desk& desk, StructureFrame& frame, const Element& element, bool snapshot
);

// The types that an element may have: those that it states, else those of the base definition's
// element of the path ("Patient.contact.name"). Names as in the type model; empty if unknown.
[[nodiscard]] std::vector<std::string_view>
types_of_element(const Desk& desk, const Element& element);

// The element of a type that a path means in the loaded type model. `info` is nullptr for the type
// itself; `found` is false if there is no such element.
struct PathTarget {
    bool found = false;
    TypeId owner = unknown_type;
    const ChildInfo* info = nullptr;
};
[[nodiscard]] PathTarget find_path(const TypeModel& types, std::string_view path);

}  // namespace gatehouse::fhir::judge::definitions
