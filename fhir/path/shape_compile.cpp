// SPDX-License-Identifier: Apache-2.0
//
// Which nodes of an expression have a shape, and which.
#include <vector>

#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/shape.hpp"

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
        case Op::not_equal: return equality(node, depth);
        case Op::less:
        case Op::less_or_equal:
        case Op::greater:
        case Op::greater_or_equal: return ordering(node);
        case Op::in: return membership(node);
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
        case Function::contains:
        case Function::starts_with:
        case Function::ends_with: return text(node);
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
    std::uint32_t text(const Node& node) {
        Shape shape;
        const Node& part = program_.nodes[program_.argument(node, 0)];
        if (part.op != Op::literal || program_.literals[part.extra].kind != ItemKind::string ||
            !path(node.left, shape)) {
            return add(Shape{});
        }
        shape.op = ShapeOp::text;
        shape.function = node.function;
        shape.literal = part.extra;
        return add(shape);
    }
    std::uint32_t membership(const Node& node) {
        Shape shape;
        shape.other_path = static_cast<std::uint32_t>(program_.shape_literals.size());
        for (NodeId id = node.right; id != no_node;) {
            const Node& set = program_.nodes[id];
            const Node& one = set.op == Op::unite ? program_.nodes[set.right] : set;
            if (one.op != Op::literal || program_.literals[one.extra].kind != ItemKind::string) {
                return add(Shape{});
            }
            program_.shape_literals.push_back(one.extra);
            ++shape.other_length;
            id = set.op == Op::unite ? set.left : no_node;
        }
        if (node.left == no_node || !path(node.left, shape)) {
            return add(Shape{});
        }
        shape.op = ShapeOp::member;
        return add(shape);
    }
    // Index of the first summand of counts added up; no_shape if it is anything else.
    std::uint32_t counts(NodeId id, std::uint32_t next) {
        const Node& node = program_.nodes[id];
        if (node.op == Op::add) {
            next = counts(node.right, next);
            return next == no_shape ? next : counts(node.left, next);
        }
        Shape shape;
        if (node.op != Op::call || function_of(node) != Function::count ||
            !path(node.left, shape)) {
            return no_shape;
        }
        shape.op = ShapeOp::counted;
        shape.right = next;
        program_.shape.push_back(shape);
        return static_cast<std::uint32_t>(program_.shape.size() - 1);
    }
    // count() compared with an Integer; no_shape if the node is anything else.
    std::uint32_t counted(const Node& node) {
        if (node.left == no_node || program_.nodes[node.right].op != Op::literal) {
            return no_shape;
        }
        const std::uint32_t literal = program_.nodes[node.right].extra;
        if (program_.literals[literal].kind != ItemKind::integer) {
            return no_shape;
        }
        // The chain of summands ends at a shape that is none.
        const std::uint32_t end = add(Shape{});
        const std::uint32_t first = counts(node.left, end);
        if (first == no_shape) {
            return no_shape;
        }
        Shape shape;
        shape.op = ShapeOp::counted;
        shape.comparison = node.op;
        shape.literal = literal;
        shape.left = first;
        return add(shape);
    }
    std::uint32_t equality(const Node& node, int depth) {
        Shape shape;
        const Node& left = program_.nodes[node.left];
        const Node& right = program_.nodes[node.right];
        // Two truths that are unequal: one of them.
        if (left.op == Op::call && right.op == Op::call && function_answers_truth(left) &&
            function_answers_truth(right)) {
            const std::uint32_t unequal = logic(ShapeOp::one_of, node, depth);
            if (node.op == Op::not_equal) {
                return unequal;
            }
            shape.op = ShapeOp::negate;
            shape.left = unequal;
            return add(shape);
        }
        if (const std::uint32_t count = counted(node); count != no_shape) {
            return count;
        }
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
        if (const std::uint32_t count = counted(node); count != no_shape) {
            return count;
        }
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

}  // namespace gatehouse::fhir::path
