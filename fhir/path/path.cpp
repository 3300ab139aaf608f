// SPDX-License-Identifier: Apache-2.0
//
// The module's surface: compile, evaluate, and what items are called and look like.
#include "fhir/path/path.hpp"

#include <re2/re2.h>

#include "fhir/path/check.hpp"
#include "fhir/path/evaluator.hpp"
#include "fhir/path/lexer.hpp"
#include "fhir/path/parser.hpp"
#include "fhir/path/program.hpp"
#include "fhir/path/scope.hpp"
#include "fhir/path/shape.hpp"
#include "fhir/path/trail.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path {

Expression::Program::Program() = default;
Expression::Program::~Program() = default;

Expression::Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

const std::string& Expression::text() const {
    static const std::string nothing;
    return program_ ? program_->text : nothing;
}

class Compiler {
public:
    static Expression compile(
        std::string_view text, const TypeModel& types, Error& error, const CompileOptions& options
    ) {
        constexpr std::size_t text_bytes_max = 256 * 1024;  // R4's longest search path has 6 KB
        Expression out;
        error = {};
        if (text.size() > text_bytes_max) {
            error = {ErrorPhase::syntax, "the expression is longer than 256 KiB; split it", 0};
            return out;
        }
        auto program = std::make_unique<Expression::Program>();
        program->text = std::string(text);
        program->types = &types;
        program->known = known_types(types);
        program->as_filters = options.as_filters;
        std::vector<Token> tokens;
        if (!tokenize(program->text, tokens, error) || !Parser(*program, tokens, error).parse() ||
            !bind_variables(*program, error) ||
            (options.strict && !check(*program, options.context_type, error))) {
            return out;
        }
        program->shape_root = compile_shape(*program, program->root);
        compile_trails(*program);
        out.program_ = std::move(program);
        return out;
    }
};

Expression compile(
    std::string_view text, const TypeModel& types, Error& error, const CompileOptions& options
) {
    return Compiler::compile(text, types, error, options);
}

std::string located(const Error& error, std::string_view expression) {
    const Position at = position_of(expression, error.offset);
    std::string out = error.message;
    out += expression.find('\n') == std::string_view::npos
               ? " ("
               : " (line " + std::to_string(at.line) + ", ";
    out += "column " + std::to_string(at.column) + ")";
    return out;
}

Outcome evaluate(
    const Expression& expression, const Element* focus, const Environment& environment, Arena& arena
) {
    Outcome out;
    if (!expression) {
        out.failed = true;
        out.error = {ErrorPhase::execution, "the expression did not compile", 0};
        return out;
    }
    Evaluator run(expression.program(), environment, arena, out.error);
    Item self;
    Frame frame;
    if (focus != nullptr) {
        self = item_of(*focus);
        frame.self = &self;
        run.focus = &self;
    }
    Items items(arena);
    out.failed = focus != nullptr && environment.shortcuts && has_trails(run, *focus)
                     ? !follow_trails(run, self, items)
                     : !run.collect(expression.program().root, frame, items);
    if (environment.steps_taken != nullptr) {
        *environment.steps_taken += run.steps_taken();
    }
    if (out.failed) {
        return out;
    }
    for (Item& item : items) {
        if (item.kind == ItemKind::integer && item.text.empty()) {
            item.text = arena.copy(std::to_string(item.integer));
        }
    }
    out.items = items.keep();
    return out;
}

Truth evaluate_truth(
    const Expression& expression,
    const Element* focus,
    const Environment& environment,
    Arena& arena,
    Error& error
) {
    if (!expression) {
        error = {ErrorPhase::execution, "the expression did not compile", 0};
        return Truth::failed;
    }
    const Expression::Program& program = expression.program();
    std::uint64_t looked = 0;
    if (focus != nullptr && environment.shortcuts) {
        const TypeModel& types = environment.types != nullptr ? *environment.types : *program.types;
        const Truth quick = shape_truth(
            program, program.shape_root, *focus, types, looked, environment.step_budget
        );
        if (quick != Truth::failed) {
            if (environment.steps_taken != nullptr) {
                *environment.steps_taken += looked;
            }
            return quick;
        }
    }
    Evaluator run(program, environment, arena, error);
    Item self;
    Frame frame;
    if (focus != nullptr) {
        self = item_of(*focus);
        frame.self = &self;
        run.focus = &self;
    }
    const Truth out = run.truth(program.root, frame);
    if (environment.steps_taken != nullptr) {
        *environment.steps_taken += looked + run.steps_taken();
    }
    return out;
}

std::string_view type_name(const Item& item, const TypeModel& types) {
    switch (item.kind) {
    case ItemKind::boolean: return "boolean";
    case ItemKind::string: return "string";
    case ItemKind::integer: return "integer";
    case ItemKind::decimal: return "decimal";
    case ItemKind::date: return "date";
    case ItemKind::date_time: return "dateTime";
    case ItemKind::time: return "time";
    case ItemKind::quantity: return "Quantity";
    case ItemKind::type_info: return "TypeInfo";
    case ItemKind::element: break;
    }
    // "Patient.contact" is the name of no type in FHIR: such elements are BackboneElements or
    // Elements.
    TypeId type = item.type;
    while (type != unknown_type && types.type(type).kind == TypeKind::backbone) {
        type = types.type(type).base;
    }
    if (type != unknown_type) {
        return types.type(type).name;
    }
    switch (item.element->written) {
    case Written::boolean: return "boolean";
    case Written::number:
        return item.element->value.find_first_of(".eE") == std::string_view::npos ? "integer"
                                                                                  : "decimal";
    case Written::nothing: return item.element->is_resource ? item.element->value : "Element";
    default: return "string";
    }
}

std::string to_text(const Item& item) {
    switch (item.kind) {
    case ItemKind::element:
        return item.element->has_value() && !item.element->is_resource
                   ? std::string(item.element->value)
                   : std::string();
    case ItemKind::boolean: return item.truth ? "true" : "false";
    case ItemKind::integer: return std::to_string(item.integer);
    case ItemKind::quantity: {
        std::string out(item.text);
        out += ' ';
        if ((item.integer & quantity_calendar) != 0) {
            out += item.unit;
        } else {
            out += '\'';
            append_escaped(out, item.unit, '\'');
            out += '\'';
        }
        return out;
    }
    case ItemKind::type_info: {
        std::string out(item.unit);
        out += '.';
        out += item.text;
        return out;
    }
    default: return std::string(item.text);
    }
}

}  // namespace gatehouse::fhir::path
