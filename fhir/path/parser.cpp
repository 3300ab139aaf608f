// SPDX-License-Identifier: Apache-2.0
//
// Precedence-climbing parser (FHIRPath N1 grammar, appendix B): tokens -> nodes.
#include "fhir/path/parser.hpp"

#include <array>

#include <re2/re2.h>

#include "fhir/path/functions.hpp"
#include "fhir/path/moment.hpp"
#include "fhir/path/scope.hpp"

namespace gatehouse::fhir::path {
namespace {

struct BinaryOperator {
    std::string_view text;
    Op op;
    int level;
};
constexpr std::array<BinaryOperator, 26> binary_operators{{
    {"implies", Op::implies, 1},
    {"or", Op::logical_or, 2},
    {"xor", Op::logical_xor, 2},
    {"and", Op::logical_and, 3},
    {"in", Op::in, 4},
    {"contains", Op::contains, 4},
    {"=", Op::equal, 5},
    {"~", Op::equivalent, 5},
    {"!=", Op::not_equal, 5},
    {"!~", Op::not_equivalent, 5},
    {"<=", Op::less_or_equal, 6},
    {"<", Op::less, 6},
    {">", Op::greater, 6},
    {">=", Op::greater_or_equal, 6},
    {"|", Op::unite, 7},
    {"is", Op::is, 8},
    {"as", Op::as, 8},
    {"+", Op::add, 9},
    {"-", Op::subtract, 9},
    {"&", Op::concatenate, 9},
    {"*", Op::multiply, 10},
    {"/", Op::divide, 10},
    {"div", Op::integer_divide, 10},
    {"mod", Op::modulo, 10},
    {"", Op::empty, 0},
    {"", Op::empty, 0},
}};

const BinaryOperator* find_operator(const Token& token) {
    if (token.kind != TokenKind::symbol && token.kind != TokenKind::identifier) {
        return nullptr;
    }
    for (const auto& row : binary_operators) {
        if (row.level > 0 && row.text == token.text) {
            return &row;
        }
    }
    return nullptr;
}

}  // namespace

Parser::Parser(Expression::Program& program, const std::vector<Token>& tokens, Error& error)
    : program_(program), tokens_(tokens), error_(error) {}

bool Parser::parse() {
    const NodeId root = expression(1);
    if (root == no_node) {
        return false;
    }
    if (peek().kind != TokenKind::end) {
        fail(peek(), "the expression should end here");
        return false;
    }
    program_.root = root;
    return true;
}

NodeId Parser::fail(const Token& token, std::string_view expected) {
    std::string message = "found ";
    if (token.kind == TokenKind::end) {
        message += "the end of the expression";
    } else {
        message += '"';
        message += program_.text.substr(token.offset, token.text.size() + 2)
                       .substr(0, std::max<std::size_t>(token.text.size(), 1));
        message += '"';
    }
    message += "; ";
    message += expected;
    return fail_with(ErrorPhase::syntax, token.offset, std::move(message));
}

NodeId Parser::fail_with(ErrorPhase phase, std::uint32_t offset, std::string message) {
    error_ = {phase, std::move(message), offset};
    return no_node;
}

bool Parser::expect(std::string_view symbol) {
    if (peek().is(symbol)) {
        ++at_;
        return true;
    }
    std::string expected = "expected \"";
    expected += symbol;
    expected += '"';
    fail(peek(), expected);
    return false;
}

NodeId Parser::add(Node node) {
    std::uint16_t depth = 0;
    const bool from_this = node.left == no_node &&
                           (node.op == Op::step || node.op == Op::type_root || node.op == Op::call);
    bool moving = from_this || node.op == Op::self || node.op == Op::index || node.op == Op::total;
    // A variable of defineVariable() may change with $this; those of the surroundings do not.
    moving = moving || (node.op == Op::variable && !is_reserved_variable(node.text));
    const auto deepen = [&](NodeId child) {
        if (child != no_node) {
            depth = std::max(depth, depths_[child]);
            moving = moving || moving_[child];
        }
    };
    deepen(node.left);
    deepen(node.right);
    for (std::size_t i = 0; i < node.argument_count; ++i) {
        deepen(program_.arguments[node.arguments + i]);
    }
    if (++depth > parse_depth_max) {
        return fail_with(
            ErrorPhase::syntax,
            node.offset,
            "the expression is nested too deeply (" + std::to_string(parse_depth_max) +
                " levels are allowed); split it"
        );
    }
    // dom-3 asks each contained resource for "'#'+id in (%resource.descendants().reference | ...)":
    // such a union is made once an evaluation.
    if (node.op == Op::unite && !moving && program_.cache_count < 1000) {
        node.cache = ++program_.cache_count;
    }
    moving_.push_back(moving);
    depths_.push_back(depth);
    program_.nodes.push_back(node);
    return static_cast<NodeId>(program_.nodes.size() - 1);
}

std::string_view Parser::own(std::string text) {
    return program_.strings.emplace_back(std::move(text));
}

NodeId Parser::expression(int level) {
    if (++nesting_ > parse_nesting_max) {
        return fail_with(
            ErrorPhase::syntax, peek().offset, "brackets are nested too deeply; split it"
        );
    }
    NodeId left = unary();
    while (left != no_node) {
        const BinaryOperator* found = find_operator(peek());
        if (found == nullptr || found->level < level) {
            break;
        }
        Node node;
        node.op = found->op;
        node.offset = peek().offset;
        node.left = left;
        ++at_;
        if (node.op == Op::is || node.op == Op::as) {
            if (!type_specifier(node.extra)) {
                return no_node;
            }
        } else {
            node.right = expression(found->level + 1);
            if (node.right == no_node) {
                return no_node;
            }
        }
        left = add(node);
    }
    --nesting_;
    return left;
}

NodeId Parser::unary() {
    if (!peek().is("-") && !peek().is("+")) {
        return postfix();
    }
    if (++nesting_ > parse_nesting_max) {
        return fail_with(
            ErrorPhase::syntax, peek().offset, "signs are nested too deeply; simplify it"
        );
    }
    Node node;
    node.op = peek().is("-") ? Op::negate : Op::plus;
    node.offset = peek().offset;
    ++at_;
    node.right = unary();
    --nesting_;
    return node.right == no_node ? no_node : add(node);
}

NodeId Parser::postfix() {
    NodeId left = term();
    while (left != no_node) {
        if (peek().is(".")) {
            ++at_;
            if (peek().kind == TokenKind::dollar || peek().kind == TokenKind::variable) {
                return fail(peek(), "expected an element or a function after the dot");
            }
            left = invocation(left);
        } else if (peek().is("[")) {
            Node node;
            node.op = Op::at;
            node.offset = peek().offset;
            node.left = left;
            ++at_;
            node.right = expression(1);
            if (node.right == no_node || !expect("]")) {
                return no_node;
            }
            left = add(node);
        } else {
            break;
        }
    }
    return left;
}

NodeId Parser::term() {
    const Token& token = peek();
    switch (token.kind) {
    case TokenKind::string:
        ++at_;
        return literal(token, text_item(ItemKind::string, own(path::unescape(token.text))));
    case TokenKind::number: return number();
    case TokenKind::date: return moment(ItemKind::date);
    case TokenKind::date_time: return moment(ItemKind::date_time);
    case TokenKind::time: return moment(ItemKind::time);
    case TokenKind::variable: return variable();
    case TokenKind::dollar: return dollar();
    case TokenKind::identifier:
        if ((token.text == "true" || token.text == "false") && !tokens_[at_ + 1].is("(")) {
            ++at_;
            return literal(token, boolean_item(token.text == "true"));
        }
        return invocation(no_node);
    case TokenKind::delimited: return invocation(no_node);
    default: break;
    }
    if (token.is("(")) {
        ++at_;
        const NodeId inner = expression(1);
        return inner == no_node || !expect(")") ? no_node : inner;
    }
    if (token.is("{")) {
        ++at_;
        Node node;
        node.op = Op::empty;
        node.offset = token.offset;
        return expect("}") ? add(node) : no_node;
    }
    return fail(token, "expected a value, a path or a bracket");
}

NodeId Parser::literal(const Token& token, const Item& item) {
    Node node;
    node.op = Op::literal;
    node.offset = token.offset;
    node.extra = static_cast<std::uint32_t>(program_.literals.size());
    program_.literals.push_back(item);
    return add(node);
}

NodeId Parser::number() {
    const Token& token = peek();
    ++at_;
    const auto value = Decimal::parse(token.text);
    if (!value) {
        return fail_with(ErrorPhase::syntax, token.offset, "the number has too many digits");
    }
    const Token& unit = peek();
    const bool calendar =
        unit.kind == TokenKind::identifier && calendar_unit(unit.text).has_value();
    if (calendar || unit.kind == TokenKind::string) {
        ++at_;
        Item item = text_item(ItemKind::quantity, token.text);
        item.unit = calendar ? unit.text : own(path::unescape(unit.text));
        item.integer = calendar ? quantity_calendar : 0;
        return literal(token, item);
    }
    const auto whole = value->scale() == 0 ? value->to_int64() : std::nullopt;
    // Past 32 bits a literal is a Decimal: FHIRPath's Integer cannot hold it.
    if (whole && *whole <= integer_max) {
        Item item = integer_item(*whole);
        return literal(token, item);
    }
    return literal(token, text_item(ItemKind::decimal, token.text));
}

NodeId Parser::moment(ItemKind kind) {
    const Token& token = peek();
    ++at_;
    const bool good = kind == ItemKind::date        ? parse_date(token.text).has_value()
                      : kind == ItemKind::date_time ? parse_date_time(token.text).has_value()
                                                    : parse_time(token.text).has_value();
    if (!good) {
        return fail_with(
            ErrorPhase::syntax,
            token.offset,
            "the date or time after @ does not exist in the calendar"
        );
    }
    std::string_view text = token.text;
    if (kind == ItemKind::date_time && text.back() == 'T') {
        text.remove_suffix(1);
    }
    return literal(token, text_item(kind, text));
}

NodeId Parser::variable() {
    Node node;
    node.op = Op::variable;
    node.offset = peek().offset;
    ++at_;
    const Token& name = peek();
    if (name.kind == TokenKind::identifier) {
        node.text = name.text;
    } else if (name.kind == TokenKind::delimited || name.kind == TokenKind::string) {
        node.text = own(path::unescape(name.text));
    } else {
        return fail(name, "expected the name of a variable after %");
    }
    ++at_;
    return add(node);
}

NodeId Parser::dollar() {
    const Token& token = peek();
    Node node;
    node.offset = token.offset;
    if (token.text == "$this") {
        node.op = Op::self;
    } else if (token.text == "$index") {
        node.op = Op::index;
    } else if (token.text == "$total") {
        node.op = Op::total;
    } else {
        return fail(token, "expected $this, $index or $total");
    }
    ++at_;
    return add(node);
}

NodeId Parser::invocation(NodeId input) {
    const Token& token = peek();
    Node node;
    node.offset = token.offset;
    node.left = input;
    if (token.kind == TokenKind::identifier) {
        node.text = token.text;
    } else if (token.kind == TokenKind::delimited) {
        node.text = own(path::unescape(token.text));
    } else {
        return fail(token, "expected an element or a function");
    }
    ++at_;
    if (peek().is("(")) {
        return call(node);
    }
    node.symbol = program_.types->symbols().find(node.text);
    node.op = Op::step;
    if (input == no_node && !node.text.empty() && node.text[0] >= 'A' && node.text[0] <= 'Z') {
        const TypeId type = program_.types->find(node.text);
        if (type != unknown_type) {
            node.op = Op::type_root;
            node.extra = type;
        }
    }
    return add(node);
}

NodeId Parser::call(Node node) {
    const auto function = find_function(node.text);
    if (!function) {
        std::string message = "there is no function ";
        message += node.text;
        message += "()";
        return fail_with(ErrorPhase::semantic, node.offset, std::move(message));
    }
    node.op = Op::call;
    node.function = *function;
    ++at_;
    const auto id = static_cast<Function>(*function);
    if (id == Function::is || id == Function::as || id == Function::of_type) {
        if (!type_specifier(node.extra) || !expect(")")) {
            return no_node;
        }
        return add(node);
    }
    std::vector<NodeId> arguments;
    while (!peek().is(")")) {
        if (!arguments.empty() && !expect(",")) {
            return no_node;
        }
        const NodeId argument = expression(1);
        if (argument == no_node) {
            return no_node;
        }
        if (id == Function::sort) {
            sort_direction(argument);
        }
        arguments.push_back(argument);
    }
    ++at_;
    const FunctionRow& row = function_row(*function);
    if (arguments.size() < row.least || arguments.size() > row.most) {
        std::string message(row.name);
        message += "() takes ";
        message += std::to_string(row.least);
        if (row.most != row.least) {
            message += " to " + std::to_string(row.most);
        }
        message += row.most == 1 ? " argument, found " : " arguments, found ";
        message += std::to_string(arguments.size());
        return fail_with(ErrorPhase::semantic, node.offset, std::move(message));
    }
    node.argument_count = static_cast<std::uint16_t>(arguments.size());
    node.arguments = static_cast<std::uint32_t>(program_.arguments.size());
    program_.arguments.insert(program_.arguments.end(), arguments.begin(), arguments.end());
    compile_regex(node);
    return add(node);
}

// sort(-name) and sort(name desc): the direction is not part of the key.
void Parser::sort_direction(NodeId argument) {
    Node& key = program_.nodes[argument];
    if (key.op == Op::negate) {
        key.descending = true;
    }
    if (peek().is_word("asc") || peek().is_word("desc")) {
        key.descending = peek().text == "desc";
        ++at_;
    }
}

void Parser::compile_regex(Node& node) {
    const auto id = static_cast<Function>(node.function);
    if (id != Function::matches && id != Function::matches_full &&
        id != Function::replace_matches) {
        return;
    }
    const Node& pattern = program_.nodes[program_.argument(node, 0)];
    const bool has_flags = node.argument_count > (id == Function::replace_matches ? 2 : 1);
    if (pattern.op != Op::literal || has_flags ||
        program_.literals[pattern.extra].kind != ItemKind::string) {
        return;
    }
    program_.regexes.push_back(make_regex(program_.literals[pattern.extra].text, {}));
    node.extra = static_cast<std::uint32_t>(program_.regexes.size());
}

bool Parser::type_specifier(std::uint32_t& index) {
    const auto part = [&](std::string_view& out) {
        const Token& token = peek();
        if (token.kind == TokenKind::identifier) {
            out = token.text;
        } else if (token.kind == TokenKind::delimited) {
            out = own(path::unescape(token.text));
        } else {
            fail(token, "expected the name of a type");
            return false;
        }
        ++at_;
        return true;
    };
    const std::uint32_t offset = peek().offset;
    TypeName type;
    if (!part(type.name)) {
        return false;
    }
    // "x is System.String" but "x is Patient.not()": the second dot starts a call.
    if (peek().is(".") && !tokens_[at_ + 1].is("(") && at_ + 2 < tokens_.size() &&
        !tokens_[at_ + 2].is("(") && (type.name == "FHIR" || type.name == "System")) {
        ++at_;
        type.space = type.name;
        if (!part(type.name)) {
            return false;
        }
    }
    if (!resolve_type(type, *program_.types)) {
        std::string message = "there is no type ";
        message += type.space;
        message += type.space.empty() ? "" : ".";
        message += type.name;
        fail_with(ErrorPhase::semantic, offset, std::move(message));
        return false;
    }
    index = static_cast<std::uint32_t>(program_.type_names.size());
    program_.type_names.push_back(type);
    return true;
}

bool resolve_type(TypeName& type, const TypeModel& types) {
    struct System {
        std::string_view name;
        ItemKind kind;
    };
    constexpr std::array<System, 8> system{{
        {"Boolean", ItemKind::boolean},
        {"String", ItemKind::string},
        {"Integer", ItemKind::integer},
        {"Decimal", ItemKind::decimal},
        {"Date", ItemKind::date},
        {"DateTime", ItemKind::date_time},
        {"Time", ItemKind::time},
        {"Quantity", ItemKind::quantity},
    }};
    if (type.space != "FHIR") {
        for (const auto& row : system) {
            if (row.name == type.name) {
                type.has_system = true;
                type.system = row.kind;
            }
        }
        type.any = type.name == "Any";
    }
    if (type.space != "System") {
        type.fhir = types.find(type.name);
    }
    // A System type that does not exist is no item's type; HL7's suite asks
    // Patient.is(System.Patient).
    return type.space == "System" || type.has_system || type.any || type.fhir != unknown_type;
}

}  // namespace gatehouse::fhir::path
