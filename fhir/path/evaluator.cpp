// SPDX-License-Identifier: Apache-2.0
//
// The core: nodes, paths and singleton evaluation. Operators are in operators.cpp, functions in the
// files of their sections.
#include "fhir/path/evaluator.hpp"

#include <algorithm>
#include <cstring>

#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path {

void Items::grow() {
    const std::size_t capacity = capacity_ * 2;
    auto* items = static_cast<Item*>(arena_.allocate(sizeof(Item) * capacity, alignof(Item)));
    std::memcpy(static_cast<void*>(items), data_, sizeof(Item) * size_);
    data_ = items;
    capacity_ = capacity;
}

Collection Items::keep() {
    if (size_ == 0) {
        return {};
    }
    if (size_ <= inline_count) {
        auto* items = static_cast<Item*>(arena_.allocate(sizeof(Item) * size_, alignof(Item)));
        std::memcpy(static_cast<void*>(items), data_, sizeof(Item) * size_);
        return {items, size_};
    }
    return view();
}

Evaluator::Evaluator(
    const Expression::Program& program_,
    const Environment& environment_,
    Arena& arena_,
    Error& error
)
    : program(program_), environment(environment_),
      types(environment_.types != nullptr ? *environment_.types : *program_.types), arena(arena_),
      error_(error), steps_(environment_.step_budget) {}

bool Evaluator::fail(std::uint32_t offset, std::string message) {
    if (!failed_) {
        failed_ = true;
        error_.phase = ErrorPhase::execution;
        error_.message = std::move(message);
        error_.offset = offset;
    }
    return false;
}

bool Evaluator::out_of_steps() {
    steps_ = 0;
    return fail(
        at_,
        "the expression needs more than the " + std::to_string(environment.step_budget) +
            " steps it is allowed; narrow it, or raise the step budget"
    );
}

bool Evaluator::each(NodeId id, const Frame& frame, Sink sink) {
    if (!pay()) {
        return false;
    }
    const Node& node = program.nodes[id];
    at_ = node.offset;
    switch (node.op) {
    case Op::literal: return sink(program.literals[node.extra]);
    case Op::empty: return true;
    case Op::self: return self(frame, sink);
    case Op::index: return emit(sink, frame.index);
    case Op::total: return show(frame.total, sink);
    case Op::variable: return variable(node, frame, sink);
    case Op::type_root:
        if (frame.self != nullptr && frame.self->kind == ItemKind::element &&
            types.is_a(frame.self->type, node.extra)) {
            return sink(*frame.self);
        }
        [[fallthrough]];
    case Op::step: {
        if (node.left == no_node && frame.self != nullptr) {
            return step(node, *frame.self, sink);
        }
        auto next = [&](const Item& item) { return step(node, item, sink); };
        return node.left == no_node ? self(frame, next) : each(node.left, frame, next);
    }
    case Op::call: return function_row(node.function).body(*this, node, frame, sink);
    default: return binary(node, frame, sink);
    }
}

bool Evaluator::show(Collection items, Sink sink) {
    return std::all_of(items.begin(), items.end(), [&](const Item& item) {
        return pay() && sink(item);
    });
}

bool Evaluator::step(const Node& node, const Item& item, Sink sink) {
    if (item.kind != ItemKind::element) {
        if (item.kind == ItemKind::type_info) {
            if (node.text == "name") {
                return emit_text(sink, item.text);
            }
            return node.text != "namespace" || emit_text(sink, item.unit);
        }
        if (item.kind == ItemKind::quantity && (node.text == "value" || node.text == "unit")) {
            return sink(
                node.text == "value" ? text_item(ItemKind::decimal, item.text)
                                     : text_item(ItemKind::string, item.unit)
            );
        }
        return true;
    }
    const Element& parent = *item.element;
    bool found = false;
    for (const Element& child : parent.children()) {
        if (!pay()) {
            return false;
        }
        bool match =
            child.symbol != unknown_symbol ? child.symbol == node.symbol : child.name == node.text;
        if (!match) {
            match = is_choice_of(*this, parent, child, node.text);
        }
        if (match) {
            found = true;
            // A null in a JSON array holds a place and nothing else.
            if (child.has_value() || child.first_child != nullptr || child.is_resource) {
                if (!sink(item_of(child))) {
                    return false;
                }
            }
        }
    }
    if (!found && parent.is_resource && node.text == "resourceType") {
        return sink(text_item(ItemKind::string, parent.value));
    }
    return true;
}

