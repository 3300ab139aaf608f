// SPDX-License-Identifier: Apache-2.0
//
// Values of search parameters: number, date, token, reference and the rest, each as the
// specification writes it.

#include <algorithm>
#include <charconv>

#include "fhir/search/base_units.hpp"
#include "gateway/api/search_parser.hpp"

namespace gatehouse::gateway {

using fhir::IssueType;
using fhir::SearchParameter;
using fhir::SearchType;
using Field = SearchClause::Field;

namespace {

// Takes a comparison prefix off the front of `text`.
SearchPrefix take_prefix(std::string_view& text) {
    static constexpr std::pair<std::string_view, SearchPrefix> prefixes[] = {
        {"eq", SearchPrefix::eq},
        {"ne", SearchPrefix::ne},
        {"gt", SearchPrefix::gt},
        {"lt", SearchPrefix::lt},
        {"ge", SearchPrefix::ge},
        {"le", SearchPrefix::le},
        {"sa", SearchPrefix::sa},
        {"eb", SearchPrefix::eb},
        {"ap", SearchPrefix::ap},
    };
    for (const auto& [word, prefix] : prefixes) {
        if (text.substr(0, 2) == word) {
            text.remove_prefix(2);
            return prefix;
        }
    }
    return SearchPrefix::eq;
}

// Distances for which `near` gives none.
constexpr std::string_view near_distance = "50";
constexpr std::string_view near_unit = "km";

}  // namespace

std::vector<std::string_view> split_unescaped(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == separator) {
            parts.push_back(text.substr(start, i - start));
            start = i + 1;
        }
    }
    parts.push_back(text.substr(start));
    return parts;
}

std::string unescape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            ++i;
        }
        out.push_back(text[i]);
    }
    return out;
}

bool SearchParser::values(std::string_view name, std::string_view text, SearchClause& out) {
    const auto parts = split_unescaped(text, ',');
    if (parts.size() > limits_.values_max) {
        return fail(
            name,
            "more than " + std::to_string(limits_.values_max) +
                " alternatives. Ask in several searches."
        );
    }
    for (const std::string_view part : parts) {
        if (part.empty()) {
            return fail(name, "a value is empty. Leave the parameter out to search without it.");
        }
        if (!value(name, part, out, out.any_of.emplace_back())) {
            return false;
        }
    }
    if (out.modifier == SearchModifier::missing && out.any_of.size() > 1) {
        return fail(name, ":missing takes one value, true or false.");
    }
    return true;
}

bool SearchParser::value(
    std::string_view name, std::string_view text, const SearchClause& clause, SearchValue& out
) {
    if (clause.modifier == SearchModifier::missing) {
        if (text != "true" && text != "false") {
            return fail(name, ":missing takes true or false.");
        }
        out.truth = text == "true";
        return true;
    }
    if (clause.field == Field::id) {
        out.value = unescape(text);
        return true;
    }
    if (clause.field == Field::last_updated) {
        return date(name, text, out);
    }
    if (clause.parameter->type == SearchType::composite) {
        return composite(name, text, *clause.parameter, out);
    }
    return typed_value(name, text, clause.parameter->type, clause.modifier, out);
}

bool SearchParser::typed_value(
    std::string_view name,
    std::string_view text,
    SearchType type,
    SearchModifier modifier,
    SearchValue& out
) {
    switch (type) {
    case SearchType::token:
        if (modifier == SearchModifier::of_type) {
            return of_type(name, text, out);
        }
        if (modifier == SearchModifier::in_set || modifier == SearchModifier::not_in_set) {
            out.value = unescape(text);  // a value set, or a code to look up
            return true;
        }
        if (modifier != SearchModifier::text) {
            return token(name, text, out);
        }
        [[fallthrough]];
    case SearchType::string:
        out.value = modifier == SearchModifier::exact ? unescape(text) : fhir::fold(unescape(text));
        if (out.value.empty()) {
            return fail(
                name, "nothing is left of the value once case, accents and punctuation are folded."
            );
        }
        return true;
    case SearchType::reference:
        if (modifier == SearchModifier::identifier) {
            return token(name, text, out);
        }
        reference(text, out);
        return true;
    case SearchType::date: return date(name, text, out);
    case SearchType::uri: out.value = unescape(text); return true;
    case SearchType::number: return number(name, text, out);
    case SearchType::quantity: return quantity(name, text, out);
    case SearchType::special: return near(name, text, out);
    case SearchType::composite: break;
    }
    return fail(name, "a component cannot be a composite itself.", IssueType::not_supported);
}

// Components joined by '$', in the order of the definition.
bool SearchParser::composite(
    std::string_view name, std::string_view text, const SearchParameter& parameter, SearchValue& out
) {
    const auto parts = split_unescaped(text, '$');
    if (parts.size() != parameter.components.size()) {
        return fail(
            name,
            "it takes " + std::to_string(parameter.components.size()) +
                " values joined by '$', like code$value."
        );
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].empty()) {
            return fail(name, "one of its values is empty.");
        }
        if (!typed_value(
                name,
                parts[i],
                parameter.components[i].type,
                SearchModifier::none,
                out.components.emplace_back()
            )) {
            return false;
        }
    }
    return true;
}

// code, system|code, |code (no system), system|
bool SearchParser::token(std::string_view name, std::string_view text, SearchValue& out) {
    const auto parts = split_unescaped(text, '|');
    if (parts.size() > 2) {
        return fail(name, "a token is code, system|code, |code or system|.");
    }
    out.has_system = parts.size() == 2;
    out.value = unescape(parts.back());
    if (out.has_system) {
        out.system = unescape(parts.front());
        if (out.system.empty() && out.value.empty()) {
            return fail(name, "neither system nor code is there.");
        }
    }
    return true;
}

