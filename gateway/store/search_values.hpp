#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// One value as an SQL condition on the columns of its index table: what equal, starts-with,
// overlaps and the prefixes mean. search_clauses.cpp decides where the conditions stand.

#include "gateway/store/search_sql.hpp"

namespace gatehouse::gateway::search_detail {

// Text and values written in step; "?" stands for the next value until finish() numbers them.
class SqlText {
public:
    explicit SqlText(Dialect dialect) : dialect_(dialect) {}
    SqlText& operator<<(std::string_view text) {
        sql_.text += text;
        return *this;
    }
    SqlText& bind(SqlValue value) {
        sql_.text += '?';
        sql_.values.push_back(std::move(value));
        return *this;
    }
    // "?, ?, ?"
    SqlText& bind_all(const std::vector<std::string>& texts);
    // The id of a word in `name`; no row, no match.
    SqlText& name(std::string_view text);
    // " = " one id, or " IN " several.
    SqlText& is_name(const std::vector<std::string>& texts);
    // "(SELECT ...)": the texts as rows, bound as one value.
    SqlText& rows_of(const std::vector<std::string>& texts);
    SqlText& append(const SqlStatement& other) {
        sql_.text += other.text;
        sql_.values.insert(sql_.values.end(), other.values.begin(), other.values.end());
        return *this;
    }
    [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }
    [[nodiscard]] const SqlStatement& sql() const noexcept { return sql_; }
    // Placeholders in the dialect's spelling.
    [[nodiscard]] SqlStatement finish() const;

private:
    Dialect dialect_;
    SqlStatement sql_;
};

// The columns of one row of an index table, as `alias` calls it.
struct Columns {
    Columns(IndexTable table, std::string_view alias);
    std::string word;  // system of a token or quantity, target of a reference
    std::string text;  // code, folded text, uri
    std::string exact;
    std::string low;
    std::string high;
};

// How values are to be compared.
struct Comparison {
    fhir::SearchType type = fhir::SearchType::token;
    SearchModifier modifier = SearchModifier::none;
    const std::vector<std::string>* targets = nullptr;  // reference: types without a type named
};

// True if the value is one key of the table's second index, so that matches come in order of rid.
bool is_exact(const Comparison& how, const SearchValue& value);

// Condition of one value; a whole in brackets where needed.
Result<void>
write_value(SqlText& out, const Columns& columns, const Comparison& how, const SearchValue& value);
// The same of alternatives. Those that share a system (token) or a type (reference) become one
// list.
Result<void> write_values(
    SqlText& out,
    const Columns& columns,
    const Comparison& how,
    const std::vector<SearchValue>& any_of
);
// Tokens in one of the sets.
void write_sets(SqlText& out, const Columns& columns, const std::vector<SearchCodes>& sets);

void write_date(SqlText& out, const Columns& columns, const SearchValue& value);
// The same on a column that holds an instant: `from` and `until` spell it where it has a lower and
// an upper bound.
void write_instant(
    SqlText& out, std::string_view from, std::string_view until, const SearchValue& value
);
// Great-circle distance on a sphere, after a box that an index can answer (FHIR R4 Location.near).
void write_near(SqlText& out, const Columns& columns, const SearchValue& value);

}  // namespace gatehouse::gateway::search_detail
