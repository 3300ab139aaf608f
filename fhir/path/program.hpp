#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A compiled expression: nodes in one vector, addressed by index, children before parents.
// Literals, type names and literal regular expressions are worked out once, at compile time.
// Immutable.

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/path/path.hpp"

namespace re2 {
class RE2;
}

namespace gatehouse::fhir::path {

using NodeId = std::uint32_t;
inline constexpr NodeId no_node = std::numeric_limits<NodeId>::max();

enum class Op : std::uint8_t {
    literal,    // extra: index in literals
    empty,      // {}
    self,       // $this
    index,      // $index
    total,      // $total
    variable,   // %name
    step,       // input.name; input none: from $this
    type_root,  // a leading type name ("Patient"): $this if it is one, else a child of that name
    call,       // input.function(arguments)
    at,         // input[right]
    plus,       // +right
    negate,     // -right
    is,         // left is type
    as,         // left as type
    multiply,
    divide,
    integer_divide,
    modulo,
    add,
    subtract,
    concatenate,
    unite,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    equal,
    not_equal,
    equivalent,
    not_equivalent,
    in,
    contains,
    logical_and,
    logical_or,
    logical_xor,
    implies,
};

// Index in the function table (functions.cpp).
using FunctionId = std::uint16_t;

struct Node {
    Op op = Op::empty;
    bool descending = false;  // sort(): this argument sorts downwards
    std::uint16_t argument_count = 0;
    FunctionId function = 0;         // call
    std::uint16_t cache = 0;         // unite, if the same for every $this: slot + 1
    std::uint32_t offset = 0;        // in the text
    NodeId left = no_node;           // left operand, or input of step, call and at
    NodeId right = no_node;          // right operand
    std::uint32_t arguments = 0;     // first in Program::arguments
    std::uint32_t extra = 0;         // literal, type, regex + 1 or defined variable + 1, by op
    Symbol symbol = unknown_symbol;  // step
    std::string_view text;           // name of step, variable, function
};

// A type name as written in is, as, ofType: FHIR's, System's or both when unqualified.
struct TypeName {
    std::string_view space;  // "", "FHIR", "System"
    std::string_view name;
    TypeId fhir = unknown_type;
    bool has_system = false;
    ItemKind system = ItemKind::boolean;
    bool any = false;  // System.Any
};

// Types that evaluation asks for by name, looked up once per program.
struct KnownTypes {
    TypeId boolean = unknown_type;
    TypeId integer = unknown_type;
    TypeId integer64 = unknown_type;
    TypeId decimal = unknown_type;
    TypeId string = unknown_type;
    TypeId date = unknown_type;
    TypeId date_time = unknown_type;
    TypeId instant = unknown_type;
    TypeId time = unknown_type;
    TypeId quantity = unknown_type;
    TypeId reference = unknown_type;
};

// What a shape (shape.hpp) is made of. From `exists` on they look at the tree.
enum class ShapeOp : std::uint8_t {
    general,  // no shape: the general evaluator decides
    all_of,   // and
    any_of,   // or
    one_of,   // xor
    implies,
    negate,
    exists,  // path, perhaps with criteria: an item of it (that meets them)
    empty,
    all,
    has_value,
    equal,  // path = literal
    not_equal,
    ordered,  // path < path, of dates
    member,   // path in ('a' | 'b')
    counted,  // path.count() + path.count() < integer; `right` leads to the next summand
    text,     // path.contains('a'), startsWith, endsWith
};
inline constexpr std::uint32_t no_shape = std::numeric_limits<std::uint32_t>::max();

struct Shape {
    ShapeOp op = ShapeOp::general;
    Op comparison = Op::less;
    FunctionId function = 0;  // text
    std::uint16_t path_length = 0;
    std::uint16_t other_length = 0;
    std::uint32_t path = 0;         // first in Program::shape_steps
    std::uint32_t other_path = 0;   // ordered: the other path; member: first in shape_literals
    std::uint32_t left = no_shape;  // operand, or criteria
    std::uint32_t right = no_shape;
    std::uint32_t literal = 0;
};

struct ShapeStep {
    Symbol symbol = unknown_symbol;
    std::string_view text;
};

// One step of a trail (trail.hpp).
enum class TrailOp : std::uint8_t {
    child,        // symbol, text
    kept_by,      // extra: index in type_names
    extension,    // text: its URL
    position,     // extra: which item of all that come by; slot
    where,        // extra: criteria node; shape; slot counts for $index
    resolves_to,  // extra: index in type_names
};

struct TrailStep {
    TrailOp op = TrailOp::child;
    std::uint8_t slot = 0;  // position, where: counter of the evaluation
    Symbol symbol = unknown_symbol;
    std::uint32_t extra = 0;
    std::uint32_t shape = no_shape;
    std::string_view text;
};

// One operand of the expression's union, or all of it.
struct Trail {
    NodeId node = no_node;
    bool general = true;        // no trail: the general evaluator enumerates `node`
    bool root_is_name = false;  // elements may be named like the root type by definition
    bool root_is_base = false;  // other types derive from the root type
    std::uint16_t length = 0;
    std::uint32_t first = 0;     // in Program::trail_steps
    TypeId root = unknown_type;  // type that the focus must be of; unknown_type: any
};

struct Expression::Program {
    Program();
    ~Program();

    std::string text;
    const TypeModel* types = nullptr;
    KnownTypes known;
    NodeId root = no_node;
    std::vector<Node> nodes;
    std::vector<NodeId> arguments;
    std::vector<Item> literals;
    std::vector<TypeName> type_names;
    std::vector<std::unique_ptr<re2::RE2>> regexes;
    std::deque<std::string> strings;  // what the views above point at
    std::uint16_t cache_count = 0;
    std::uint32_t defined_count = 0;  // calls of defineVariable()
    bool as_filters = true;
    std::vector<Shape> shape;
    std::vector<ShapeStep> shape_steps;
    std::vector<std::uint32_t> shape_literals;  // indices in literals
    std::uint32_t shape_root = no_shape;        // no_shape: the expression has none
    std::vector<Trail> trails;                  // empty: none
    std::vector<TrailStep> trail_steps;
    bool trails_unite = false;  // what the trails give is a union: equal items count once

    [[nodiscard]] NodeId argument(const Node& node, std::size_t index) const {
        return index < node.argument_count ? arguments[node.arguments + index] : no_node;
    }
};

}  // namespace gatehouse::fhir::path