// system|code|value of an Identifier
bool SearchParser::of_type(std::string_view name, std::string_view text, SearchValue& out) {
    const auto parts = split_unescaped(text, '|');
    if (parts.size() != 3 || parts[0].empty() || parts[1].empty() || parts[2].empty()) {
        return fail(
            name, ":of-type takes the identifier's type and value: system|code|value, all three."
        );
    }
    out.has_system = true;
    out.system = unescape(parts[0]);
    out.value = unescape(parts[1]);
    out.code = unescape(parts[2]);
    return true;
}

void SearchParser::reference(std::string_view text, SearchValue& out) const {
    std::string plain = unescape(text);
    const std::string& base = limits_.base;
    if (!base.empty() && plain.size() > base.size() + 1 &&
        plain.compare(0, base.size(), base) == 0 && plain[base.size()] == '/') {
        plain.erase(0, base.size() + 1);
    }
    const bool absolute =
        plain.find("://") != std::string::npos || plain.compare(0, 4, "urn:") == 0;
    // References are indexed without the version that they may name.
    if (const auto version = plain.find("/_history/"); version != std::string::npos) {
        plain.erase(version);
    }
    const auto slash = plain.find('/');
    if (!absolute && slash != std::string::npos) {
        out.type = plain.substr(0, slash);
        out.value = plain.substr(slash + 1);
        return;
    }
    out.value = std::move(plain);
}

bool SearchParser::number(std::string_view name, std::string_view text, SearchValue& out) {
    out.prefix = take_prefix(text);
    double exact = 0;
    double low = 0;
    double high = 0;
    if (!fhir::number_range(text, exact, low, high)) {
        return fail(
            name,
            "a decimal number is wanted, with an optional prefix (eq, ne, gt, lt, ge, le, sa, eb, "
            "ap)."
        );
    }
    out.value = text;
    return true;
}

// [prefix]number, number|system|code, number||code or unit. A UCUM unit is compared in base units,
// so that 5.4 mg finds 0.0054 g.
bool SearchParser::quantity(std::string_view name, std::string_view text, SearchValue& out) {
    const auto parts = split_unescaped(text, '|');
    if (parts.size() != 1 && parts.size() != 3) {
        return fail(name, "a quantity is number, number|system|code or number||unit.");
    }
    if (!number(name, parts[0], out)) {
        return false;
    }
    if (parts.size() == 1) {
        return true;
    }
    out.has_system = !parts[1].empty();
    out.system = unescape(parts[1]);
    out.code = unescape(parts[2]);
    if (out.system == fhir::ucum_system && !out.code.empty()) {
        const auto base = out.prefix == SearchPrefix::ap
                              ? fhir::about_base_units(out.value, out.code)
                              : fhir::to_base_units(out.value, out.code);
        if (base) {
            out.base_unit = base->unit;
            out.base = base->value;
            out.base_low = base->low;
            out.base_high = base->high;
        }
    }
    return true;
}

bool SearchParser::date(std::string_view name, std::string_view text, SearchValue& out) {
    out.prefix = take_prefix(text);
    // A '+' of a zone offset that was not escaped has become a space.
    std::string plain = unescape(text);
    std::replace(plain.begin(), plain.end(), ' ', '+');
    if (!fhir::date_range(plain, out.low, out.high)) {
        return fail(
            name,
            "a date is wanted: an optional prefix (eq, ne, gt, lt, ge, le, sa, eb, ap), then YYYY, "
            "YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss] with or without a zone."
        );
    }
    if (out.prefix == SearchPrefix::ap) {
        // About: a tenth of the distance from now either way (FHIR R4 §3.1.1.4.6). Now is the day,
        // since the pages of a search must be about the same dates to belong together.
        constexpr Micros day = 86'400'000'000;
        const std::int64_t now = limits_.now - limits_.now % day;
        const std::int64_t distance = now > out.low ? now - out.low : out.low - now;
        out.low -= distance / 10;
        out.high += distance / 10;
    }
    return true;
}

// latitude|longitude[|distance[|unit]]; the unit is UCUM's, km if there is none.
bool SearchParser::near(std::string_view name, std::string_view text, SearchValue& out) {
    const auto parts = split_unescaped(text, '|');
    double ignored = 0;
    const bool placed = parts.size() >= 2 && parts.size() <= 4 &&
                        fhir::number_range(parts[0], out.latitude, ignored, ignored) &&
                        fhir::number_range(parts[1], out.longitude, ignored, ignored) &&
                        out.latitude >= -90 && out.latitude <= 90 && out.longitude >= -180 &&
                        out.longitude <= 180;
    if (!placed) {
        return fail(
            name,
            "a place is latitude|longitude in degrees, then |distance and |unit (km if left out)."
        );
    }
    const std::string_view distance =
        parts.size() > 2 && !parts[2].empty() ? parts[2] : near_distance;
    const std::string unit =
        parts.size() > 3 && !parts[3].empty() ? unescape(parts[3]) : std::string(near_unit);
    const auto metres = fhir::to_base_units(distance, unit);
    if (!metres || metres->unit != "m" || metres->value < 0) {
        return fail(
            name, "a distance is a number and a UCUM unit of length, like 5|km or 3|[mi_i]."
        );
    }
    out.metres = metres->value;
    return true;
}

}  // namespace gatehouse::gateway
