// SPDX-License-Identifier: Apache-2.0
//
// Existence, filtering, subsetting, combining, tree, aggregate (FHIRPath N1 §5.1-5.4, §5.8, §7).
#include <algorithm>

#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

// allTrue and its kin: every item must be a Boolean.
bool booleans(
    Evaluator& run, const Node& node, const Frame& frame, Sink sink, bool wanted, bool any
) {
    bool found = false;
    auto test = [&](const Item& item) {
        Item value;
        if (!to_value(run, item, value)) {
            return true;
        }
        if (value.kind != ItemKind::boolean) {
            std::string message(node.text);
            message += "() works on Booleans, found ";
            message += type_name(value, run.types);
            return run.fail(node.offset, std::move(message));
        }
        // `any` looks for the wanted value; `all` for one that is not it. The rest is still
        // checked.
        found = found || (value.truth == (any ? wanted : !wanted));
        return true;
    };
    run.input(node, frame, test);
    return !run.failed() && run.emit(sink, found == any);
}

// Emits items of `from` for which `set` has (or has not) an equal one.
bool subset(Evaluator& run, const Collection from, const Items& of, bool& result) {
    ItemSet set(run, of.size());
    for (const Item& item : of) {
        set.seen(item);
    }
    result = true;
    for (const Item& item : from) {
        if (!run.pay()) {
            return false;
        }
        if (!set.has(item)) {
            result = false;
            break;
        }
    }
    return !run.failed();
}

bool collect_both(
    Evaluator& run, const Node& node, const Frame& frame, Items& input, Items& argument
) {
    return run.collect_input(node, frame, input) &&
           run.collect(run.program.argument(node, 0), frame, argument);
}

bool emit_distinct(Evaluator& run, const Items& items, Sink sink) {
    ItemSet set(run, items.size());
    for (const Item& item : items) {
        if (!set.seen(item) && (run.failed() || !sink(item))) {
            return false;
        }
    }
    return !run.failed();
}

}  // namespace

bool empty(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return run.emit_truth(sink, run.truth_of_call(node, frame));
}
bool exists(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return run.emit_truth(sink, run.truth_of_call(node, frame));
}
bool all(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return run.emit_truth(sink, run.truth_of_call(node, frame));
}
bool has_value(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return run.emit_truth(sink, run.truth_of_call(node, frame));
}
bool not_(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    if (node.left != no_node) {
        return run.emit_truth(sink, run.truth_of_call(node, frame));
    }
    Item value;
    const int count = run.input_value(node, frame, value);
    return count == 1 ? run.emit(sink, value.kind == ItemKind::boolean && !value.truth)
                      : count == 0;
}

bool all_true(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return booleans(run, node, frame, sink, true, false);
}
bool any_true(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return booleans(run, node, frame, sink, true, true);
}
bool all_false(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return booleans(run, node, frame, sink, false, false);
}
bool any_false(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return booleans(run, node, frame, sink, false, true);
}

bool subset_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    Items other(run.arena);
    bool result = false;
    return collect_both(run, node, frame, items, other) &&
           subset(run, items.view(), other, result) && run.emit(sink, result);
}

bool superset_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    Items other(run.arena);
    bool result = false;
    return collect_both(run, node, frame, items, other) &&
           subset(run, other.view(), items, result) && run.emit(sink, result);
}

bool count(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::int64_t total = 0;
    auto tally = [&total](const Item&) {
        ++total;
        return true;
    };
    run.input(node, frame, tally);
    return !run.failed() && run.emit(sink, total);
}

bool distinct(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    return run.collect_input(node, frame, items) && emit_distinct(run, items, sink);
}

bool is_distinct(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    if (!run.collect_input(node, frame, items)) {
        return false;
    }
    ItemSet set(run, items.size());
    const bool all_new =
        std::none_of(items.begin(), items.end(), [&](const Item& item) { return set.seen(item); });
    return !run.failed() && run.emit(sink, all_new);
}

bool where(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    const NodeId criteria = run.program.argument(node, 0);
    std::int64_t index = 0;
    auto filter = [&](const Item& item) {
        const Frame inner{&item, index++, frame.total};
        const Truth verdict = run.truth(criteria, inner);
        return verdict == Truth::yes ? sink(item) : verdict != Truth::failed;
    };
    return run.input(node, frame, filter);
}

bool select(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    const NodeId projection = run.program.argument(node, 0);
    std::int64_t index = 0;
    auto project = [&](const Item& item) {
        const Frame inner{&item, index++, frame.total};
        return run.each(projection, inner, sink);
    };
    return run.input(node, frame, project);
}

