// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/snapshot.hpp"

#include <algorithm>

#include "fhir/schema/definition_edit.hpp"
#include "fhir/schema/snapshot_generator.hpp"

namespace gatehouse::fhir::snapshot {
namespace {

constexpr std::string_view core_url = "http://hl7.org/fhir/StructureDefinition/";
constexpr unsigned making_max = 32;

bool is_extension_name(std::string_view name) {
    return name == "extension" || name == "modifierExtension";
}

const Element* only_type(const Element& definition) {
    const Element* found = nullptr;
    for (const Element& child : definition.children()) {
        if (child.name == "type") {
            if (found != nullptr) {
                return nullptr;
            }
            found = &child;
        }
    }
    return found;
}

const Element* only_child(const Element& element, std::string_view name) {
    const Element* found = nullptr;
    for (const Element& child : element.children()) {
        if (child.name == name) {
            if (found != nullptr) {
                return nullptr;
            }
            found = &child;
        }
    }
    return found;
}

Element*
value_element(std::string_view name, std::string_view value, Written written, Arena& arena) {
    Element* element = new_element(name, arena);
    element->value = value;
    element->written = written;
    return element;
}

void append(Element& parent, Element& child) {
    Element** link = &parent.first_child;
    while (*link != nullptr) {
        link = &(*link)->next;
    }
    *link = &child;
    child.parent = &parent;
}

// The slicing that needs no saying: extensions by url, choices by type.
Element* implicit_slicing(
    std::string_view type, std::string_view path, std::string_view rules, Arena& arena
) {
    Element* slicing = new_element("slicing", arena);
    Element* discriminator = new_element("discriminator", arena);
    discriminator->in_array = true;
    append(*discriminator, *value_element("type", type, Written::string, arena));
    append(*discriminator, *value_element("path", path, Written::string, arena));
    append(*slicing, *discriminator);
    append(*slicing, *value_element("ordered", "false", Written::boolean, arena));
    append(*slicing, *value_element("rules", rules, Written::string, arena));
    return slicing;
}

void set_rules(Element& slicing, std::string_view rules, Arena& arena) {
    if (Element* known = slicing.child("rules"); known != nullptr) {
        known->value = rules;
    } else {
        append(slicing, *value_element("rules", rules, Written::string, arena));
    }
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
bool in_extension(const Node& entry) {
    return entry.name == "value[x]" && entry.parent != nullptr &&
           (is_extension_name(entry.parent->name) || entry.parent->name == "Extension");
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
            append(
                *origin,
                *value_element("path", definition.child_value("path"), Written::string, arena_)
            );
            append(
                *origin,
                *value_element("min", definition.child_value("min"), Written::number, arena_)
            );
            append(
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
                        append(
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
            for (const Change* inner : child->children) {
                (void)inner;
            }
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
        const bool states_min =
            change->definition != nullptr && change->definition->child("min") != nullptr;
        Node& slice = new_slice(entry, *origin, change->slice, states_min);
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
    bool shortcut = false;
    std::string fixed_type;
    for (Change* change : slices) {
        const bool spelled = change->name != entry.name;
        // In an extension any short spelling narrows; a data type's profile speaks of every use of
        // the type, so there it narrows nothing.
        const bool data_type =
            home_ != nullptr && home_->kind == "complex-type" && home_->type != "Extension";
        shortcut =
            shortcut || (spelled && (in_extension(entry) || (change->slice.empty() && !data_type)));
        // Which type: from the spelling, from the types it states, or from the slice's name.
        const Element* type = nullptr;
        const Element* stated =
            change->definition == nullptr ? nullptr : only_type(*change->definition);
        for (const Element& candidate : pristine.definition->children()) {
            if (candidate.name != "type") {
                continue;
            }
            const std::string_view code = candidate.child_value("code");
            const std::string name = type_slice_name(entry.name, code);
            if (spelled             ? name == change->name
                : stated != nullptr ? type_allowed(stated->child_value("code"), code)
                                    : name == change->slice) {
                type = &candidate;
                break;
            }
        }
        if (!change->slice.empty() && change->slice.find('/') == std::string_view::npos &&
            find_slice(entry, change->slice) == nullptr && !named_by_type(*change, entry, stated)) {
            problem(
                std::string(change->path) + ":" + std::string(change->slice) +
                ": a slice by type is named after its type, as in " +
                type_slice_name(entry.name, "Quantity")
            );
        }
        const std::string name =
            !change->slice.empty() ? std::string(change->slice) : std::string(change->name);
        Node* known = find_slice(entry, name);
        if (known == nullptr && spelled) {
            known = find_slice(entry, change->name);
        }
        if (type == nullptr && known == nullptr) {
            if (spelled || stated != nullptr) {
                std::string allowed;
                for (const Element& candidate : pristine.definition->children()) {
                    if (candidate.name == "type") {
                        allowed += (allowed.empty() ? "" : ", ") +
                                   std::string(candidate.child_value("code"));
                    }
                }
                problem(
                    std::string(change->path) +
                    ": the type is not one of those the base allows: " + allowed
                );
                continue;
            }
        }
        // The types that the entry still allows after this differential.
        if (type != nullptr) {
            bool remains = false;
            for (const Element& candidate : entry.definition->children()) {
                remains = remains ||
                          (candidate.name == "type" &&
                           type_allowed(type->child_value("code"), candidate.child_value("code")));
            }
            if (!remains) {
                problem(
                    std::string(change->path) + ": type " + std::string(type->child_value("code")) +
                    " was taken out of the element's types"
                );
                continue;
            }
        }
        const bool states_min =
            change->definition != nullptr && change->definition->child("min") != nullptr;
        Node* slice = known;
        if (slice == nullptr) {
            const bool keep_min = in_extension(entry);
            slice = &new_slice(
                entry, pristine, arena_.copy(name), states_min || keep_min || slices.size() == 1
            );
            if (type != nullptr) {
                Element& own_definition = own(*slice, arena_);
                Element* kept = copy_tree(*type, arena_);
                remove_children_named(own_definition, "type");
                insert_child(own_definition, *kept);
            }
        }
        apply(*change, *slice, known == nullptr);
        if (states_min && min_number(change->definition->child_value("min")) > 0) {
            if (slices.size() > 1) {
                problem(
                    std::string(change->path) +
                    ": one type slice is mandatory, so the others cannot occur"
                );
            }
            const Element* sliced = only_type(*slice->definition);
            fixed_type = sliced == nullptr ? std::string_view{} : sliced->child_value("code");
            if (!spelled || !change->slice.empty()) {
                set_value(own(entry, arena_), "min", "1", Written::number, arena_);
            }
        }
    }
    Element& final = own(entry, arena_);
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
    Element** link = &final.first_child;
    while (*link != nullptr) {
        Element& type = **link;
        bool cut = false;
        if (type.name == "type") {
            const std::string_view code = type.child_value("code");
            const bool known = std::find(covered.begin(), covered.end(), code) != covered.end();
            cut = (!fixed_type.empty() && code != fixed_type) || (!known && shortcut);
            all_covered = all_covered && (known || cut);
        }
        if (cut) {
            *link = type.next;
        } else {
            link = &type.next;
        }
    }
    set_rules(*final.child("slicing"), all_covered ? "closed" : "open", arena_);
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
