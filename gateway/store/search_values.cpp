// SPDX-License-Identifier: Apache-2.0

#include "gateway/store/search_values.hpp"

#include <algorithm>
#include <cmath>

namespace gatehouse::gateway::search_detail {
namespace {

using fhir::SearchType;

// Above every code point that can follow a prefix.
constexpr std::string_view last_code_point = "\xf4\x8f\xbf\xbf";

void write_token(SqlText& out, const SearchValue& value) {
    if (value.has_system && value.value.empty()) {
        out << "x.system = ";
        out.name(index_key(value.system));
        return;
    }
    out << "x.code = ";
    out.bind(index_key(value.value));
    if (value.has_system) {
        out << " AND x.system = ";
        out.name(index_key(value.system));
    }
}

void write_string(SqlText& out, const SearchClause& clause, const SearchValue& value) {
    const std::string folded = index_folded(fhir::fold(value.value));
    if (clause.modifier == SearchModifier::exact) {
        out << "x.folded = ";
        out.bind(folded) << " AND x.exact = ";
        out.bind(index_key(value.value));
        return;
    }
    if (clause.modifier == SearchModifier::contains) {
        out << (out.dialect() == Dialect::sqlite ? "instr(x.folded, " : "strpos(x.folded, ");
        out.bind(folded) << ") > 0";
        return;
    }
    out << "x.folded >= ";
    out.bind(folded) << " AND x.folded < ";
    out.bind(folded + std::string(last_code_point));
}

// Numbers: rows are closed ranges, mostly points. Only eq and ne look at the significant digits.
Result<void> write_number(SqlText& out, const SearchValue& value) {
    double exact = 0;
    double low = 0;
    double high = 0;
    if (!fhir::number_range(value.value, exact, low, high)) {
        return Fault(Errc::invalid, "store.search", "a number was expected, like 5.4 or ge100");
    }
    switch (value.prefix) {
    case SearchPrefix::eq:
        out << "x.low >= ";
        out.bind(low) << " AND x.high < ";
        out.bind(high);
        break;
    case SearchPrefix::ne:
        out << "(x.low < ";
        out.bind(low) << " OR x.high >= ";
        out.bind(high) << ")";
        break;
    case SearchPrefix::gt:
        out << "x.high > ";
        out.bind(exact);
        break;
    case SearchPrefix::lt:
        out << "x.low < ";
        out.bind(exact);
        break;
    case SearchPrefix::ge:
        out << "x.high >= ";
        out.bind(exact);
        break;
    case SearchPrefix::le:
        out << "x.low <= ";
        out.bind(exact);
        break;
    case SearchPrefix::sa:
        out << "x.low > ";
        out.bind(exact);
        break;
    case SearchPrefix::eb:
        out << "x.high < ";
        out.bind(exact);
        break;
    case SearchPrefix::ap: {
        const double margin = std::abs(exact) / 10;  // FHIR R4: "recommended 10%"
        out << "x.low <= ";
        out.bind(exact + margin) << " AND x.high >= ";
        out.bind(exact - margin);
        break;
    }
    }
    return {};
}

Result<void> write_quantity(SqlText& out, const SearchValue& value) {
    if (!value.code.empty()) {
        out << "x.code = ";
        out.bind(index_key(value.code)) << " AND ";
    }
    if (value.has_system && !value.system.empty()) {
        out << "x.system = ";
        out.name(index_key(value.system)) << " AND ";
    }
    return write_number(out, value);
}

// Types that a reference without a type may point at.
std::vector<std::string> types_of(const SearchClause& clause, const SearchValue& value) {
    if (!value.type.empty()) {
        return {value.type};
    }
    if (value.value.find(':') != std::string::npos) {
        return {""};  // an absolute URL or URN
    }
    return clause.parameter->targets;
}

void write_reference(SqlText& out, const SearchClause& clause, const SearchValue& value) {
    const std::vector<std::string> types = types_of(clause, value);
    const std::string id = index_key(value.value);
    out << "x.target";
    if (types.size() == 1) {
        // One row at most: an equality keeps the index's order.
        out << " = (SELECT n.rid FROM resource n WHERE n.type = ";
        out.name(types.front()) << " AND n.id = ";
        out.bind(id) << ")";
        return;
    }
    out << " IN (SELECT n.rid FROM resource n WHERE n.type IN (SELECT id FROM name WHERE text IN (";
    for (std::size_t i = 0; i < types.size(); ++i) {
        out << (i == 0 ? "" : ", ");
        out.bind(types[i]);
    }
    out << ")) AND n.id = ";
    out.bind(id) << ")";
}

}  // namespace

SqlText& SqlText::name(std::string_view text) {
    if (text.empty()) {
        return *this << "0";
    }
    *this << "(SELECT id FROM name WHERE text = ";
    return bind(std::string(text)) << ")";
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

bool is_exact(const SearchClause& clause, const SearchValue& value) {
    switch (clause.parameter->type) {
    case SearchType::token:
        return clause.modifier == SearchModifier::none && value.has_system && !value.value.empty();
    case SearchType::reference:
        return clause.modifier != SearchModifier::identifier && clause.chained.empty() &&
               types_of(clause, value).size() == 1;
    case SearchType::uri: return clause.modifier == SearchModifier::none;
    case SearchType::string: return clause.modifier == SearchModifier::exact;
    default: return false;
    }
}

void write_date(
    SqlText& out, const SearchValue& value, std::string_view low, std::string_view high
) {
    const auto compare = [&](std::string_view column, std::string_view operation, std::int64_t at) {
        out << column << operation;
        out.bind(at);
    };
    switch (value.prefix) {
    case SearchPrefix::eq:
        compare(low, " >= ", value.low);
        out << " AND ";
        compare(high, " <= ", value.high);
        break;
    case SearchPrefix::ne:
        out << "(";
        compare(low, " < ", value.low);
        out << " OR ";
        compare(high, " > ", value.high);
        out << ")";
        break;
    case SearchPrefix::gt: compare(high, " > ", value.high); break;
    case SearchPrefix::lt: compare(low, " < ", value.low); break;
    // A period that reaches into the day asked for counts, as other servers have it: the
    // specification's words leave out a period that begins before the day and ends within it.
    case SearchPrefix::ge: compare(high, " > ", value.low); break;
    case SearchPrefix::le: compare(low, " < ", value.high); break;
    case SearchPrefix::sa: compare(low, " >= ", value.high); break;
    case SearchPrefix::eb: compare(high, " <= ", value.low); break;
    case SearchPrefix::ap:
        compare(low, " < ", value.high);
        out << " AND ";
        compare(high, " > ", value.low);
        break;
    }
}

bool write_list(SqlText& out, const SearchClause& clause) {
    const SearchValue& first = clause.any_of.front();
    const bool token = clause.parameter->type == SearchType::token;
    const bool reference = clause.parameter->type == SearchType::reference && !first.type.empty();
    if ((!token && !reference) ||
        !std::ranges::all_of(clause.any_of, [&](const SearchValue& value) {
            return value.has_system == first.has_system && value.system == first.system &&
                   value.type == first.type && !value.value.empty();
        })) {
        return false;
    }
    const auto write_items = [&] {
        for (std::size_t i = 0; i < clause.any_of.size(); ++i) {
            out << (i == 0 ? "" : ", ");
            out.bind(index_key(clause.any_of[i].value));
        }
    };
    if (token) {
        out << "x.code IN (";
        write_items();
        out << ")";
        if (first.has_system) {
            out << " AND x.system = ";
            out.name(index_key(first.system));
        }
        return true;
    }
    out << "x.target IN (SELECT n.rid FROM resource n WHERE n.type = ";
    out.name(first.type) << " AND n.id IN (";
    write_items();
    out << "))";
    return true;
}

Result<void> write_value(SqlText& out, const SearchClause& clause, const SearchValue& value) {
    switch (clause.parameter->type) {
    case SearchType::token: write_token(out, value); return {};
    case SearchType::string: write_string(out, clause, value); return {};
    case SearchType::reference: write_reference(out, clause, value); return {};
    case SearchType::date: write_date(out, value, "x.low", "x.high"); return {};
    case SearchType::number: return write_number(out, value);
    case SearchType::quantity: return write_quantity(out, value);
    case SearchType::uri:
        out << "x.value = ";
        out.bind(index_key(value.value));
        return {};
    case SearchType::composite:
    case SearchType::special: break;
    }
    return Fault(
        Errc::unsupported,
        "store.search",
        "parameter " + clause.parameter->code + " is of a kind that cannot be searched yet"
    );
}

}  // namespace gatehouse::gateway::search_detail
