// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/trail.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/references.hpp"
#include "fhir/path/shape.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path {
namespace trails {

constexpr std::size_t steps_max = 24;
constexpr std::size_t slots_max = 8;

class TrailCompiler {
public:
    explicit TrailCompiler(Expression::Program& program) : program_(program) {}

    void compile() {
        // A union is nested to the left; one in brackets on the right is an operand of its own.
        std::vector<NodeId> operands;
        NodeId id = program_.root;
        while (program_.nodes[id].op == Op::unite) {
            operands.push_back(program_.nodes[id].right);
            id = program_.nodes[id].left;
        }
        operands.push_back(id);
        std::reverse(operands.begin(), operands.end());
        bool any = false;
        for (const NodeId operand : operands) {
            program_.trails.push_back(trail(operand));
            any = any || !program_.trails.back().general;
        }
        program_.trails_unite = operands.size() > 1;
        if (!any) {
            program_.trails.clear();
        }
    }

private:
    Trail trail(NodeId operand) {
        Trail out;
        out.node = operand;
        std::vector<TrailStep> reversed;
        const Node* at = &program_.nodes[operand];
        while (at->op != Op::self && at->op != Op::type_root) {
            TrailStep step;
            if (!read(*at, step) || reversed.size() == steps_max) {
                return out;
            }
            reversed.push_back(step);
            if (at->left == no_node) {
                break;
            }
            at = &program_.nodes[at->left];
        }
        if (at->op == Op::type_root) {
            out.root = at->extra;
            out.root_is_name = has_capital_names();
            out.root_is_base = is_base(at->extra);
        }
        std::uint8_t slots = 0;
        for (auto step = reversed.rbegin(); step != reversed.rend(); ++step) {
            if (step->op == TrailOp::where || step->op == TrailOp::position) {
                step->slot = slots++;
            }
        }
        if (slots > slots_max) {
            return out;
        }
        out.general = false;
        out.first = static_cast<std::uint32_t>(program_.trail_steps.size());
        out.length = static_cast<std::uint16_t>(reversed.size());
        program_.trail_steps.insert(program_.trail_steps.end(), reversed.rbegin(), reversed.rend());
        return out;
    }

    // Whether any type has an element whose name begins as types' names do. R4 has none.
    [[nodiscard]] bool has_capital_names() {
        const TypeModel& types = *program_.types;
        if (capitals_) {
            return *capitals_;
        }
        capitals_ = false;
        for (TypeId type = 1; type < types.type_count() && !*capitals_; ++type) {
            capitals_ = std::ranges::any_of(types.type(type).children, [](const ChildInfo& child) {
                return child.name[0] >= 'A' && child.name[0] <= 'Z';
            });
        }
        return *capitals_;
    }
    [[nodiscard]] bool is_base(TypeId type) {
        const TypeModel& types = *program_.types;
        if (bases_.empty()) {
            bases_.resize(types.type_count());
            for (TypeId derived = 1; derived < types.type_count(); ++derived) {
                bases_[types.type(derived).base] = true;
            }
        }
        return bases_[type];
    }

    bool read(const Node& node, TrailStep& step) {
        switch (node.op) {
        case Op::step:
            step.op = TrailOp::child;
            step.symbol = node.symbol;
            step.text = node.text;
            return node.text != "resourceType";
        case Op::as:
            step.op = TrailOp::kept_by;
            step.extra = node.extra;
            return program_.as_filters;
        case Op::at: return position(program_.nodes[node.right], step);
        case Op::call: return call(node, step);
        default: return false;
        }
    }
    bool position(const Node& index, TrailStep& step) const {
        if (index.op != Op::literal) {
            return false;
        }
        const Item& literal = program_.literals[index.extra];
        step.op = TrailOp::position;
        step.extra = static_cast<std::uint32_t>(literal.integer);
        return literal.kind == ItemKind::integer && literal.integer >= 0 && literal.integer < 1000;
    }
    bool call(const Node& node, TrailStep& step) {
        const NodeId argument = program_.argument(node, 0);
        switch (function_of(node)) {
        case Function::as:
        case Function::of_type:
            step.op = TrailOp::kept_by;
            step.extra = node.extra;
            return program_.as_filters || function_of(node) == Function::of_type;
        case Function::first: step.op = TrailOp::position; return true;
        case Function::where: {
            step.op = TrailOp::where;
            step.extra = argument;
            const Node& criteria = program_.nodes[argument];
            if (criteria.op == Op::is && is_plain_resolve(criteria.left)) {
                step.op = TrailOp::resolves_to;
                step.extra = criteria.extra;
                return true;
            }
            step.shape = compile_shape(program_, argument);
            return true;
        }
        case Function::extension: {
            const Node& url = program_.nodes[argument];
            if (url.op != Op::literal || program_.literals[url.extra].kind != ItemKind::string) {
                return false;
            }
            step.op = TrailOp::extension;
            step.text = program_.literals[url.extra].text;
            return true;
        }
        default: return false;
        }
    }
    bool is_plain_resolve(NodeId id) const {
        const Node& node = program_.nodes[id];
        return node.op == Op::call && node.left == no_node &&
               function_of(node) == Function::resolve;
    }

    Expression::Program& program_;
    std::optional<bool> capitals_;
    std::vector<bool> bases_;  // by TypeId: whether others derive from it
};

// One trail on its way through the tree.
class TrailRun {
public:
    TrailRun(Evaluator& run, const Trail& trail, Items& out)
        : run_(run), steps_(run.program.trail_steps.data() + trail.first), length_(trail.length),
          out_(out) {}