// N1 §5.2.3: items are added to the result once, and projected again until nothing new appears.
bool repeat(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    const NodeId projection = run.program.argument(node, 0);
    Items found(run.arena);
    // Items of `found` move when it grows, so the set points at copies of its own.
    ItemSet set(run, 16);
    auto add = [&](const Item& item) {
        const Item* copy = run.arena.create<Item>(item);
        if (!set.seen(*copy)) {
            found.push(item);
        }
        return run.pay();
    };
    std::int64_t index = 0;
    auto project = [&](const Item& item) {
        const Frame inner{&item, index++, frame.total};
        return run.each(projection, inner, add);
    };
    if (!run.input(node, frame, project)) {
        return false;
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        const Item item = found[i];
        const Frame inner{&item, static_cast<std::int64_t>(i), frame.total};
        if (!sink(item) || !run.each(projection, inner, add)) {
            return false;
        }
    }
    return !run.failed();
}

bool of_type(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    const TypeName& type = run.program.type_names[node.extra];
    auto filter = [&](const Item& item) { return !run.is_kept_by(item, type) || sink(item); };
    return run.input(node, frame, filter);
}

bool sort(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    if (!run.collect_input(node, frame, items)) {
        return false;
    }
    const std::size_t keys = std::max<std::size_t>(node.argument_count, 1);
    struct Key {
        Item value;
        bool present = false;
    };
    auto table = run.arena.array<Key>(items.size() * keys);
    for (std::size_t i = 0; i < items.size(); ++i) {
        const Frame inner{&items[i], static_cast<std::int64_t>(i), frame.total};
        for (std::size_t k = 0; k < keys; ++k) {
            Key& key = table[i * keys + k];
            int count = 0;
            if (node.argument_count == 0) {
                count = to_value(run, items[i], key.value) ? 1 : 0;
            } else {
                NodeId argument = run.program.argument(node, k);
                const Node& expression = run.program.nodes[argument];
                if (expression.op == Op::negate && expression.descending) {
                    argument = expression.right;
                }
                count = run.value(argument, inner, key.value);
            }
            if (count < 0) {
                return false;
            }
            key.present = count == 1;
        }
    }
    auto order = run.arena.array<std::uint32_t>(items.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = static_cast<std::uint32_t>(i);
    }
    bool mismatched = false;
    const auto before = [&](std::uint32_t a, std::uint32_t b) {
        for (std::size_t k = 0; k < keys; ++k) {
            const Key& x = table[a * keys + k];
            const Key& y = table[b * keys + k];
            if (!run.pay(1 + (x.value.unit.size() + y.value.unit.size()) / 8) ||
                !run.pay_for(x.value.text)) {
                return false;
            }
            const NodeId argument = run.program.argument(node, k);
            const bool down = argument != no_node && run.program.nodes[argument].descending;
            if (x.present != y.present) {
                return y.present;  // nothing comes before something, whatever the direction
            }
            bool mismatch = false;
            const int result =
                x.present ? compare_items(x.value, y.value, mismatch).value_or(0) : 0;
            mismatched = mismatched || mismatch;
            if (result != 0) {
                return down ? result > 0 : result < 0;
            }
        }
        return false;
    };
    std::stable_sort(order.begin(), order.end(), before);
    if (mismatched) {
        return run.fail(node.offset, "sort() found keys of types that have no order between them");
    }
    for (const std::uint32_t at : order) {
        if (run.failed() || !sink(items[at])) {
            return false;
        }
    }
    return !run.failed();
}

bool single(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item found;
    int total = 0;
    auto take = [&](const Item& item) {
        if (++total > 1) {
            return run.fail(node.offset, "single() found several items");
        }
        found = item;
        return true;
    };
    run.input(node, frame, take);
    return !run.failed() && (total == 0 || sink(found));
}

bool first(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    bool go_on = true;
    auto take = [&](const Item& item) {
        go_on = sink(item);
        return false;
    };
    run.input(node, frame, take);
    return go_on && !run.failed();
}

bool last(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item found;
    bool any = false;
    auto keep = [&](const Item& item) {
        found = item;
        any = true;
        return true;
    };
    run.input(node, frame, keep);
    return !run.failed() && (!any || sink(found));
}

bool tail(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    bool is_first = true;
    auto pass = [&](const Item& item) {
        if (is_first) {
            is_first = false;
            return true;
        }
        return sink(item);
    };
    return run.input(node, frame, pass);
}

bool skip(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::int64_t left = 0;
    const int given = run.integer_argument(node, frame, 0, left);
    if (given != 1) {
        return given == 0;
    }
    auto pass = [&](const Item& item) { return left-- > 0 || sink(item); };
    return run.input(node, frame, pass);
}

