// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic (FHIRPath N1 §6.6) on numbers, quantities, moments and strings. Overflow is empty.
#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/parser.hpp"
#include "fhir/path/strings.hpp"
#include "fhir/path/ucum.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path {
namespace sums {

bool emit_integer(Evaluator& run, std::int64_t value, Sink sink) {
    return value > integer_max || value < integer_min || run.emit(sink, value);
}

bool integers(Evaluator& run, const Node& node, std::int64_t a, std::int64_t b, Sink sink) {
    __extension__ typedef __int128 Wide;
    Wide result = 0;
    switch (node.op) {
    case Op::add: result = static_cast<Wide>(a) + b; break;
    case Op::subtract: result = static_cast<Wide>(a) - b; break;
    case Op::multiply: result = static_cast<Wide>(a) * b; break;
    case Op::integer_divide:
        if (b == 0) {
            return true;
        }
        result = static_cast<Wide>(a) / b;
        break;
    default:
        if (b == 0) {
            return true;
        }
        result = static_cast<Wide>(a) % b;
    }
    if (result > integer_max || result < integer_min) {
        return true;
    }
    return emit_integer(run, static_cast<std::int64_t>(result), sink);
}

bool numbers(Evaluator& run, const Node& node, const Item& a, const Item& b, Sink sink) {
    if (a.kind == ItemKind::integer && b.kind == ItemKind::integer && node.op != Op::divide) {
        return integers(run, node, a.integer, b.integer, sink);
    }
    const auto x = decimal_of(a);
    const auto y = decimal_of(b);
    if (!x || !y) {
        return true;
    }
    const bool divides =
        node.op == Op::divide || node.op == Op::integer_divide || node.op == Op::modulo;
    if (divides && y->is_zero()) {
        return true;
    }
    // A quotient is worked out to its 28th digit, whatever the operands are.
    if (!run.pay((divides ? 32 : 0) + (a.text.size() + b.text.size()) / 16)) {
        return false;
    }
    switch (node.op) {
    case Op::add: return emit_decimal(run, *x + *y, sink);
    case Op::subtract: return emit_decimal(run, *x - *y, sink);
    case Op::multiply: return emit_decimal(run, *x * *y, sink);
    case Op::divide: return emit_decimal(run, *x / *y, sink);
    default: break;
    }
    // Exact whole quotient: aligned mantissas, truncated.
    const int scale = std::max(x->scale(), y->scale());
    const BigInt left = x->rounded(scale, Rounding::truncate).mantissa();
    const BigInt right = y->rounded(scale, Rounding::truncate).mantissa();
    if (node.op == Op::modulo) {
        return emit_decimal(run, Decimal(BigInt(left % right), scale), sink);
    }
    const auto whole = Decimal(BigInt(left / right), 0).to_int64();
    return !whole || emit_integer(run, *whole, sink);
}

// The calendar word of a FHIR Quantity's UCUM year or month, so it can meet calendar quantities.
Item calendar_view(const Item& quantity) {
    Item out = quantity;
    if ((quantity.integer & quantity_from_fhir) != 0 &&
        (quantity.unit == "a" || quantity.unit == "mo")) {
        out.unit = quantity.unit == "a" ? "year" : "month";
        out.integer = quantity_calendar;
    }
    return out;
}

bool add_quantities(Evaluator& run, const Node& node, Item a, Item b, Sink sink) {
    if ((a.integer & quantity_calendar) != 0 || (b.integer & quantity_calendar) != 0) {
        a = calendar_view(a);
        b = calendar_view(b);
    }
    const auto x = Decimal::parse(a.text);
    const auto y = Decimal::parse(b.text);
    if (!x || !y) {
        return true;
    }
    const auto combine = [&](const Decimal& left, const Decimal& right) {
        return node.op == Op::add ? left + right : left - right;
    };
    const auto word = [](const Item& quantity) {
        return (quantity.integer & quantity_calendar) != 0 ? calendar_unit(quantity.unit)
                                                           : std::nullopt;
    };
    if (word(a) && word(a) == word(b)) {
        return emit_quantity(run, combine(*x, *y), b.unit, quantity_calendar, sink);
    }
    if (a.unit == b.unit && !word(a) && !word(b)) {
        return emit_quantity(run, combine(*x, *y), a.unit, a.integer & b.integer, sink);
    }
    // The result is in the finer unit of the two (N1 §6.6.3).
    const auto in_b = convert_quantity(a, b);
    const auto in_a = convert_quantity(b, a);
    if (!in_a || !in_b) {
        return true;
    }
    const bool b_is_finer =
        compare(
            Decimal(in_b->is_negative() ? -*in_b : *in_b), Decimal(x->is_negative() ? -*x : *x)
        ) > 0;
    if (b_is_finer) {
        return emit_quantity(run, combine(*in_b, *y), b.unit, b.integer, sink);
    }
    return emit_quantity(run, combine(*x, *in_a), a.unit, a.integer, sink);
}

bool scale_quantities(Evaluator& run, const Node& node, const Item& a, const Item& b, Sink sink) {
    const auto x = decimal_of(a);
    const auto y = decimal_of(b);
    if (!x || !y || (node.op == Op::divide && y->is_zero())) {
        return true;
    }
    const Item qa = is_number(a) ? quantity_from_number(a) : a;
    const Item qb = is_number(b) ? quantity_from_number(b) : b;
    const auto left = parse_unit(ucum_code(qa));
    const auto right = parse_unit(ucum_code(qb));
    if (!left || !right) {
        return true;
    }
    const bool multiplies = node.op == Op::multiply;
    // A side without dimension scales the other and leaves its unit as written.
    if (right->is_dimensionless()) {
        const Decimal factor = *y * right->numerator / right->denominator;
        return emit_quantity(
            run, multiplies ? *x * factor : *x / factor, qa.unit, qa.integer, sink
        );
    }
    if (multiplies && left->is_dimensionless()) {
        const Decimal factor = *x * left->numerator / left->denominator;
        return emit_quantity(run, factor * *y, qb.unit, qb.integer, sink);
    }
    if (!multiplies && qa.unit == qb.unit) {
        return emit_quantity(run, *x / *y, "1", 0, sink);
    }
    const auto unit = multiplies ? multiply(*left, *right) : divide(*left, *right);
    if (!unit) {
        return true;
    }
    const Decimal value = multiplies ? *x * *y : *x / *y;
    const std::string joined = joined_code(ucum_code(qa), ucum_code(qb), multiplies ? 1 : -1);
    if (const auto same = joined.empty() ? std::nullopt : parse_unit(joined);
        same && same->same_dimensions(*unit)) {
        return emit_quantity(run, value, run.keep(joined), 0, sink);
    }
    const std::string_view code = run.keep(unit->base_code());
    return emit_quantity(run, value * unit->numerator / unit->denominator, code, 0, sink);
}

bool move_moment(
    Evaluator& run, const Node& node, const Item& moment, const Item& amount, Sink sink
) {
    std::optional<CalendarUnit> unit;
    if (amount.kind == ItemKind::quantity) {
        const Item view = calendar_view(amount);
        if ((view.integer & quantity_calendar) != 0) {
            unit = calendar_unit(view.unit);
        } else {
            constexpr std::pair<std::string_view, CalendarUnit> codes[] = {
                {"wk", CalendarUnit::week},
                {"d", CalendarUnit::day},
                {"h", CalendarUnit::hour},
                {"min", CalendarUnit::minute},
                {"s", CalendarUnit::second},
                {"ms", CalendarUnit::millisecond},
            };
            for (const auto& [code, meaning] : codes) {
                if (view.unit == code) {
                    unit = meaning;
                }
            }
        }
    }
    if (!unit) {
        return run.fail(
            node.offset,
            "a date or time can be moved by a quantity of calendar units (4 days, 1 month) "
            "or of UCUM weeks and shorter; years and months of UCUM have no place in a "
            "calendar"
        );
    }
    if (moment.kind == ItemKind::time && *unit < CalendarUnit::hour) {
        return run.fail(
            node.offset,
            "a time has no days: it can be moved by hours, minutes, seconds and milliseconds"
        );
    }
    const auto start = moment_of(moment);
    const auto value = Decimal::parse(amount.text);
    if (!start || !value) {
        return true;
    }
    const auto moved = add(*start, node.op == Op::add ? *value : -*value, *unit);
    if (!moved) {
        return true;
    }
    const std::string_view text = run.keep(moved->text());
    return !run.failed() && sink(text_item(moment.kind, text));
}

bool is_moment(const Item& item) {
    return item.kind == ItemKind::date || item.kind == ItemKind::date_time ||
           item.kind == ItemKind::time;
}

// The digits of a number in the arena. Long ones cost by their length: turning binary into decimal
// digits is quadratic.
std::string_view keep_digits(Evaluator& run, const Decimal& value) {
    const std::string text = value.text();
    return text.size() < 64 || run.pay(text.size() / 2) ? run.keep(text) : std::string_view{};
}

}  // namespace sums

