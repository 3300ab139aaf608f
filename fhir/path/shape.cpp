// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/shape.hpp"

#include <algorithm>

#include "fhir/path/functions.hpp"

namespace gatehouse::fhir::path {
namespace {

class ShapeCompiler {
public:
    explicit ShapeCompiler(Expression::Program& program) : program_(program) {}

    // Index of the shape of a node; a `general` shape where it has none.
    std::uint32_t compile(NodeId id, int depth) {
        constexpr int depth_max = 24;
        Shape shape;
        if (id == no_node || depth > depth_max) {
            return add(shape);
        }
        const Node& node = program_.nodes[id];
        switch (node.op) {
        case Op::logical_and: return logic(ShapeOp::all_of, node, depth);
        case Op::logical_or: return logic(ShapeOp::any_of, node, depth);
        case Op::logical_xor: return logic(ShapeOp::one_of, node, depth);
        case Op::implies: return logic(ShapeOp::implies, node, depth);
        case Op::equal:
        case Op::not_equal: return equality(node);
        case Op::less:
        case Op::less_or_equal:
        case Op::greater:
        case Op::greater_or_equal: return ordering(node);
        case Op::call: return call(node, depth);
        default: return add(shape);
        }
    }
    // Whether anything can be decided at all.
    [[nodiscard]] bool useful() const { return useful_; }

private:
    std::uint32_t add(const Shape& shape) {
        useful_ = useful_ || shape.op >= ShapeOp::exists;
        program_.shape.push_back(shape);
        return static_cast<std::uint32_t>(program_.shape.size() - 1);
    }
    std::uint32_t logic(ShapeOp op, const Node& node, int depth) {
        Shape shape;
        shape.op = op;
        shape.left = compile(node.left, depth + 1);
        shape.right = compile(node.right, depth + 1);
        return add(shape);
    }
    // $this, or plain steps from it.
    bool path(NodeId id, Shape& shape) {
        std::vector<ShapeStep> reversed;
        while (id != no_node) {
            const Node& node = program_.nodes[id];
            if (node.op == Op::self) {
                break;
            }
            if (node.op != Op::step || node.text == "resourceType") {
                return false;
            }
            reversed.push_back({node.symbol, node.text});
            id = node.left;
        }
        shape.path = static_cast<std::uint32_t>(program_.shape_steps.size());
        shape.path_length = static_cast<std::uint16_t>(reversed.size());
        program_.shape_steps.insert(program_.shape_steps.end(), reversed.rbegin(), reversed.rend());
        return reversed.size() < 16;
    }
    std::uint32_t call(const Node& node, int depth) {
        Shape shape;
        switch (function_of(node)) {
        case Function::not_:
            if (node.left == no_node) {
                return add(shape);
            }
            shape.op = ShapeOp::negate;
            shape.left = compile(node.left, depth + 1);
            return add(shape);
        case Function::exists:
        case Function::empty:
        case Function::all:
        case Function::has_value: break;
        default: return add(shape);
        }
        const Function function = function_of(node);
        NodeId criteria = program_.argument(node, 0);
        NodeId input = node.left;
        if (criteria == no_node && input != no_node && function != Function::has_value) {
            const Node& before = program_.nodes[input];
            if (before.op == Op::call && function_of(before) == Function::where) {
                criteria = program_.argument(before, 0);
                input = before.left;
            }
        }
        if (!path(input, shape)) {
            return add(Shape{});
        }
        shape.op = function == Function::exists  ? ShapeOp::exists
                   : function == Function::empty ? ShapeOp::empty
                   : function == Function::all   ? ShapeOp::all
                                                 : ShapeOp::has_value;
        if (criteria != no_node) {
            shape.left = compile(criteria, depth + 1);
        }
        return add(shape);
    }
    std::uint32_t equality(const Node& node) {
        Shape shape;
        const Node& right = program_.nodes[node.right];
        if (right.op != Op::literal || node.left == no_node || !path(node.left, shape)) {
            return add(Shape{});
        }
        const Item& literal = program_.literals[right.extra];
        if (literal.kind != ItemKind::string && literal.kind != ItemKind::boolean) {
            return add(Shape{});
        }
        shape.op = node.op == Op::equal ? ShapeOp::equal : ShapeOp::not_equal;
        shape.literal = right.extra;
        return add(shape);
    }
    std::uint32_t ordering(const Node& node) {
        Shape shape;
        Shape other;
        if (node.left == no_node || node.right == no_node || !path(node.left, shape) ||
            !path(node.right, other)) {
            return add(Shape{});
        }
        shape.op = ShapeOp::ordered;
        shape.comparison = node.op;
        shape.other_path = other.path;
        shape.other_length = other.path_length;
        return add(shape);
    }

