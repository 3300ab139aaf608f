// SPDX-License-Identifier: Apache-2.0
//
// Strict mode (FHIRPath N1 §10.1, type safety and strict evaluation): one walk over the nodes that
// carries the set of types a node may give. Whatever cannot be known (abstract types, children(),
// resolve(), user variables) is `any` and passes.
#include "fhir/path/check.hpp"

#include <algorithm>
#include <vector>

#include "fhir/path/functions.hpp"
#include "fhir/path/signatures.hpp"

namespace gatehouse::fhir::path {
namespace checking {

struct Types {
    std::vector<TypeId> fhir;
    std::vector<ItemKind> system;
    bool any = false;
    bool ordered = true;

    static Types anything() {
        Types out;
        out.any = true;
        return out;
    }
    static Types of(ItemKind kind) {
        Types out;
        out.system.push_back(kind);
        return out;
    }
    static Types of(TypeId type) {
        Types out;
        out.fhir.push_back(type);
        return out;
    }
    void merge(const Types& other) {
        const auto add_new = [](auto& into, const auto& from) {
            for (const auto& value : from) {
                if (std::find(into.begin(), into.end(), value) == into.end()) {
                    into.push_back(value);
                }
            }
        };
        add_new(fhir, other.fhir);
        add_new(system, other.system);
        any = any || other.any;
        ordered = ordered && other.ordered;
    }
    [[nodiscard]] bool known() const { return !any && fhir.size() + system.size() > 0; }
};

class Checker {
public:
    Checker(const Expression::Program& program, Error& error)
        : program_(program), types_(*program.types), error_(error) {}

    bool run(std::string_view context_type) {
        Types context = Types::anything();
        if (const TypeId type = types_.find(context_type); type != unknown_type) {
            context = Types::of(type);
        }
        context_ = context;
        Types out;
        return node(program_.root, context, out);
    }

private:
    bool fail(const Node& node, std::string message) {
        error_ = {ErrorPhase::semantic, std::move(message), node.offset};
        return false;
    }

    [[nodiscard]] std::string words(const Types& types) const {
        std::string out;
        const auto add_word = [&out](std::string_view word) {
            out += out.empty() ? "" : " or ";
            out += word;
        };
        for (const TypeId type : types.fhir) {
            add_word(types_.type(type).name);
        }
        for (const ItemKind kind : types.system) {
            Item item;
            item.kind = kind;
            add_word(type_name(item, types_));
        }
        return out;
    }

    bool node(NodeId id, const Types& self, Types& out) {
        const Node& node = program_.nodes[id];
        out = Types{};
        switch (node.op) {
        case Op::literal: out = Types::of(program_.literals[node.extra].kind); return true;
        case Op::empty: out = Types{}; return true;
        case Op::self: out = self; return true;
        case Op::index: out = Types::of(ItemKind::integer); return true;
        case Op::total: out = Types::anything(); return true;
        case Op::variable: out = variable(node); return true;
        case Op::type_root: return type_root(node, self, out);
        case Op::step: {
            Types input = self;
            return (node.left == no_node || this->node(node.left, self, input)) &&
                   step(node, input, out);
        }
        case Op::call: return call(node, self, out);
        case Op::is: {
            Types left;
            out = Types::of(ItemKind::boolean);
            return this->node(node.left, self, left);
        }
        case Op::as: {
            Types left;
            if (!this->node(node.left, self, left)) {
                return false;
            }
            out = named(program_.type_names[node.extra], left);
            return true;
        }
        default: return binary(node, self, out);
        }
    }

    [[nodiscard]] Types variable(const Node& node) const {
        const std::string_view name = node.text;
        if (node.extra == 0 && name == "context") {
            return context_;
        }
        const bool text = name == "ucum" || name == "sct" || name == "loinc" ||
                          name.starts_with("vs-") || name.starts_with("ext-");
        return node.extra == 0 && text ? Types::of(ItemKind::string) : Types::anything();
    }

