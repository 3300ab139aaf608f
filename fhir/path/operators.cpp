// SPDX-License-Identifier: Apache-2.0
//
// Operators (FHIRPath N1 §6), except arithmetic.
#include "fhir/path/operators.hpp"

#include "fhir/path/functions.hpp"
#include "fhir/path/parser.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path {
namespace operators {

bool indexer(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item position;
    const int count = run.value(node.right, frame, position);
    if (count != 1) {
        return count == 0;
    }
    if (position.kind != ItemKind::integer) {
        return run.fail(node.offset, "an index in [ ] must be an Integer");
    }
    std::int64_t left = position.integer;
    if (left < 0) {
        return true;
    }
    bool go_on = true;
    auto pick = [&](const Item& item) {
        if (left-- > 0) {
            return true;
        }
        go_on = sink(item);
        return false;
    };
    run.each(node.left, frame, pick);
    return go_on && !run.failed();
}

bool sign(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = run.value(node.right, frame, value);
    if (count != 1) {
        return count == 0;
    }
    if (!is_number(value) && value.kind != ItemKind::quantity) {
        return run.fail(node.offset, "a sign needs a number or a quantity behind it");
    }
    if (node.op == Op::plus) {
        return sink(value);
    }
    if (value.kind == ItemKind::integer) {
        return run.emit(sink, -value.integer);
    }
    // The least Integer is the one whose digits alone are none (N1 §4.1.3).
    if (value.text == "2147483648" && run.program.nodes[node.right].op == Op::literal &&
        value.kind == ItemKind::decimal) {
        return run.emit(sink, integer_min);
    }
    const auto number = decimal_of(value);
    if (!number) {
        return true;
    }
    return value.kind == ItemKind::decimal
               ? emit_decimal(run, -*number, sink)
               : emit_quantity(run, -*number, value.unit, value.integer, sink);
}

bool is_or_as(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    const TypeName& type = run.program.type_names[node.extra];
    if (node.op == Op::as && run.program.as_filters) {
        auto keep = [&](const Item& item) { return !run.is_kept_by(item, type) || sink(item); };
        return run.each(node.left, frame, keep);
    }
    Item item;
    const int count = run.single(node.left, frame, item);
    if (count != 1) {
        return count == 0;
    }
    if (node.op == Op::is) {
        return run.emit(sink, run.is_type(item, type));
    }
    return !run.is_kept_by(item, type) || sink(item);
}

bool unite(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    if (node.cache != 0 && run.cached(node.cache).ready) {
        return run.show(run.cached(node.cache).items, sink);
    }
    Items items(run.arena);
    if (!run.collect(node.left, frame, items) || !run.collect(node.right, frame, items)) {
        return false;
    }
    ItemSet set(run, items.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        // Kept items move up; the set points only at places that are final.
        items[count] = items[i];
        if (!set.seen(items[count])) {
            ++count;
        }
        if (run.failed()) {
            return false;
        }
    }
    const Collection kept = node.cache != 0 ? items.keep().first(count) : items.view().first(count);
    if (node.cache != 0) {
        run.cached(node.cache) = {kept, true};
    }
    return run.show(kept, sink);
}

Truth membership(Evaluator& run, NodeId element, NodeId set, const Frame& frame) {
    Item item;
    const int count = run.single(element, frame, item);
    if (count != 1) {
        return count == 0 ? Truth::unknown : Truth::failed;
    }
    bool found = false;
    auto test = [&](const Item& other) {
        found = equal_items(run, item, other).value_or(false);
        return !found && !run.failed();
    };
    run.each(set, frame, test);
    return run.failed() ? Truth::failed : (found ? Truth::yes : Truth::no);
}

std::string kind_words(const Evaluator& run, const Item& item) {
    return std::string(type_name(item, run.types));
}

Truth ordering(Evaluator& run, const Node& node, const Frame& frame) {
    Item a;
    Item b;
    const int left = run.value(node.left, frame, a);
    if (left < 0) {
        return Truth::failed;
    }
    const int right = run.value(node.right, frame, b);
    if (right < 0) {
        return Truth::failed;
    }
    if (left == 0 || right == 0) {
        return Truth::unknown;
    }
    bool mismatch = false;
    if (!run.pay_for(a.text) || !run.pay((a.unit.size() + b.unit.size()) / 8)) {
        return Truth::failed;
    }
    const auto order = compare_items(a, b, mismatch);
    if (mismatch) {
        run.fail(
            node.offset,
            "there is no order between " + kind_words(run, a) + " and " + kind_words(run, b)
        );
        return Truth::failed;
    }
    if (!order) {
        return Truth::unknown;
    }
    bool result = false;
    switch (node.op) {
    case Op::less: result = *order < 0; break;
    case Op::less_or_equal: result = *order <= 0; break;
    case Op::greater: result = *order > 0; break;
    default: result = *order >= 0; break;
    }
    return result ? Truth::yes : Truth::no;
}

Truth equivalence(Evaluator& run, const Node& node, const Frame& frame) {
    Items a(run.arena);
    Items b(run.arena);
    if (!run.collect(node.left, frame, a) || !run.collect(node.right, frame, b)) {
        return Truth::failed;
    }
    bool same = a.size() == b.size();
    if (same && a.size() == 1) {
        same = equivalent_items(run, a[0], b[0]);
    } else if (same) {
        // Order does not matter: each item takes a partner that no other has.
        auto taken = run.arena.array<bool>(b.size());
        for (std::size_t i = 0; i < a.size() && same; ++i) {
            same = false;
            for (std::size_t j = 0; j < b.size() && !same; ++j) {
                if (!run.pay()) {
                    return Truth::failed;
                }
                if (!taken[j] && equivalent_items(run, a[i], b[j])) {
                    taken[j] = true;
                    same = true;
                }
            }
        }
    }
    if (run.failed()) {
        return Truth::failed;
    }
    return same == (node.op == Op::equivalent) ? Truth::yes : Truth::no;
}

}  // namespace operators

