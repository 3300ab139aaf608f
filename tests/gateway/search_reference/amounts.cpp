// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/amounts.hpp"

#include <array>
#include <charconv>

namespace gatehouse::search_reference {
namespace {

Fraction ten_to(int power) {
    Fraction result = 1;
    for (int i = 0; i < std::abs(power); ++i) {
        result *= 10;
    }
    return power < 0 ? 1 / result : result;
}

struct UnitRow {
    std::string_view code;
    std::string_view kind;
    std::string_view factor;
};
constexpr std::array unit_rows{
    UnitRow{"g", "mass", "1"},
    UnitRow{"kg", "mass", "1000"},
    UnitRow{"mg", "mass", "0.001"},
    UnitRow{"ug", "mass", "0.000001"},
    UnitRow{"m", "length", "1"},
    UnitRow{"cm", "length", "0.01"},
    UnitRow{"mm", "length", "0.001"},
    UnitRow{"[in_i]", "length", "0.0254"},
    UnitRow{"L", "volume", "1"},
    UnitRow{"mL", "volume", "0.001"},
    UnitRow{"dL", "volume", "0.1"},
    UnitRow{"Pa", "pressure", "1"},
    UnitRow{"kPa", "pressure", "1000"},
    UnitRow{"mm[Hg]", "pressure", "133.322"},
    UnitRow{"mol/L", "amount", "1"},
    UnitRow{"mmol/L", "amount", "0.001"},
    UnitRow{"umol/L", "amount", "0.000001"},
    UnitRow{"s", "time", "1"},
    UnitRow{"min", "time", "60"},
    UnitRow{"h", "time", "3600"},
    UnitRow{"d", "time", "86400"},
    UnitRow{"wk", "time", "604800"},
    UnitRow{"Cel", "Celsius", "1"},
    UnitRow{"/min", "rate", "1"},
    UnitRow{"%", "share", "1"},
};

}  // namespace

std::optional<Searched> read_decimal(std::string_view text) {
    std::size_t at = 0;
    bool negative = false;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
        negative = text[at] == '-';
        ++at;
    }
    Fraction value = 0;
    int places = 0;  // after the point
    bool point = false;
    bool any = false;
    for (; at < text.size(); ++at) {
        if (text[at] == '.' && !point) {
            point = true;
        } else if (text[at] >= '0' && text[at] <= '9') {
            value = value * 10 + (text[at] - '0');
            places += point ? 1 : 0;
            any = true;
        } else {
            break;
        }
    }
    if (!any) {
        return std::nullopt;
    }
    int power = 0;
    bool exponent = false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        at += at < text.size() && text[at] == '+' ? 1U : 0U;
        const auto [end, error] =
            std::from_chars(text.data() + at, text.data() + text.size(), power);
        if (error != std::errc{}) {
            return std::nullopt;
        }
        at = static_cast<std::size_t>(end - text.data());
        exponent = true;
    }
    if (at != text.size()) {
        return std::nullopt;
    }
    value *= ten_to(power - places);
    value = negative ? -value : value;
    // "100" is [99.5, 100.5), "100.00" is [99.995, 100.005). The one example with an exponent in
    // R4, 1e2, is [95, 105): half of the digit after the last one written (READINGS 2).
    const Fraction half = ten_to(power - places - (exponent ? 1 : 0)) / 2;
    return Searched{value, value - half, value + half};
}

Truth compare_amounts(Prefix prefix, const Searched& searched, const Extent& target) {
    const Fraction& v = searched.value;
    const bool contained =
        target.low && target.high && *target.low >= searched.low &&
        (*target.high < searched.high || (target.high_open && *target.high == searched.high));
    // gt, lt, ge, le, sa, eb: "the implicit precision of the number is ignored".
    const bool above = !target.high || *target.high > v;
    const bool below = !target.low || *target.low < v;
    const bool at_least = above || (*target.high == v && !target.high_open);
    const bool at_most = below || (*target.low == v && !target.low_open);
    switch (prefix) {
    case Prefix::eq: return truth(contained);
    case Prefix::ne: return truth(!contained);
    case Prefix::gt: return truth(above);
    case Prefix::lt: return truth(below);
    case Prefix::ge: return truth(at_least);
    case Prefix::le: return truth(at_most);
    case Prefix::sa:
        return truth(target.low && (*target.low > v || (target.low_open && *target.low == v)));
    case Prefix::eb:
        return truth(target.high && (*target.high < v || (target.high_open && *target.high == v)));
    case Prefix::ap: break;
    }
    // "10% of the stated value" is recommended: within it surely, at a fifth no more; in between,
    // and at the edge of the tenth, a server may think either way.
    const Fraction size = v < 0 ? Fraction(-v) : v;
    const auto meets = [&](const Fraction& margin) {
        return (!target.low || *target.low <= v + margin) &&
               (!target.high || *target.high >= v - margin);
    };
    if (meets(size * Fraction(9, 100))) {
        return Truth::yes;
    }
    const Fraction half = searched.high - searched.value;
    return meets(size / 5 + half) ? Truth::free : Truth::no;
}

std::optional<Unit> ucum_unit(std::string_view code) {
    for (const UnitRow& row : unit_rows) {
        if (row.code == code) {
            return Unit{row.kind, read_decimal(row.factor)->value};
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::search_reference