    bool type_root(const Node& node, const Types& self, Types& out) {
        if (self.any) {
            out = Types::of(static_cast<TypeId>(node.extra));
            return true;
        }
        for (const TypeId type : self.fhir) {
            if (types_.is_a(type, node.extra)) {
                out.fhir.push_back(type);
            } else if (types_.is_a(node.extra, type)) {
                out.fhir.push_back(node.extra);
            }
        }
        if (out.fhir.empty()) {
            std::string message = "the expression starts at ";
            message += node.text;
            message += ", but is used on " + words(self);
            return fail(node, std::move(message));
        }
        return true;
    }

    bool step(const Node& node, const Types& input, Types& out) {
        out.ordered = input.ordered;
        if (!input.known()) {
            out.any = true;
            return true;
        }
        bool found = false;
        for (const TypeId type : input.fhir) {
            if (const ChildInfo* child = types_.child_by_path(type, node.symbol)) {
                found = true;
                for (const TypeId of : child->types) {
                    Types one = Types::of(of);
                    one.ordered = out.ordered;
                    out.merge(one);
                }
            } else if (types_.type(type).abstract) {
                found = true;
                out.any = true;
            }
        }
        for (const ItemKind kind : input.system) {
            if ((kind == ItemKind::quantity && (node.text == "value" || node.text == "unit")) ||
                (kind == ItemKind::type_info && (node.text == "name" || node.text == "namespace")
                )) {
                found = true;
                out.any = true;
            }
        }
        if (found) {
            return true;
        }
        std::string message = "there is no element ";
        message += node.text;
        message += " in " + words(input);
        for (const TypeId type : input.fhir) {
            if (const ChildMatch match = types_.child(type, node.symbol);
                match && match.info->choice) {
                message += "; a choice of types is written " + match.info->name + " or " +
                           match.info->name + ".ofType(" + types_.type(match.type).name + ")";
                break;
            }
        }
        return fail(node, std::move(message));
    }

    // What `as` and `ofType` leave of a set of types.
    [[nodiscard]] Types named(const TypeName& type, const Types& input) const {
        Types out;
        if (type.any) {
            out = input;
        } else if (type.fhir != unknown_type) {
            out = Types::of(type.fhir);
        } else if (type.has_system) {
            out = Types::of(type.system);
        }
        out.ordered = input.ordered;
        return out;
    }

    bool in_order(const Node& node, const Types& input) {
        if (input.ordered) {
            return true;
        }
        std::string message = node.op == Op::call ? std::string(node.text) + "()" : "an index";
        message += " depends on an order that children() and descendants() do not have";
        return fail(node, std::move(message));
    }

    bool binary(const Node& node, const Types& self, Types& out) {
        Types left;
        Types right;
        if ((node.left != no_node && !this->node(node.left, self, left)) ||
            (node.right != no_node && !this->node(node.right, self, right))) {
            return false;
        }
        switch (node.op) {
        case Op::at: out = left; return in_order(node, left);
        case Op::unite:
            out = left;
            out.merge(right);
            return true;
        case Op::plus:
        case Op::negate: out = right; return true;
        case Op::less:
        case Op::less_or_equal:
        case Op::greater:
        case Op::greater_or_equal:
            out = Types::of(ItemKind::boolean);
            return comparable(node, left, right);
        case Op::multiply:
        case Op::divide:
        case Op::integer_divide:
        case Op::modulo:
        case Op::add:
        case Op::subtract: out = Types::anything(); return joinable(node, left, right);
        case Op::concatenate: out = Types::of(ItemKind::string); return joinable(node, left, right);
        default: out = Types::of(ItemKind::boolean); return true;
        }
    }