bool Evaluator::children(const Item& item, Sink sink) {
    if (item.kind != ItemKind::element) {
        return true;
    }
    for (const Element& child : item.element->children()) {
        if (!pay()) {
            return false;
        }
        if ((child.has_value() || child.first_child != nullptr || child.is_resource) &&
            !sink(item_of(child))) {
            return false;
        }
    }
    return true;
}

// Level by level, as repeat(children()) would find them: a tree may be deeper than the stack
// allows.
bool Evaluator::descendants(Collection roots, Sink sink) {
    // Elements whose children are still to be shown, in a list that grows in the arena.
    std::size_t capacity = std::max<std::size_t>(32, roots.size());
    const Element** queue = arena.array<const Element*>(capacity).data();
    std::size_t first = 0;
    std::size_t size = 0;
    for (const Item& root : roots) {
        if (root.kind == ItemKind::element && root.element->first_child != nullptr) {
            queue[size++] = root.element;
        }
    }
    while (first < size) {
        const Element* parent = queue[first++];
        for (const Element& child : parent->children()) {
            if (!pay()) {
                return false;
            }
            if ((child.has_value() || child.first_child != nullptr || child.is_resource) &&
                !sink(item_of(child))) {
                return false;
            }
            if (child.first_child == nullptr) {
                continue;
            }
            if (size == capacity) {
                const Element** larger = arena.array<const Element*>(capacity * 2).data();
                size -= first;
                std::memcpy(larger, queue + first, size * sizeof(queue[0]));
                first = 0;
                queue = larger;
                capacity *= 2;
            }
            queue[size++] = &child;
        }
    }
    return true;
}

bool Evaluator::collect(NodeId id, const Frame& frame, Items& out) {
    auto push = [&](const Item& item) {
        out.push(item);
        return pay();
    };
    each(id, frame, push);
    return !failed_;
}

bool Evaluator::collect_input(const Node& node, const Frame& frame, Items& out) {
    auto push = [&](const Item& item) {
        out.push(item);
        return pay();
    };
    input(node, frame, push);
    return !failed_;
}

int Evaluator::single(NodeId id, const Frame& frame, Item& out) {
    int count = 0;
    auto take = [&](const Item& item) {
        if (++count > 1) {
            return fail(
                program.nodes[id].offset, "found several items where a single one was expected"
            );
        }
        out = item;
        return true;
    };
    each(id, frame, take);
    return failed_ ? -1 : count;
}

int Evaluator::value(NodeId id, const Frame& frame, Item& out) {
    Item item;
    const int count = single(id, frame, item);
    return count == 1 ? (to_value(*this, item, out) ? 1 : 0) : count;
}

int Evaluator::argument(const Node& node, const Frame& frame, std::size_t index, Item& out) {
    return value(program.argument(node, index), frame, out);
}

int Evaluator::integer_argument(
    const Node& node, const Frame& frame, std::size_t index, std::int64_t& out
) {
    Item item;
    const int count = argument(node, frame, index, item);
    if (count != 1) {
        return count;
    }
    if (item.kind != ItemKind::integer) {
        std::string message(node.text);
        message += "() expects an Integer as argument " + std::to_string(index + 1);
        fail(node.offset, std::move(message));
        return -1;
    }
    out = item.integer;
    return 1;
}

int Evaluator::text_argument(
    const Node& node, const Frame& frame, std::size_t index, std::string_view& out
) {
    Item item;
    const int count = argument(node, frame, index, item);
    if (count != 1) {
        return count;
    }
    if (item.kind != ItemKind::string) {
        std::string message(node.text);
        message += "() expects a String as argument " + std::to_string(index + 1);
        fail(node.offset, std::move(message));
        return -1;
    }
    out = item.text;
    return pay_for(out) ? 1 : -1;
}

int Evaluator::input_value(const Node& node, const Frame& frame, Item& out) {
    Item found;
    int count = 0;
    auto take = [&](const Item& item) {
        if (++count > 1) {
            std::string message(node.text);
            message += "() works on a single item, found several; select one, or use select()";
            return fail(node.offset, std::move(message));
        }
        found = item;
        return true;
    };
    input(node, frame, take);
    if (failed_) {
        return -1;
    }
    return count == 0 || !to_value(*this, found, out) ? 0 : 1;
}

