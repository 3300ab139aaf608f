// SPDX-License-Identifier: Apache-2.0
//
// The plan: the clause that promises the fewest candidates finds them through its table's value
// index; every other clause tests a candidate in the table clustered by resource, which is one
// short probe. A chained clause is a set of rids and hence finds or tests like any other.

#include "gateway/store/search_sql.hpp"

#include <algorithm>

#include "gateway/store/search_values.hpp"

namespace gatehouse::gateway {

using fhir::EntryKind;
using fhir::SearchType;
using search_detail::SqlText;

class SearchCompiler {
public:
    SearchCompiler(const SearchQuery& query, Dialect dialect) : query_(query), dialect_(dialect) {}
    Result<CompiledSearch> compile();

private:
    Result<void> check(const std::vector<SearchClause>& clauses, std::size_t hop);
    // Lower is better; none: it cannot find candidates.
    static std::optional<int> cost(const SearchClause& clause);
    void write_param(
        SqlText& out,
        const std::vector<std::string>& types,
        const SearchClause& clause,
        EntryKind kind
    ) const;
    // "x.param = ... AND (values)" of a clause over its own table.
    Result<void>
    write_rows(SqlText& out, const std::vector<std::string>& types, const SearchClause& clause);
    Result<void> write_values(SqlText& out, const SearchClause& clause);
    Result<void> write_alternatives(
        SqlText& out, const SearchClause& clause, std::size_t begin, std::size_t end
    );
    // SELECTs that yield the rids of a clause, joined by UNION.
    Result<void>
    write_set(SqlText& out, const std::vector<std::string>& types, const SearchClause& clause);
    // The rids of all resources of these types that satisfy all clauses.
    Result<void> write_sets(
        SqlText& out,
        const std::vector<std::string>& types,
        const std::vector<SearchClause>& clauses
    );
    // A condition on the rid given.
    Result<void> write_test(
        SqlText& out,
        const std::vector<std::string>& types,
        const SearchClause& clause,
        std::string_view rid
    );
    Result<void> write_exists(
        SqlText& out,
        const std::vector<std::string>& types,
        const SearchClause& clause,
        std::string_view rid
    );
    Result<void> write_field(SqlText& out, const SearchClause& clause);
    Result<void> write_targets(SqlText& out, const SearchClause& clause);
    Result<void> write_base(SqlText& out, CompiledSearch& compiled, const SearchClause* finder);
    Result<void> write_sort(CompiledSearch& compiled, const SearchSort& sort);
    void explain(CompiledSearch& compiled, const SearchClause& clause, std::string_view use) const;

