// SPDX-License-Identifier: Apache-2.0
//
// Conversion functions (FHIRPath N1 §5.5). toX() is empty where the value does not convert, and
// convertsToX() says so; both refuse more than one item.
#include "fhir/path/functions.hpp"
#include "fhir/path/operators.hpp"
#include "fhir/path/parser.hpp"
#include "fhir/path/strings.hpp"
#include "fhir/path/ucum.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

using Conversion = std::optional<Item> (*)(Evaluator& run, const Item& value);

std::optional<Item> boolean_from(Evaluator& /*run*/, const Item& value) {
    if (value.kind == ItemKind::boolean) {
        return value;
    }
    if (is_number(value)) {
        const auto number = decimal_of(value);
        if (number && number->is_integral()) {
            const auto whole = number->to_int64();
            if (whole == 0 || whole == 1) {
                return boolean_item(whole == 1);
            }
        }
        return std::nullopt;
    }
    if (value.kind != ItemKind::string) {
        return std::nullopt;
    }
    const std::string text = to_lower(value.text);
    for (const std::string_view yes : {"true", "t", "yes", "y", "1", "1.0"}) {
        if (text == yes) {
            return boolean_item(true);
        }
    }
    for (const std::string_view no : {"false", "f", "no", "n", "0", "0.0"}) {
        if (text == no) {
            return boolean_item(false);
        }
    }
    return std::nullopt;
}

std::optional<Item> integer_from(Evaluator& /*run*/, const Item& value) {
    if (value.kind == ItemKind::integer) {
        return value;
    }
    if (value.kind == ItemKind::boolean) {
        return integer_item(value.truth ? 1 : 0);
    }
    if (value.kind != ItemKind::string ||
        value.text.find_first_not_of("+-0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    const auto number = Decimal::parse(value.text);
    const auto whole = number ? number->to_int64() : std::nullopt;
    if (!whole || *whole > integer_max || *whole < integer_min) {
        return std::nullopt;
    }
    return integer_item(*whole);
}

std::optional<Item> decimal_from(Evaluator& run, const Item& value) {
    switch (value.kind) {
    case ItemKind::decimal: return value;
    case ItemKind::integer:
        return text_item(ItemKind::decimal, run.keep(std::to_string(value.integer)));
    case ItemKind::boolean: return text_item(ItemKind::decimal, value.truth ? "1.0" : "0.0");
    case ItemKind::string: {
        const auto number = value.text.find_first_of("eE") == std::string_view::npos
                                ? Decimal::parse(value.text)
                                : std::nullopt;
        if (!number) {
            return std::nullopt;
        }
        return text_item(ItemKind::decimal, run.keep(number->text()));
    }
    default: return std::nullopt;
    }
}

// "4 'mg'", "1 day", "1.0": the text form of a quantity (N1 §5.5.7).
std::optional<Item> quantity_from_text(std::string_view text) {
    const auto split = text.find_first_not_of("+-.0123456789");
    std::string_view digits = text.substr(0, split);
    if (!Decimal::parse(digits)) {
        return std::nullopt;
    }
    digits.remove_prefix(digits.front() == '+' ? 1 : 0);
    Item out = text_item(ItemKind::quantity, digits);
    out.unit = "1";
    if (split == std::string_view::npos) {
        return out;
    }
    std::string_view unit = text.substr(split);
    const auto first = unit.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) {
        return std::nullopt;
    }
    unit.remove_prefix(first);
    if (unit.size() > 2 && unit.front() == '\'' && unit.back() == '\'') {
        out.unit = unit.substr(1, unit.size() - 2);
        return out;
    }
    if (first == 0 || !calendar_unit(unit)) {
        return std::nullopt;
    }
    out.unit = unit;
    out.integer = quantity_calendar;
    return out;
}

std::optional<Item> quantity_from(Evaluator& run, const Item& value) {
    switch (value.kind) {
    case ItemKind::quantity: return value;
    case ItemKind::integer:
    case ItemKind::decimal: {
        Item out = quantity_from_number(value);
        out.text =
            value.kind == ItemKind::integer ? run.keep(std::to_string(value.integer)) : value.text;
        return out;
    }
    case ItemKind::boolean: {
        Item out = text_item(ItemKind::quantity, value.truth ? "1.0" : "0.0");
        out.unit = "1";
        return out;
    }
    case ItemKind::string: return quantity_from_text(value.text);
    default: return std::nullopt;
    }
}

std::optional<Item> string_from(Evaluator& run, const Item& value) {
    if (value.kind == ItemKind::element || value.kind == ItemKind::type_info) {
        return std::nullopt;
    }
    return value.kind == ItemKind::string ? value
                                          : text_item(ItemKind::string, run.keep(to_text(value)));
}

std::optional<Item> date_from(Evaluator& run, const Item& value) {
    if (value.kind == ItemKind::date) {
        return value;
    }
    if (value.kind != ItemKind::string && value.kind != ItemKind::date_time) {
        return std::nullopt;
    }
    auto moment = parse_date_time(value.text);
    if (!moment) {
        return std::nullopt;
    }
    if (value.kind == ItemKind::date_time || moment->precision > Precision::day) {
        moment->precision = std::min(moment->precision, Precision::day);
        moment->has_zone = false;
        return text_item(ItemKind::date, run.keep(moment->text()));
    }
    return text_item(ItemKind::date, value.text);
}

std::optional<Item> date_time_from(Evaluator& /*run*/, const Item& value) {
    if (value.kind == ItemKind::date_time) {
        return value;
    }
    if ((value.kind == ItemKind::string || value.kind == ItemKind::date) &&
        parse_date_time(value.text)) {
        return text_item(ItemKind::date_time, value.text);
    }
    return std::nullopt;
}

std::optional<Item> time_from(Evaluator& /*run*/, const Item& value) {
    if (value.kind == ItemKind::time) {
        return value;
    }
    if (value.kind == ItemKind::string) {
        std::string_view text = value.text;
        if (text.starts_with('T')) {
            text.remove_prefix(1);
        }
        if (parse_time(text)) {
            return text_item(ItemKind::time, text);
        }
    }
    return std::nullopt;
}

bool to_type(Evaluator& run, const Node& node, const Frame& frame, Sink sink, Conversion convert) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    const auto out = convert(run, value);
    return !run.failed() && (!out || sink(*out));
}

