// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/snapshot_tree.hpp"

#include "fhir/schema/definition_edit.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

// Deeper than any record may nest; walking is recursive.
constexpr std::size_t path_steps_max = 64;

// Slice names of each step as the element's id spells them; empty if the id does not fit path and
// sliceName (ids are often copied without care, so they only help where they agree with the rest).
std::vector<std::string_view> slices_of_id(
    std::string_view id, const std::vector<std::string_view>& steps, std::string_view slice
) {
    if (id.empty()) {
        return {};
    }
    const auto parts = split_steps(id);
    if (parts.size() != steps.size()) {
        return {};
    }
    std::vector<std::string_view> slices;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto colon = parts[i].find(':');
        const std::string_view name = parts[i].substr(0, colon);
        if (name != steps[i] && !spells_choice(steps[i], name) && !spells_choice(name, steps[i])) {
            return {};
        }
        slices.push_back(
            colon == std::string_view::npos ? std::string_view{} : parts[i].substr(colon + 1)
        );
    }
    // Authors put a slice name on the root ("PlanDefinition:order"): it names the profile, not a
    // slice.
    slices.front() = {};
    if (slices.back() != slice) {
        return {};
    }
    return slices;
}

// Finds or makes the levels of a differential.
class ChangeBuilder {
public:
    ChangeBuilder(NodePool& pool, bool any_order) : pool_(pool), any_order_(any_order) {}

    Change* add(const Element& definition, std::string& problem) {
        const std::string_view path = definition.child_value("path");
        const std::string_view slice = definition.child_value("sliceName");
        const auto steps = split_steps(path);
        for (const std::string_view step : steps) {
            if (step.empty()) {
                problem = "differential path \"" + std::string(path) + "\" has an empty step";
                return nullptr;
            }
        }
        if (steps.size() > path_steps_max) {
            problem =
                "a differential path has more than " + std::to_string(path_steps_max) + " steps";
            return nullptr;
        }
        if (root_ == nullptr) {
            root_ = &pool_.add_change();
            root_->name = steps.front();
            root_->path = steps.front();
        } else if (root_->name != steps.front()) {
            problem = "differential path \"" + std::string(path) + "\" does not start with \"" +
                      std::string(root_->name) + "\" as the others do";
            return nullptr;
        }
        if (steps.size() == 1) {
            root_->definition = definition_or(definition);
            last_ = root_;
            return root_;
        }
        const auto slices = slices_of_id(definition.child_value("id"), steps, slice);
        Change* at = root_;
        const std::string_view id = definition.child_value("id");
        std::size_t id_end = id.find('.');
        for (std::size_t i = 1; i + 1 < steps.size(); ++i) {
            id_end = id_end == std::string_view::npos ? id_end : id.find('.', id_end + 1);
            const std::string_view level_id =
                slices.empty() ? std::string_view{} : id.substr(0, id_end);
            at = level(*at, steps[i], slices.empty() ? nullptr : &slices[i], level_id, path);
        }
        Change* change = nullptr;
        // An implied level that is stated only now.
        for (Change* child : at->children) {
            if (child->definition == nullptr && child->name == steps.back() &&
                child->slice == slice) {
                change = child;
            }
        }
        if (change == nullptr) {
            change = &pool_.add_change();
            change->name = steps.back();
            change->slice = slice;
            change->parent = at;
            at->children.push_back(change);
        }
        change->path = path;
        change->definition = &definition;
        last_ = change;
        return change;
    }

    [[nodiscard]] Change* root() const { return root_; }

private:
    static const Element* definition_or(const Element& definition) { return &definition; }

    [[nodiscard]] bool is_open(const Change& change) const {
        for (const Change* at = last_; at != nullptr; at = at->parent) {
            if (at == &change) {
                return true;
            }
        }
        return false;
    }

    // The level `name` below `parent` that the next element belongs to.
    Change* level(
        Change& parent,
        std::string_view name,
        const std::string_view* slice,
        std::string_view id,
        std::string_view path
    ) {
        // Ids that agree with one another say which level is meant, whatever they call the slice.
        for (Change* child : parent.children) {
            if (!id.empty() && child->definition != nullptr &&
                child->definition->child_value("id") == id) {
                return child;
            }
        }
        Change* found = nullptr;
        for (auto at = parent.children.rbegin(); at != parent.children.rend() && found == nullptr;
             ++at) {
            if ((*at)->name == name && (slice == nullptr || (*at)->slice == *slice)) {
                found = *at;
            }
        }
        if (found != nullptr && !any_order_ && !is_open(*found) && slice == nullptr) {
            found->reopened = true;
        }
        if (found == nullptr) {
            found = &pool_.add_change();
            found->name = name;
            found->slice = slice == nullptr ? std::string_view{} : *slice;
            found->path = path;
            found->parent = &parent;
            parent.children.push_back(found);
        }
        return found;
    }

