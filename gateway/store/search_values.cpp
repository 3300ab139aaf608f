// SPDX-License-Identifier: Apache-2.0

#include "gateway/store/search_values.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gatehouse::gateway::search_detail {
namespace {

using fhir::SearchType;

// Above every code point that can follow a prefix.
constexpr std::string_view last_code_point = "\xf4\x8f\xbf\xbf";

void write_token(SqlText& out, const Columns& columns, const SearchValue& value) {
    if (value.has_system && value.value.empty()) {
        out << columns.word << " = ";
        out.name(index_key(value.system));
        return;
    }
    out << columns.text << " = ";
    out.bind(index_key(value.value));
    if (value.has_system) {
        out << " AND " << columns.word << " = ";
        out.name(index_key(value.system));
    }
}

void write_string(
    SqlText& out, const Columns& columns, SearchModifier modifier, const SearchValue& value
) {
    const std::string folded = index_folded(fhir::fold(value.value));
    switch (modifier) {
    case SearchModifier::exact:
        out << columns.text << " = ";
        out.bind(folded) << " AND " << columns.exact << " = ";
        out.bind(index_key(value.value));
        return;
    case SearchModifier::equals:
        out << columns.text << " = ";
        out.bind(folded);
        return;
    case SearchModifier::contains:
        out << (out.dialect() == Dialect::sqlite ? "instr(" : "strpos(") << columns.text << ", ";
        out.bind(folded) << ") > 0";
        return;
    case SearchModifier::ends:
        out << "substr(" << columns.text << ", length(" << columns.text << ") + 1 - length(";
        out.bind(folded) << ")) = ";
        out.bind(folded);
        return;
    default:
        out << columns.text << " >= ";
        out.bind(folded) << " AND " << columns.text << " < ";
        out.bind(folded + std::string(last_code_point));
        return;
    }
}

// A number of a search as a point and the range that it stands for (with `ap`: near enough).
struct Number {
    double exact = 0;
    double low = 0;
    double high = 0;
};

// Rows are closed ranges, mostly points. Only eq and ne look at the significant digits (FHIR R4
// §3.1.1.4.5: with the other prefixes the number is taken as exact).
void write_number(SqlText& out, const Columns& columns, SearchPrefix prefix, const Number& number) {
    const auto compare = [&](const std::string& column, std::string_view operation, double at) {
        out << column << operation;
        out.bind(at);
    };
    // What ends before it begins before it: said too, so that the range of the index ends there.
    const auto ends_before = [&](double at) {
        compare(columns.low, " < ", at);
        out << " AND ";
        compare(columns.high, " < ", at);
    };
    switch (prefix) {
    case SearchPrefix::eq:
        compare(columns.low, " >= ", number.low);
        out << " AND ";
        ends_before(number.high);
        break;
    case SearchPrefix::ne:
        out << "(";
        compare(columns.low, " < ", number.low);
        out << " OR ";
        compare(columns.high, " >= ", number.high);
        out << ")";
        break;
    case SearchPrefix::gt: compare(columns.high, " > ", number.exact); break;
    case SearchPrefix::lt: compare(columns.low, " < ", number.exact); break;
    case SearchPrefix::ge: compare(columns.high, " >= ", number.exact); break;
    case SearchPrefix::le: compare(columns.low, " <= ", number.exact); break;
    case SearchPrefix::sa: compare(columns.low, " > ", number.exact); break;
    case SearchPrefix::eb: ends_before(number.exact); break;
    case SearchPrefix::ap:
        compare(columns.low, " <= ", number.high);
        out << " AND ";
        compare(columns.high, " >= ", number.low);
        break;
    case SearchPrefix::co:
        compare(columns.low, " <= ", number.exact);
        out << " AND ";
        compare(columns.high, " >= ", number.exact);
        break;
    }
}

Result<Number> number_of(const SearchValue& value) {
    Number number;
    if (!fhir::number_range(value.value, number.exact, number.low, number.high)) {
        return Fault(Errc::invalid, "store.search", "a number was expected, like 5.4 or ge100");
    }
    if (value.prefix == SearchPrefix::ap) {
        const double margin = std::abs(number.exact) / 10;  // FHIR R4: "recommended 10%"
        number.low = number.exact - margin;
        number.high = number.exact + margin;
    }
    return number;
}

Result<void> write_quantity(SqlText& out, const Columns& columns, const SearchValue& value) {
    if (!value.base_unit.empty()) {
        out << columns.text << " = ";
        out.bind(index_key(value.base_unit)) << " AND ";
        write_number(out, columns, value.prefix, {value.base, value.base_low, value.base_high});
        return {};
    }
    if (!value.code.empty()) {
        out << columns.text << " = ";
        out.bind(index_key(value.code)) << " AND ";
    }
    if (value.has_system && !value.system.empty()) {
        out << columns.word << " = ";
        out.name(index_key(value.system)) << " AND ";
    }
    GH_TRY_ASSIGN(const Number number, number_of(value));
    write_number(out, columns, value.prefix, number);
    return {};
}

// FHIR R4 §3.1.1.4.10: below http://a/b is what begins so; above are itself and every part of it
// that ends before a slash. A URN has neither.
void write_uri(
    SqlText& out, const Columns& columns, SearchModifier modifier, const SearchValue& value
) {
    std::string text = value.value;
    const std::size_t scheme = text.find("://");
    if (modifier == SearchModifier::contains) {
        out << (out.dialect() == Dialect::sqlite ? "instr(" : "strpos(") << columns.text << ", ";
        out.bind(text) << ") > 0";
        return;
    }
    if (modifier == SearchModifier::ends) {
        out << "substr(" << columns.text << ", length(" << columns.text << ") + 1 - length(";
        out.bind(text) << ")) = ";
        out.bind(text);
        return;
    }
    if (modifier == SearchModifier::starts ||
        (modifier == SearchModifier::below && scheme != std::string::npos)) {
        out << columns.text << " >= ";
        out.bind(index_folded(text)) << " AND " << columns.text << " < ";
        out.bind(index_folded(text) + std::string(last_code_point));
        return;
    }
    if (modifier != SearchModifier::above) {
        out << columns.text << " = ";
        out.bind(index_key(text));
        return;
    }
    const std::size_t root = scheme == std::string::npos ? 0 : scheme + 3;
    while (text.size() > root && text.back() == '/') {
        text.pop_back();
    }
    std::vector<std::string> above;
    for (std::size_t slash = text.size(); slash != std::string::npos && slash > root;
         slash = text.rfind('/', slash - 1)) {
        above.push_back(index_key(text.substr(0, slash)));
        above.push_back(index_key(text.substr(0, slash) + "/"));
    }
    out << columns.text << " IN ";
    out.rows_of(above);
}

// Types that a reference without a type may point at.
std::vector<std::string> types_of(const Comparison& how, const SearchValue& value) {
    if (!value.type.empty()) {
        return {value.type};
    }
    if (value.value.find(':') != std::string::npos) {
        return {""};  // an absolute URL or URN
    }
    return how.targets != nullptr ? *how.targets : std::vector<std::string>();
}

void write_reference(
    SqlText& out, const Columns& columns, const Comparison& how, const SearchValue& value
) {
    const std::vector<std::string> types = types_of(how, value);
    const std::string id = index_key(value.value);
    if (types.size() == 1) {
        // One row at most: an equality keeps the index's order.
        out << columns.word << " = (SELECT n.rid FROM resource n WHERE n.type = ";
        out.name(types.front()) << " AND n.id = ";
        out.bind(id) << ")";
        return;
    }
    out << columns.word << " IN (SELECT n.rid FROM resource n WHERE n.type";
    out.is_name(types) << " AND n.id = ";
    out.bind(id) << ")";
}

// Several values as one list in SQL, where they share a system (token) or a type (reference):
// false, and nothing written, where they do not.
bool write_list(
    SqlText& out,
    const Columns& columns,
    const Comparison& how,
    const std::vector<SearchValue>& any_of
) {
    const SearchValue& first = any_of.front();
    const bool token = how.type == SearchType::token && how.modifier != SearchModifier::text &&
                       how.modifier != SearchModifier::of_type;
    const bool reference = how.type == SearchType::reference && !first.type.empty();
    if ((!token && !reference) || !std::ranges::all_of(any_of, [&](const SearchValue& value) {
            return value.has_system == first.has_system && value.system == first.system &&
                   value.type == first.type && !value.value.empty();
        })) {
        return false;
    }
    std::vector<std::string> keys;
    for (const SearchValue& value : any_of) {
        keys.push_back(index_key(value.value));
    }
    if (token) {
        out << columns.text << " IN (";
        out.bind_all(keys) << ")";
        if (first.has_system) {
            out << " AND " << columns.word << " = ";
            out.name(index_key(first.system));
        }
        return true;
    }
    out << columns.word << " IN (SELECT n.rid FROM resource n WHERE n.type = ";
    out.name(first.type) << " AND n.id IN (";
    out.bind_all(keys) << "))";
    return true;
}

// Halves, not a chain: engines limit the depth of an expression.
Result<void> write_alternatives(
    SqlText& out,
    const Columns& columns,
    const Comparison& how,
    const std::vector<SearchValue>& any_of,
    std::size_t begin,
    std::size_t end
) {
    out << "(";
    if (end - begin == 1) {
        GH_TRY(write_value(out, columns, how, any_of[begin]));
    } else {
        const std::size_t middle = begin + (end - begin) / 2;
        GH_TRY(write_alternatives(out, columns, how, any_of, begin, middle));
        out << " OR ";
        GH_TRY(write_alternatives(out, columns, how, any_of, middle, end));
    }
    out << ")";
    return {};
}

}  // namespace

