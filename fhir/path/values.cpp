// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/values.hpp"

#include <algorithm>

#include "fhir/path/ucum.hpp"

namespace gatehouse::fhir::path {

KnownTypes known_types(const TypeModel& types) {
    KnownTypes known;
    known.boolean = types.find("boolean");
    known.integer = types.find("integer");
    known.integer64 = types.find("integer64");
    known.decimal = types.find("decimal");
    known.string = types.find("string");
    known.date = types.find("date");
    known.date_time = types.find("dateTime");
    known.instant = types.find("instant");
    known.time = types.find("time");
    known.quantity = types.find("Quantity");
    known.reference = types.find("Reference");
    return known;
}

bool is_primitive(const Evaluator& run, const Element& element) {
    if (element.is_resource) {
        return false;
    }
    if (element.type != unknown_type) {
        return run.types.type(element.type).kind == TypeKind::primitive;
    }
    return element.has_value();
}

ItemKind value_kind(const Evaluator& run, const Element& element) {
    const KnownTypes& known = run.program.known;
    const TypeId type = element.type;
    if (type == unknown_type) {
        switch (element.written) {
        case Written::boolean: return ItemKind::boolean;
        case Written::number:
            return element.value.find_first_of(".eE") == std::string_view::npos ? ItemKind::integer
                                                                                : ItemKind::decimal;
        default: return ItemKind::string;
        }
    }
    if (type == known.string) {
        return ItemKind::string;
    }
    if (type == known.boolean) {
        return ItemKind::boolean;
    }
    if (type == known.decimal) {
        return ItemKind::decimal;
    }
    if (type == known.date) {
        return ItemKind::date;
    }
    if (type == known.date_time || type == known.instant) {
        return ItemKind::date_time;
    }
    if (type == known.time) {
        return ItemKind::time;
    }
    if (type == known.integer || run.types.is_a(type, known.integer) ||
        (known.integer64 != unknown_type && run.types.is_a(type, known.integer64))) {
        return ItemKind::integer;
    }
    return ItemKind::string;
}

namespace values {

// A child by name without a symbol: quantities are converted rarely enough.
std::string_view child_text(const Element& element, std::string_view name) {
    return element.child_value(name);
}

bool quantity_value(const Element& element, Item& out) {
    const std::string_view value = child_text(element, "value");
    if (value.empty() || !child_text(element, "comparator").empty()) {
        return false;
    }
    out = Item{};
    out.kind = ItemKind::quantity;
    out.text = value;
    const std::string_view code = child_text(element, "code");
    if (child_text(element, "system") == "http://unitsofmeasure.org" && !code.empty()) {
        out.unit = code;
        out.integer = quantity_from_fhir;
    } else {
        const std::string_view unit = child_text(element, "unit");
        out.unit = !code.empty() ? code : (!unit.empty() ? unit : std::string_view("1"));
    }
    return true;
}

}  // namespace values

bool to_value(const Evaluator& run, const Item& item, Item& out) {
    if (item.kind != ItemKind::element) {
        out = item;
        return true;
    }
    const Element& element = *item.element;
    if (!is_primitive(run, element)) {
        const TypeId quantity = run.program.known.quantity;
        if (quantity != unknown_type && element.type != unknown_type &&
            run.types.is_a(element.type, quantity) && values::quantity_value(element, out)) {
            return true;
        }
        out = item;
        return true;
    }
    if (!element.has_value()) {
        return false;
    }
    out = Item{};
    out.kind = value_kind(run, element);
    switch (out.kind) {
    case ItemKind::boolean: out.truth = element.value == "true"; break;
    case ItemKind::integer: {
        const auto number = Decimal::parse(element.value);
        const auto whole = number ? number->to_int64() : std::nullopt;
        if (!whole) {
            out.kind = number ? ItemKind::decimal : ItemKind::string;
        } else {
            out.integer = *whole;
        }
        out.text = element.value;
        break;
    }
    default: out.text = element.value;
    }
    return true;
}

std::optional<Decimal> decimal_of(const Item& item) {
    if (item.kind == ItemKind::integer) {
        return Decimal(item.integer);
    }
    return Decimal::parse(item.text);
}

std::optional<Moment> moment_of(const Item& item) {
    switch (item.kind) {
    case ItemKind::date: return parse_date(item.text);
    case ItemKind::date_time: return parse_date_time(item.text);
    case ItemKind::time: return parse_time(item.text);
    default: return std::nullopt;
    }
}

Item quantity_from_number(const Item& number) {
    Item out = number;
    out.kind = ItemKind::quantity;
    out.unit = "1";
    out.integer = 0;
    return out;
}

std::string_view ucum_code(const Item& quantity) {
    if ((quantity.integer & quantity_calendar) == 0) {
        return quantity.unit;
    }
    const auto unit = calendar_unit(quantity.unit);
    if (!unit) {
        return quantity.unit;
    }
    switch (*unit) {
    case CalendarUnit::year: return "a";
    case CalendarUnit::month: return "mo";
    case CalendarUnit::week: return "wk";
    case CalendarUnit::day: return "d";
    case CalendarUnit::hour: return "h";
    case CalendarUnit::minute: return "min";
    case CalendarUnit::second: return "s";
    case CalendarUnit::millisecond: return "ms";
    }
    return quantity.unit;
}

namespace values {

// Years and months of the calendar have no fixed length in UCUM's terms.
bool is_long_calendar(const Item& quantity) {
    if ((quantity.integer & quantity_calendar) == 0) {
        return false;
    }
    const auto unit = calendar_unit(quantity.unit);
    return unit == CalendarUnit::year || unit == CalendarUnit::month;
}

bool is_long_ucum(const Item& quantity) {
    return (quantity.integer & quantity_calendar) == 0 &&
           (quantity.unit == "a" || quantity.unit == "mo");
}

// Calendar years and months against each other and against days: 12 months, 365 and 30 days (N1
// §6.2).
Decimal calendar_length(const Decimal& value, CalendarUnit unit, bool in_months) {
    if (in_months) {
        return unit == CalendarUnit::year ? value * Decimal(12) : value;
    }
    switch (unit) {
    case CalendarUnit::year: return value * Decimal(365LL * 86'400'000);
    case CalendarUnit::month: return value * Decimal(30LL * 86'400'000);
    case CalendarUnit::week: return value * Decimal(7LL * 86'400'000);
    case CalendarUnit::day: return value * Decimal(86'400'000);
    case CalendarUnit::hour: return value * Decimal(3'600'000);
    case CalendarUnit::minute: return value * Decimal(60'000);
    case CalendarUnit::second: return value * Decimal(1000);
    case CalendarUnit::millisecond: return value;
    }
    return value;
}

// The calendar reading of a quantity: its word, or a definite UCUM code of a week or less, or any
// time code of a FHIR Quantity.
std::optional<CalendarUnit> calendar_reading(const Item& quantity) {
    if ((quantity.integer & quantity_calendar) != 0) {
        return calendar_unit(quantity.unit);
    }
    const std::string_view code = quantity.unit;
    const bool from_fhir = (quantity.integer & quantity_from_fhir) != 0;
    if (code == "wk") {
        return CalendarUnit::week;
    }
    if (code == "d") {
        return CalendarUnit::day;
    }
    if (code == "h") {
        return CalendarUnit::hour;
    }
    if (code == "min") {
        return CalendarUnit::minute;
    }
    if (code == "s") {
        return CalendarUnit::second;
    }
    if (code == "ms") {
        return CalendarUnit::millisecond;
    }
    if (from_fhir && code == "a") {
        return CalendarUnit::year;
    }
    if (from_fhir && code == "mo") {
        return CalendarUnit::month;
    }
    return std::nullopt;
}

}  // namespace values

QuantityOrder compare_quantities(const Item& left_item, const Item& right_item) {
    QuantityOrder out;
    const auto x = decimal_of(left_item);
    const auto y = decimal_of(right_item);
    const Item a = is_number(left_item) ? quantity_from_number(left_item) : left_item;
    const Item b = is_number(right_item) ? quantity_from_number(right_item) : right_item;
    if (!x || !y) {
        return out;
    }
    const bool calendar = values::is_long_calendar(a) || values::is_long_calendar(b);
    if (a.unit == b.unit && ((a.integer ^ b.integer) & quantity_calendar) == 0) {
        out.comparable = true;
        out.order = compare(*x, *y);
        return out;
    }
    if (calendar) {
        const auto left = values::calendar_reading(a);
        const auto right = values::calendar_reading(b);
        if (left && right) {
            const auto is_long = [](CalendarUnit unit) {
                return unit == CalendarUnit::year || unit == CalendarUnit::month;
            };
            const bool in_months = is_long(*left) && is_long(*right);
            out.comparable = true;
            out.order = compare(
                values::calendar_length(*x, *left, in_months),
                values::calendar_length(*y, *right, in_months)
            );
            return out;
        }
        out.calendar_doubt = values::is_long_ucum(a) || values::is_long_ucum(b);
    }
    const auto left = parse_unit(ucum_code(a));
    const auto right = parse_unit(ucum_code(b));
    if (left && right) {
        if (const auto order = compare(*x, *left, *y, *right)) {
            out.comparable = true;
            out.order = *order;
        }
    }
    return out;
}

namespace values {

bool is_moment(const Item& item) {
    return item.kind == ItemKind::date || item.kind == ItemKind::date_time ||
           item.kind == ItemKind::time;
}

std::string_view text_of(const Item& item) {
    return item.kind == ItemKind::element ? item.element->value : item.text;
}

int sign_of(int value) {
    return value < 0 ? -1 : (value > 0 ? 1 : 0);
}

}  // namespace values

std::optional<int> compare_items(const Item& a, const Item& b, bool& mismatch) {
    mismatch = false;
    if (a.kind == ItemKind::integer && b.kind == ItemKind::integer) {
        return a.integer < b.integer ? -1 : (a.integer > b.integer ? 1 : 0);
    }
    if (is_number(a) && is_number(b)) {
        const auto x = decimal_of(a);
        const auto y = decimal_of(b);
        return x && y ? std::optional<int>(values::sign_of(compare(*x, *y))) : std::nullopt;
    }
    if (a.kind == ItemKind::string && b.kind == ItemKind::string) {
        return values::sign_of(a.text.compare(b.text));  // UTF-8 sorts as its code points do
    }
    if (a.kind == ItemKind::boolean && b.kind == ItemKind::boolean) {
        mismatch = true;  // Booleans have no order in FHIRPath
        return std::nullopt;
    }
    if (values::is_moment(a) && values::is_moment(b) &&
        (a.kind == ItemKind::time) == (b.kind == ItemKind::time)) {
        const auto x = moment_of(a);
        const auto y = moment_of(b);
        return x && y ? compare(*x, *y) : std::nullopt;
    }
    const bool quantities = a.kind == ItemKind::quantity || b.kind == ItemKind::quantity;
    if (quantities && (a.kind == b.kind || is_number(a) || is_number(b))) {
        const auto order = compare_quantities(a, b);
        if (!order.comparable || order.calendar_doubt) {
            return std::nullopt;
        }
        return values::sign_of(order.order);
    }
    mismatch = true;
    return std::nullopt;
}

// --- sets
// -------------------------------------------------------------------------------------------

ItemSet::ItemSet(Evaluator& run, std::size_t expected) : run_(run) {
    std::size_t size = 16;
    while (size < expected * 2) {
        size *= 2;
    }
    slots_ = run.arena.array<Slot>(size);
}

ItemSet::Slot* ItemSet::find(const Item& item, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        Slot& slot = slots_[at];
        if (slot.item == nullptr) {
            return &slot;
        }
        if (slot.hash == hash && run_.pay() &&
            equal_items(run_, *slot.item, item).value_or(false)) {
            return &slot;
        }
        if (run_.failed()) {
            return &slot;
        }
    }
}

bool ItemSet::seen(const Item& item) {
    if (used_ * 2 >= slots_.size()) {
        grow();
    }
    if (!run_.pay_for(values::text_of(item))) {
        return true;
    }
    const std::uint64_t hash = hash_item(run_, item);
    Slot* slot = find(item, hash);
    if (slot->item != nullptr) {
        return true;
    }
    *slot = {&item, hash};
    ++used_;
    return false;
}

bool ItemSet::has(const Item& item) {
    return run_.pay_for(values::text_of(item)) &&
           find(item, hash_item(run_, item))->item != nullptr;
}

void ItemSet::grow() {
    const auto old = slots_;
    slots_ = run_.arena.array<Slot>(old.size() * 2);
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
        if (slot.item != nullptr) {
            std::size_t at = slot.hash & mask;
            while (slots_[at].item != nullptr) {
                at = (at + 1) & mask;
            }
            slots_[at] = slot;
        }
    }
}

}  // namespace gatehouse::fhir::path
