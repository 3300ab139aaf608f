// SPDX-License-Identifier: Apache-2.0
//
// Math (FHIRPath N1 §5.7). Exact where the result is; roots and logarithms to 16 digits.
#include <cmath>
#include <cstdio>

#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/parser.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

// The single number (or quantity, where allowed) of the input.
int number_input(
    Evaluator& run, const Node& node, const Frame& frame, Item& out, bool quantity_allowed = false
) {
    const int count = run.input_value(node, frame, out);
    if (count != 1) {
        return count;
    }
    if (!is_number(out) && !(quantity_allowed && out.kind == ItemKind::quantity)) {
        std::string message(node.text);
        message += "() works on a number, found ";
        message += type_name(out, run.types);
        run.fail(node.offset, std::move(message));
        return -1;
    }
    return 1;
}

bool emit_real(Evaluator& run, long double value, Sink sink) {
    if (!std::isfinite(value)) {
        return true;
    }
    char buffer[64];
    const int size = std::snprintf(buffer, sizeof buffer, "%.16Lg", value);
    const auto number = Decimal::parse({buffer, static_cast<std::size_t>(size)});
    if (!number) {
        return true;
    }
    // "9" would read as an Integer: these functions answer Decimals.
    return emit_decimal(
        run, number->scale() == 0 ? number->rounded(1, Rounding::floor) : *number, sink
    );
}

long double real_of(const Item& item) {
    const auto number = decimal_of(item);
    return number ? std::strtold(number->text().c_str(), nullptr) : 0.0L;
}

bool real_function(
    Evaluator& run,
    const Node& node,
    const Frame& frame,
    Sink sink,
    long double (*body)(long double)
) {
    Item value;
    const int count = number_input(run, node, frame, value);
    return count == 1 ? emit_real(run, body(real_of(value)), sink) : count == 0;
}

bool to_whole(Evaluator& run, const Node& node, const Frame& frame, Sink sink, Rounding mode) {
    Item value;
    const int count = number_input(run, node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    const auto number = decimal_of(value);
    const auto whole = number ? number->rounded(0, mode).to_int64() : std::nullopt;
    return !whole || *whole > integer_max || *whole < integer_min || run.emit(sink, *whole);
}

}  // namespace

bool abs(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = number_input(run, node, frame, value, true);
    if (count != 1) {
        return count == 0;
    }
    if (value.kind == ItemKind::integer) {
        return run.emit(sink, value.integer < 0 ? -value.integer : value.integer);
    }
    const auto number = decimal_of(value);
    if (!number) {
        return true;
    }
    const Decimal size = number->is_negative() ? -*number : *number;
    return value.kind == ItemKind::decimal
               ? emit_decimal(run, size, sink)
               : emit_quantity(run, size, value.unit, value.integer, sink);
}

bool ceiling(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_whole(run, node, frame, sink, Rounding::ceiling);
}
bool floor(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_whole(run, node, frame, sink, Rounding::floor);
}
bool truncate(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_whole(run, node, frame, sink, Rounding::truncate);
}

bool exp(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return real_function(run, node, frame, sink, [](long double x) { return std::exp(x); });
}
bool ln(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return real_function(run, node, frame, sink, [](long double x) {
        return x > 0 ? std::log(x) : std::numeric_limits<long double>::quiet_NaN();
    });
}
bool sqrt(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return real_function(run, node, frame, sink, [](long double x) {
        return x >= 0 ? std::sqrt(x) : std::numeric_limits<long double>::quiet_NaN();
    });
}

bool log(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    Item base;
    const int count = number_input(run, node, frame, value);
    const int given = count < 0 ? -1 : run.argument(node, frame, 0, base);
    if (count != 1 || given != 1) {
        return count >= 0 && given >= 0;
    }
    if (!is_number(base)) {
        return run.fail(node.offset, "log() expects a number as its base");
    }
    const long double x = real_of(value);
    const long double b = real_of(base);
    return x <= 0 || b <= 0 || b == 1 || emit_real(run, std::log(x) / std::log(b), sink);
}

bool power(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item base;
    Item exponent;
    const int count = number_input(run, node, frame, base);
    const int given = count < 0 ? -1 : run.argument(node, frame, 0, exponent);
    if (count != 1 || given != 1) {
        return count >= 0 && given >= 0;
    }
    if (!is_number(exponent)) {
        return run.fail(node.offset, "power() expects a number as its exponent");
    }
    const auto x = decimal_of(base);
    if (!x) {
        return true;
    }
    const bool whole = exponent.kind == ItemKind::integer;
    if (whole && exponent.integer >= 0 && exponent.integer <= 4096) {
        Decimal result(1);
        for (std::int64_t i = 0; i < exponent.integer; ++i) {
            result = result * *x;
            const auto digits = static_cast<std::uint64_t>(result.scale());
            if (result.is_too_large() || !run.pay(1 + digits / 32)) {
                return !run.failed();
            }
        }
        if (base.kind == ItemKind::integer) {
            const auto value = result.to_int64();
            return !value || *value > integer_max || *value < integer_min || run.emit(sink, *value);
        }
        return emit_decimal(run, result, sink);
    }
    const long double value = std::pow(real_of(base), real_of(exponent));
    return emit_real(run, value, sink);
}

bool round(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = number_input(run, node, frame, value, true);
    std::int64_t digits = 0;
    const int given = count == 1 && node.argument_count > 0
                          ? run.integer_argument(node, frame, 0, digits)
                          : count;
    if (count != 1 || given < 0) {
        return count == 0 && given >= 0;
    }
    if (digits < 0 || digits > Decimal::digits_max) {
        return run.fail(node.offset, "round() expects a precision of 0 to 400 digits");
    }
    const auto number = decimal_of(value);
    if (!number) {
        return true;
    }
    const Decimal rounded = number->rounded(static_cast<int>(digits), Rounding::half_away);
    return value.kind == ItemKind::quantity
               ? emit_quantity(run, rounded, value.unit, value.integer, sink)
               : emit_decimal(run, rounded, sink);
}

}  // namespace gatehouse::fhir::path::functions