SqlText& SqlText::bind_all(const std::vector<std::string>& texts) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        *this << (i == 0 ? "" : ", ");
        bind(texts[i]);
    }
    return *this;
}

SqlText& SqlText::name(std::string_view text) {
    if (text.empty()) {
        return *this << "0";
    }
    *this << "(SELECT id FROM name WHERE text = ";
    return bind(std::string(text)) << ")";
}

SqlText& SqlText::is_name(const std::vector<std::string>& texts) {
    if (texts.size() == 1) {
        *this << " = ";
        return name(texts.front());
    }
    *this << " IN (SELECT id FROM name WHERE text IN ";
    return rows_of(texts) << ")";
}

SqlText& SqlText::rows_of(const std::vector<std::string>& texts) {
    if (texts.size() <= 8) {
        *this << "(";
        return bind_all(texts) << ")";
    }
    // A JSON array: one value to bind however many there are.
    std::string array = "[";
    for (const std::string& text : texts) {
        array += array.size() == 1 ? "\"" : ",\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') {
                array.push_back('\\');
                array.push_back(c);
            } else if (static_cast<unsigned char>(c) < 0x20) {
                constexpr std::string_view digits = "0123456789abcdef";
                const auto byte = static_cast<unsigned char>(c);
                array.append("\\u00").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
            } else {
                array.push_back(c);
            }
        }
        array += '"';
    }
    *this
        << (dialect_ == Dialect::sqlite ? "(SELECT value FROM json_each("
                                        : "(SELECT jsonb_array_elements_text(CAST(");
    bind(array + "]");
    return *this << (dialect_ == Dialect::sqlite ? "))" : " AS jsonb)))");
}