bool converts_to_type(
    Evaluator& run, const Node& node, const Frame& frame, Sink sink, Conversion convert
) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count == 0;
    }
    const bool good = convert(run, value).has_value();
    return !run.failed() && run.emit(sink, good);
}

// toQuantity(unit): 0 if the unit does not fit, -1 on failure.
int quantity_in_unit(Evaluator& run, const Node& node, const Frame& frame, Item& out) {
    Item value;
    const int count = run.input_value(node, frame, value);
    if (count != 1) {
        return count;
    }
    const auto quantity = quantity_from(run, value);
    if (!quantity) {
        return 0;
    }
    out = *quantity;
    std::string_view unit;
    const int given = node.argument_count > 0 ? run.text_argument(node, frame, 0, unit) : 0;
    if (given < 0) {
        return -1;
    }
    if (given == 0 || unit == out.unit) {
        return node.argument_count > 0 && given == 0 ? 0 : 1;
    }
    Item target;
    target.kind = ItemKind::quantity;
    target.unit = unit;
    target.integer = calendar_unit(unit) ? quantity_calendar : 0;
    const auto converted = convert_quantity(out, target);
    if (!converted) {
        return 0;
    }
    target.text = run.keep(converted->text());
    out = target;
    return run.failed() ? -1 : 1;
}

}  // namespace

bool to_boolean(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, boolean_from);
}
bool converts_to_boolean(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, boolean_from);
}
bool to_integer(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, integer_from);
}
bool converts_to_integer(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, integer_from);
}
bool to_date(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, date_from);
}
bool converts_to_date(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, date_from);
}
bool to_date_time(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, date_time_from);
}
bool converts_to_date_time(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, date_time_from);
}
bool to_decimal(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, decimal_from);
}
bool converts_to_decimal(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, decimal_from);
}
bool to_quantity(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item out;
    const int count = quantity_in_unit(run, node, frame, out);
    return count == 1 ? sink(out) : count == 0;
}
bool converts_to_quantity(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    if (node.argument_count == 0) {
        return converts_to_type(run, node, frame, sink, quantity_from);
    }
    Item value;
    const int present = run.input_value(node, frame, value);
    if (present != 1) {
        return present == 0;
    }
    Item out;
    const int count = quantity_in_unit(run, node, frame, out);
    return count >= 0 && run.emit(sink, count == 1);
}
bool to_string(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, string_from);
}
bool converts_to_string(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, string_from);
}
bool to_time(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return to_type(run, node, frame, sink, time_from);
}
bool converts_to_time(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return converts_to_type(run, node, frame, sink, time_from);
}

bool comparable(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item a;
    Item b;
    const int left = run.input_value(node, frame, a);
    const int right = left < 0 ? -1 : run.argument(node, frame, 0, b);
    if (left != 1 || right != 1) {
        return left >= 0 && right >= 0;
    }
    const auto fits = [](const Item& item) {
        return item.kind == ItemKind::quantity || is_number(item);
    };
    return run.emit(sink, fits(a) && fits(b) && compare_quantities(a, b).comparable);
}

}  // namespace gatehouse::fhir::path::functions
