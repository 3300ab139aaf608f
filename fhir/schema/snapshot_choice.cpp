// SPDX-License-Identifier: Apache-2.0
//
// Choices: value[x] sliced by type, said at length or by the short spelling ("valueQuantity").
#include <algorithm>

#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"
#include "fhir/schema/snapshot_slicing.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

void set_rules(Element& slicing, std::string_view rules, Arena& arena) {
    if (Element* known = slicing.child("rules"); known != nullptr) {
        known->value = rules;
    } else {
        append_child(slicing, *value_element("rules", rules, Written::string, arena));
    }
}

// True if a type slice is called "valueQuantity" (as its spelling or its stated type has it).
bool named_by_type(const Change& change, const Node& entry, const Element* stated) {
    if (change.name != entry.name) {
        return change.slice == change.name;
    }
    if (stated != nullptr) {
        return change.slice == type_slice_name(entry.name, stated->child_value("code"));
    }
    return spells_choice(change.slice, entry.name);
}

std::string type_list(const Element& definition) {
    std::string list;
    for (const Element& type : definition.children()) {
        if (type.name == "type") {
            list += (list.empty() ? "" : ", ") + std::string(type.child_value("code"));
        }
    }
    return list;
}

}  // namespace

// The base's type that a type slice is about: by its spelling, by the type it states, or by its
// name.
const Element* Generator::sliced_type(const Node& pristine, const Change& change) {
    const bool spelled = change.name != pristine.name;
    const Element* stated = change.definition == nullptr ? nullptr : only_type(*change.definition);
    for (const Element& candidate : pristine.definition->children()) {
        if (candidate.name != "type") {
            continue;
        }
        const std::string_view code = candidate.child_value("code");
        const std::string name = type_slice_name(pristine.name, code);
        if (spelled             ? name == change.name
            : stated != nullptr ? type_allowed(stated->child_value("code"), code)
                                : name == change.slice) {
            return &candidate;
        }
    }
    return nullptr;
}

// The slice of `change`, found or made; nullptr (with a problem) if its type cannot be had.
Node* Generator::type_slice(Node& entry, Node& pristine, const Change& change, bool alone) {
    const bool spelled = change.name != entry.name;
    const Element* stated = change.definition == nullptr ? nullptr : only_type(*change.definition);
    const Element* type = sliced_type(pristine, change);
    if (!change.slice.empty() && change.slice.find('/') == std::string_view::npos &&
        find_slice(entry, change.slice) == nullptr && !named_by_type(change, entry, stated)) {
        problem(
            std::string(change.path) + ":" + std::string(change.slice) +
            ": a slice by type is named after its type, as in " +
            type_slice_name(entry.name, "Quantity")
        );
    }
    const std::string_view name = change.slice.empty() ? change.name : change.slice;
    Node* known = find_slice(entry, name);
    if (known == nullptr && spelled) {
        known = find_slice(entry, change.name);
    }
    if (type == nullptr && known == nullptr && (spelled || stated != nullptr)) {
        problem(
            std::string(change.path) +
            ": the type is not one of those the base allows: " + type_list(*pristine.definition)
        );
        return nullptr;
    }
    if (type != nullptr) {
        bool remains = false;
        for (const Element& candidate : entry.definition->children()) {
            remains =
                remains || (candidate.name == "type" &&
                            type_allowed(type->child_value("code"), candidate.child_value("code")));
        }
        if (!remains) {
            problem(
                std::string(change.path) + ": type " + std::string(type->child_value("code")) +
                " was taken out of the element's types"
            );
            return nullptr;
        }
    }
    if (known != nullptr) {
        return known;
    }
    const bool states_min =
        change.definition != nullptr && change.definition->child("min") != nullptr;
    Node& slice = new_slice(entry, pristine, name, states_min || in_extension(entry) || alone);
    if (type != nullptr) {
        Element& definition = own(slice, arena_);
        Element* kept = copy_tree(*type, arena_);
        remove_children_named(definition, "type");
        insert_child(definition, *kept);
    }
    return &slice;
}

void Generator::apply_type_slices(
    Node& entry, Node& pristine, std::vector<Change*>& entries, std::vector<Change*>& slices
) {
    for (const Change* change : entries) {
        apply(*change, entry, false);
    }
    if (slices.empty()) {
        if (const Element* slicing = entry.definition->child("slicing");
            slicing != nullptr && slicing->child("discriminator") == nullptr) {
            Element& definition = own(entry, arena_);
            const std::string_view rules = slicing->child_value("rules");
            remove_children_named(definition, "slicing");
            insert_child(
                definition,
                *implicit_slicing("type", "$this", rules.empty() ? "open" : rules, arena_)
            );
        }
        return;
    }
    Element& definition = own(entry, arena_);
    remove_children_named(definition, "slicing");
    insert_child(definition, *implicit_slicing("type", "$this", "closed", arena_));
    // In an extension any short spelling narrows; a data type's profile speaks of every use of the
    // type, so there it narrows nothing.
    const bool data_type =
        home_ != nullptr && home_->kind == "complex-type" && home_->type != "Extension";
    bool shortcut = false;
    std::string mandatory;
    for (const Change* change : slices) {
        const bool spelled = change->name != entry.name;
        shortcut =
            shortcut || (spelled && (in_extension(entry) || (change->slice.empty() && !data_type)));
        const std::size_t before = entry.slices.size();
        Node* slice = type_slice(entry, pristine, *change, slices.size() == 1);
        if (slice == nullptr) {
            continue;
        }
        apply(*change, *slice, entry.slices.size() != before);
        if (change->definition == nullptr ||
            min_number(change->definition->child_value("min")) == 0) {
            continue;
        }
        if (slices.size() > 1) {
            problem(
                std::string(change->path) +
                ": one type slice is mandatory, so the others cannot occur"
            );
        }
        const Element* type = only_type(*slice->definition);
        mandatory = type == nullptr ? std::string_view{} : type->child_value("code");
        if (!spelled || !change->slice.empty()) {
            set_value(own(entry, arena_), "min", "1", Written::number, arena_);
        }
    }
    settle_types(entry, mandatory, shortcut);
}

// Cuts the entry's types to what its slices leave and says whether they cover all of them.
void Generator::settle_types(Node& entry, std::string_view mandatory, bool shortcut) {
    Element& definition = own(entry, arena_);
    std::vector<std::string_view> covered;
    for (const Node* slice : entry.slices) {
        for (const Element& type : slice->definition->children()) {
            if (type.name == "type") {
                covered.push_back(type.child_value("code"));
            }
        }
    }
    // The short spelling ("valueQuantity") says that the value is a Quantity; a slice by its own
    // name leaves other types open.
    bool all_covered = true;
    Element** link = &definition.first_child;
    while (*link != nullptr) {
        Element& type = **link;
        bool cut = false;
        if (type.name == "type") {
            const std::string_view code = type.child_value("code");
            const bool known = std::find(covered.begin(), covered.end(), code) != covered.end();
            cut = (!mandatory.empty() && code != mandatory) || (!known && shortcut);
            all_covered = all_covered && (known || cut);
        }
        if (cut) {
            *link = type.next;
        } else {
            link = &type.next;
        }
    }
    set_rules(*definition.child("slicing"), all_covered ? "closed" : "open", arena_);
}

}  // namespace gatehouse::fhir::snapshot