SqlStatement SqlText::finish() const {
    if (dialect_ == Dialect::sqlite) {
        return sql_;
    }
    SqlStatement numbered{{}, sql_.values};
    std::size_t next = 0;
    for (const char c : sql_.text) {
        if (c == '?') {
            numbered.text += "$" + std::to_string(++next);
        } else {
            numbered.text += c;
        }
    }
    return numbered;
}

Columns::Columns(IndexTable table, std::string_view alias) {
    const std::string prefix = std::string(alias) + ".";
    low = prefix + "low";
    high = prefix + "high";
    word = prefix + "system";
    text = prefix + "code";
    exact = prefix + "exact";
    switch (table) {
    case IndexTable::string: text = prefix + "folded"; break;
    case IndexTable::reference: word = prefix + "target"; break;
    case IndexTable::uri: text = prefix + "value"; break;
    case IndexTable::composite:
        word = prefix + "word";
        text = prefix + "text";
        break;
    default: break;
    }
}

bool is_exact(const Comparison& how, const SearchValue& value) {
    switch (how.type) {
    case SearchType::token:
        return (how.modifier == SearchModifier::none || how.modifier == SearchModifier::of_type) &&
               value.has_system && !value.value.empty();
    case SearchType::reference:
        return (how.modifier == SearchModifier::none || how.modifier == SearchModifier::type) &&
               types_of(how, value).size() == 1;
    case SearchType::uri: return how.modifier == SearchModifier::none;
    case SearchType::string: return how.modifier == SearchModifier::exact;
    default: return false;
    }
}