int Evaluator::input_text(const Node& node, const Frame& frame, std::string_view& out) {
    Item item;
    const int count = input_value(node, frame, item);
    if (count != 1) {
        return count;
    }
    // Partial dates are text to the specification's string functions only after toString(); HL7's
    // expressions apply them to date elements all the same, so their text is accepted.
    switch (item.kind) {
    case ItemKind::string:
    case ItemKind::date:
    case ItemKind::date_time:
    case ItemKind::time: out = item.text; return pay_for(out) ? 1 : -1;
    default: break;
    }
    std::string message(node.text);
    message += "() works on a String, found ";
    message += type_name(item, types);
    fail(node.offset, std::move(message));
    return -1;
}

bool Evaluator::emit(Sink sink, bool value) {
    return sink(boolean_item(value));
}

bool Evaluator::emit(Sink sink, std::int64_t value) {
    return sink(integer_item(value));
}

std::string_view Evaluator::keep(std::string_view text) {
    if (!pay(text.size() / 32 + 1)) {
        return {};
    }
    return arena.copy(text);
}

bool Evaluator::emit_text(Sink sink, std::string_view text) {
    const std::string_view kept = keep(text);
    return !failed_ && sink(text_item(ItemKind::string, kept));
}

Truth Evaluator::truth(NodeId id, const Frame& frame) {
    const Node& node = program.nodes[id];
    switch (node.op) {
    case Op::call: {
        const Truth quick = truth_of_call(node, frame);
        if (quick != Truth::unknown || function_answers_truth(node)) {
            return quick;
        }
        break;
    }
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
    case Op::implies: return pay() ? truth_of_logic(*this, node, frame) : Truth::failed;
    case Op::equal:
    case Op::not_equal: return pay() ? truth_of_equality(*this, node, frame) : Truth::failed;
    default: break;
    }
    Truth out = Truth::unknown;
    int count = 0;
    auto take = [&](const Item& item) {
        if (++count > 1) {
            return fail(
                node.offset,
                "found several items where a single truth value was expected; use "
                "exists() or all()"
            );
        }
        Item value;
        if (!to_value(*this, item, value)) {
            // An element without value: nothing to judge if boolean, something that exists
            // otherwise.
            out =
                value_kind(*this, *item.element) == ItemKind::boolean ? Truth::unknown : Truth::yes;
            return true;
        }
        out = value.kind != ItemKind::boolean || value.truth ? Truth::yes : Truth::no;
        return true;
    };
    each(id, frame, take);
    return failed_ ? Truth::failed : out;
}

// Functions that answer with a truth value without an item in between: what invariants are made of.
Truth Evaluator::truth_of_call(const Node& node, const Frame& frame) {
    if (!pay()) {
        return Truth::failed;
    }
    bool any = false;
    switch (function_of(node)) {
    case Function::exists: {
        const NodeId criteria = program.argument(node, 0);
        if (criteria == no_node) {
            auto stop = [&](const Item&) {
                any = true;
                return false;
            };
            input(node, frame, stop);
            return failed_ ? Truth::failed : (any ? Truth::yes : Truth::no);
        }
        std::int64_t index = 0;
        auto test = [&](const Item& item) {
            const Frame inner{&item, index++, frame.total};
            any = truth(criteria, inner) == Truth::yes;
            return !any && !failed_;
        };
        input(node, frame, test);
        return failed_ ? Truth::failed : (any ? Truth::yes : Truth::no);
    }
    case Function::empty: {
        auto stop = [&](const Item&) {
            any = true;
            return false;
        };
        input(node, frame, stop);
        return failed_ ? Truth::failed : (any ? Truth::no : Truth::yes);
    }
    case Function::all: {
        const NodeId criteria = program.argument(node, 0);
        std::int64_t index = 0;
        auto test = [&](const Item& item) {
            const Frame inner{&item, index++, frame.total};
            any = truth(criteria, inner) != Truth::yes;
            return !any && !failed_;
        };
        input(node, frame, test);
        return failed_ ? Truth::failed : (any ? Truth::no : Truth::yes);
    }
    case Function::has_value: {
        int count = 0;
        auto take = [&](const Item& item) {
            any = item.kind != ItemKind::element || item.element->has_value();
            return ++count < 2;
        };
        input(node, frame, take);
        return failed_ ? Truth::failed : (count == 1 && any ? Truth::yes : Truth::no);
    }
    case Function::not_: {
        if (node.left == no_node) {
            return Truth::unknown;
        }
        const Truth inner = truth(node.left, frame);
        return inner == Truth::yes ? Truth::no : (inner == Truth::no ? Truth::yes : inner);
    }
    default: return Truth::unknown;
    }
}

