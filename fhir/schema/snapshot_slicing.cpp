// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/snapshot_slicing.hpp"

#include "fhir/schema/definition_edit.hpp"

namespace gatehouse::fhir::snapshot {

bool is_extension_name(std::string_view name) noexcept {
    return name == "extension" || name == "modifierExtension";
}

const Element* only_type(const Element& definition) noexcept {
    return only_child(definition, "type");
}

std::string type_slice_name(std::string_view choice, std::string_view type) {
    std::string name(choice_stem(choice));
    std::string tail(type);
    if (!tail.empty() && tail.front() >= 'a' && tail.front() <= 'z') {
        tail.front() = static_cast<char>(tail.front() - 'a' + 'A');
    }
    return name + tail;
}

// True for the value[x] of an extension, used or defined.

bool in_extension(const Node& entry) noexcept {
    return entry.name == "value[x]" && entry.parent != nullptr &&
           (is_extension_name(entry.parent->name) || entry.parent->name == "Extension");
}

// True if a type slice is called "valueQuantity" (as its spelling or its stated type has it).

Element* implicit_slicing(
    std::string_view type, std::string_view path, std::string_view rules, Arena& arena
) {
    Element* slicing = new_element("slicing", arena);
    Element* discriminator = new_element("discriminator", arena);
    discriminator->in_array = true;
    append_child(*discriminator, *value_element("type", type, Written::string, arena));
    append_child(*discriminator, *value_element("path", path, Written::string, arena));
    append_child(*slicing, *discriminator);
    append_child(*slicing, *value_element("ordered", "false", Written::boolean, arena));
    append_child(*slicing, *value_element("rules", rules, Written::string, arena));
    return slicing;
}

}  // namespace gatehouse::fhir::snapshot