void write_date(SqlText& out, const Columns& columns, const SearchValue& value) {
    const auto compare = [&](std::string_view column, std::string_view operation, std::int64_t at) {
        out << column << operation;
        out.bind(at);
    };
    // What ends by `at` began by then: said too, so that the range of the index ends there.
    const auto ends_by = [&](std::int64_t at) {
        compare(columns.low, " <= ", at);
        out << " AND ";
        compare(columns.high, " <= ", at);
    };
    switch (value.prefix) {
    case SearchPrefix::eq:
        compare(columns.low, " >= ", value.low);
        out << " AND ";
        ends_by(value.high);
        break;
    case SearchPrefix::ne:
        out << "(";
        compare(columns.low, " < ", value.low);
        out << " OR ";
        compare(columns.high, " > ", value.high);
        out << ")";
        break;
    case SearchPrefix::gt: compare(columns.high, " > ", value.high); break;
    case SearchPrefix::lt: compare(columns.low, " < ", value.low); break;
    // A period that reaches into the day asked for counts, as other servers have it: the
    // specification's words leave out a period that begins before the day and ends within it.
    case SearchPrefix::ge: compare(columns.high, " > ", value.low); break;
    case SearchPrefix::le: compare(columns.low, " < ", value.high); break;
    case SearchPrefix::sa: compare(columns.low, " >= ", value.high); break;
    case SearchPrefix::eb: ends_by(value.low); break;
    case SearchPrefix::ap:
        compare(columns.low, " < ", value.high);
        out << " AND ";
        compare(columns.high, " > ", value.low);
        break;
    case SearchPrefix::co:
        compare(columns.low, " <= ", value.low);
        out << " AND ";
        compare(columns.high, " >= ", value.high);
        break;
    }
}

void write_instant(
    SqlText& out, std::string_view from, std::string_view until, const SearchValue& value
) {
    const auto begins = [&](std::int64_t at) {
        out << from << " >= ";
        out.bind(at);
    };
    const auto ends = [&](std::int64_t at) {
        out << until << " < ";
        out.bind(at);
    };
    switch (value.prefix) {
    case SearchPrefix::eq:
    case SearchPrefix::ap:
        begins(value.low);
        out << " AND ";
        ends(value.high);
        break;
    case SearchPrefix::ne:
        out << "(";
        ends(value.low);
        out << " OR ";
        begins(value.high);
        out << ")";
        break;
    case SearchPrefix::gt:
    case SearchPrefix::sa: begins(value.high); break;
    case SearchPrefix::lt:
    case SearchPrefix::eb: ends(value.low); break;
    case SearchPrefix::ge: begins(value.low); break;
    case SearchPrefix::le: ends(value.high); break;
    case SearchPrefix::co:
        begins(value.high - 1);
        out << " AND ";
        ends(value.low + 1);
        break;
    }
}

