// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/snapshot.hpp"

#include <algorithm>

#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"
#include "fhir/schema/snapshot_slicing.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

constexpr unsigned making_max = 32;

std::string_view last_step(std::string_view url) {
    const auto slash = url.rfind('/');
    return slash == std::string_view::npos ? url : url.substr(slash + 1);
}

}  // namespace

const Base* Generator::base(std::string_view canonical) {
    const std::string key(canonical);
    if (const auto at = bases_.find(key); at != bases_.end()) {
        return at->second.get();
    }
    const Definition* definition = definitions_.structure(canonical);
    Element* structure = definition == nullptr ? nullptr : definition->decode(arena_);
    if (structure == nullptr) {
        return nullptr;
    }
    if (making_.size() >= making_max ||
        std::find(making_.begin(), making_.end(), key) != making_.end()) {
        return nullptr;
    }
    auto made = std::make_unique<Base>();
    made->url = definition->url;
    made->type = last_step(structure->child_value("type"));
    made->kind = structure->child_value("kind");
    made->structure = structure;
    const Element* published = structure->child("snapshot");
    if (published != nullptr && structure->child("differential") != nullptr &&
        !same_release(structure->child_value("fhirVersion"))) {
        published = nullptr;  // it repeats another FHIR version's elements: made anew on this one's
    }
    if (published != nullptr) {
        std::string why;
        made->root = build_tree(*published, pool_, why);
        if (made->root == nullptr) {
            problem(key + ": " + why);
        }
    } else {
        // Its problems are its own; who builds on it gets the best that could be made.
        const Base* home = home_;
        const std::string url = url_;
        const bool specialization = specialization_;
        auto problems = std::move(problems_);
        problems_.clear();
        const bool missing = base_missing_;
        making_.push_back(key);
        made->root = generate(*structure);
        made->problems = problems_;
        making_.pop_back();
        base_missing_ = missing;
        problems_ = std::move(problems);
        home_ = home;
        url_ = url;
        specialization_ = specialization;
    }
    if (made->root == nullptr) {
        return nullptr;
    }
    complete(*made->root, made->url);
    return bases_.emplace(key, std::move(made)).first->second.get();
}

// True unless `version` names another release of FHIR than the core definitions in use.
bool Generator::same_release(std::string_view version) {
    if (!core_version_known_) {
        core_version_known_ = true;
        const Definition* element = definitions_.structure(std::string(core_url) + "Element");
        const Element* root = element == nullptr ? nullptr : element->root();
        core_version_ = root == nullptr ? std::string_view{} : root->child_value("fhirVersion");
    }
    const auto release = [](std::string_view text) {
        const auto first = text.find('.');
        return text.substr(0, first == std::string_view::npos ? first : text.find('.', first + 1));
    };
    return version.empty() || core_version_.empty() || release(version) == release(core_version_);
}

// Says of every element where it first came from and of every constraint who states it.
void Generator::complete(Node& root, std::string_view url) {
    std::vector<Node*> open{&root};
    while (!open.empty()) {
        Node& node = *open.back();
        open.pop_back();
        open.insert(open.end(), node.children.begin(), node.children.end());
        open.insert(open.end(), node.slices.begin(), node.slices.end());
        if (node.definition->child("base") == nullptr) {
            Element& definition = own(node, arena_);
            Element* origin = new_element("base", arena_);
            append_child(
                *origin,
                *value_element("path", definition.child_value("path"), Written::string, arena_)
            );
            append_child(
                *origin,
                *value_element("min", definition.child_value("min"), Written::number, arena_)
            );
            append_child(
                *origin,
                *value_element("max", definition.child_value("max"), Written::string, arena_)
            );
            insert_child(definition, *origin);
        }
        for (const Element& constraint : node.definition->children()) {
            if (constraint.name == "constraint" && constraint.child("source") == nullptr) {
                Element& definition = own(node, arena_);
                for (Element& own_constraint : definition.children()) {
                    if (own_constraint.name == "constraint" &&
                        own_constraint.child("source") == nullptr) {
                        append_child(
                            own_constraint,
                            *value_element("source", arena_.copy(url), Written::string, arena_)
                        );
                    }
                }
                break;
            }
        }
    }
}

