// SPDX-License-Identifier: Apache-2.0
//
// Walking into types: what stands below an element of a profile comes from its type, from a profile
// on the type, or from where its contentReference points.
#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"
#include "fhir/schema/snapshot_slicing.hpp"

namespace gatehouse::fhir::snapshot {

const Node* Generator::element_of_profile(std::string_view canonical, const Base*& home) {
    // "…/patient-nationality#code" is the slice "code" inside that extension.
    const auto hash = canonical.find('#');
    home = base(canonical.substr(0, hash));
    if (home == nullptr || hash == std::string_view::npos) {
        return home == nullptr ? nullptr : home->root;
    }
    const std::string_view inner = canonical.substr(hash + 1);
    std::vector<Node*> open{home->root};
    while (!open.empty()) {
        Node* node = open.back();
        open.pop_back();
        if (node->slice == inner || node_id(*node) == inner) {
            return node;
        }
        open.insert(open.end(), node->slices.begin(), node->slices.end());
        open.insert(open.end(), node->children.begin(), node->children.end());
    }
    return nullptr;
}

// A change that names one profile for its one type starts from that profile's root: what the
// profile says about the whole (cardinality of an extension, its constraints, its being a modifier)
// holds here.
void Generator::use_type_profile(const Change& change, Node& node) {
    const Element* type = only_type(*change.definition);
    const Element* profile = type == nullptr ? nullptr : only_child(*type, "profile");
    if (profile == nullptr || node.parent == nullptr || type->child_value("code") == "Reference" ||
        type->child_value("code") == "canonical") {
        return;
    }
    const Base* home = nullptr;
    const Node* found = element_of_profile(profile->value, home);
    const std::string_view code = type->child_value("code");
    if (found == nullptr || (home->type != code && !type_allowed(home->type, code))) {
        return;
    }
    Element* merged = copy_tree(*found->definition, arena_);
    Element& usage = own(node, arena_);
    const bool extension = code == "Extension";
    if (!extension) {
        // A data type profile's own invariants are checked where the profile is, not repeated at
        // each use.
        remove_children_named(*merged, "constraint");
    }
    for (const char* member :
         {"id", "path", "sliceName", "slicing", "base", "contentReference", "type"}) {
        take_children(*merged, usage, member, arena_);
    }
    if (!extension) {
        take_children(*merged, usage, "min", arena_);
        take_children(*merged, usage, "max", arena_);
    }
    for (const char* member :
         {"sliceIsConstraining",
          "label",
          "short",
          "definition",
          "comment",
          "requirements",
          "meaningWhenMissing",
          "orderMeaning",
          "maxLength",
          "mustSupport",
          "isModifier",
          "isModifierReason",
          "isSummary",
          "binding"}) {
        if (merged->child(member) == nullptr) {
            take_children(*merged, usage, member, arena_);
        }
    }
    for (const char* prefix : {"defaultValue", "fixed", "pattern", "minValue", "maxValue"}) {
        const Element* value = choice_child(usage, prefix);
        if (value != nullptr && choice_child(*merged, prefix) == nullptr) {
            insert_child(*merged, *copy_tree(*value, arena_));
        }
    }
    for (const Element& member : usage.children()) {
        const bool adds = member.name == "alias" || member.name == "mapping" ||
                          member.name == "condition" || member.name == "constraint" ||
                          member.name == "example" || member.name == "code";
        if (!adds) {
            continue;
        }
        bool known = false;
        for (const Element& other : merged->children()) {
            known = known || (other.name == member.name &&
                              (member.name == "constraint"
                                   ? other.child_value("key") == member.child_value("key")
                                   : same_tree(other, member)));
        }
        if (!known) {
            insert_child(*merged, *copy_tree(member, arena_));
        }
    }
    node.definition = merged;
    node.owned = true;
}

// Gives an element the children of its type, so a differential can walk into it.
bool Generator::expand(Node& node, std::string_view path) {
    if (!node.children.empty()) {
        return true;
    }
    const Element& definition = *node.definition;
    const Node* source = nullptr;
    const Base* home = nullptr;
    if (const Element* reference = definition.child("contentReference"); reference != nullptr) {
        const auto hash = reference->value.find('#');
        std::string_view target =
            hash == std::string_view::npos ? reference->value : reference->value.substr(hash + 1);
        target = target.substr(0, target.find(':'));  // a slice's name here means the element
        // The children are those that the type itself defines there, not what this profile made of
        // them.
        const Base* origin = home_;
        if (home_ != nullptr) {
            if (const Base* type = base(std::string(core_url) + home_->type); type != nullptr) {
                origin = type;
            }
        }
        std::vector<Node*> open;
        if (origin != nullptr) {
            open.push_back(origin->root);
        }
        while (!open.empty() && source == nullptr) {
            Node* at = open.back();
            open.pop_back();
            if (at->definition->child_value("id") == target || node_id(*at) == target) {
                source = at;
            }
            open.insert(open.end(), at->slices.begin(), at->slices.end());
            open.insert(open.end(), at->children.begin(), at->children.end());
        }
        if (source == nullptr) {
            problem(
                std::string(path) + ": contentReference " + std::string(reference->value) +
                " leads nowhere"
            );
            return false;
        }
        Element& own_definition = own(node, arena_);
        take_children(own_definition, *source->definition, "type", arena_);
        remove_children_named(own_definition, "contentReference");
    } else {
        const Element* type = only_type(definition);
        std::string canonical;
        if (type != nullptr) {
            const std::string_view code = type->child_value("code");
            const Element* profile = only_child(*type, "profile");
            if (profile != nullptr && code != "Reference") {
                source = element_of_profile(profile->value, home);
            }
            canonical = code.find(':') == std::string_view::npos
                            ? std::string(core_url) + std::string(code)
                            : std::string(code);
        } else if (definition.child("type") != nullptr) {
            // Several types: all references walk into Reference, others share what Element has.
            bool all_references = true;
            for (const Element& child : definition.children()) {
                all_references = all_references &&
                                 (child.name != "type" || child.child_value("code") == "Reference");
            }
            canonical = std::string(core_url) + (all_references ? "Reference" : "Element");
        }
        if (source == nullptr && !canonical.empty()) {
            home = base(canonical);
            source = home == nullptr ? nullptr : home->root;
        }
    }
    if (source == nullptr || source->children.empty()) {
        return false;
    }
    for (const Node* child : source->children) {
        node.children.push_back(&pool_.copy(*child, &node));
    }
    return true;
}

}  // namespace gatehouse::fhir::snapshot