    NodePool& pool_;
    bool any_order_;
    Change* root_ = nullptr;
    Change* last_ = nullptr;
};

}  // namespace

std::vector<std::string_view> split_steps(std::string_view text) {
    std::vector<std::string_view> steps;
    for (;;) {
        const auto dot = text.find('.');
        steps.push_back(text.substr(0, dot));
        if (dot == std::string_view::npos) {
            return steps;
        }
        text.remove_prefix(dot + 1);
    }
}

Node& NodePool::copy(const Node& source, Node* parent, bool without_slices) {
    Node& copy = nodes_.emplace_back();
    copy.definition = source.definition;
    copy.name = source.name;
    copy.slice = source.slice;
    copy.parent = parent;
    copy.children.reserve(source.children.size());
    for (const Node* child : source.children) {
        copy.children.push_back(&this->copy(*child, &copy));
    }
    if (!without_slices) {
        for (const Node* slice : source.slices) {
            Node& twin = this->copy(*slice, parent);
            twin.entry = &copy;
            copy.slices.push_back(&twin);
        }
    }
    return copy;
}

Node* build_tree(const Element& elements, NodePool& pool, std::string& problem) {
    std::vector<Node*> open;  // by depth
    for (const Element& definition : elements.children()) {
        if (definition.name != "element") {
            continue;
        }
        const std::string_view path = definition.child_value("path");
        const std::string_view slice = definition.child_value("sliceName");
        const auto steps = split_steps(path);
        const std::size_t depth = steps.size() - 1;
        if (steps.size() > path_steps_max || depth > open.size() || (depth == 0 && !open.empty()) ||
            steps.back().empty()) {
            problem = "snapshot element \"" + std::string(path) + "\" has no parent before it";
            return nullptr;
        }
        Node& node = pool.add();
        node.definition = &definition;
        node.name = steps.back();
        node.slice = depth == 0 ? std::string_view{} : slice;
        Node* parent = depth == 0 ? nullptr : open[depth - 1];
        node.parent = parent;
        bool placed = depth == 0;
        if (!placed && !slice.empty()) {
            for (auto at = parent->children.rbegin(); at != parent->children.rend() && !placed;
                 ++at) {
                if ((*at)->name != node.name && !spells_choice(node.name, (*at)->name)) {
                    continue;
                }
                Node* entry = *at;
                // "a/b" reslices slice a where there is one; a slash may also just be part of a
                // name.
                for (auto slash = slice.find('/'); slash != std::string_view::npos;
                     slash = slice.find('/', slash + 1)) {
                    if (Node* outer = find_slice(**at, slice.substr(0, slash)); outer != nullptr) {
                        entry = outer;
                    }
                }
                if (entry->name != node.name) {
                    node.name = entry->name;  // older snapshots spell a type slice "valueQuantity"
                }
                node.entry = entry;
                entry->slices.push_back(&node);
                placed = true;
            }
        }
        if (!placed) {
            parent->children.push_back(&node);
        }
        open.resize(depth);
        open.push_back(&node);
    }
    if (open.empty()) {
        problem = "it has no elements";
        return nullptr;
    }
    return open.front();
}

Change*
build_changes(const Element& differential, NodePool& pool, bool any_order, std::string& problem) {
    ChangeBuilder builder(pool, any_order);
    for (const Element& definition : differential.children()) {
        if (definition.name == "element" && builder.add(definition, problem) == nullptr) {
            return nullptr;
        }
    }
    return builder.root();
}

Element& own(Node& node, Arena& arena) {
    if (!node.owned) {
        node.definition = copy_tree(*node.definition, arena);
        node.owned = true;
    }
    return const_cast<Element&>(*node.definition);
}

Node* find_slice(Node& entry, std::string_view name) {
    for (Node* slice : entry.slices) {
        if (slice->slice == name) {
            return slice;
        }
        if (name.size() > slice->slice.size() && name.starts_with(slice->slice) &&
            name[slice->slice.size()] == '/') {
            if (Node* inner = find_slice(*slice, name); inner != nullptr) {
                return inner;
            }
        }
    }
    return nullptr;
}

std::string node_id(const Node& node) {
    std::string id = node.parent == nullptr ? std::string() : node_id(*node.parent) + ".";
    id += node.name;
    if (!node.slice.empty()) {
        id += ":" + std::string(node.slice);
    }
    return id;
}

std::string_view choice_stem(std::string_view name) noexcept {
    return is_choice_name(name) ? name.substr(0, name.size() - 3) : name;
}

bool is_choice_name(std::string_view name) noexcept {
    return name.ends_with("[x]");
}

bool spells_choice(std::string_view written, std::string_view name) noexcept {
    if (!is_choice_name(name)) {
        return false;
    }
    const std::string_view stem = choice_stem(name);
    return written.size() > stem.size() && written.starts_with(stem) &&
           written[stem.size()] >= 'A' && written[stem.size()] <= 'Z';
}

}  // namespace gatehouse::fhir::snapshot
