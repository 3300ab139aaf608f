#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What slicing and choices share: names of type slices and the slicing that needs no saying.

#include <string>
#include <string_view>

#include "fhir/schema/snapshot_tree.hpp"

namespace gatehouse::fhir::snapshot {

inline constexpr std::string_view core_url = "http://hl7.org/fhir/StructureDefinition/";

bool is_extension_name(std::string_view name) noexcept;

// The only type of an ElementDefinition, or nullptr if it has none or several.
const Element* only_type(const Element& definition) noexcept;

// "value[x]" and "dateTime" -> "valueDateTime".
std::string type_slice_name(std::string_view choice, std::string_view type);

// True for the value[x] of an extension, used or defined.
bool in_extension(const Node& entry) noexcept;

// The slicing that needs no saying: extensions by url, choices by type.
Element* implicit_slicing(
    std::string_view type, std::string_view path, std::string_view rules, Arena& arena
);

}  // namespace gatehouse::fhir::snapshot
