// SPDX-License-Identifier: Apache-2.0
//
// Expressions back to text: canonical, fully bracketed, and equal when parsed again.
#include <array>

#include "fhir/path/functions.hpp"
#include "fhir/path/lexer.hpp"
#include "fhir/path/path.hpp"
#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {
namespace printing {

std::string_view operator_text(Op op) {
    switch (op) {
    case Op::multiply: return "*";
    case Op::divide: return "/";
    case Op::integer_divide: return "div";
    case Op::modulo: return "mod";
    case Op::add: return "+";
    case Op::subtract: return "-";
    case Op::concatenate: return "&";
    case Op::unite: return "|";
    case Op::less: return "<";
    case Op::less_or_equal: return "<=";
    case Op::greater: return ">";
    case Op::greater_or_equal: return ">=";
    case Op::equal: return "=";
    case Op::not_equal: return "!=";
    case Op::equivalent: return "~";
    case Op::not_equivalent: return "!~";
    case Op::in: return "in";
    case Op::contains: return "contains";
    case Op::logical_and: return "and";
    case Op::logical_or: return "or";
    case Op::logical_xor: return "xor";
    case Op::implies: return "implies";
    default: return "";
    }
}

class Printer {
public:
    Printer(const Expression::Program& program, std::string& out) : program_(program), out_(out) {}

    void node(NodeId id) {
        const Node& node = program_.nodes[id];
        switch (node.op) {
        case Op::literal: literal(program_.literals[node.extra]); break;
        case Op::empty: out_ += "{}"; break;
        case Op::self: out_ += "$this"; break;
        case Op::index: out_ += "$index"; break;
        case Op::total: out_ += "$total"; break;
        case Op::variable:
            out_ += '%';
            name(node.text);
            break;
        case Op::type_root:
        case Op::step:
            input(node);
            name(node.text);
            break;
        case Op::call: call(node); break;
        case Op::at:
            bracketed(node.left);
            out_ += '[';
            this->node(node.right);
            out_ += ']';
            break;
        case Op::plus:
        case Op::negate: {
            out_ += node.op == Op::plus ? '+' : '-';
            const Op inner = program_.nodes[node.right].op;
            if (inner == Op::plus || inner == Op::negate) {
                this->node(node.right);  // "-+x" nests no deeper than it was written
            } else {
                bracketed(node.right);
            }
            break;
        }
        case Op::is:
        case Op::as:
            bracketed(node.left);
            out_ += node.op == Op::is ? " is " : " as ";
            type(program_.type_names[node.extra]);
            break;
        default:
            bracketed(node.left);
            out_ += ' ';
            out_ += operator_text(node.op);
            out_ += ' ';
            bracketed(node.right);
        }
    }

private:
    [[nodiscard]] bool is_simple(NodeId id) const {
        switch (program_.nodes[id].op) {
        case Op::literal:
            return program_.literals[program_.nodes[id].extra].kind == ItemKind::string;
        case Op::empty:
        case Op::self:
        case Op::index:
        case Op::total:
        case Op::variable:
        case Op::type_root:
        case Op::step:
        case Op::call:
        case Op::at: return true;
        default: return false;
        }
    }

    void bracketed(NodeId id) {
        if (is_simple(id)) {
            node(id);
            return;
        }
        out_ += '(';
        node(id);
        out_ += ')';
    }

    void input(const Node& node) {
        if (node.left != no_node) {
            bracketed(node.left);
            out_ += '.';
        }
    }

    // Everything but plain letters goes into backticks, and so do words that the grammar keeps.
    void name(std::string_view text) {
        constexpr std::array<std::string_view, 12> words{
            "true",
            "false",
            "div",
            "mod",
            "and",
            "or",
            "xor",
            "implies",
            "is",
            "as",
            "in",
            "contains"};
        bool plain = !text.empty() && (text[0] < '0' || text[0] > '9');
        for (const char c : text) {
            plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '_');
        }
        for (const auto word : words) {
            plain = plain && text != word;
        }
        if (plain) {
            out_ += text;
            return;
        }
        out_ += '`';
        append_escaped(out_, text, '`');
        out_ += '`';
    }

    void type(const TypeName& type) {
        if (!type.space.empty()) {
            out_ += type.space;
            out_ += '.';
        }
        name(type.name);
    }

    void literal(const Item& item) {
        switch (item.kind) {
        case ItemKind::string:
            out_ += '\'';
            append_escaped(out_, item.text, '\'');
            out_ += '\'';
            break;
        case ItemKind::date:
            out_ += '@';
            out_ += item.text;
            break;
        case ItemKind::date_time:
            out_ += '@';
            out_ += item.text;
            out_ += item.text.find('T') == std::string_view::npos ? "T" : "";
            break;
        case ItemKind::time:
            out_ += "@T";
            out_ += item.text;
            break;
        default: out_ += to_text(item);
        }
    }

    void call(const Node& node) {
        input(node);
        out_ += node.text;
        out_ += '(';
        const auto id = function_of(node);
        if (id == Function::is || id == Function::as || id == Function::of_type) {
            type(program_.type_names[node.extra]);
        }
        for (std::size_t i = 0; i < node.argument_count; ++i) {
            out_ += i == 0 ? "" : ", ";
            const NodeId argument = program_.argument(node, i);
            this->node(argument);
            const Node& key = program_.nodes[argument];
            if (key.descending && key.op != Op::negate) {
                out_ += " desc";
            }
        }
        out_ += ')';
    }

    const Expression::Program& program_;
    std::string& out_;
};

}  // namespace printing

std::string print(const Expression& expression) {
    std::string out;
    if (expression) {
        printing::Printer(expression.program(), out).node(expression.program().root);
    }
    return out;
}

}  // namespace gatehouse::fhir::path
