// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/scope.hpp"

#include <algorithm>
#include <vector>

#include "fhir/path/functions.hpp"

namespace gatehouse::fhir::path {
namespace {

class Binder {
public:
    Binder(Expression::Program& program, Error& error) : program_(program), error_(error) {}

    // Binds below `id`. The definitions of its own chain stay in scope_ behind it, so the caller
    // decides how far they reach.
    bool bind(NodeId id) {
        if (id == no_node) {
            return true;
        }
        Node& node = program_.nodes[id];
        switch (node.op) {
        case Op::variable: look_up(node); return true;
        case Op::step: return bind(node.left);
        case Op::at: return bind(node.left) && inner(node.right);
        case Op::call: return call(node);
        default: return inner(node.left) && inner(node.right);
        }
    }

private:
    struct Definition {
        std::string_view name;
        std::uint32_t slot;
    };

    // What is defined inside ends there.
    bool inner(NodeId id) {
        const std::size_t height = scope_.size();
        const bool bound = bind(id);
        scope_.resize(height);
        return bound;
    }

    bool call(Node& node) {
        if (!bind(node.left)) {
            return false;
        }
        const bool defines = function_of(node) == Function::define_variable;
        for (std::size_t i = defines ? 1 : 0; i < node.argument_count; ++i) {
            if (!inner(program_.argument(node, i))) {
                return false;
            }
        }
        return !defines || define(node);
    }

    bool define(Node& node) {
        const Node& name_node = program_.nodes[program_.argument(node, 0)];
        if (name_node.op != Op::literal ||
            program_.literals[name_node.extra].kind != ItemKind::string) {
            return fail(node, "defineVariable() takes its name as a literal: defineVariable('x')");
        }
        const std::string_view name = program_.literals[name_node.extra].text;
        if (is_reserved_variable(name)) {
            return fail(node, "defineVariable() may not define %" + std::string(name));
        }
        if (std::any_of(scope_.begin(), scope_.end(), [&](const Definition& one) {
                return one.name == name;
            })) {
            return fail(node, "%" + std::string(name) + " is defined already; take another name");
        }
        scope_.push_back({name, program_.defined_count++});
        node.extra = program_.defined_count;
        return true;
    }

    void look_up(Node& node) const {
        for (const Definition& one : scope_) {
            if (one.name == node.text) {
                node.extra = one.slot + 1;
            }
        }
    }

    bool fail(const Node& node, std::string message) {
        error_ = {ErrorPhase::semantic, std::move(message), node.offset};
        return false;
    }

    Expression::Program& program_;
    Error& error_;
    std::vector<Definition> scope_;
};

}  // namespace

bool is_reserved_variable(std::string_view name) noexcept {
    for (const std::string_view one :
         {"context", "resource", "rootResource", "ucum", "sct", "loinc"}) {
        if (name == one) {
            return true;
        }
    }
    return name.starts_with("vs-") || name.starts_with("ext-");
}

bool bind_variables(Expression::Program& program, Error& error) {
    return Binder(program, error).bind(program.root);
}

}  // namespace gatehouse::fhir::path
