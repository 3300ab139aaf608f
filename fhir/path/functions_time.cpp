// SPDX-License-Identifier: Apache-2.0
//
// now and its kin (FHIRPath N1 §5.9), boundaries, precision and parts of moments (FHIRPath 3.0).
#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

// The instant the caller gave; false (failed) if none: the library reads no clock.
bool current(Evaluator& run, const Node& node, Moment& out) {
    const auto moment = parse_date_time(run.environment.now);
    if (!moment || moment->precision < Precision::second) {
        std::string message(node.text);
        message += "() needs the current time, which this evaluation was not given";
        return run.fail(node.offset, std::move(message));
    }
    out = *moment;
    return true;
}

// A decimal's boundary: half a unit of its last digit away. Written to fewer digits than that
// needs, HL7's suite rounds the far side and cuts the near one, both by magnitude.
std::optional<Decimal> decimal_boundary(const Decimal& value, std::int64_t digits, bool high) {
    if (digits < 0 || digits > 28) {
        return std::nullopt;
    }
    const Decimal half(BigInt(5), value.scale() + 1);
    const Decimal edge = high ? value + half : value - half;
    const bool outward = high != value.is_negative();
    return edge.rounded(
        static_cast<int>(digits), outward ? Rounding::half_away : Rounding::truncate
    );
}

bool boundary_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink, bool high) {
    Item value;
    const int count = run.input_value(node, frame, value);
    std::int64_t digits = -1;
    const bool asked = node.argument_count > 0;
    const int given = count == 1 && asked ? run.integer_argument(node, frame, 0, digits) : count;
    if (count != 1 || given < 0) {
        return count == 0 && given >= 0;
    }
    if (is_number(value) || value.kind == ItemKind::quantity) {
        const auto number = decimal_of(value);
        const auto edge = number ? decimal_boundary(*number, asked && given == 1 ? digits : 8, high)
                                 : std::nullopt;
        if (!edge) {
            return true;
        }
        return value.kind == ItemKind::quantity
                   ? emit_quantity(run, *edge, value.unit, value.integer, sink)
                   : emit_decimal(run, *edge, sink);
    }
    auto moment = moment_of(value);
    if (!moment && value.kind == ItemKind::string) {
        moment = parse_date_time(value.text);
        value.kind = ItemKind::date_time;
    }
    if (!moment) {
        std::string message(node.text);
        message += "() works on decimals, quantities, dates and times";
        return run.fail(node.offset, std::move(message));
    }
    const int most = value.kind == ItemKind::date ? 8 : (value.kind == ItemKind::time ? 9 : 17);
    const auto edge = boundary(
        *moment,
        asked && given == 1 ? static_cast<int>(digits > 100 || digits < 0 ? 0 : digits) : most,
        high,
        value.kind == ItemKind::date
    );
    if (!edge) {
        return true;
    }
    const std::string_view text = run.keep(edge->text());
    return !run.failed() && sink(text_item(value.kind, text));
}

using Part = std::optional<std::int64_t> (*)(const Moment& moment);

bool part_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink, Part part) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    const auto moment = moment_of(value);
    if (!moment) {
        std::string message(node.text);
        message += "() works on dates and times";
        return run.fail(node.offset, std::move(message));
    }
    const auto result = part(*moment);
    return !result || run.emit(sink, *result);
}

}  // namespace

bool now(Evaluator& run, const Node& node, const Frame& /*frame*/, Sink sink) {
    Moment moment;
    return current(run, node, moment) && sink(text_item(ItemKind::date_time, run.environment.now));
}

bool today(Evaluator& run, const Node& node, const Frame& /*frame*/, Sink sink) {
    Moment moment;
    return current(run, node, moment) &&
           sink(text_item(ItemKind::date, run.environment.now.substr(0, 10)));
}

bool time_of_day(Evaluator& run, const Node& node, const Frame& /*frame*/, Sink sink) {
    Moment moment;
    if (!current(run, node, moment)) {
        return false;
    }
    std::string_view text = run.environment.now.substr(11);
    return sink(text_item(ItemKind::time, text.substr(0, text.find_first_of("Z+-"))));
}

bool low_boundary(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return boundary_of(run, node, frame, sink, false);
}

bool high_boundary(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return boundary_of(run, node, frame, sink, true);
}

bool precision(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    if (is_number(value) || value.kind == ItemKind::quantity) {
        const auto number = decimal_of(value);
        return !number || run.emit(sink, static_cast<std::int64_t>(number->scale()));
    }
    const auto moment = moment_of(value);
    if (!moment) {
        return run.fail(node.offset, "precision() works on decimals, dates and times");
    }
    return run.emit(sink, static_cast<std::int64_t>(precision_digits(*moment)));
}

bool year_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.is_time ? std::nullopt : std::optional<std::int64_t>(m.year);
    });
}
bool month_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.is_time || m.precision < Precision::month ? std::nullopt
                                                           : std::optional<std::int64_t>(m.month);
    });
}
bool day_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.is_time || m.precision < Precision::day ? std::nullopt
                                                         : std::optional<std::int64_t>(m.day);
    });
}
bool hour_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.precision < Precision::hour ? std::nullopt : std::optional<std::int64_t>(m.hour);
    });
}
bool minute_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.precision < Precision::minute ? std::nullopt
                                               : std::optional<std::int64_t>(m.minute);
    });
}
bool second_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.precision < Precision::second ? std::nullopt
                                               : std::optional<std::int64_t>(m.second);
    });
}
bool millisecond_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return part_of(run, node, frame, sink, [](const Moment& m) -> std::optional<std::int64_t> {
        return m.precision < Precision::fraction ? std::nullopt
                                                 : std::optional<std::int64_t>(m.nanos / 1'000'000);
    });
}

bool timezone_offset_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    const auto moment = moment_of(value);
    if (!moment || !moment->has_zone) {
        return true;
    }
    return emit_decimal(
        run,
        (Decimal(moment->zone_minutes) / Decimal(60)).rounded(2, Rounding::half_away).normalized(),
        sink
    );
}

bool date_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    auto moment = moment_of(value);
    if (!moment || moment->is_time) {
        return true;
    }
    moment->precision = std::min(moment->precision, Precision::day);
    const std::string_view text = run.keep(moment->text());
    return !run.failed() && sink(text_item(ItemKind::date, text));
}

bool time_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    auto moment = moment_of(value);
    if (!moment || moment->precision < Precision::hour) {
        return true;
    }
    moment->is_time = true;
    moment->has_zone = false;
    const std::string_view text = run.keep(moment->text());
    return !run.failed() && sink(text_item(ItemKind::time, text));
}

}  // namespace gatehouse::fhir::path::functions