const Element* Evaluator::resource() {
    if (environment.resource != nullptr) {
        return environment.resource;
    }
    return focus != nullptr && focus->element != nullptr ? &enclosing_resource(*focus->element)
                                                         : nullptr;
}

const Element* Evaluator::root_resource() {
    if (environment.root_resource != nullptr) {
        return environment.root_resource;
    }
    return focus != nullptr && focus->element != nullptr ? &fhir::root_resource(*focus->element)
                                                         : nullptr;
}

bool Evaluator::is_type(const Item& item, const TypeName& type) const {
    if (type.any) {
        return true;
    }
    if (item.kind != ItemKind::element) {
        return type.has_system && type.system == item.kind;
    }
    if (type.fhir != unknown_type && types.is_a(item.type, type.fhir)) {
        return true;
    }
    // Element.id, Resource.id and Extension.url are System.String in FHIR's own definitions.
    return type.has_system && type.system == ItemKind::string && type.space == "System" &&
           item.element->has_value() && item.element->parent != nullptr &&
           (item.element->name == "id" ||
            (item.element->name == "url" && item.element->parent->name.ends_with("xtension")));
}

bool Evaluator::is_kept_by(const Item& item, const TypeName& type) const {
    if (item.kind != ItemKind::element || item.type == unknown_type ||
        types.type(item.type).kind != TypeKind::primitive) {
        return is_type(item, type);
    }
    if (type.space == "System" && type.has_system) {
        return item.element->has_value() && value_kind(*this, *item.element) == type.system;
    }
    // "as String" without a name space, where FHIR has only string: HL7's validator takes the FHIR
    // primitive of that name, and published invariants rely on it.
    if (type.space.empty() && type.has_system && type.fhir == unknown_type) {
        const std::string_view own = types.type(item.type).name;
        return own.size() == type.name.size() && own.substr(1) == type.name.substr(1) &&
               (own.front() | 0x20) == (type.name.front() | 0x20);
    }
    return type.any ||
           (type.fhir != unknown_type && (item.type == type.fhir || type.name == "Element"));
}

Collection& Evaluator::defined(std::uint32_t slot) {
    if (defined_.empty()) {
        defined_ = arena.array<Collection>(program.defined_count);
    }
    return defined_[slot];
}

bool Evaluator::variable(const Node& node, const Frame& /*frame*/, Sink sink) {
    const auto element = [&](const Element* found) {
        return found == nullptr || sink(item_of(*found));
    };
    if (node.extra != 0) {
        return show(defined(node.extra - 1), sink);
    }
    const std::string_view name = node.text;
    if (name == "context") {
        if (environment.context != nullptr) {
            return sink(item_of(*environment.context));
        }
        return focus == nullptr || sink(*focus);
    }
    if (name == "resource") {
        return element(resource());
    }
    if (name == "rootResource") {
        return element(root_resource());
    }
    Item item;
    if (environment.variable != nullptr && environment.variable(environment.user, name, item)) {
        return sink(item);
    }
    if (name == "ucum") {
        return sink(text_item(ItemKind::string, "http://unitsofmeasure.org"));
    }
    if (name == "sct") {
        return sink(text_item(ItemKind::string, "http://snomed.info/sct"));
    }
    if (name == "loinc") {
        return sink(text_item(ItemKind::string, "http://loinc.org"));
    }
    if (name.starts_with("vs-") || name.starts_with("ext-")) {
        const bool value_set = name[0] == 'v';
        std::string url = value_set ? "http://hl7.org/fhir/ValueSet/"
                                    : "http://hl7.org/fhir/StructureDefinition/";
        url += name.substr(value_set ? 3 : 4);
        return emit_text(sink, url);
    }
    std::string message = "there is no variable %";
    message += name;
    return fail(node.offset, std::move(message));
}

}  // namespace gatehouse::fhir::path