    const SearchQuery& query_;
    Dialect dialect_;
    std::size_t values_ = 0;
    bool joined_ = false;  // alias r of resource is there
};

namespace {

std::string clause_name(const SearchClause& clause) {
    switch (clause.field) {
    case SearchClause::Field::id: return "_id";
    case SearchClause::Field::last_updated: return "_lastUpdated";
    case SearchClause::Field::has: return "_has";
    case SearchClause::Field::linked: return "compartment";
    case SearchClause::Field::all:
    case SearchClause::Field::any:
    case SearchClause::Field::none: return "group";
    case SearchClause::Field::parameter: break;
    }
    return clause.parameter->code;
}

// Tables of a parameter whose presence means that it is not :missing.
std::vector<IndexTable> tables_of(const SearchClause& clause) {
    IndexTable table{};
    if (!index_table(clause.parameter->type, table)) {
        return {};
    }
    if (table == IndexTable::reference) {
        return {IndexTable::reference, IndexTable::token};  // a reference by identifier alone
    }
    return {table};
}

IndexTable table_of(const SearchClause& clause) {
    IndexTable table{};
    GH_ASSERT(index_table(clause.parameter->type, table));
    return table;
}

bool excludes(const SearchClause& clause) {
    return clause.modifier == SearchModifier::not_ ||
           (clause.modifier == SearchModifier::missing && !clause.any_of.empty() &&
            clause.any_of.front().truth);
}

bool follows(const SearchClause& clause) {
    return !clause.chained.empty() || clause.modifier == SearchModifier::identifier;
}

Result<void> check_modifier(const SearchClause& clause) {
    const SearchType type = clause.parameter->type;
    bool fits = true;
    switch (clause.modifier) {
    case SearchModifier::none:
    case SearchModifier::missing: break;
    case SearchModifier::exact:
    case SearchModifier::contains: fits = type == SearchType::string; break;
    case SearchModifier::not_: fits = type == SearchType::token; break;
    case SearchModifier::type:
    case SearchModifier::identifier: fits = type == SearchType::reference; break;
    default: fits = false; break;
    }
    if (!clause.chained.empty() && type != SearchType::reference) {
        fits = false;
    }
    IndexTable table{};
    if (!index_table(type, table)) {
        return Fault(
            Errc::unsupported,
            "store.search",
            "parameter " + clause.parameter->code + " is of a kind that cannot be searched yet"
        );
    }
    if (!fits) {
        return Fault(
            Errc::unsupported,
            "store.search",
            "this modifier cannot be used with parameter " + clause.parameter->code
        );
    }
    return {};
}

}  // namespace

Result<CompiledSearch> compile_search(const SearchQuery& query, Dialect dialect) {
    return SearchCompiler(query, dialect).compile();
}

Result<void> SearchCompiler::check(const std::vector<SearchClause>& clauses, std::size_t hop) {
    if (hop > search_hops_max) {
        return Fault(
            Errc::too_many,
            "store.search",
            "a chain may have at most " + std::to_string(search_hops_max) + " hops"
        );
    }
    for (const SearchClause& clause : clauses) {
        values_ += clause.any_of.size();
        if (values_ > search_values_max) {
            return Fault(
                Errc::too_many,
                "store.search",
                "a search may have at most " + std::to_string(search_values_max) +
                    " values; ask in several searches"
            );
        }
        if (clause.field == SearchClause::Field::parameter) {
            GH_ASSERT(clause.parameter != nullptr);
            GH_TRY(check_modifier(clause));
        } else if (clause.field != SearchClause::Field::id && clause.field != SearchClause::Field::last_updated) {
            return Fault(
                Errc::unsupported,
                "store.search",
                clause_name(clause) + " conditions cannot be searched yet"
            );
        }
        if (clause.any_of.empty() && clause.chained.empty()) {
            return Fault(Errc::invalid, "store.search", clause_name(clause) + " has no value");
        }
        GH_TRY(check(clause.chained, hop + 1));
    }
    return {};
}

std::optional<int> SearchCompiler::cost(const SearchClause& clause) {
    if (clause.field == SearchClause::Field::id) {
        return 0;
    }
    if (clause.field == SearchClause::Field::last_updated) {
        return 60;
    }
    if (excludes(clause)) {
        return std::nullopt;
    }
    if (clause.modifier == SearchModifier::missing) {
        return 90;
    }
    // Names of people and of systems outside are nearly unique; codes and states are not.
    const bool identifier = clause.parameter->code == "identifier";
    const bool has_system = std::ranges::all_of(clause.any_of, [](const SearchValue& value) {
        return value.has_system && !value.value.empty();
    });
    const bool has_code = std::ranges::all_of(clause.any_of, [](const SearchValue& value) {
        return !value.value.empty();
    });
    switch (clause.parameter->type) {
    case SearchType::reference: return follows(clause) ? 12 : 10;
    case SearchType::token:
        if (!has_code) {
            return 70;
        }
        return identifier ? (has_system ? 2 : 4) : (has_system ? 30 : 40);
    case SearchType::uri: return 20;
    case SearchType::string:
        return clause.modifier == SearchModifier::exact      ? 15
               : clause.modifier == SearchModifier::contains ? 80
                                                             : 25;
    case SearchType::date: return 50;
    default: return 55;
    }
}

void SearchCompiler::write_param(
    SqlText& out, const std::vector<std::string>& types, const SearchClause& clause, EntryKind kind
) const {
    if (types.size() == 1) {
        out << "x.param = ";
        out.name(parameter_key(types.front(), clause.parameter->code, kind));
        return;
    }
    out << "x.param IN (SELECT id FROM name WHERE text IN (";
    for (std::size_t i = 0; i < types.size(); ++i) {
        out << (i == 0 ? "" : ", ");
        out.bind(parameter_key(types[i], clause.parameter->code, kind));
    }
    out << "))";
}

Result<void> SearchCompiler::write_values(SqlText& out, const SearchClause& clause) {
    if (clause.any_of.size() > 1 && search_detail::write_list(out, clause)) {
        return {};
    }
    return write_alternatives(out, clause, 0, clause.any_of.size());
}

// Halves, not a chain: engines limit the depth of an expression.
Result<void> SearchCompiler::write_alternatives(
    SqlText& out, const SearchClause& clause, std::size_t begin, std::size_t end
) {
    out << "(";
    if (end - begin == 1) {
        GH_TRY(search_detail::write_value(out, clause, clause.any_of[begin]));
    } else {
        const std::size_t middle = begin + (end - begin) / 2;
        GH_TRY(write_alternatives(out, clause, begin, middle));
        out << " OR ";
        GH_TRY(write_alternatives(out, clause, middle, end));
    }
    out << ")";
    return {};
}

Result<void> SearchCompiler::write_rows(
    SqlText& out, const std::vector<std::string>& types, const SearchClause& clause
) {
    write_param(out, types, clause, EntryKind::value);
    if (clause.modifier == SearchModifier::missing) {
        return {};
    }
    out << " AND ";
    if (!follows(clause)) {
        return write_values(out, clause);
    }
    out << "x.target IN (";
    GH_TRY(write_targets(out, clause));
    out << ")";
    return {};
}

// What a chained clause points at: the rids of resources for which its own clauses hold.
Result<void> SearchCompiler::write_targets(SqlText& out, const SearchClause& clause) {
    const std::vector<std::string>& types =
        clause.target_types.empty() ? clause.parameter->targets : clause.target_types;
    if (!clause.chained.empty()) {
        return write_sets(out, types, clause.chained);
    }
    // :identifier: every type calls it "identifier", whatever its definition.
    static const fhir::SearchParameter identifier = [] {
        fhir::SearchParameter parameter;
        parameter.code = "identifier";
        parameter.type = SearchType::token;
        return parameter;
    }();
    SearchClause held;
    held.parameter = &identifier;
    held.any_of = clause.any_of;
    return write_set(out, types, held);
}

Result<void> SearchCompiler::write_sets(
    SqlText& out, const std::vector<std::string>& types, const std::vector<SearchClause>& clauses
) {
    // The best clause makes the set, the others test its members.
    const auto rank = [](const SearchClause& clause) { return cost(clause).value_or(1000); };
    const auto best = std::ranges::min_element(clauses, {}, rank);
    if (clauses.size() == 1 && cost(*best)) {
        return write_set(out, types, *best);
    }
    out << "SELECT s.rid FROM ";
    if (cost(*best)) {
        out << "(";
        GH_TRY(write_set(out, types, *best));
        out << ") s WHERE ";
    } else {
        out << "resource s WHERE s.type IN (SELECT id FROM name WHERE text IN (";
        for (std::size_t i = 0; i < types.size(); ++i) {
            out << (i == 0 ? "" : ", ");
            out.bind(types[i]);
        }
        out << ")) AND s.live = 1 AND ";
    }
    bool first = true;
    for (const SearchClause& clause : clauses) {
        if (&clause == &*best && cost(clause)) {
            continue;
        }
        out << (first ? "" : " AND ");
        GH_TRY(write_test(out, types, clause, "s.rid"));
        first = false;
    }
    return {};
}

Result<void> SearchCompiler::write_set(
    SqlText& out, const std::vector<std::string>& types, const SearchClause& clause
) {
    if (clause.field != SearchClause::Field::parameter) {
        out << "SELECT r.rid AS rid FROM resource r WHERE r.type IN (SELECT id FROM name WHERE "
               "text IN (";
        for (std::size_t i = 0; i < types.size(); ++i) {
            out << (i == 0 ? "" : ", ");
            out.bind(types[i]);
        }
        out << ")) AND r.live = 1 AND ";
        return write_field(out, clause);
    }
    const std::string_view table = table_name(table_of(clause));
    out << "SELECT x.rid AS rid FROM " << table << " x WHERE ";
    GH_TRY(write_rows(out, types, clause));
    if (clause.modifier == SearchModifier::missing && table_of(clause) == IndexTable::reference) {
        out << " UNION SELECT x.rid FROM ix_token x WHERE ";
        write_param(out, types, clause, EntryKind::value);
    } else if (clause.modifier == SearchModifier::identifier && clause.chained.empty()) {
        // References that carry the identifier themselves, with or without a literal one.
        out << " UNION SELECT x.rid FROM ix_token x WHERE ";
        write_param(out, types, clause, EntryKind::identifier);
        SearchClause own = clause;
        fhir::SearchParameter as_token = *clause.parameter;
        as_token.type = SearchType::token;
        own.parameter = &as_token;
        own.modifier = SearchModifier::none;
        out << " AND ";
        GH_TRY(write_values(out, own));
    }
    return {};
}

Result<void> SearchCompiler::write_exists(
    SqlText& out,
    const std::vector<std::string>& types,
    const SearchClause& clause,
    std::string_view rid
) {
    if (clause.modifier == SearchModifier::missing) {
        out << "(";
        bool first = true;
        for (const IndexTable table : tables_of(clause)) {
            out << (first ? "" : " OR ") << "EXISTS (SELECT 1 FROM " << table_name(table)
                << " x WHERE x.rid = " << rid << " AND ";
            write_param(out, types, clause, EntryKind::value);
            out << ")";
            first = false;
        }
        out << ")";
        return {};
    }
    if (follows(clause)) {
        // The set is worked out once, not for every candidate.
        out << rid << " IN (";
        GH_TRY(write_set(out, types, clause));
        out << ")";
        return {};
    }
    out << "EXISTS (SELECT 1 FROM " << table_name(table_of(clause)) << " x WHERE x.rid = " << rid
        << " AND ";
    GH_TRY(write_rows(out, types, clause));
    out << ")";
    return {};
}

Result<void> SearchCompiler::write_test(
    SqlText& out,
    const std::vector<std::string>& types,
    const SearchClause& clause,
    std::string_view rid
) {
    if (clause.field != SearchClause::Field::parameter) {
        if (joined_ && rid != "s.rid") {
            return write_field(out, clause);
        }
        out << "EXISTS (SELECT 1 FROM resource r WHERE r.rid = " << rid << " AND ";
        GH_TRY(write_field(out, clause));
        out << ")";
        return {};
    }
    if (excludes(clause)) {
        out << "NOT ";
    }
    return write_exists(out, types, clause, rid);
}

// _id and _lastUpdated: conditions on alias r of resource.
Result<void> SearchCompiler::write_field(SqlText& out, const SearchClause& clause) {
    if (clause.modifier != SearchModifier::none) {
        return Fault(Errc::unsupported, "store.search", clause_name(clause) + " takes no modifier");
    }
    out << "(";
    if (clause.field == SearchClause::Field::id) {
        out << "r.id IN (";
    }
    for (std::size_t i = 0; i < clause.any_of.size(); ++i) {
        if (clause.field == SearchClause::Field::id) {
            out << (i == 0 ? "" : ", ");
            out.bind(clause.any_of[i].value);
            continue;
        }
        out << (i == 0 ? "(" : " OR (");
        search_detail::write_date(out, clause.any_of[i], "r.last_updated", "r.last_updated + 1");
        out << ")";
    }
    out << (clause.field == SearchClause::Field::id ? "))" : ")");
    return {};
}

void SearchCompiler::explain(
    CompiledSearch& compiled, const SearchClause& clause, std::string_view use
) const {
    const bool field = clause.field != SearchClause::Field::parameter;
    std::string name = clause_name(clause);
    for (const SearchClause* at = &clause; !at->chained.empty(); at = &at->chained.front()) {
        name += "." + clause_name(at->chained.front());
    }
    compiled.plan_.push_back(
        {std::move(name), field ? "resource" : table_name(table_of(clause)), std::string(use)}
    );
}

// FROM: what yields the candidates. Sets rid_ and, where resource is in it, joined_.
Result<void>
SearchCompiler::write_base(SqlText& out, CompiledSearch& compiled, const SearchClause* finder) {
    const std::vector<std::string> types{query_.type};
    if (finder == nullptr || finder->field != SearchClause::Field::parameter) {
        compiled.rid_ = "r.rid";
        joined_ = true;
        out << "FROM resource r WHERE r.type = ";
        out.name(query_.type) << " AND r.live = 1";
        if (finder != nullptr) {
            out << " AND ";
            GH_TRY(write_field(out, *finder));
            explain(compiled, *finder, "finds");
        } else {
            compiled.plan_.push_back({query_.type, "resource", "finds, in order"});
        }
        return {};
    }
    compiled.rid_ = "b.rid";
    const bool wants_resource = std::ranges::any_of(
                                    query_.all_of,
                                    [](const SearchClause& clause) {
                                        return clause.field != SearchClause::Field::parameter;
                                    }
                                ) ||
                                std::ranges::any_of(query_.sort, [](const SearchSort& sort) {
                                    return sort.parameter == nullptr;
                                });
    const std::string_view join = dialect_ == Dialect::sqlite
                                      ? " CROSS JOIN resource r ON r.rid = b.rid"
                                      : " JOIN resource r ON r.rid = b.rid";
    const bool in_order = !follows(*finder) && finder->any_of.size() == 1 &&
                          finder->modifier != SearchModifier::missing &&
                          search_detail::is_exact(*finder, finder->any_of.front());
    if (in_order) {
        // One key of the index: rids come distinct and in order, nothing is collected or sorted.
        out << "FROM " << table_name(table_of(*finder)) << " b" << (wants_resource ? join : "")
            << " WHERE ";
        SqlText rows(dialect_);
        GH_TRY(write_rows(rows, types, *finder));
        SqlStatement renamed = rows.sql();
        // The conditions are written for alias x.
        for (std::size_t at = renamed.text.find("x."); at != std::string::npos;
             at = renamed.text.find("x.", at + 1)) {
            if (at == 0 || renamed.text[at - 1] == ' ' || renamed.text[at - 1] == '(') {
                renamed.text[at] = 'b';
            }
        }
        out.append(renamed);
    } else {
        out << "FROM (SELECT DISTINCT rid FROM (";
        GH_TRY(write_set(out, types, *finder));
        out << ") u) b" << (wants_resource ? join : "") << " WHERE 1 = 1";
    }
    joined_ = wants_resource;
    explain(compiled, *finder, in_order ? "finds, in order" : "finds");
    return {};
}

Result<void> SearchCompiler::write_sort(CompiledSearch& compiled, const SearchSort& sort) {
    CompiledSearch::Sort& made = compiled.sorts_.emplace_back();
    made.descending = sort.descending;
    SqlText out(dialect_);
    if (sort.parameter == nullptr) {
        out << (sort.by_id ? "r.id" : "r.last_updated");
        made.expression = out.sql();
        made.nullable = false;
        return {};
    }
    IndexTable table{};
    if (!index_table(sort.parameter->type, table)) {
        return Fault(
            Errc::unsupported,
            "store.search",
            "results cannot be sorted by parameter " + sort.parameter->code
        );
    }
    // Of several values the first in the sort's direction counts.
    const std::string_view pick = sort.descending ? "max" : "min";
    std::string_view column = "x.low";
    switch (table) {
    case IndexTable::token: column = "x.code"; break;
    case IndexTable::string: column = "x.folded"; break;
    case IndexTable::reference: column = "n.id"; break;
    case IndexTable::uri: column = "x.value"; break;
    case IndexTable::date:
    case IndexTable::number:
    case IndexTable::quantity: column = sort.descending ? "x.high" : "x.low"; break;
    }
    out << "(SELECT " << pick << "(" << column << ") FROM " << table_name(table) << " x "
        << (table == IndexTable::reference ? "JOIN resource n ON n.rid = x.target " : "")
        << "WHERE x.rid = " << compiled.rid_ << " AND x.param = ";
    out.name(parameter_key(query_.type, sort.parameter->code, EntryKind::value)) << ")";
    made.expression = out.sql();
    return {};
}

Result<CompiledSearch> SearchCompiler::compile() {
    GH_TRY(check(query_.all_of, 0));
    if (query_.all_types || !query_.types.empty()) {
        return Fault(
            Errc::unsupported, "store.search", "several types cannot be searched at once yet"
        );
    }
    CompiledSearch compiled;
    compiled.dialect_ = dialect_;
    const SearchClause* finder = nullptr;
    for (const SearchClause& clause : query_.all_of) {
        const std::optional<int> own = cost(clause);
        if (own && (finder == nullptr || *own < *cost(*finder))) {
            finder = &clause;
        }
    }
    SqlText out(dialect_);
    GH_TRY(write_base(out, compiled, finder));
    for (const SearchClause& clause : query_.all_of) {
        if (&clause == finder) {
            continue;
        }
        out << " AND ";
        GH_TRY(write_test(out, {query_.type}, clause, compiled.rid_));
        explain(compiled, clause, excludes(clause) ? "excludes" : "tests");
    }
    compiled.matches_ = out.sql();
    for (const SearchSort& sort : query_.sort) {
        GH_TRY(write_sort(compiled, sort));
    }
    // A cursor belongs to the search with all its values and its sort.
    std::string& print = compiled.fingerprint_;
    print = compiled.matches_.text;
    const auto add_values = [&print](const SqlStatement& sql) {
        for (const SqlValue& value : sql.values) {
            print += '\0';
            if (const auto* text = std::get_if<std::string>(&value)) {
                print += *text;
            } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
                print += std::to_string(*integer);
            } else if (const auto* real = std::get_if<double>(&value)) {
                print += std::to_string(*real);
            }
        }
    };
    add_values(compiled.matches_);
    for (const CompiledSearch::Sort& sort : compiled.sorts_) {
        print.append(sort.expression.text).append(sort.descending ? "-" : "+");
        add_values(sort.expression);
    }
    return compiled;
}