    Expression::Program& program_;
    bool useful_ = false;
};

bool two_digits(std::string_view text, std::size_t at, int least, int most) noexcept {
    const int tens = text[at] - '0';
    const int ones = text[at + 1] - '0';
    return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 && tens * 10 + ones >= least &&
           tens * 10 + ones <= most;
}

// A date, or date and time to the second, whose text sorts like its meaning: days that every month
// has, no leap second. What is rarer is left to the general evaluator.
bool sorts_as_text(std::string_view text) noexcept {
    if (text.size() < 10 || text[4] != '-' || text[7] != '-' || !two_digits(text, 0, 10, 99) ||
        !two_digits(text, 2, 0, 99) || !two_digits(text, 5, 1, 12) || !two_digits(text, 8, 1, 28)) {
        return false;
    }
    return text.size() == 10 ||
           (text.size() >= 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
            two_digits(text, 11, 0, 23) && two_digits(text, 14, 0, 59) &&
            two_digits(text, 17, 0, 59) &&
            (text.substr(19) == "Z" ||
             (text.size() == 25 && (text[19] == '+' || text[19] == '-') && text[22] == ':' &&
              two_digits(text, 20, 0, 13) && two_digits(text, 23, 0, 59))));
}

class ShapeRun {
public:
    ShapeRun(
        const Expression::Program& program,
        const TypeModel& types,
        std::uint64_t& steps,
        std::uint64_t steps_max
    )
        : program_(program), types_(types), steps_(steps), steps_max_(steps_max) {}

    Truth truth(std::uint32_t id, const Element& self) {
        const Shape& shape = program_.shape[id];
        switch (shape.op) {
        case ShapeOp::general: return Truth::failed;
        case ShapeOp::all_of:
        case ShapeOp::any_of:
        case ShapeOp::one_of:
        case ShapeOp::implies: return logic(shape, self);
        case ShapeOp::negate: {
            const Truth inner = truth(shape.left, self);
            return inner == Truth::yes ? Truth::no : (inner == Truth::no ? Truth::yes : inner);
        }
        case ShapeOp::exists: return found(shape, self, Truth::yes, Truth::no);
        case ShapeOp::empty: return found(shape, self, Truth::no, Truth::yes);
        case ShapeOp::all: return all(shape, self);
        case ShapeOp::has_value: return has_value(shape, self);
        case ShapeOp::equal:
        case ShapeOp::not_equal: return equality(shape, self);
        case ShapeOp::ordered: return ordering(shape, self);
        }
        return Truth::failed;
    }

private:
    // Calls visit(element) for each item of a path; false when the visit ended it or it deferred.
    template <class Visit>
    bool each(const ShapeStep* step, std::size_t left, const Element& self, Visit& visit) {
        if (left == 0) {
            return visit(self);
        }
        if (self.type == unknown_type) {
            deferred_ = true;  // an unknown type's choices are told by spelling
            return false;
        }
        for (const Element* child = self.first_child; child != nullptr; child = child->next) {
            if (++steps_ > steps_max_) {
                deferred_ = true;
                return false;
            }
            const bool named = child->symbol != unknown_symbol ? child->symbol == step->symbol
                                                               : child->name == step->text;
            if (!named && !(child->choice_bytes != 0 && child->choice_bytes == step->text.size() &&
                            child->name.starts_with(step->text))) {
                continue;
            }
            if ((child->has_value() || child->first_child != nullptr || child->is_resource) &&
                !each(step + 1, left - 1, *child, visit)) {
                return false;
            }
        }
        return true;
    }
    template <class Visit> bool each(const Shape& shape, const Element& self, Visit&& visit) {
        return each(program_.shape_steps.data() + shape.path, shape.path_length, self, visit);
    }