Node* Generator::generate(const Element& structure) {
    url_ = structure.child_value("url");
    specialization_ = structure.child_value("derivation") == "specialization";
    const std::string_view base_url = structure.child_value("baseDefinition");
    const Element* differential = structure.child("differential");
    std::string why;
    Node* root = nullptr;
    if (base_url.empty()) {
        // The first of a family (Element, Base, a logical model without a parent): what it states
        // is all.
        const Element* elements =
            differential != nullptr ? differential : structure.child("snapshot");
        root = elements == nullptr ? nullptr : build_tree(*elements, pool_, why);
        if (root == nullptr) {
            problem(
                "no baseDefinition and " + (why.empty() ? std::string("no differential") : why)
            );
        }
        return root;
    }
    const Base* home = base(base_url);
    if (home == nullptr) {
        base_missing_ = definitions_.structure(base_url) == nullptr;
        problem(
            "base definition " + std::string(base_url) +
            (base_missing_ ? " is not loaded" : " cannot be used (circular or without elements)")
        );
        return nullptr;
    }
    home_ = home;
    const std::string_view type = last_step(structure.child_value("type"));
    if (!specialization_ && !type.empty() && type != home->type &&
        !type_allowed(type, home->type)) {
        problem("type " + std::string(type) + " is not the base's type " + home->type);
    }
    root = &pool_.copy(*home->root, nullptr);
    Change* changes = differential == nullptr
                          ? nullptr
                          : build_changes(*differential, pool_, options_.sort_differential, why);
    if (!why.empty()) {
        problem(why);
        return root;
    }
    if (changes == nullptr) {
        return root;
    }
    if (specialization_) {
        root->name = changes->name;
        for (Node* child : root->children) {
            child->parent = root;
        }
    } else if (changes->name != root->name) {
        problem(
            "differential path \"" + std::string(changes->name) +
            "\" does not start with the base's \"" + std::string(root->name) + "\""
        );
        return root;
    }
    apply(*changes, *root, false);
    return root;
}

void Generator::apply(const Change& change, Node& node, bool slice) {
    if (change.definition != nullptr) {
        use_type_profile(change, node);
        merge(node, *change.definition, change.path, slice);
    }
    if (!change.children.empty()) {
        apply_children(change, node);
    }
}

}  // namespace gatehouse::fhir::snapshot

namespace gatehouse::fhir {

Result<Element*> generate_snapshot(
    const Element& structure_definition,
    const Definitions& definitions,
    Arena& arena,
    const SnapshotOptions& options
) {
    if (structure_definition.resource_type() != "StructureDefinition") {
        return Fault{Errc::invalid, "generate snapshot", "the input is not a StructureDefinition"};
    }
    snapshot::Generator generator(definitions, arena, options);
    snapshot::Node* root = generator.generate(structure_definition);
    if (root == nullptr || !generator.problems().empty()) {
        std::string detail;
        for (const std::string& problem : generator.problems()) {
            detail += (detail.empty() ? "" : "; ") + problem;
        }
        return Fault{
            generator.base_missing() ? Errc::not_found : Errc::invalid,
            "generate snapshot",
            detail};
    }
    Element* made = snapshot::copy_tree(structure_definition, arena);
    snapshot::remove_children_named(*made, "snapshot");
    Element* list = snapshot::new_element("snapshot", arena);
    list->parent = made;
    snapshot::flatten(*root, root->name, arena, *list);
    Element** link = &made->first_child;
    while (*link != nullptr && (*link)->name != "differential") {
        link = &(*link)->next;
    }
    list->next = *link;
    *link = list;
    return made;
}

}  // namespace gatehouse::fhir