    // The kinds of value that a set of types may give; all of them where it is not known.
    [[nodiscard]] KindSet kinds_of(const Types& types) const {
        KindSet kinds = types.known() ? 0 : kind_any;
        for (const ItemKind kind : types.system) {
            kinds |= kind_set(kind);
        }
        const KnownTypes& known = program_.known;
        for (const TypeId type : types.fhir) {
            const bool primitive = types_.type(type).kind == TypeKind::primitive;
            if (types_.type(type).abstract) {
                kinds = kind_any;
            } else if (types_.is_a(type, known.integer)) {
                kinds |= kind_integer;
            } else if (types_.is_a(type, known.quantity)) {
                kinds |= kind_quantity | kind_other;
            } else if (type == known.date_time || type == known.instant) {
                kinds |= kind_date_time;
            } else if (type == known.decimal || type == known.date || type == known.time || type == known.boolean) {
                kinds |= type == known.decimal ? kind_decimal
                         : type == known.date  ? kind_date
                         : type == known.time  ? kind_time
                                               : kind_boolean;
            } else {
                kinds |= primitive ? kind_string : kind_other;
            }
        }
        return kinds;
    }

    bool joinable(const Node& node, const Types& left, const Types& right) {
        return can_join(node.op, kinds_of(left), kinds_of(right)) ||
               fail(node, "this operator does not join " + words(left) + " and " + words(right));
    }

    bool fits_signature(const Node& node, const Types& input, const std::vector<Types>& arguments) {
        const Signature signature = signature_of(function_of(node));
        const auto check_one = [&](KindSet wanted, const Types& found, std::string_view what) {
            if ((kinds_of(found) & wanted) != 0) {
                return true;
            }
            std::string message(node.text);
            message += what;
            message += kind_words(wanted);
            message += ", found " + words(found);
            return fail(node, std::move(message));
        };
        return check_one(signature.input, input, "() works on ") &&
               (arguments.empty() ||
                check_one(signature.first, arguments[0], "() takes as its first argument ")) &&
               (arguments.size() < 2 ||
                check_one(signature.second, arguments[1], "() takes as its second argument "));
    }

    // Groups whose members have an order between them; 0 is "no single group".
    [[nodiscard]] int order_group(const Types& types) const {
        int group = 0;
        const auto join = [&group](int next) {
            if (group != 0 && group != next) {
                return false;
            }
            group = next;
            return true;
        };
        for (const ItemKind kind : types.system) {
            if (!join(kind_group(kind))) {
                return 0;
            }
        }
        for (const TypeId type : types.fhir) {
            if (!join(type_group(type))) {
                return 0;
            }
        }
        return group;
    }

    static int kind_group(ItemKind kind) {
        switch (kind) {
        case ItemKind::integer:
        case ItemKind::decimal:
        case ItemKind::quantity: return 1;
        case ItemKind::string: return 2;
        case ItemKind::date:
        case ItemKind::date_time: return 3;
        case ItemKind::time: return 4;
        default: return 5;
        }
    }

    [[nodiscard]] int type_group(TypeId type) const {
        const KnownTypes& known = program_.known;
        if (types_.type(type).abstract) {
            return 0;
        }
        if (types_.is_a(type, known.integer) || types_.is_a(type, known.decimal) ||
            types_.is_a(type, known.quantity)) {
            return 1;
        }
        if (type == known.date || type == known.date_time || type == known.instant) {
            return 3;
        }
        if (type == known.time) {
            return 4;
        }
        return types_.type(type).kind == TypeKind::primitive && type != known.boolean ? 2 : 5;
    }

    bool comparable(const Node& node, const Types& left, const Types& right) {
        if (!left.known() || !right.known()) {
            return true;
        }
        const int a = order_group(left);
        const int b = order_group(right);
        if (a == 0 || b == 0 || (a == b && a != 5)) {
            return true;
        }
        return fail(node, "there is no order between " + words(left) + " and " + words(right));
    }

