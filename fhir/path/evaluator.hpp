#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The evaluator pushes items: each(node, frame, sink) calls the sink once per item of the node's
// collection and stops when the sink says so. Paths, filters and tests of existence therefore build
// nothing; a collection is stored only where an operator needs all of it at once. Everything stored
// lives in the caller's arena and is paid for with steps, so neither time nor memory can run away.

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {

// A non-owning callable: false stops the enumeration.
class Sink {
public:
    template <class F>
        requires(!std::is_same_v<std::remove_cv_t<F>, Sink>)
    Sink(F& function)  // implicit: lambdas are passed where sinks are wanted
        : self_(&function), call_([](void* self, const Item& item) -> bool {
              return (*static_cast<F*>(self))(item);
          }) {}
    bool operator()(const Item& item) const { return call_(self_, item); }

private:
    void* self_;
    bool (*call_)(void* self, const Item& item);
};

// What an expression is evaluated against: $this (null: empty), $index and $total.
struct Frame {
    const Item* self = nullptr;
    std::int64_t index = 0;
    Collection total = {};
    Collection many = {};  // $this where it is a whole collection; only if self is null
};

// A growing list of items: the first few on the stack, more in the arena.
class Items {
public:
    explicit Items(Arena& arena) : arena_(arena) {}
    Items(const Items&) = delete;
    Items& operator=(const Items&) = delete;

    void push(const Item& item) {
        if (size_ == capacity_) {
            grow();
        }
        ::new (static_cast<void*>(data_ + size_)) Item(item);
        ++size_;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    const Item& operator[](std::size_t index) const { return data_[index]; }
    Item& operator[](std::size_t index) { return data_[index]; }
    [[nodiscard]] Item* begin() { return data_; }
    [[nodiscard]] Item* end() { return data_ + size_; }
    [[nodiscard]] const Item* begin() const { return data_; }
    [[nodiscard]] const Item* end() const { return data_ + size_; }
    [[nodiscard]] Collection view() const { return {data_, size_}; }
    void shorten(std::size_t size) { size_ = size; }
    // The items in the arena: what outlives this object.
    [[nodiscard]] Collection keep();

private:
    void grow();
    static constexpr std::size_t inline_count = 4;
    Arena& arena_;
    // Bytes, not items: an evaluation makes many lists and fills few.
    alignas(Item) std::byte first_[inline_count * sizeof(Item)];
    Item* data_ = reinterpret_cast<Item*>(first_);
    std::size_t size_ = 0;
    std::size_t capacity_ = inline_count;
};

class Evaluator {
public:
    Evaluator(
        const Expression::Program& program,
        const Environment& environment,
        Arena& arena,
        Error& error
    );

    // Emits the node's collection; false when the sink stopped or the evaluation failed.
    bool each(NodeId node, const Frame& frame, Sink sink);
    // Appends the node's collection to `out`; false on failure.
    bool collect(NodeId node, const Frame& frame, Items& out);
    // The single item of a node: 1 with `out` filled, 0 if empty, -1 on failure (more than one
    // fails).
    int single(NodeId node, const Frame& frame, Item& out);
    // As single(), as a System value: elements become what they hold; 0 if an element holds none.
    int value(NodeId node, const Frame& frame, Item& out);
    // Singleton evaluation as a boolean (N1 §4.5).
    Truth truth(NodeId node, const Frame& frame);
    // The quick answer of functions that answer with a truth value; unknown for others.
    Truth truth_of_call(const Node& node, const Frame& frame);
    // Optional arguments: value of argument `index`.
    int argument(const Node& node, const Frame& frame, std::size_t index, Item& out);
    int
    integer_argument(const Node& node, const Frame& frame, std::size_t index, std::int64_t& out);
    int
    text_argument(const Node& node, const Frame& frame, std::size_t index, std::string_view& out);
    // The collection a function is called on, $this if it has no input.
    bool input(const Node& node, const Frame& frame, Sink sink) {
        return node.left == no_node ? self(frame, sink) : each(node.left, frame, sink);
    }
    // $this.
    static bool self(const Frame& frame, Sink sink) {
        if (frame.self != nullptr) {
            return sink(*frame.self);
        }
        for (const Item& item : frame.many) {
            if (!sink(item)) {
                return false;
            }
        }
        return true;
    }
    // Single value of the input: 1, 0 (empty), -1 (failed).
    int input_value(const Node& node, const Frame& frame, Item& out);
    int input_text(const Node& node, const Frame& frame, std::string_view& out);
    bool collect_input(const Node& node, const Frame& frame, Items& out);

    // Items that are held ($total, a variable), each for a step.
    bool show(Collection items, Sink sink);
    // Children of an element by a step's name, and all of them.
    bool step(const Node& node, const Item& item, Sink sink);
    bool children(const Item& item, Sink sink);
    bool descendants(Collection roots, Sink sink);

    // Pays for `count` units of work; false when the budget is spent.
    bool pay(std::uint64_t count = 1) {
        if (steps_ < count) {
            return out_of_steps();
        }
        steps_ -= count;
        return true;
    }
    // Pays for reading a text once: nothing for what records hold, more the longer it is.
    bool pay_for(std::string_view text) { return text.size() < 256 || pay(text.size() / 64); }
    [[nodiscard]] std::uint64_t steps_left() const { return steps_; }
    [[nodiscard]] std::uint64_t steps_taken() const { return environment.step_budget - steps_; }
    // Records the first failure; always false.
    bool fail(std::uint32_t offset, std::string message);
    [[nodiscard]] bool failed() const { return failed_; }

    bool emit(Sink sink, bool value);
    bool emit(Sink sink, std::int64_t value);
    bool emit_text(Sink sink, std::string_view text);  // copied into the arena
    bool emit_truth(Sink sink, Truth value) {
        return value == Truth::unknown ||
               (value != Truth::failed && emit(sink, value == Truth::yes));
    }
    // Copies text into the arena, paying for its length; empty text on an exhausted budget.
    std::string_view keep(std::string_view text);

    bool is_type(const Item& item, const TypeName& type) const;
    // `as` and `ofType`: primitives must be exactly the type, others may derive from it.
    bool is_kept_by(const Item& item, const TypeName& type) const;

    // What an unmoving node gave before in this evaluation.
    struct Cached {
        Collection items;
        bool ready = false;
    };
    Cached& cached(std::uint16_t slot);
    // What defineVariable() number `slot` (from 0) holds.
    Collection& defined(std::uint32_t slot);

    // Nearest enclosing and outermost resource of the focus, null without an element.
    const Element* resource();
    const Element* root_resource();

    const Expression::Program& program;
    const Environment& environment;
    const TypeModel& types;
    Arena& arena;
    const Item* focus = nullptr;

private:
    bool out_of_steps();
    bool binary(const Node& node, const Frame& frame, Sink sink);
    bool variable(const Node& node, const Frame& frame, Sink sink);

    Error& error_;
    std::span<Cached> cache_;
    std::span<Collection> defined_;
    std::uint64_t steps_;
    std::uint32_t at_ = 0;  // offset of the node evaluated last: where the steps run out
    bool failed_ = false;
};

// Item of a tree node.
inline Item item_of(const Element& element) {
    Item item;
    item.kind = ItemKind::element;
    item.element = &element;
    item.type = element.type;
    return item;
}

inline Item boolean_item(bool value) {
    Item item;
    item.kind = ItemKind::boolean;
    item.truth = value;
    return item;
}

inline Item integer_item(std::int64_t value) {
    Item item;
    item.kind = ItemKind::integer;
    item.integer = value;
    return item;
}

inline Item text_item(ItemKind kind, std::string_view text) {
    Item item;
    item.kind = kind;
    item.text = text;
    return item;
}

}  // namespace gatehouse::fhir::path