bool take(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::int64_t left = 0;
    const int given = run.integer_argument(node, frame, 0, left);
    if (given != 1 || left <= 0) {
        return given >= 0;
    }
    bool go_on = true;
    auto pass = [&](const Item& item) {
        go_on = sink(item);
        return go_on && --left > 0;
    };
    run.input(node, frame, pass);
    return go_on && !run.failed();
}

bool intersect(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    Items other(run.arena);
    if (!collect_both(run, node, frame, items, other)) {
        return false;
    }
    ItemSet wanted(run, other.size());
    for (const Item& item : other) {
        wanted.seen(item);
    }
    ItemSet emitted(run, other.size());
    for (const Item& item : items) {
        if (run.pay() && wanted.has(item) && !emitted.seen(item) && !run.failed() && !sink(item)) {
            return false;
        }
    }
    return !run.failed();
}

bool exclude(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    Items other(run.arena);
    if (!collect_both(run, node, frame, items, other)) {
        return false;
    }
    ItemSet unwanted(run, other.size());
    for (const Item& item : other) {
        unwanted.seen(item);
    }
    for (const Item& item : items) {
        if (run.pay() && !unwanted.has(item) && !run.failed() && !sink(item)) {
            return false;
        }
    }
    return !run.failed();
}

bool union_(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    return collect_both(run, node, frame, items, items) && emit_distinct(run, items, sink);
}

bool combine(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return run.input(node, frame, sink) && run.each(run.program.argument(node, 0), frame, sink);
}

bool iif(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item self;
    int total = 0;
    Frame inner = frame;
    if (node.left != no_node) {
        auto take_one = [&](const Item& item) {
            if (++total > 1) {
                return run.fail(node.offset, "iif() works on a single item, found several");
            }
            self = item;
            return true;
        };
        if (!run.input(node, frame, take_one)) {
            return false;
        }
        inner.self = total == 1 ? &self : nullptr;
    }
    const Truth verdict = run.truth(run.program.argument(node, 0), inner);
    if (verdict == Truth::failed) {
        return false;
    }
    const NodeId branch = run.program.argument(node, verdict == Truth::yes ? 1 : 2);
    return branch == no_node || run.each(branch, inner, sink);
}

bool children(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    auto walk = [&](const Item& item) { return run.children(item, sink); };
    return run.input(node, frame, walk);
}

bool descendants(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items roots(run.arena);
    return run.collect_input(node, frame, roots) && run.descendants(roots.view(), sink);
}

bool aggregate(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items total(run.arena);
    if (node.argument_count > 1 && !run.collect(run.program.argument(node, 1), frame, total)) {
        return false;
    }
    Collection so_far = total.keep();
    std::int64_t index = 0;
    auto fold = [&](const Item& item) {
        const Frame inner{&item, index++, so_far};
        Items next(run.arena);
        if (!run.collect(run.program.argument(node, 0), inner, next)) {
            return false;
        }
        so_far = next.keep();
        return true;
    };
    if (!run.input(node, frame, fold)) {
        return false;
    }
    return std::all_of(so_far.begin(), so_far.end(), [&](const Item& item) { return sink(item); });
}

bool trace(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view name;
    if (run.text_argument(node, frame, 0, name) < 0) {
        return false;
    }
    if (run.environment.trace == nullptr) {
        return run.input(node, frame, sink);
    }
    Items items(run.arena);
    if (!run.collect_input(node, frame, items)) {
        return false;
    }
    Items shown(run.arena);
    if (node.argument_count > 1) {
        for (const Item& item : items) {
            const Frame inner{&item, 0, frame.total};
            if (!run.collect(run.program.argument(node, 1), inner, shown)) {
                return false;
            }
        }
    }
    run.environment.trace(
        run.environment.user, name, node.argument_count > 1 ? shown.view() : items.view()
    );
    return std::all_of(items.begin(), items.end(), [&](const Item& item) { return sink(item); });
}

// The name was bound to a slot when the expression was compiled (scope.cpp); the input goes on.
bool define_variable(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items items(run.arena);
    if (!run.collect_input(node, frame, items)) {
        return false;
    }
    const Collection input = items.keep();
    Collection value = input;
    if (node.argument_count > 1) {
        const Frame whole{nullptr, 0, frame.total, input};
        Items made(run.arena);
        if (!run.collect(run.program.argument(node, 1), whole, made)) {
            return false;
        }
        value = made.keep();
    }
    run.defined(node.extra - 1) = value;
    return std::all_of(input.begin(), input.end(), [&](const Item& item) { return sink(item); });
}

}  // namespace gatehouse::fhir::path::functions
