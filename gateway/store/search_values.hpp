#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// One clause's values as SQL conditions on its index table: what equal, starts-with, overlaps and
// the prefixes mean. search_sql.cpp decides where the conditions stand.

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
    // The id of a word in `name`; no row, no match.
    SqlText& name(std::string_view text);
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

// True if the value is one key of the table's second index, so that matches come in order of rid.
bool is_exact(const SearchClause& clause, const SearchValue& value);

// Condition of one value on `x`, an alias of the clause's table; a whole in brackets where needed.
Result<void> write_value(SqlText& out, const SearchClause& clause, const SearchValue& value);

// Several values as one list in SQL, where they share a system (token) or a type (reference):
// false, and nothing written, where they do not.
bool write_list(SqlText& out, const SearchClause& clause);

// Condition of a date range on the columns given.
void write_date(
    SqlText& out, const SearchValue& value, std::string_view low, std::string_view high
);

}  // namespace gatehouse::gateway::search_detail