bool emit_decimal(Evaluator& run, const Decimal& value, Sink sink) {
    if (value.is_too_large()) {
        return true;
    }
    const std::string_view text = sums::keep_digits(run, value);
    return !run.failed() && sink(text_item(ItemKind::decimal, text));
}

bool emit_quantity(
    Evaluator& run, const Decimal& value, std::string_view unit, std::int64_t flags, Sink sink
) {
    if (value.is_too_large()) {
        return true;
    }
    const std::string_view text = sums::keep_digits(run, value);
    if (run.failed()) {
        return false;
    }
    Item item = text_item(ItemKind::quantity, text);
    item.unit = unit;
    item.integer = flags;
    return sink(item);
}

bool arithmetic(Evaluator& run, const Node& node, const Item& a, const Item& b, Sink sink) {
    const bool sum = node.op == Op::add || node.op == Op::subtract;
    if (node.op == Op::concatenate || (node.op == Op::add && a.kind == ItemKind::string)) {
        const auto is_text = [](const Item& item) {
            return item.kind == ItemKind::string || item.kind == ItemKind::date ||
                   item.kind == ItemKind::date_time || item.kind == ItemKind::time;
        };
        // `&` and `+` join strings; dates in records are text to many profiles' expressions.
        if (is_text(a) && is_text(b) &&
            (a.kind == ItemKind::string || node.op == Op::concatenate)) {
            std::string joined(a.text);
            if (!run.pay((a.text.size() + b.text.size()) / 32)) {
                return false;
            }
            joined += b.text;
            return run.emit_text(sink, joined);
        }
        if (node.op == Op::concatenate && a.kind != ItemKind::element &&
            b.kind != ItemKind::element) {
            return run.emit_text(sink, to_text(a) + to_text(b));
        }
    } else if (is_number(a) && is_number(b)) {
        return sums::numbers(run, node, a, b, sink);
    } else if (sum && sums::is_moment(a)) {
        return sums::move_moment(run, node, a, b, sink);
    } else if ((a.kind == ItemKind::quantity || is_number(a)) && (b.kind == ItemKind::quantity || is_number(b))) {
        if (!run.pay((a.unit.size() + b.unit.size()) / 2)) {
            return false;
        }
        if (node.op == Op::multiply || node.op == Op::divide) {
            return sums::scale_quantities(run, node, a, b, sink);
        }
        if (sum && a.kind == b.kind) {
            return sums::add_quantities(run, node, a, b, sink);
        }
    }
    std::string message = "this operator does not join ";
    message += type_name(a, run.types);
    message += " and ";
    message += type_name(b, run.types);
    return run.fail(node.offset, std::move(message));
}

std::optional<Decimal> convert_quantity(const Item& a, const Item& b) {
    const auto value = decimal_of(a);
    if (!value) {
        return std::nullopt;
    }
    const Item qa = is_number(a) ? quantity_from_number(a) : a;
    const Item qb = is_number(b) ? quantity_from_number(b) : b;
    if (qa.unit == qb.unit) {
        return value;
    }
    // Calendar years and months keep the calendar's own ratio of twelve.
    const auto months = [](const Item& quantity) -> int {
        const Item view = sums::calendar_view(quantity);
        if ((view.integer & quantity_calendar) == 0) {
            return 0;
        }
        const auto unit = calendar_unit(view.unit);
        return unit == CalendarUnit::year ? 12 : (unit == CalendarUnit::month ? 1 : 0);
    };
    const int from = months(qa);
    const int to = months(qb);
    if (from != 0 && to != 0) {
        return *value * Decimal(from) / Decimal(to);
    }
    const auto left = parse_unit(ucum_code(qa));
    const auto right = parse_unit(ucum_code(qb));
    if (!left || !right) {
        return std::nullopt;
    }
    return convert(*value, *left, *right);
}

}  // namespace gatehouse::fhir::path
