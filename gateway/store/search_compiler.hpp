#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The compiler behind compile_search(): clauses as sets of rids and as tests of one rid
// (search_clauses.cpp), bounds and composites (search_check.cpp), the whole (search_sql.cpp).
// An alias of a table is numbered, so that a test inside a test can speak of the row outside.

#include <deque>

#include "gateway/store/search_values.hpp"

namespace gatehouse::gateway {

class SearchCompiler {
public:
    enum class Way : std::uint8_t {
        best,
        in_order,  // no set that a chain or _has makes, and no range of _lastUpdated, finds
        rising,    // from a cursor, by the time that finds it as well: from its lower bound up
        falling,   // the same from its upper bound down
        sampled,   // of the first rows of the set that finds
    };
    SearchCompiler(const SearchQuery& query, Dialect dialect, Way way = Way::best);
    Result<CompiledSearch> compile();
    Result<void> check_all();

private:
    using SqlText = search_detail::SqlText;
    using Types = std::vector<std::string>;
    enum class Use : std::uint8_t { find, test };

    // search_check.cpp
    Result<void>
    check(const std::vector<SearchClause>& clauses, std::size_t hop, std::size_t depth);
    Result<void> check_one(const SearchClause& clause) const;
    // Composites as groups of what they consist of, for these types.
    std::vector<SearchClause> lower(const std::vector<SearchClause>& clauses, const Types& types);
    SearchClause lower_composite(const SearchClause& clause, const Types& types);

    // search_clauses.cpp
    // Lower is better; none: it cannot find candidates.
    static std::optional<int> cost(const SearchClause& clause);
    // Where the set of a chain or _has begins that may be large, or _lastUpdated itself; null: it
    // is none of these, or small.
    static const SearchClause* beginning(const SearchClause& clause);
    static void write_types(SqlText& out, const Types& types, std::string_view alias);
    // The rid is of a live resource of these types, or of a contained one.
    void write_is(SqlText& out, const Types& types, const std::string& rid);
    // The rids of all of them.
    void write_all(SqlText& out, const Types& types);
    // " AND ...": the record that holds it, if it is contained, is of SearchQuery::holder_types.
    void write_held(SqlText& out, const std::string& rid);
    [[nodiscard]] search_detail::Columns
    columns_of(IndexTable table, std::string_view alias, Use use) const;
    void write_param(
        SqlText& out,
        std::string_view alias,
        const Types& types,
        const SearchClause& clause,
        std::string_view suffix
    );
    // "alias.param = ... AND (values)" of a clause over its own table.
    Result<void> write_rows(
        SqlText& out,
        std::string_view alias,
        const Types& types,
        const SearchClause& clause,
        Use use
    );
    Result<void> write_targets(SqlText& out, const SearchClause& clause);
    // SELECTs that yield the rids of a clause, joined by UNION.
    Result<void> write_set(SqlText& out, const Types& types, const SearchClause& clause);
    Result<void> write_parameter_set(SqlText& out, const Types& types, const SearchClause& clause);
    // The rids of all resources of these types that satisfy all clauses.
    Result<void>
    write_sets(SqlText& out, const Types& types, const std::vector<SearchClause>& clauses);
    // A condition on the rid given.
    Result<void> write_test(
        SqlText& out, const Types& types, const SearchClause& clause, const std::string& rid
    );
    Result<void> write_tests(
        SqlText& out,
        const Types& types,
        const std::vector<SearchClause>& clauses,
        const std::string& rid,
        std::string_view between
    );
    Result<void> write_exists(
        SqlText& out, const Types& types, const SearchClause& clause, const std::string& rid
    );
    Result<void> write_missing(
        SqlText& out, const Types& types, const SearchClause& clause, const std::string& rid
    );
    // "SELECT alias.target AS rid ... WHERE ..."; yields the alias.
    Result<std::string> write_referred(SqlText& out, const SearchClause& clause);
    Result<void> write_has(SqlText& out, const SearchClause& clause, const std::string& rid);
    // "word IN (...)" of a reference with :above or :below.
    void write_hierarchy(
        SqlText& out, const search_detail::Columns& columns, const SearchClause& clause
    );
    void write_linked(SqlText& out, std::string_view alias, const SearchClause& clause);
    Result<void>
    write_items(SqlText& out, std::string_view alias, const SearchClause& clause, Use use);
    Result<void>
    write_field(SqlText& out, std::string_view alias, const SearchClause& clause, Use use);
    // x: a table; s: a set of rids.
    std::string next_alias(char letter = 'x') { return letter + std::to_string(++aliases_); }

    // search_sql.cpp
    Result<void> write_base(SqlText& out, CompiledSearch& compiled, const SearchClause* finder);
    // With contained resources: sets all of matches_ and rid_.
    Result<void> write_contained(
        CompiledSearch& compiled,
        const std::vector<SearchClause>& all_of,
        const SearchClause* finder
    );
    Result<void> write_sort(CompiledSearch& compiled, const SearchSort& sort);
    // What else there is to a search with this finder: CompiledSearch::in_order_, rising_,
    // falling_, sampled_.
    Result<void> add_ways(CompiledSearch& compiled, const SearchClause& finder);
    Result<void> add_in_order(CompiledSearch& compiled, const SearchClause& finder);
    void explain(CompiledSearch& compiled, const SearchClause& clause, std::string_view use) const;

    const SearchQuery& query_;
    Dialect dialect_;
    Way way_;
    Types types_;
    std::deque<SearchClause> made_;
    std::vector<std::string> keys_;
    std::size_t values_ = 0;
    std::size_t codes_ = 0;
    std::size_t clauses_ = 0;
    int aliases_ = 0;
    bool joined_ = false;   // alias r of resource is there
    bool by_time_ = false;  // a range of _lastUpdated finds
    std::size_t sampled_at_ = 0;
};

namespace search_detail {

// "_id", "patient.identifier", "(code or status)": for people.
std::string clause_name(const SearchClause& clause);
// True if it says what a resource must not have.
bool excludes(const SearchClause& clause);
// True if it speaks of the resource that a reference leads to.
bool follows(const SearchClause& clause);
// Table of a clause over a parameter.
IndexTable table_of(const SearchClause& clause);
Comparison comparison_of(const SearchClause& clause);

}  // namespace search_detail

}  // namespace gatehouse::gateway