void write_near(SqlText& out, const Columns& columns, const SearchValue& value) {
    constexpr double earth_metres = 6'371'008.8;  // mean radius (IUGG)
    constexpr double degree = std::numbers::pi / 180;
    const double angle = value.metres / earth_metres;
    const double latitudes = angle / degree;
    const double south = value.latitude - latitudes;
    const double north = value.latitude + latitudes;
    out << columns.text << " = ";
    out.bind(std::string()) << " AND " << columns.word << " = 0 AND " << columns.low << " >= ";
    out.bind(south) << " AND " << columns.low << " <= ";
    out.bind(north);
    // Meridians meet at the poles: there, and over half the globe, every longitude is in reach.
    const double widest = std::cos(value.latitude * degree);
    const double reach = std::sin(std::min(angle, std::numbers::pi / 2));
    if (south > -90 && north < 90 && reach < widest) {
        const double longitudes = std::asin(reach / widest) / degree;
        const double west = value.longitude - longitudes;
        const double east = value.longitude + longitudes;
        out << " AND (" << columns.high << " >= ";
        out.bind(west < -180 ? west + 360 : west);
        out << (west < -180 || east > 180 ? " OR " : " AND ") << columns.high << " <= ";
        out.bind(east > 180 ? east - 360 : east) << ")";
    }
    // Haversine: sin²(Δlat/2) + cos(lat) cos(lat') sin²(Δlon/2) <= sin²(angle/2). PostgreSQL fails
    // on a product too small for a double, where SQLite goes on with zero: there no angle is nearer
    // to zero than `least` (their signs do not matter), and no distance shorter than it makes.
    constexpr double least = 1e-100;
    const bool strict = out.dialect() == Dialect::postgresql;
    const auto begin_angle = [&](std::string_view function) {
        out << function << (strict ? "(greatest(abs(" : "((");
    };
    const auto end_angle = [&](double factor) {
        out << ")";
        if (strict) {
            out << ", ";
            out.bind(least) << ")";
        }
        out << " * ";
        out.bind(factor) << ")";
    };
    const auto half_sine = [&](const std::string& column, double at) {
        begin_angle("sin");
        out << column << " - ";
        out.bind(at);
        end_angle(degree / 2);
    };
    out << " AND ";
    half_sine(columns.low, value.latitude);
    out << " * ";
    half_sine(columns.low, value.latitude);
    out << " + ";
    out.bind(widest) << " * ";
    begin_angle("cos");
    out << columns.low;
    end_angle(degree);
    out << " * ";
    half_sine(columns.high, value.longitude);
    out << " * ";
    half_sine(columns.high, value.longitude);
    const double chord = std::sin(std::min(angle, std::numbers::pi) / 2);
    out << " <= ";
    out.bind(strict ? std::max(chord * chord, least) : chord * chord);
}

void write_sets(SqlText& out, const Columns& columns, const std::vector<SearchCodes>& sets) {
    out << "(";
    for (std::size_t i = 0; i < sets.size(); ++i) {
        std::vector<std::string> keys;
        for (const std::string& code : sets[i].codes) {
            keys.push_back(index_key(code));
        }
        out << (i == 0 ? "(" : " OR (") << columns.word << " = ";
        out.name(index_key(sets[i].system)) << " AND " << columns.text << " IN ";
        out.rows_of(keys) << ")";
    }
    out << (sets.empty() ? "1 = 0)" : ")");
}

Result<void> write_values(
    SqlText& out,
    const Columns& columns,
    const Comparison& how,
    const std::vector<SearchValue>& any_of
) {
    if (any_of.size() > 1 && write_list(out, columns, how, any_of)) {
        return {};
    }
    return write_alternatives(out, columns, how, any_of, 0, any_of.size());
}

Result<void>
write_value(SqlText& out, const Columns& columns, const Comparison& how, const SearchValue& value) {
    if (how.modifier == SearchModifier::unequal) {
        // Whatever is not known to be equal: a system or a target that no row has is NULL.
        const bool text = how.type == SearchType::string;
        const Comparison equal{
            how.type, text ? SearchModifier::equals : SearchModifier::none, how.targets};
        out << "(";
        GH_TRY(write_value(out, columns, equal, value));
        out << ") IS NOT TRUE";
        return {};
    }
    switch (how.type) {
    case SearchType::token:
        if (how.modifier == SearchModifier::text) {
            write_string(out, columns, SearchModifier::none, value);
        } else if (how.modifier == SearchModifier::of_type) {
            SearchValue typed = value;
            typed.value.append("|").append(value.code);
            write_token(out, columns, typed);
        } else {
            write_token(out, columns, value);
        }
        return {};
    case SearchType::string: write_string(out, columns, how.modifier, value); return {};
    case SearchType::reference: write_reference(out, columns, how, value); return {};
    case SearchType::date: write_date(out, columns, value); return {};
    case SearchType::number: {
        GH_TRY_ASSIGN(const Number number, number_of(value));
        write_number(out, columns, value.prefix, number);
        return {};
    }
    case SearchType::quantity: return write_quantity(out, columns, value);
    case SearchType::uri: write_uri(out, columns, how.modifier, value); return {};
    case SearchType::special: write_near(out, columns, value); return {};
    case SearchType::composite: break;
    }
    return Fault(Errc::unsupported, "store.search", "a composite has no value of its own");
}

}  // namespace gatehouse::gateway::search_detail