    // False when nothing more can come, or the evaluation failed.
    bool walk(std::size_t at, const Element& element) {
        for (; at < length_; ++at) {
            const TrailStep& step = steps_[at];
            switch (step.op) {
            case TrailOp::child: return children(step, at + 1, element);
            case TrailOp::extension: return extensions(step, at + 1, element);
            case TrailOp::kept_by:
                if (!run_.is_kept_by(item_of(element), run_.program.type_names[step.extra])) {
                    return true;
                }
                break;
            case TrailOp::position:
                if (const std::uint32_t place = seen_[step.slot]++; place != step.extra) {
                    return place < step.extra;
                }
                break;
            case TrailOp::where:
                if (const Truth kept = where(step, element); kept != Truth::yes) {
                    return kept != Truth::failed;
                }
                break;
            case TrailOp::resolves_to:
                if (!resolves(step, element)) {
                    return !run_.failed();
                }
                break;
            }
        }
        out_.push(item_of(element));
        return run_.pay();
    }

private:
    bool children(const TrailStep& step, std::size_t next, const Element& parent) {
        for (const Element* child = parent.first_child; child != nullptr; child = child->next) {
            if (!run_.pay()) {
                return false;
            }
            const bool named = child->symbol != unknown_symbol ? child->symbol == step.symbol
                                                               : child->name == step.text;
            if ((named || is_choice_of(run_, parent, *child, step.text)) &&
                (child->has_value() || child->first_child != nullptr || child->is_resource) &&
                !walk(next, *child)) {
                return false;
            }
        }
        return true;
    }
    bool extensions(const TrailStep& step, std::size_t next, const Element& parent) {
        for (const Element* child = parent.first_child; child != nullptr; child = child->next) {
            if (!run_.pay() || (child->name == "extension" &&
                                child->child_value("url") == step.text && !walk(next, *child))) {
                return false;
            }
        }
        return true;
    }
    Truth where(const TrailStep& step, const Element& element) {
        const std::uint32_t index = seen_[step.slot]++;
        if (step.shape != no_shape) {
            std::uint64_t looked = 0;
            const Truth quick = shape_truth(
                run_.program, step.shape, element, run_.types, looked, run_.steps_left()
            );
            if (!run_.pay(looked)) {
                return Truth::failed;
            }
            if (quick != Truth::failed) {
                return quick;
            }
        }
        const Item item = item_of(element);
        const Frame inner{&item, index, {}};
        return run_.truth(step.extra, inner);
    }
    bool resolves(const TrailStep& step, const Element& element) {
        const std::string_view reference =
            element.has_value() ? element.value : element.child_value("reference");
        const Element* target =
            reference.empty() ? nullptr : resolve_reference(run_, reference, element);
        return !run_.failed() && target != nullptr &&
               run_.is_type(item_of(*target), run_.program.type_names[step.extra]);
    }

    Evaluator& run_;
    const TrailStep* steps_;
    std::size_t length_;
    Items& out_;
    std::uint32_t seen_[slots_max] = {};
};

// Whether there is a child that the definition of its parent's type does not know.
bool has_strange_child(const Element& parent) {
    for (const Element* child = parent.first_child; child != nullptr; child = child->next) {
        if (child->child_rule == 0) {
            return true;
        }
    }
    return false;
}

// Drops items that equal one before them, as `|` does.
bool keep_distinct(Evaluator& run, Items& items, std::size_t from) {
    constexpr std::size_t few = 6;
    const std::size_t size = items.size();
    if (size - from < 2) {
        return true;
    }
    std::size_t count = from;
    if (size - from <= few) {
        for (std::size_t i = from; i < size; ++i) {
            bool known = false;
            for (std::size_t k = from; k < count && !known; ++k) {
                known = run.pay() && equal_items(run, items[k], items[i]).value_or(false);
            }
            if (run.failed()) {
                return false;
            }
            if (!known) {
                items[count++] = items[i];
            }
        }
    } else {
        ItemSet set(run, size - from);
        for (std::size_t i = from; i < size; ++i) {
            items[count] = items[i];  // the set points only at places that are final
            count += set.seen(items[count]) ? 0U : 1U;
            if (run.failed()) {
                return false;
            }
        }
    }
    items.shorten(count);
    return true;
}

}  // namespace trails

void compile_trails(Expression::Program& program) {
    trails::TrailCompiler(program).compile();
}

bool has_trails(const Evaluator& run, const Element& focus) {
    return !run.program.trails.empty() && focus.type != unknown_type &&
           &run.types == run.program.types;
}

bool follow_trails(Evaluator& run, const Item& focus, Items& out) {
    const Element& element = *focus.element;
    // 1 if the focus has a child that may have a type's name, 0 if not, -1 not looked yet.
    int strange = -1;
    for (const Trail& trail : run.program.trails) {
        bool general = trail.general;
        if (trail.root != unknown_type && trail.root != element.type &&
            !(trail.root_is_base && run.types.is_a(element.type, trail.root))) {
            if (strange < 0) {
                strange = trail.root_is_name || trails::has_strange_child(element) ? 1 : 0;
            }
            if (strange == 0) {
                continue;
            }
            general = true;  // "Patient.name" where Patient is the name of a child
        }
        if (general) {
            Frame frame;
            frame.self = &focus;
            if (!run.collect(trail.node, frame, out)) {
                return false;
            }
            continue;
        }
        trails::TrailRun(run, trail, out).walk(0, element);
        if (run.failed()) {
            return false;
        }
    }
    return !run.program.trails_unite || trails::keep_distinct(run, out, 0);
}

}  // namespace gatehouse::fhir::path