    bool call(const Node& node, const Types& self, Types& out) {
        Types input = self;
        if (node.left != no_node && !this->node(node.left, self, input)) {
            return false;
        }
        const bool per_item = is_per_item(function_of(node));
        Types item = input;
        item.ordered = true;
        std::vector<Types> arguments(node.argument_count);
        for (std::size_t i = 0; i < node.argument_count; ++i) {
            if (!this->node(program_.argument(node, i), per_item ? item : self, arguments[i])) {
                return false;
            }
        }
        return fits_signature(node, input, arguments) && result(node, input, arguments, out);
    }

    static bool is_per_item(Function function) {
        switch (function) {
        case Function::exists:
        case Function::all:
        case Function::where:
        case Function::select:
        case Function::repeat:
        case Function::sort:
        case Function::iif:
        case Function::aggregate:
        case Function::trace: return true;
        default: return false;
        }
    }

    bool
    result(const Node& node, const Types& input, const std::vector<Types>& arguments, Types& out) {
        switch (function_of(node)) {
        case Function::first:
        case Function::last:
        case Function::tail:
        case Function::skip:
        case Function::take: out = input; return in_order(node, input);
        case Function::where:
        case Function::distinct:
        case Function::single:
        case Function::trace:
        case Function::define_variable:
        case Function::intersect:
        case Function::exclude:
        case Function::check_modifiers: out = input; return true;
        case Function::sort:
            out = input;
            out.ordered = true;
            return true;
        case Function::select:
        case Function::repeat:
            out = arguments[0];
            out.ordered = out.ordered && input.ordered;
            return true;
        case Function::union_:
        case Function::combine:
            out = input;
            out.merge(arguments[0]);
            return true;
        case Function::iif:
            out = arguments[1];
            if (arguments.size() > 2) {
                out.merge(arguments[2]);
            }
            return true;
        case Function::as:
        case Function::of_type: out = named(program_.type_names[node.extra], input); return true;
        case Function::children:
        case Function::descendants:
            out = Types::anything();
            out.ordered = false;
            return true;
        case Function::extension: {
            const TypeId extension = types_.find("Extension");
            out = extension == unknown_type ? Types::anything() : Types::of(extension);
            return true;
        }
        case Function::type: out = Types::of(ItemKind::type_info); return true;
        case Function::count:
        case Function::length:
        case Function::index_of:
        case Function::last_index_of:
        case Function::to_integer:
        case Function::precision: out = Types::of(ItemKind::integer); return true;
        case Function::to_string:
        case Function::substring:
        case Function::upper:
        case Function::lower:
        case Function::replace:
        case Function::replace_matches:
        case Function::to_chars:
        case Function::trim:
        case Function::split:
        case Function::join:
        case Function::encode:
        case Function::decode:
        case Function::escape:
        case Function::unescape: out = Types::of(ItemKind::string); return true;
        case Function::to_quantity: out = Types::of(ItemKind::quantity); return true;
        case Function::today:
        case Function::to_date: out = Types::of(ItemKind::date); return true;
        case Function::now:
        case Function::to_date_time: out = Types::of(ItemKind::date_time); return true;
        case Function::time_of_day:
        case Function::to_time: out = Types::of(ItemKind::time); return true;
        case Function::empty:
        case Function::exists:
        case Function::all:
        case Function::all_true:
        case Function::any_true:
        case Function::all_false:
        case Function::any_false:
        case Function::subset_of:
        case Function::superset_of:
        case Function::is_distinct:
        case Function::is:
        case Function::not_:
        case Function::starts_with:
        case Function::ends_with:
        case Function::contains:
        case Function::matches:
        case Function::matches_full:
        case Function::has_value:
        case Function::member_of:
        case Function::conforms_to:
        case Function::html_checks:
        case Function::comparable:
        case Function::to_boolean: out = Types::of(ItemKind::boolean); return true;
        default: out = Types::anything(); return true;
        }
    }

    const Expression::Program& program_;
    const TypeModel& types_;
    Error& error_;
    Types context_;
};

}  // namespace checking

bool check(const Expression::Program& program, std::string_view context_type, Error& error) {
    return checking::Checker(program, error).run(context_type);
}

}  // namespace gatehouse::fhir::path
