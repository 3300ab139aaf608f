// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/compare.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "fhir/path/moment.hpp"
#include "fhir/path/ucum.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::string_view ucum = "http://unitsofmeasure.org";

struct Digits {
    bool negative = false;
    bool valid = false;
    std::string text;        // digits without leading zeros
    std::int64_t scale = 0;  // value = 0.text * 10^scale
};

Digits read_decimal(std::string_view text) {
    Digits out;
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
        out.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    std::int64_t whole = 0;
    bool point = false;
    bool any = false;
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '.') {
            if (point) {
                return out;
            }
            point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            break;
        }
        any = true;
        if (out.text.empty() && c == '0') {
            whole -= point ? 1 : 0;
            continue;
        }
        out.text += c;
        whole += point ? 0 : 1;
    }
    if (!any) {
        return out;
    }
    std::int64_t exponent = 0;
    if (i < text.size()) {
        if (text[i] != 'e' && text[i] != 'E') {
            return out;
        }
        std::string_view rest = text.substr(i + 1);
        if (!rest.empty() && rest.front() == '+') {
            rest.remove_prefix(1);
        }
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
        if (error != std::errc{} || end != rest.data() + rest.size()) {
            return out;
        }
    }
    while (!out.text.empty() && out.text.back() == '0') {
        out.text.pop_back();
    }
    out.scale = whole + exponent;
    if (out.text.empty()) {
        out.scale = 0;
        out.negative = false;
    }
    out.valid = true;
    return out;
}

Order reverse(Order order) noexcept {
    return order == Order::less ? Order::greater : order == Order::greater ? Order::less : order;
}

bool digit_char(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Quantities of different UCUM units, by exact conversion.
Order compare_quantities(const Element& a, const Element& b) {
    if (a.child_value("system") != ucum || b.child_value("system") != ucum) {
        return Order::unknown;
    }
    const auto unit_a = path::parse_unit(a.child_value("code"));
    const auto unit_b = path::parse_unit(b.child_value("code"));
    const auto value_a = path::Decimal::parse(a.child_value("value"));
    const auto value_b = path::Decimal::parse(b.child_value("value"));
    if (!unit_a || !unit_b || !value_a || !value_b) {
        return Order::unknown;
    }
    const auto order = path::compare(*value_a, *unit_a, *value_b, *unit_b);
    return !order       ? Order::unknown
           : *order < 0 ? Order::less
           : *order > 0 ? Order::greater
                        : Order::equal;
}

Order compare_text(std::string_view a, std::string_view b) noexcept {
    const int order = a.compare(b);
    return order < 0 ? Order::less : order > 0 ? Order::greater : Order::equal;
}

// "2020-01..." or "08:30...": what no number looks like. A year alone orders as a number does.
bool is_moment(std::string_view text) noexcept {
    return (text.size() > 4 && text[4] == '-' && digit_char(text[0]) && digit_char(text[3])) ||
           (text.size() > 2 && text[2] == ':');
}

bool is_year(std::string_view text) noexcept {
    return text.size() == 4 && std::all_of(text.begin(), text.end(), digit_char);
}

// Instants where both have a zone; else as far as both are written.
Order compare_moments(std::string_view a, std::string_view b) {
    if (a.find('T') != std::string_view::npos && b.find('T') != std::string_view::npos) {
        const auto x = path::parse_date_time(a);
        const auto y = path::parse_date_time(b);
        if (x && y && x->has_zone && y->has_zone) {
            const auto order = path::compare(*x, *y);
            return !order       ? Order::unknown
                   : *order < 0 ? Order::less
                   : *order > 0 ? Order::greater
                                : Order::equal;
        }
    }
    const std::size_t length = std::min(a.size(), b.size());
    const Order order = compare_text(a.substr(0, length), b.substr(0, length));
    return order == Order::equal && a.size() != b.size() ? Order::unknown : order;
}

}  // namespace

Order compare_decimals(std::string_view a, std::string_view b) {
    const Digits x = read_decimal(a);
    const Digits y = read_decimal(b);
    if (!x.valid || !y.valid) {
        return Order::unknown;
    }
    if (x.negative != y.negative) {
        return x.negative ? Order::less : Order::greater;
    }
    Order order = Order::equal;
    if (x.text.empty() != y.text.empty()) {
        order = x.text.empty() ? Order::less : Order::greater;
    } else if (x.scale != y.scale) {
        order = x.scale < y.scale ? Order::less : Order::greater;
    } else {
        order = compare_text(x.text, y.text);  // no leading zeros, so text order is value order
    }
    return x.negative ? reverse(order) : order;
}

Order compare_ordered(const Element& a, const Element& b) {
    if (!a.has_value() && !b.has_value()) {
        if (a.child_value("code") != b.child_value("code") ||
            a.child_value("system") != b.child_value("system")) {
            return compare_quantities(a, b);
        }
        return compare_decimals(a.child_value("value"), b.child_value("value"));
    }
    const bool moment_a = is_moment(a.value);
    const bool moment_b = is_moment(b.value);
    if ((moment_a || moment_b) && (moment_a || is_year(a.value)) &&
        (moment_b || is_year(b.value))) {
        return compare_moments(a.value, b.value);
    }
    return compare_decimals(a.value, b.value);
}

bool other_dimension(const Element& a, const Element& b) {
    if (a.child_value("system") != ucum || b.child_value("system") != ucum) {
        return false;
    }
    const auto unit_a = path::parse_unit(a.child_value("code"));
    const auto unit_b = path::parse_unit(b.child_value("code"));
    const path::Decimal one{1};
    return unit_a && unit_b && !path::compare(one, *unit_a, one, *unit_b);
}

}  // namespace gatehouse::fhir::judge