Truth truth_of_equality(Evaluator& run, const Node& node, const Frame& frame) {
    const Node& first = run.program.nodes[node.left];
    const Node& second = run.program.nodes[node.right];
    // "extension.exists() != value.exists()" is on every extension: no collections for it.
    if (first.op == Op::call && second.op == Op::call && function_answers_truth(first) &&
        function_answers_truth(second)) {
        const Truth left = run.truth_of_call(first, frame);
        const Truth right = left == Truth::failed ? left : run.truth_of_call(second, frame);
        if (right == Truth::failed || left == Truth::unknown || right == Truth::unknown) {
            return right == Truth::failed ? right : Truth::unknown;
        }
        return (left == right) == (node.op == Op::equal) ? Truth::yes : Truth::no;
    }
    Items a(run.arena);
    Items b(run.arena);
    if (!run.collect(node.left, frame, a) || !run.collect(node.right, frame, b)) {
        return Truth::failed;
    }
    if (a.empty() || b.empty()) {
        return Truth::unknown;
    }
    bool same = a.size() == b.size();
    bool undecided = false;
    for (std::size_t i = 0; i < a.size() && same; ++i) {
        const auto equal = equal_items(run, a[i], b[i]);
        undecided = undecided || !equal;
        same = equal.value_or(true);
        if (!run.pay()) {
            return Truth::failed;
        }
    }
    if (run.failed()) {
        return Truth::failed;
    }
    if (same && undecided) {
        return Truth::unknown;
    }
    return same == (node.op == Op::equal) ? Truth::yes : Truth::no;
}

Truth truth_of_logic(Evaluator& run, const Node& node, const Frame& frame) {
    const Truth a = run.truth(node.left, frame);
    if (a == Truth::failed) {
        return a;
    }
    // What the left side settles alone.
    if ((node.op == Op::logical_and && a == Truth::no) ||
        (node.op == Op::logical_or && a == Truth::yes)) {
        return a;
    }
    if (node.op == Op::implies && a == Truth::no) {
        return Truth::yes;
    }
    if (node.op == Op::logical_xor && a == Truth::unknown) {
        return run.truth(node.right, frame) == Truth::failed ? Truth::failed : Truth::unknown;
    }
    const Truth b = run.truth(node.right, frame);
    if (b == Truth::failed) {
        return b;
    }
    switch (node.op) {
    case Op::logical_and: return b == Truth::no ? b : (a == Truth::yes ? b : Truth::unknown);
    case Op::logical_or: return b == Truth::yes ? b : (a == Truth::no ? b : Truth::unknown);
    case Op::logical_xor: return b == Truth::unknown ? b : (a == b ? Truth::no : Truth::yes);
    default:
        if (a == Truth::yes) {
            return b;
        }
        return b == Truth::yes ? b : Truth::unknown;
    }
}

bool is_choice_by_spelling(const Evaluator& run, const Element& child, std::string_view step) {
    std::string type(child.name.substr(step.size()));
    if (type[0] < 'A' || type[0] > 'Z') {
        return false;
    }
    if (run.types.find(type) != unknown_type) {
        return true;
    }
    type[0] = static_cast<char>(type[0] - 'A' + 'a');
    return run.types.find(type) != unknown_type;
}

bool function_answers_truth(const Node& node) {
    switch (function_of(node)) {
    case Function::exists:
    case Function::empty:
    case Function::all:
    case Function::has_value: return true;
    case Function::not_: return node.left != no_node;
    default: return false;
    }
}

Evaluator::Cached& Evaluator::cached(std::uint16_t slot) {
    if (cache_.empty()) {
        cache_ = arena.array<Cached>(program.cache_count);
    }
    return cache_[slot - 1U];
}

bool Evaluator::binary(const Node& node, const Frame& frame, Sink sink) {
    switch (node.op) {
    case Op::at: return operators::indexer(*this, node, frame, sink);
    case Op::plus:
    case Op::negate: return operators::sign(*this, node, frame, sink);
    case Op::is:
    case Op::as: return operators::is_or_as(*this, node, frame, sink);
    case Op::unite: return operators::unite(*this, node, frame, sink);
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
    case Op::implies: return emit_truth(sink, truth_of_logic(*this, node, frame));
    case Op::equal:
    case Op::not_equal: return emit_truth(sink, truth_of_equality(*this, node, frame));
    case Op::equivalent:
    case Op::not_equivalent: return emit_truth(sink, operators::equivalence(*this, node, frame));
    case Op::less:
    case Op::less_or_equal:
    case Op::greater:
    case Op::greater_or_equal: return emit_truth(sink, operators::ordering(*this, node, frame));
    case Op::in:
        return emit_truth(sink, operators::membership(*this, node.left, node.right, frame));
    case Op::contains:
        return emit_truth(sink, operators::membership(*this, node.right, node.left, frame));
    default: break;
    }
    Item a;
    Item b;
    const int left = value(node.left, frame, a);
    if (left < 0) {
        return false;
    }
    const int right = value(node.right, frame, b);
    if (right < 0) {
        return false;
    }
    if (node.op == Op::concatenate) {
        a = left == 0 ? text_item(ItemKind::string, {}) : a;
        b = right == 0 ? text_item(ItemKind::string, {}) : b;
    } else if (left == 0 || right == 0) {
        return true;
    }
    return arithmetic(*this, node, a, b, sink);
}

}  // namespace gatehouse::fhir::path
