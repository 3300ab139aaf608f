// SPDX-License-Identifier: Apache-2.0
//
// A tree of nodes as a snapshot's list: ids, paths and slice names are written on the way.
#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_tree.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

// The snapshot's list, kept with its end so that appending does not walk it.
struct ElementList {
    Element& owner;
    Element* last = nullptr;

    void add(Element& element) {
        element.parent = &owner;
        element.next = nullptr;
        (last == nullptr ? owner.first_child : last->next) = &element;
        last = &element;
    }
};

void flatten_node(
    Node& node, const std::string& path, const std::string& id, Arena& arena, ElementList& list
) {
    Element& definition = own(node, arena);
    set_value(definition, "id", id, Written::string, arena);
    set_value(definition, "path", path, Written::string, arena);
    if (node.slice.empty()) {
        remove_children_named(definition, "sliceName");
    } else {
        set_value(definition, "sliceName", node.slice, Written::string, arena);
    }
    if (node.entry != nullptr && (node.name == "extension" || node.name == "modifierExtension")) {
        // Reslices of an extension all have its url: what tells them apart is not written in a
        // snapshot.
        remove_children_named(definition, "slicing");
    }
    definition.name = "element";
    definition.in_array = true;
    list.add(definition);
    for (Node* child : node.children) {
        const std::string step = "." + std::string(child->name);
        // A slice name without slicing: the element itself is called so.
        const std::string label =
            child->slice.empty() ? step : step + ":" + std::string(child->slice);
        flatten_node(*child, path + step, id + label, arena, list);
    }
    const std::string entry_id =
        node.slice.empty() ? id : id.substr(0, id.size() - node.slice.size() - 1);
    for (Node* slice : node.slices) {
        flatten_node(*slice, path, entry_id + ":" + std::string(slice->slice), arena, list);
    }
}

// Published snapshots point a contentReference at the last element that carries its target's id,
// which is the last slice where open slicing divided the target. Readers here go by the part before
// the colon.
void point_references(Node& root, Arena& arena, Element& snapshot) {
    for (Element& element : snapshot.children()) {
        Element* reference = element.child("contentReference");
        const auto hash =
            reference == nullptr ? std::string_view::npos : reference->value.find('#');
        if (hash == std::string_view::npos) {
            continue;
        }
        const std::string_view target = reference->value.substr(hash + 1);
        Node* at = &root;
        const auto steps = split_steps(target);
        for (std::size_t i = 1; i < steps.size() && at != nullptr; ++i) {
            Node* next = nullptr;
            for (Node* child : at->children) {
                next = child->name == steps[i] ? child : next;
            }
            at = next;
        }
        const Element* slicing = at == nullptr ? nullptr : at->definition->child("slicing");
        if (slicing != nullptr && slicing->child_value("rules") == "open" && !at->slices.empty()) {
            std::string text(reference->value.substr(0, hash + 1));
            text += at->slices.back()->definition->child_value("id");
            reference->value = arena.copy(text);
        }
    }
}

}  // namespace

void flatten(Node& root, std::string_view root_name, Arena& arena, Element& snapshot) {
    snapshot.first_child = nullptr;
    ElementList list{snapshot};
    flatten_node(root, std::string(root_name), std::string(root_name), arena, list);
    point_references(root, arena, snapshot);
}

}  // namespace gatehouse::fhir::snapshot
