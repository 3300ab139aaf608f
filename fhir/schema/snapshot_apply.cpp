// SPDX-License-Identifier: Apache-2.0
//
// A level of a differential onto a level of a snapshot: finding each change's element, slices,
// reslices.
#include <algorithm>

#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"
#include "fhir/schema/snapshot_slicing.hpp"

namespace gatehouse::fhir::snapshot {

void Generator::apply_children(const Change& change, Node& node) {
    if (!expand(node, change.path) && !specialization_) {
        problem(
            std::string(change.children.front()->path) + ": the base has nothing below " +
            node_id(node)
        );
        return;
    }
    struct Group {
        std::size_t index;
        std::vector<Change*> changes;
    };
    std::vector<Group> groups;
    std::size_t last = 0;
    for (Change* child : change.children) {
        std::size_t index = node.children.size();
        for (std::size_t i = 0; i < node.children.size() && index == node.children.size(); ++i) {
            index = node.children[i]->name == child->name ? i : index;
        }
        for (std::size_t i = 0; i < node.children.size() && index == node.children.size(); ++i) {
            index = spells_choice(child->name, node.children[i]->name) ? i : index;
        }
        if (index == node.children.size()) {
            if (!specialization_) {
                problem(std::string(child->path) + ": the base has no such element");
                continue;
            }
            // A specialization adds elements; they stand after the inherited ones, as written.
            Node& added = pool_.add();
            added.name = child->name;
            added.parent = &node;
            added.definition =
                child->definition != nullptr ? child->definition : new_element("element", arena_);
            node.children.push_back(&added);
            if (!child->children.empty()) {
                apply_children(*child, added);
            }
            continue;
        }
        if (index < last && !options_.sort_differential) {
            problem(
                std::string(child->path) + ": out of order (the base has it before " +
                std::string(node.children[last]->name) + ")"
            );
        }
        last = std::max(last, index);
        const auto known = std::find_if(groups.begin(), groups.end(), [index](const Group& g) {
            return g.index == index;
        });
        if (known == groups.end()) {
            groups.push_back({index, {child}});
        } else {
            known->changes.push_back(child);
        }
    }
    for (Group& group : groups) {
        apply_group(node, group.index, group.changes);
    }
}

void Generator::apply_group(Node& parent, std::size_t index, std::vector<Change*>& group) {
    Node& entry = *parent.children[index];
    std::vector<Change*> entries;
    std::vector<Change*> slices;
    bool shortcut = false;
    for (Change* change : group) {
        const bool spelled = change->name != entry.name;
        shortcut = shortcut || spelled;
        (spelled || !change->slice.empty() ? slices : entries).push_back(change);
        if (change->reopened && !options_.sort_differential) {
            problem(std::string(change->path) + ": out of order (it was left and entered again)");
        }
    }
    if (entries.size() > 1) {
        problem(std::string(entries[1]->path) + ": stated twice without a sliceName");
    }
    bool by_type = shortcut;
    if (is_choice_name(entry.name)) {
        const Element* slicing = entry.definition->child("slicing");
        if (!entries.empty() && entries.front()->definition != nullptr &&
            entries.front()->definition->child("slicing") != nullptr) {
            slicing = entries.front()->definition->child("slicing");
        }
        const Element* discriminator =
            slicing == nullptr ? nullptr : slicing->child("discriminator");
        const bool other = discriminator != nullptr && discriminator->child_value("type") != "type";
        by_type = !other && (shortcut || !slices.empty() || slicing != nullptr);
    }
    if (direct_spelling(entry, entries, slices)) {
        Change& change = *slices.front();
        if (!change.slice.empty()) {
            entry.slice = change.slice;
        }
        apply(change, entry, false);
        return;
    }
    Node& pristine = pool_.copy(entry, entry.parent);
    if (by_type) {
        apply_type_slices(entry, pristine, entries, slices);
        return;
    }
    for (const Change* change : entries) {
        apply(*change, entry, !entry.slice.empty());
    }
    if (!slices.empty()) {
        apply_slices(entry, pristine, slices);
    }
}

// Differentials that name a slice where nothing is sliced, or spell out the one type of a choice,
// mean the element itself.
bool Generator::direct_spelling(
    const Node& entry, const std::vector<Change*>& entries, const std::vector<Change*>& slices
) {
    if (!entries.empty() || slices.size() != 1 || !entry.slices.empty() ||
        entry.definition->child("slicing") != nullptr || is_extension_name(entry.name)) {
        return false;
    }
    const Change& change = *slices.front();
    if (!is_choice_name(entry.name)) {
        // "Composition.date:issued" on an element that cannot repeat.
        return entry.definition->child_value("max") == "1";
    }
    const Element* type = only_type(*entry.definition);
    if (change.name == entry.name) {
        return change.definition != nullptr && change.definition->child("slicing") == nullptr &&
               (type != nullptr || change.definition->child("type") == nullptr);
    }
    if (type != nullptr) {
        return type_slice_name(entry.name, type->child_value("code")) == change.name;
    }
    bool in_slice = false;
    for (const Node* at = entry.parent; at != nullptr && !in_slice; at = at->parent) {
        in_slice = !at->slice.empty();
    }
    if (in_slice && change.slice.empty() && change.definition != nullptr) {
        const Element* stated = only_type(*change.definition);
        return stated != nullptr &&
               type_slice_name(entry.name, stated->child_value("code")) == change.name;
    }
    return false;
}

Node& Generator::new_slice(
    Node& entry, const Node& pristine, std::string_view name, bool states_min
) {
    Node& slice = pool_.copy(pristine, entry.parent, true);
    slice.slice = name;
    Element& definition = own(slice, arena_);
    remove_children_named(definition, "slicing");
    if (!states_min) {
        set_value(definition, "min", "0", Written::number, arena_);
    }
    // "a/b" goes inside slice a, which may have been made just now.
    Node* owner = &entry;
    for (auto slash = name.find('/'); slash != std::string_view::npos;
         slash = name.find('/', slash + 1)) {
        if (Node* outer = find_slice(entry, name.substr(0, slash)); outer != nullptr) {
            owner = outer;
        }
    }
    slice.entry = owner;
    owner->slices.push_back(&slice);
    return slice;
}

// The slice of that name which the differential defined below the unsliced element that an element
// above `entry` is a slice of; or nullptr.
const Node* Generator::twin_slice(Node& entry, std::string_view name) const {
    std::vector<std::string_view> steps;
    for (Node* at = &entry; at != nullptr && options_.slices_inherit; at = at->parent) {
        Node* twin = at == &entry ? nullptr : at->entry;
        for (auto step = steps.rbegin(); step != steps.rend() && twin != nullptr; ++step) {
            Node* next = nullptr;
            for (Node* child : twin->children) {
                next = child->name == *step ? child : next;
            }
            twin = next;
        }
        if (twin != nullptr) {
            if (const Node* found = find_slice(*twin, name); found != nullptr) {
                return found;
            }
        }
        steps.push_back(at->name);
    }
    return nullptr;
}

void Generator::apply_slices(Node& entry, Node& pristine, std::vector<Change*>& slices) {
    const Element* inherited = pristine.definition->child("slicing");
    const bool closed = inherited != nullptr && inherited->child_value("rules") == "closed";
    if (entry.definition->child("slicing") == nullptr) {
        if (is_extension_name(entry.name)) {
            insert_child(own(entry, arena_), *implicit_slicing("value", "url", "open", arena_));
        } else {
            const bool one_only = slices.size() == 1 && slices.front()->definition != nullptr;
            if (!one_only || slices.front()->definition->child("slicing") == nullptr) {
                problem(
                    std::string(slices.front()->path) + ":" + std::string(slices.front()->slice) +
                    ": a slice, but neither base nor differential says what slices the element"
                );
            }
        }
    }
    for (const Change* change : slices) {
        Node* known = find_slice(entry, change->slice);
        if (known != nullptr) {
            apply(*change, *known, false);
            continue;
        }
        if (closed) {
            problem(
                std::string(change->path) + ":" + std::string(change->slice) +
                ": the base's slicing is closed"
            );
        }
        // A reslice starts from the slice that it divides.
        const Node* origin = &pristine;
        for (auto slash = change->slice.find('/'); slash != std::string_view::npos;
             slash = change->slice.find('/', slash + 1)) {
            if (const Node* outer = find_slice(entry, change->slice.substr(0, slash));
                outer != nullptr) {
                origin = outer;
            }
        }
        const Node* twin = twin_slice(entry, change->slice);
        const bool keeps_min = twin != nullptr || (change->definition != nullptr &&
                                                   change->definition->child("min") != nullptr);
        Node& slice = new_slice(entry, twin != nullptr ? *twin : *origin, change->slice, keeps_min);
        apply(*change, slice, true);
        const Element* stated =
            change->definition == nullptr ? nullptr : only_type(*change->definition);
        const bool profiled = stated != nullptr && only_child(*stated, "profile") != nullptr;
        // A walked-into entry shows its profiled slices walked into; so does a data type's own
        // profile.
        const bool show = !entry.children.empty() ||
                          (home_ != nullptr && home_->kind == "complex-type" &&
                           entry.parent->parent == nullptr && home_->type != "Extension");
        if (profiled && show && slice.children.empty()) {
            (void)expand(slice, change->path);
        }
    }
}

}  // namespace gatehouse::fhir::snapshot
