// SPDX-License-Identifier: Apache-2.0
//
// The plan: the clause that promises the fewest candidates finds them through its table's value
// index; every other clause tests a candidate in the table clustered by resource, which is one
// short probe. A chained clause is a set of rids and hence finds or tests like any other.

#include "gateway/store/search_sql.hpp"

#include <algorithm>
#include <limits>

#include "gateway/store/search_compiler.hpp"

namespace gatehouse::gateway {

using fhir::EntryKind;
using fhir::SearchType;
using search_detail::comparison_of;
using search_detail::excludes;
using search_detail::follows;
using search_detail::SqlText;
using search_detail::table_of;
using Field = SearchClause::Field;

Result<CompiledSearch> compile_search(const SearchQuery& query, Dialect dialect) {
    return SearchCompiler(query, dialect).compile();
}

Result<void> check_search(const SearchQuery& query) {
    return SearchCompiler(query, Dialect::sqlite).check_all();
}

void SearchCompiler::explain(
    CompiledSearch& compiled, const SearchClause& clause, std::string_view use
) const {
    std::string_view table = "several";
    switch (clause.field) {
    case Field::id:
    case Field::last_updated: table = "resource"; break;
    case Field::has:
    case Field::linked: table = "ix_reference"; break;
    case Field::parameter: table = table_name(table_of(clause)); break;
    default: break;
    }
    compiled.plan_.push_back(
        {search_detail::clause_name(clause), std::string(table), std::string(use)}
    );
}

// FROM: what yields the candidates. Sets rid_ and, where resource is in it, joined_.
Result<void>
SearchCompiler::write_base(SqlText& out, CompiledSearch& compiled, const SearchClause* finder) {
    const auto is_field = [](const SearchClause& clause) {
        return clause.field == Field::id || clause.field == Field::last_updated;
    };
    if (finder == nullptr || is_field(*finder)) {
        compiled.rid_ = "r.rid";
        joined_ = true;
        out << "FROM resource r WHERE ";
        if (finder != nullptr || types_.size() == 1 || !query_.sort.empty()) {
            write_types(out, types_, "r");
        } else {
            // In order of rid over all types: the page ends the walk, and nothing is sorted. The
            // plus keeps SQLite from collecting type by type.
            if (!query_.all_types) {
                out << (dialect_ == Dialect::sqlite ? "+r.type" : "r.type");
                out.is_name(types_) << " AND ";
            }
            out << "r.live = 1";
        }
        if (finder != nullptr) {
            by_time_ = finder->field == Field::last_updated && beginning(*finder) != nullptr;
            out << " AND ";
            GH_TRY(write_field(out, "r", *finder, Use::find));
            explain(compiled, *finder, "finds");
        } else {
            const std::string all =
                query_.all_types ? "every type" : std::to_string(types_.size()) + " types";
            compiled.plan_.push_back(
                {types_.size() == 1 ? types_.front() : all, "resource", "finds, in order"}
            );
        }
        return {};
    }
    compiled.rid_ = "b.rid";
    joined_ = std::ranges::any_of(query_.all_of, is_field) ||
              std::ranges::any_of(query_.sort, [](const SearchSort& sort) {
                  return sort.parameter == nullptr;
              });
    const std::string_view join = !joined_ ? ""
                                  : dialect_ == Dialect::sqlite
                                      ? " CROSS JOIN resource r ON r.rid = b.rid"
                                      : " JOIN resource r ON r.rid = b.rid";
    // One key of the index: rids come distinct and in order, nothing is collected or sorted. A
    // parameter that is kept as several others has as many keys.
    const auto one_key = [](const fhir::SearchParameter& parameter) {
        return std::ranges::all_of(parameter.kept_as, [](const auto& kept) {
            return kept.codes.size() == 1;
        });
    };
    const bool in_order = finder->field == Field::parameter && !follows(*finder) &&
                          one_key(*finder->parameter) && finder->any_of.size() == 1 &&
                          finder->sets.empty() && finder->links.empty() &&
                          finder->modifier != SearchModifier::missing && types_.size() == 1 &&
                          search_detail::is_exact(comparison_of(*finder), finder->any_of.front());
    if (in_order) {
        out << "FROM " << table_name(table_of(*finder)) << " b" << join << " WHERE ";
        GH_TRY(write_rows(out, "b", types_, *finder, Use::find));
        out << " AND ";
    } else {
        const bool sampled = way_ == Way::sampled;
        out << "FROM (SELECT DISTINCT rid FROM (" << (sampled ? "SELECT rid FROM (" : "");
        GH_TRY(write_set(out, types_, *finder));
        if (sampled) {
            out << ") v LIMIT ";
            sampled_at_ = out.sql().values.size();
            out.bind(std::int64_t{0});
        }
        out << ") u) b" << join << " WHERE ";
    }
    // No contained resource. The plus leaves the index to the page's own bound.
    out << (dialect_ == Dialect::sqlite ? "+b.rid > 0" : "b.rid > 0");
    explain(compiled, *finder, in_order ? "finds, in order" : "finds");
    return {};
}

// Contained resources are found as others are; what is yielded are their own rids or, once each,
// those of the records that hold them.
Result<void> SearchCompiler::write_contained(
    CompiledSearch& compiled, const std::vector<SearchClause>& all_of, const SearchClause* finder
) {
    keys_.emplace_back(contained_unit);
    const bool only = query_.contained == SearchContained::only;
    SqlText out(dialect_);
    out << "FROM (SELECT DISTINCT "
        << (query_.contained_alone ? std::string("a.rid") : holder_sql("a.rid"))
        << " AS rid FROM (";
    if (finder != nullptr) {
        GH_TRY(write_set(out, types_, *finder));
        explain(compiled, *finder, "finds");
    } else if (only) {
        out << "SELECT k.rid AS rid FROM contained k WHERE k.type";
        out.is_name(types_);
    } else {
        write_all(out, types_);
    }
    if (finder == nullptr) {
        compiled.plan_.push_back(
            {only ? "contained resources" : "resources and contained ones", "contained", "finds"}
        );
    }
    out << ") a WHERE " << (only ? "a.rid < 0" : "1 = 1");
    write_held(out, "a.rid");
    for (const SearchClause& clause : all_of) {
        if (&clause == finder) {
            continue;
        }
        out << " AND ";
        GH_TRY(write_test(out, types_, clause, "a.rid"));
        explain(compiled, clause, excludes(clause) ? "excludes" : "tests");
    }
    out << ") b WHERE 1 = 1";
    compiled.rid_ = "b.rid";
    compiled.matches_ = out.sql();
    return {};
}

Result<void> SearchCompiler::write_sort(CompiledSearch& compiled, const SearchSort& sort) {
    CompiledSearch::Sort& made = compiled.sorts_.emplace_back();
    made.descending = sort.descending;
    SqlText out(dialect_);
    if (sort.parameter == nullptr) {
        const std::string column = sort.by_id ? "id" : "last_updated";
        if (query_.contained == SearchContained::no) {
            out << "r." << column;
        } else {
            // A contained resource has those of the record that holds it.
            const std::string alias = next_alias();
            out << "(SELECT " << alias << "." << column << " FROM resource " << alias << " WHERE "
                << alias << ".rid = " << holder_sql(compiled.rid_) << ")";
        }
        made.expression = out.sql();
        made.nullable = false;
        return {};
    }
    IndexTable table{};
    if (!index_table(*sort.parameter, table) || table == IndexTable::composite) {
        return Fault(
            Errc::unsupported,
            "store.search",
            "results cannot be sorted by parameter " + sort.parameter->code
        );
    }
    // Of several values the first in the sort's direction counts.
    const std::string_view pick = sort.descending ? "max" : "min";
    const std::string alias = next_alias();
    const search_detail::Columns columns(table, alias);
    std::string column = columns.text;
    if (table == IndexTable::reference) {
        column = "n.id";
    } else if (table == IndexTable::date || table == IndexTable::number || table == IndexTable::quantity) {
        column = sort.descending ? columns.high : columns.low;
    }
    out << "(SELECT " << pick << "(" << column << ") FROM " << table_name(table) << " " << alias
        << (table == IndexTable::reference ? " JOIN resource n ON n.rid = " + columns.word : "")
        << " WHERE " << alias << ".rid = " << compiled.rid_ << " AND ";
    SearchClause clause;
    clause.parameter = sort.parameter;
    write_param(out, alias, types_, clause, "");
    if (table == IndexTable::token) {
        out << " AND " << columns.text << " <> ";  // a coding with a system alone
        out.bind(std::string());
    }
    out << ")";
    made.expression = out.sql();
    return {};
}

Result<CompiledSearch> SearchCompiler::compile() {
    GH_TRY(check_all());
    CompiledSearch compiled;
    compiled.dialect_ = dialect_;
    const std::vector<SearchClause> all_of = lower(query_.all_of, types_);
    const SearchClause* finder = nullptr;
    int dearest = std::numeric_limits<int>::max();  // what finds instead of a set is no larger one
    for (const SearchClause& clause : all_of) {
        if (way_ == Way::in_order && clause.field == Field::last_updated && cost(clause)) {
            dearest = *cost(clause);
        }
    }
    for (const SearchClause& clause : all_of) {
        const std::optional<int> own = cost(clause);
        if (own && *own <= dearest && (finder == nullptr || *own < *cost(*finder)) &&
            !(way_ == Way::in_order && beginning(clause) != nullptr)) {
            finder = &clause;
        }
    }
    if (query_.contained != SearchContained::no) {
        GH_TRY(write_contained(compiled, all_of, finder));
    } else {
        SqlText out(dialect_);
        GH_TRY(write_base(out, compiled, finder));
        for (const SearchClause& clause : all_of) {
            if (&clause == finder) {
                continue;
            }
            out << " AND ";
            GH_TRY(write_test(out, types_, clause, compiled.rid_));
            explain(compiled, clause, excludes(clause) ? "excludes" : "tests");
        }
        compiled.matches_ = out.sql();
    }
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
    if (finder != nullptr && way_ == Way::best && query_.contained == SearchContained::no) {
        GH_TRY(add_ways(compiled, *finder));
    }
    compiled.by_time_ = by_time_;
    std::ranges::sort(keys_);
    keys_.erase(std::ranges::unique(keys_).begin(), keys_.end());
    compiled.keys_ = std::move(keys_);
    return compiled;
}

Result<void> SearchCompiler::add_ways(CompiledSearch& compiled, const SearchClause& finder) {
    if (beginning(finder) == nullptr) {
        return {};
    }
    if (by_time_ && !query_.sort.empty()) {
        // Its own order, or all of it is needed anyway. From a cursor on the cursor is where it
        // begins: SQLite would rather begin at the end of the range.
        const SearchSort& first = query_.sort.front();
        if (dialect_ == Dialect::sqlite && query_.sort.size() == 1 && first.parameter == nullptr &&
            !first.by_id) {
            GH_TRY_ASSIGN(
                CompiledSearch rising, SearchCompiler(query_, dialect_, Way::rising).compile()
            );
            GH_TRY_ASSIGN(
                CompiledSearch falling, SearchCompiler(query_, dialect_, Way::falling).compile()
            );
            compiled.rising_ = std::move(rising.matches_);
            compiled.falling_ = std::move(falling.matches_);
        }
        return {};
    }
    const bool sorted = std::ranges::any_of(query_.sort, [](const SearchSort& sort) {
        return sort.parameter != nullptr;
    });
    if (finder.field == Field::has && !sorted) {
        SearchCompiler sampler(query_, dialect_, Way::sampled);
        GH_TRY_ASSIGN(CompiledSearch sampled, sampler.compile());
        compiled.sampled_ = std::move(sampled.matches_);
        compiled.sampled_at_ = sampler.sampled_at_;
    }
    return sorted ? Result<void>() : add_in_order(compiled, finder);
}

Result<void> SearchCompiler::add_in_order(CompiledSearch& compiled, const SearchClause& finder) {
    SqlText out(dialect_);
    const std::string alias = next_alias();
    out << "SELECT count(*) FROM (SELECT 1 FROM ";
    if (by_time_) {
        out << "resource " << alias << " WHERE ";
        write_types(out, types_, alias);
        for (const SearchClause& clause : query_.all_of) {
            if (clause.field == Field::last_updated) {
                out << " AND ";
                GH_TRY(write_field(out, alias, clause, Use::find));
            }
        }
    } else {
        const Types& types =
            finder.target_types.empty() ? finder.parameter->targets : finder.target_types;
        const SearchClause& inner = *beginning(finder);
        out << table_name(table_of(inner)) << " " << alias << " WHERE ";
        GH_TRY(write_rows(out, alias, types, inner, Use::find));
    }
    out << " LIMIT ";
    out.bind(static_cast<std::int64_t>(rows_common)) << ") t";
    compiled.beginnings_ = out.finish();
    GH_TRY_ASSIGN(CompiledSearch other, SearchCompiler(query_, dialect_, Way::in_order).compile());
    other.fingerprint_ = compiled.fingerprint_;  // pages of the one go on with the other
    compiled.in_order_ = std::make_shared<CompiledSearch>(std::move(other));
    return {};
}

namespace {

std::string key_name(std::size_t index) {
    return "k" + std::to_string(index + 1);
}

}  // namespace

SqlStatement CompiledSearch::count(std::uint64_t most) const {
    SqlText out(dialect_);
    out << (most == 0 ? "SELECT count(*) " : "SELECT count(*) FROM (SELECT 1 ");
    out.append(matches_);
    if (most != 0) {
        out << " LIMIT ";
        out.bind(static_cast<std::int64_t>(most)) << ") t";
    }
    return out.finish();
}

SqlStatement CompiledSearch::beginnings(std::uint64_t most) const {
    SqlStatement counting = beginnings_;
    counting.values.back() = static_cast<std::int64_t>(most);
    return counting;
}

SqlStatement CompiledSearch::spread(std::uint64_t rows, std::uint64_t most) const {
    SqlStatement first = *sampled_;
    first.values[sampled_at_] = static_cast<std::int64_t>(rows);
    SqlText out(dialect_);
    out << "SELECT count(*) FROM (SELECT 1 ";
    out.append(first) << " LIMIT ";
    out.bind(static_cast<std::int64_t>(most)) << ") t";
    return out.finish();
}

SqlStatement CompiledSearch::page(const Cursor* from, std::uint32_t limit) const {
    SqlText out(dialect_);
    const bool back = from != nullptr && from->back;
    const auto falls = [&](const Sort& sort) { return sort.descending != back; };
    // rid follows the last sort's direction, so that an index on (key, rid) serves both.
    const bool rid_falls = sorts_.empty() ? back : falls(sorts_.back());
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
    const std::optional<SqlStatement>& onward = rid_falls ? falling_ : rising_;
    out.append(from != nullptr && onward ? *onward : matches_) << ") q";
    if (from != nullptr) {
        // The cursor's own row is on the page if the gap is on its other side.
        const std::string beyond =
            std::string(rid_falls ? " <" : " >") + (from->above != back ? "= " : " ");
        out << " WHERE ";
        if (sorts_.size() == 1 && !sorts_.front().nullable) {
            // A comparison of rows, which an index on (key, rid) can answer.
            out << "(k1, rid)" << beyond << "(";
            out.bind(from->keys.front()) << ", ";
            out.bind(from->rid) << ")";
        } else {
            write_beyond(out, *from, beyond);
        }
    }
    out << " ORDER BY ";
    for (std::size_t i = 0; i < sorts_.size(); ++i) {
        // Said by itself ("k1 IS NULL, k1") it would make SQLite work the key out twice.
        out << key_name(i) << (falls(sorts_[i]) ? " DESC" : "");
        if (sorts_[i].nullable) {
            out << (back ? " NULLS FIRST" : " NULLS LAST");
        }
        out << ", ";
    }
    out << "rid" << (rid_falls ? " DESC" : "") << " LIMIT ";
    out.bind(std::int64_t{limit});
    return out.finish();
}

// k1 beyond v1, or equal and (k2 beyond v2, or equal and (... rid beyond)). What a resource lacks
// is last in the search's order: beyond everything, or on the way back beyond nothing.
void CompiledSearch::write_beyond(SqlText& out, const Cursor& from, std::string_view beyond) const {
    for (std::size_t i = 0; i < sorts_.size(); ++i) {
        const std::string key = key_name(i);
        if (std::holds_alternative<std::nullptr_t>(from.keys[i])) {
            out << "(" << key << (from.back ? " IS NOT NULL OR " : " IS NULL AND ");
            continue;
        }
        out << "(" << key << (sorts_[i].descending != from.back ? " < " : " > ");
        out.bind(from.keys[i]);
        if (sorts_[i].nullable && !from.back) {
            out << " OR " << key << " IS NULL";
        }
        out << " OR " << key << " = ";
        out.bind(from.keys[i]) << " AND ";
    }
    out << "rid" << beyond;
    out.bind(from.rid);
    for (std::size_t i = 0; i < sorts_.size(); ++i) {
        out << ")";
    }
}

}  // namespace gatehouse::gateway
