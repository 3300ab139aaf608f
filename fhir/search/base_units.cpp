// SPDX-License-Identifier: Apache-2.0

#include "fhir/search/base_units.hpp"

#include <charconv>
#include <unordered_map>

#include "fhir/path/ucum.hpp"
#include "fhir/search/search.hpp"

namespace gatehouse::fhir {
namespace {

using path::Decimal;
using path::Unit;

// Units that this thread met lately: records use a few dozen, and reading one costs more than the
// conversion.
constexpr std::size_t units_max = 512;

const std::optional<Unit>& unit_of(std::string_view code) {
    thread_local std::unordered_map<std::string, std::optional<Unit>> units;
    std::string key(code);
    if (const auto found = units.find(key); found != units.end()) {
        return found->second;
    }
    if (units.size() >= units_max) {
        units.clear();
    }
    return units.emplace(std::move(key), path::parse_unit(code)).first->second;
}

double in_base(const Decimal& value, const Unit& unit) {
    const Decimal converted = (value + unit.offset) * unit.numerator / unit.denominator;
    const std::string text = converted.text();
    double out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

std::optional<BaseQuantity> convert(std::string_view number, std::string_view code, bool about) {
    const std::optional<Unit>& unit = unit_of(code);
    const std::optional<NumberTexts> texts = number_texts(number);
    if (!unit || !texts) {
        return std::nullopt;
    }
    const std::optional<Decimal> value = Decimal::parse(texts->value);
    std::optional<Decimal> low = Decimal::parse(texts->low);
    std::optional<Decimal> high = Decimal::parse(texts->high);
    if (!value || !low || !high) {
        return std::nullopt;
    }
    if (about) {
        const Decimal tenth = *value / Decimal(value->is_negative() ? -10 : 10);
        low = *value - tenth;
        high = *value + tenth;
    }
    return BaseQuantity{
        unit->base_code(), in_base(*value, *unit), in_base(*low, *unit), in_base(*high, *unit)};
}

}  // namespace

std::optional<BaseQuantity> to_base_units(std::string_view number, std::string_view code) {
    return convert(number, code, false);
}

std::optional<BaseQuantity> about_base_units(std::string_view number, std::string_view code) {
    return convert(number, code, true);
}

}  // namespace gatehouse::fhir
