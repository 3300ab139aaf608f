// SPDX-License-Identifier: Apache-2.0
//
// FHIRPath Patch (FHIR R4 fhirpatch): Parameters with one parameter "operation" for each change.
#include <algorithm>
#include <charconv>

#include "fhir/patch/patch.hpp"
#include "fhir/path/path.hpp"

namespace gatehouse::fhir {
namespace {

using Kind = PatchFault::Kind;

enum class Verb : std::uint8_t { add, insert, remove, replace, move };

struct PathOperation {
    Verb verb = Verb::add;
    std::string path;
    std::string name;
    const Element* value = nullptr;  // the part named "value"
    std::uint32_t index = 0;
    std::uint32_t source = 0;
    std::uint32_t destination = 0;
};

// The value[x] child of a Parameters part, or nullptr.
Element* value_child(const Element& part) {
    for (Element& child : part.children()) {
        if (child.name.size() > 5 && child.name.starts_with("value")) {
            return &child;
        }
    }
    return nullptr;
}

std::string_view text_of(const Element* part) {
    const Element* value = part == nullptr ? nullptr : value_child(*part);
    return value == nullptr ? std::string_view{} : value->value;
}

const Element* part_named(const Element& operation, std::string_view name) {
    for (const Element& child : operation.children()) {
        if (child.name == "part" && child.child_value("name") == name) {
            return &child;
        }
    }
    return nullptr;
}

bool whole(std::string_view text, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

bool has_content(const Element& part) {
    return value_child(part) != nullptr || part.child("part") != nullptr ||
           part.child("resource") != nullptr;
}

std::optional<std::string> read_path_operation(const Element& parameter, PathOperation& out) {
    static constexpr std::pair<std::string_view, Verb> verbs[] = {
        {"add", Verb::add},
        {"insert", Verb::insert},
        {"delete", Verb::remove},
        {"replace", Verb::replace},
        {"move", Verb::move}};
    const std::string_view type = text_of(part_named(parameter, "type"));
    const auto* verb = std::find_if(std::begin(verbs), std::end(verbs), [&](const auto& item) {
        return item.first == type;
    });
    if (verb == std::end(verbs)) {
        return "its part 'type' must be add, insert, delete, replace or move";
    }
    out.verb = verb->second;
    out.path = text_of(part_named(parameter, "path"));
    if (out.path.empty()) {
        return "it needs a part 'path' with a FHIRPath expression";
    }
    if (out.verb == Verb::add) {
        out.name = text_of(part_named(parameter, "name"));
        if (out.name.empty()) {
            return "add needs a part 'name': the element to add";
        }
    }
    if (out.verb == Verb::add || out.verb == Verb::insert || out.verb == Verb::replace) {
        out.value = part_named(parameter, "value");
        if (out.value == nullptr || !has_content(*out.value)) {
            return "it needs a part 'value'";
        }
    }
    if (out.verb == Verb::insert && !whole(text_of(part_named(parameter, "index")), out.index)) {
        return "insert needs a part 'index': a whole number from 0";
    }
    if (out.verb == Verb::move &&
        (!whole(text_of(part_named(parameter, "source")), out.source) ||
         !whole(text_of(part_named(parameter, "destination")), out.destination))) {
        return "move needs parts 'source' and 'destination': whole numbers from 0";
    }
    return std::nullopt;
}

std::optional<PatchFault>
read_path_operations(const Element& parameters, std::vector<PathOperation>& out) {
    for (const Element& parameter : parameters.children()) {
        if (parameter.name != "parameter") {
            continue;
        }
        const auto index = static_cast<std::uint32_t>(out.size());
        if (parameter.child_value("name") != "operation") {
            return PatchFault{
                Kind::malformed, index, "every parameter of a FHIRPath Patch is named 'operation'"};
        }
        if (out.size() == patch_operations_max) {
            return PatchFault{
                Kind::too_large,
                index,
                "more than " + std::to_string(patch_operations_max) + " operations"};
        }
        if (auto problem = read_path_operation(parameter, out.emplace_back())) {
            return PatchFault{Kind::malformed, index, std::move(*problem)};
        }
    }
    if (out.empty()) {
        return PatchFault{Kind::malformed, 0, "there is no parameter 'operation'"};
    }
    return std::nullopt;
}

// Unlinks `element` from its parent.
void unlink(Element& element) {
    Element** link = &element.parent->first_child;
    while (*link != &element) {
        link = &(*link)->next;
    }
    *link = element.next;
    element.next = nullptr;
}

// `name` in its JSON spelling, with the type its value must have.
struct Spelling {
    std::string name;
    TypeId type = unknown_type;
    std::uint32_t rank = 0;
    bool repeats = false;
    bool known = false;
};

class PathPatcher {
public:
    PathPatcher(Element& resource, const TypeModel& types, Arena& arena)
        : resource_(resource), types_(types), arena_(arena) {}

    std::optional<PatchFault> run(const PathOperation& operation, std::uint32_t index) {
        index_ = index;
        operation_ = &operation;
        switch (operation.verb) {
        case Verb::add: return add();
        case Verb::insert: return insert();
        case Verb::remove: return remove();
        case Verb::replace: return replace();
        case Verb::move: return move();
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] PatchFault fault(Kind kind, std::string text) const {
        return {kind, index_, text + " (path '" + operation_->path.substr(0, 200) + "')"};
    }

    // The elements that an expression finds in the resource.
    std::optional<PatchFault> find(const std::string& path, std::vector<Element*>& out) {
        path::Error error;
        const path::Expression expression = path::compile(path, types_, error);
        if (!expression) {
            return fault(Kind::malformed, "the path is not FHIRPath: " + located(error, path));
        }
        path::Environment environment;
        environment.types = &types_;
        environment.resource = &resource_;
        environment.root_resource = &resource_;
        const path::Outcome outcome = path::evaluate(expression, &resource_, environment, arena_);
        if (outcome.failed) {
            return fault(
                Kind::unmet, "the path cannot be evaluated: " + located(outcome.error, path)
            );
        }
        for (const path::Item& item : outcome.items) {
            if (item.kind != path::ItemKind::element || !inside(*item.element)) {
                return fault(Kind::unmet, "the path must lead to elements of this resource");
            }
            // The tree is ours: the evaluator only promises not to change it itself.
            out.push_back(const_cast<Element*>(item.element));
        }
        return std::nullopt;
    }

    [[nodiscard]] bool inside(const Element& element) const {
        const Element* at = &element;
        while (at->parent != nullptr) {
            at = at->parent;
        }
        return at == &resource_;
    }

    [[nodiscard]] Spelling
    spelling_of(TypeId parent, std::string_view name, const Element& value) const {
        Spelling out;
        out.name = name;
        const Symbol symbol = types_.symbols().find(name);
        if (const ChildMatch match = types_.child(parent, symbol)) {
            out.type = match.type;
            out.rank = match.index;
            out.repeats = match.info->repeats;
            out.known = true;
            return out;
        }
        const ChildInfo* choice = types_.child_by_path(parent, symbol);
        const Element* typed = value_child(value);
        if (choice == nullptr || !choice->choice || typed == nullptr) {
            return out;
        }
        out.name += typed->name.substr(5);
        if (const ChildMatch match =
                types_.child(parent, types_.symbols().find(std::string_view(out.name)))) {
            out.type = match.type;
            out.rank = match.index;
            out.known = true;
        }
        return out;
    }

    Element* fresh(const Spelling& spelling) {
        auto* element = arena_.create<Element>();
        element->name = arena_.copy(spelling.name);
        element->symbol = types_.symbols().find(element->name);
        element->type = spelling.type;
        return element;
    }

    // The element that a "value" part describes: value[x], or parts for one without a data type.
    // nullptr: some name in it does not exist there (`problem_` says which).
    Element* build(const Element& part, const Spelling& spelling) {
        Element* out = fresh(spelling);
        if (const Element* typed = value_child(part)) {
            out->value = typed->value;
            out->written = typed->written;
            out->first_child = typed->first_child;
            for (Element& child : out->children()) {
                child.parent = out;
            }
            return out;
        }
        if (const Element* resource = part.child("resource")) {
            out->is_resource = true;
            out->value = resource->value;
            out->type = resource->type;
            out->first_child = resource->first_child;
            for (Element& child : out->children()) {
                child.parent = out;
            }
            return out;
        }
        for (const Element& inner : part.children()) {
            if (inner.name != "part") {
                continue;
            }
            const Spelling name = spelling_of(out->type, inner.child_value("name"), inner);
            if (!name.known) {
                problem_ = "the value has a part '" + name.name.substr(0, 64) +
                           "' that is no element of it";
                return nullptr;
            }
            Element* child = build(inner, name);
            if (child == nullptr) {
                return nullptr;
            }
            link(*out, child, name.rank);
        }
        return out;
    }

    // Behind its own kind, else in definition order.
    void link(Element& parent, Element* child, std::uint32_t rank) {
        child->parent = &parent;
        Element* last_same = nullptr;
        Element** place = &parent.first_child;
        for (Element** at = &parent.first_child; *at != nullptr; at = &(*at)->next) {
            if ((*at)->name == child->name) {
                last_same = *at;
            }
            if ((*at)->child_rule != 0 && (*at)->child_rule <= rank + 1) {
                place = &(*at)->next;
            }
        }
        if (last_same != nullptr) {
            place = &last_same->next;
        }
        child->child_rule = rank + 1;
        child->next = *place;
        *place = child;
    }

    std::optional<PatchFault> one(const char* what, Element*& out) {
        std::vector<Element*> found;
        if (auto failed = find(operation_->path, found)) {
            return failed;
        }
        if (found.size() != 1) {
            return fault(
                Kind::unmet,
                std::string(what) + " needs a path to one element; this one finds " +
                    (found.empty() ? "none" : std::to_string(found.size()))
            );
        }
        out = found.front();
        return std::nullopt;
    }

    std::optional<PatchFault> add() {
        Element* parent = nullptr;
        if (auto failed = one("add", parent)) {
            return failed;
        }
        return put(*parent, operation_->name, std::nullopt);
    }

    // A new child: at the end of its list, or at `index` of it.
    std::optional<PatchFault>
    put(Element& parent, std::string_view name, std::optional<std::uint32_t> index) {
        const Spelling spelling = spelling_of(parent.type, name, *operation_->value);
        if (!spelling.known) {
            return fault(
                Kind::unmet,
                "'" + std::string(name.substr(0, 64)) +
                    "' with a value of this type is no element there"
            );
        }
        std::vector<Element*> same;
        for (Element& child : parent.children()) {
            if (child.child_rule == spelling.rank + 1) {
                same.push_back(&child);
            }
        }
        if (!spelling.repeats && !same.empty()) {
            return fault(
                Kind::unmet,
                "'" + std::string(name.substr(0, 64)) +
                    "' is there already and does not repeat; use replace"
            );
        }
        if (index && *index > same.size()) {
            return fault(
                Kind::unmet,
                "the index is beyond the end of the list, which has " +
                    std::to_string(same.size()) + " elements"
            );
        }
        Element* child = build(*operation_->value, spelling);
        if (child == nullptr) {
            return fault(Kind::unmet, problem_);
        }
        if (index && *index < same.size()) {
            Element** place = &parent.first_child;
            while (*place != same[*index]) {
                place = &(*place)->next;
            }
            child->parent = &parent;
            child->next = *place;
            *place = child;
        } else {
            link(parent, child, spelling.rank);
        }
        annotate(resource_, types_);
        return std::nullopt;
    }

    // The list that a path names: its elements share parent and name.
    std::optional<PatchFault> list(std::vector<Element*>& out) {
        if (auto failed = find(operation_->path, out)) {
            return failed;
        }
        const bool together = std::all_of(out.begin(), out.end(), [&](const Element* element) {
            return element->parent == out.front()->parent && element->name == out.front()->name &&
                   element->parent != nullptr;
        });
        if (!together) {
            return fault(Kind::unmet, "the path must lead to the elements of one list");
        }
        return std::nullopt;
    }

    std::optional<PatchFault> insert() {
        std::vector<Element*> found;
        if (auto failed = list(found)) {
            return failed;
        }
        if (!found.empty()) {
            Element& first = *found.front();
            return put(*first.parent, first.name, operation_->index);
        }
        // An empty list says nothing of its place; the path's last step does.
        const auto dot = operation_->path.rfind('.');
        const std::string name =
            dot == std::string::npos ? operation_->path : operation_->path.substr(dot + 1);
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        });
        if (!plain || name.empty()) {
            return fault(Kind::unmet, "the path finds no list");
        }
        std::vector<Element*> parents;
        if (auto failed = find(
                dot == std::string::npos ? "$this" : operation_->path.substr(0, dot), parents
            )) {
            return failed;
        }
        if (parents.size() != 1) {
            return fault(Kind::unmet, "the path finds no list");
        }
        return put(*parents.front(), name, operation_->index);
    }

    std::optional<PatchFault> remove() {
        std::vector<Element*> found;
        if (auto failed = find(operation_->path, found)) {
            return failed;
        }
        if (found.empty()) {
            return std::nullopt;  // it is gone already: the wish is met
        }
        if (found.size() > 1 || found.front() == &resource_) {
            return fault(Kind::unmet, "delete takes away one element at a time");
        }
        // What held nothing but this goes too: FHIR has no empty elements.
        for (Element* at = found.front(); at != &resource_;) {
            Element* parent = at->parent;
            unlink(*at);
            if (parent == &resource_ || parent->first_child != nullptr || parent->has_value() ||
                parent->is_resource) {
                break;
            }
            at = parent;
        }
        annotate(resource_, types_);
        return std::nullopt;
    }

    std::optional<PatchFault> replace() {
        Element* target = nullptr;
        if (auto failed = one("replace", target)) {
            return failed;
        }
        if (target == &resource_ || target->parent == nullptr) {
            return fault(Kind::unmet, "the whole resource is replaced with PUT, not with a patch");
        }
        std::string_view name = target->name;
        if (target->choice_bytes != 0) {
            name = name.substr(0, target->choice_bytes);  // the new value may be of another type
        }
        Spelling spelling = spelling_of(target->parent->type, name, *operation_->value);
        if (!spelling.known) {
            spelling = spelling_of(target->parent->type, target->name, *operation_->value);
        }
        if (!spelling.known) {
            return fault(Kind::unmet, "a value of this type does not belong there");
        }
        Element* fresh_one = build(*operation_->value, spelling);
        if (fresh_one == nullptr) {
            return fault(Kind::unmet, problem_);
        }
        Element** place = &target->parent->first_child;
        while (*place != target) {
            place = &(*place)->next;
        }
        fresh_one->parent = target->parent;
        fresh_one->next = target->next;
        *place = fresh_one;
        annotate(resource_, types_);
        return std::nullopt;
    }

    std::optional<PatchFault> move() {
        std::vector<Element*> found;
        if (auto failed = list(found)) {
            return failed;
        }
        if (operation_->source >= found.size() || operation_->destination >= found.size()) {
            return fault(
                Kind::unmet,
                "source and destination must be in the list, which has " +
                    std::to_string(found.size()) + " elements"
            );
        }
        Element* moved = found[operation_->source];
        Element& parent = *moved->parent;
        unlink(*moved);
        found.erase(found.begin() + operation_->source);
        Element** place = &parent.first_child;
        if (operation_->destination < found.size()) {
            while (*place != found[operation_->destination]) {
                place = &(*place)->next;
            }
        } else if (!found.empty()) {
            place = &found.back()->next;
        }
        moved->next = *place;
        *place = moved;
        annotate(resource_, types_);
        return std::nullopt;
    }

    Element& resource_;
    const TypeModel& types_;
    Arena& arena_;
    std::uint32_t index_ = 0;
    const PathOperation* operation_ = nullptr;
    std::string problem_;
};

}  // namespace

std::optional<PatchFault> check_path_patch(Element& parameters, const TypeModel& types) {
    std::vector<PathOperation> operations;
    if (auto failed = read_path_operations(parameters, operations)) {
        return failed;
    }
    std::uint32_t index = 0;
    for (const PathOperation& operation : operations) {
        path::Error error;
        if (!path::compile(operation.path, types, error)) {
            return PatchFault{
                Kind::malformed,
                index,
                "the path is not FHIRPath: " + located(error, operation.path) + " (path '" +
                    operation.path.substr(0, 200) + "')"};
        }
        ++index;
    }
    return std::nullopt;
}

std::optional<PatchFault>
apply_path_patch(Element& parameters, Element& resource, const TypeModel& types, Arena& arena) {
    std::vector<PathOperation> operations;
    if (auto failed = read_path_operations(parameters, operations)) {
        return failed;
    }
    PathPatcher patcher(resource, types, arena);
    std::uint32_t index = 0;
    for (const PathOperation& operation : operations) {
        if (auto failed = patcher.run(operation, index++)) {
            return failed;
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::fhir