namespace {

std::string key_name(std::size_t index) {
    return "k" + std::to_string(index + 1);
}

}  // namespace

SqlStatement CompiledSearch::count() const {
    SqlText out(dialect_);
    out << "SELECT count(*) ";
    out.append(matches_);
    return out.finish();
}

SqlStatement CompiledSearch::page(const Cursor* after, std::uint32_t limit) const {
    SqlText out(dialect_);
    // rid follows the last sort's direction, so that an index on (key, rid) serves both.
    const bool rid_descending = !sorts_.empty() && sorts_.back().descending;
    const std::string_view beyond = rid_descending ? " < " : " > ";
    out << "SELECT rid";
    for (std::size_t i = 0; i < sorts_.size(); ++i) {
        out << ", " << key_name(i);
    }
    out << " FROM (SELECT " << rid_ << " AS rid";
    for (std::size_t i = 0; i < sorts_.size(); ++i) {
        out << ", ";
        out.append(sorts_[i].expression) << " AS " << key_name(i);
    }
    out << " ";
    out.append(matches_) << ") q";
    if (after != nullptr && sorts_.size() == 1 && !sorts_.front().nullable) {
        // A comparison of rows, which an index on (key, rid) can answer.
        out << " WHERE (k1, rid)" << beyond << "(";
        out.bind(after->keys.front()) << ", ";
        out.bind(after->rid) << ")";
    } else if (after != nullptr) {
        out << " WHERE ";
        // k1 beyond v1, or equal and (k2 beyond v2, or equal and (... rid beyond)).
        for (std::size_t i = 0; i < sorts_.size(); ++i) {
            const std::string key = key_name(i);
            const bool null = std::holds_alternative<std::nullptr_t>(after->keys[i]);
            if (null) {
                out << "(" << key << " IS NULL AND ";
                continue;
            }
            out << "(" << key << (sorts_[i].descending ? " < " : " > ");
            out.bind(after->keys[i]);
            if (sorts_[i].nullable) {
                out << " OR " << key << " IS NULL";
            }
            out << " OR " << key << " = ";
            out.bind(after->keys[i]) << " AND ";
        }
        out << "rid" << beyond;
        out.bind(after->rid);
        for (std::size_t i = 0; i < sorts_.size(); ++i) {
            out << ")";
        }
    }
    out << " ORDER BY ";
    for (std::size_t i = 0; i < sorts_.size(); ++i) {
        if (sorts_[i].nullable) {
            out << key_name(i) << " IS NULL, ";
        }
        out << key_name(i) << (sorts_[i].descending ? " DESC, " : ", ");
    }
    out << "rid" << (rid_descending ? " DESC" : "") << " LIMIT ";
    out.bind(std::int64_t{limit});
    return out.finish();
}

}  // namespace gatehouse::gateway