    Truth logic(const Shape& shape, const Element& self) {
        const Truth a = truth(shape.left, self);
        if (a == Truth::failed || (shape.op == ShapeOp::all_of && a == Truth::no) ||
            (shape.op == ShapeOp::any_of && a == Truth::yes)) {
            return a;
        }
        if (shape.op == ShapeOp::implies && a == Truth::no) {
            return Truth::yes;
        }
        const Truth b = truth(shape.right, self);
        if (b == Truth::failed) {
            return b;
        }
        switch (shape.op) {
        case ShapeOp::all_of: return b == Truth::no ? b : (a == Truth::yes ? b : Truth::unknown);
        case ShapeOp::any_of: return b == Truth::yes ? b : (a == Truth::no ? b : Truth::unknown);
        case ShapeOp::one_of:
            return a == Truth::unknown || b == Truth::unknown ? Truth::unknown
                                                              : (a == b ? Truth::no : Truth::yes);
        default: return a == Truth::yes ? b : (b == Truth::yes ? b : Truth::unknown);
        }
    }
    Truth found(const Shape& shape, const Element& self, Truth some, Truth none) {
        bool any = false;
        each(shape, self, [&](const Element& item) {
            if (shape.left == no_shape) {
                any = true;
                return false;
            }
            const Truth fits = truth(shape.left, item);
            deferred_ = deferred_ || fits == Truth::failed;
            any = fits == Truth::yes;
            return !any && !deferred_;
        });
        return deferred_ ? Truth::failed : (any ? some : none);
    }
    Truth all(const Shape& shape, const Element& self) {
        bool every = true;
        each(shape, self, [&](const Element& item) {
            const Truth fits = truth(shape.left, item);
            deferred_ = deferred_ || fits == Truth::failed;
            every = fits == Truth::yes;
            return every && !deferred_;
        });
        return deferred_ ? Truth::failed : (every ? Truth::yes : Truth::no);
    }
    Truth has_value(const Shape& shape, const Element& self) {
        int count = 0;
        bool value = false;
        each(shape, self, [&](const Element& item) {
            value = item.has_value();
            return ++count < 2;
        });
        return deferred_ ? Truth::failed : (count == 1 && value ? Truth::yes : Truth::no);
    }
    // The one item of a path, a primitive with a value and nothing else; null if there is no item.
    const Element* plain(const ShapeStep* step, std::size_t length, const Element& self) {
        const Element* only = nullptr;
        auto take = [&](const Element& item) {
            deferred_ = deferred_ || only != nullptr || !item.has_value() || item.is_resource ||
                        item.first_child != nullptr || item.type == unknown_type;
            only = &item;
            return !deferred_;
        };
        each(step, length, self, take);
        return deferred_ ? nullptr : only;
    }
    Truth equality(const Shape& shape, const Element& self) {
        const Element* item =
            plain(program_.shape_steps.data() + shape.path, shape.path_length, self);
        if (item == nullptr) {
            return deferred_ ? Truth::failed : Truth::unknown;
        }
        const Item& literal = program_.literals[shape.literal];
        const KnownTypes& known = program_.known;
        bool same = false;
        if (literal.kind == ItemKind::boolean) {
            if (item->type != known.boolean) {
                return Truth::failed;
            }
            same = (item->value == "true") == literal.truth;
        } else {
            const TypeId type = item->type;
            if (types_.type(type).json != JsonKind::string || type == known.date ||
                type == known.date_time || type == known.instant || type == known.time ||
                item->written == Written::xhtml) {
                return Truth::failed;
            }
            same = item->value == literal.text;
        }
        return same == (shape.op == ShapeOp::equal) ? Truth::yes : Truth::no;
    }
    Truth ordering(const Shape& shape, const Element& self) {
        const ShapeStep* steps = program_.shape_steps.data();
        const Element* a = plain(steps + shape.path, shape.path_length, self);
        const Element* b =
            deferred_ ? nullptr : plain(steps + shape.other_path, shape.other_length, self);
        if (deferred_) {
            return Truth::failed;
        }
        if (a == nullptr || b == nullptr) {
            return Truth::unknown;
        }
        const KnownTypes& known = program_.known;
        const bool moments =
            a->type == b->type && (a->type == known.date_time || a->type == known.date);
        if (!moments || a->value.size() != b->value.size() || !sorts_as_text(a->value) ||
            !sorts_as_text(b->value) ||
            (a->value.size() > 10 && a->value.substr(19) != b->value.substr(19))) {
            return Truth::failed;
        }
        const int order = a->value.compare(b->value);
        const bool holds = shape.comparison == Op::less            ? order < 0
                           : shape.comparison == Op::less_or_equal ? order <= 0
                           : shape.comparison == Op::greater       ? order > 0
                                                                   : order >= 0;
        return holds ? Truth::yes : Truth::no;
    }

    const Expression::Program& program_;
    const TypeModel& types_;
    std::uint64_t& steps_;
    std::uint64_t steps_max_;
    bool deferred_ = false;
};

}  // namespace

std::uint32_t compile_shape(Expression::Program& program, NodeId node) {
    const std::size_t shapes = program.shape.size();
    const std::size_t steps = program.shape_steps.size();
    ShapeCompiler compiler(program);
    const std::uint32_t shape = compiler.compile(node, 0);
    if (!compiler.useful()) {
        program.shape.resize(shapes);
        program.shape_steps.resize(steps);
        return no_shape;
    }
    return shape;
}

Truth shape_truth(
    const Expression::Program& program,
    std::uint32_t shape,
    const Element& focus,
    const TypeModel& types,
    std::uint64_t& steps,
    std::uint64_t steps_max
) {
    return shape == no_shape ? Truth::failed
                             : ShapeRun(program, types, steps, steps_max).truth(shape, focus);
}

}  // namespace gatehouse::fhir::path
