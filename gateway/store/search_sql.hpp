#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A search compiled: SearchQuery -> plan (which clause finds the candidates, which ones test them)
// -> SQL with bound values, in one place for both dialects (that both answer alike is what
// tests/gateway/search_postgres_test.cpp compares). The only texts that enter SQL are those
// written here; what a caller sent is bound.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/store/cursor.hpp"
#include "gateway/store/query.hpp"
#include "gateway/store/schema.hpp"

namespace gatehouse::gateway {

namespace search_detail {
class SqlText;
}

struct SqlStatement {
    std::string text;
    std::vector<SqlValue> values;  // in order of the placeholders
};

// How a clause is used, for people: `gatehouse explain-search`.
struct PlanStep {
    std::string clause;  // "patient", "identifier", "_lastUpdated"
    std::string table;   // "ix_token"
    std::string use;     // "finds, in order", "finds", "tests", "excludes"
};

// With so many rows a condition is common: what it finds, or a chain or _has leads to from there,
// is found sooner by asking resources in order than by making the set of them all.
inline constexpr std::uint64_t rows_common = 1'000;
// The same of a _has of which most rows lead to a resource of their own: each resource is asked for
// all that refers to it before one matches, where the set is one probe a row.
inline constexpr std::uint64_t rows_common_has = 4'000;

class CompiledSearch {
public:
    [[nodiscard]] const std::vector<PlanStep>& plan() const noexcept { return plan_; }
    // Sort keys that page() yields after the rid.
    [[nodiscard]] std::size_t key_count() const noexcept { return sorts_.size(); }
    // Columns: rid, then the sort keys; in order of the sort, then of rid; from `from` on if given:
    // against that order where it goes back. For settle_page().
    [[nodiscard]] SqlStatement page(const Cursor* from, std::uint32_t limit) const;
    // One row, one column. `most` > 0: counting ends there.
    [[nodiscard]] SqlStatement count(std::uint64_t most = 0) const;
    // The same search without a set that a chain, _has or _lastUpdated would make; null where there
    // is none, or a sort needs all of it anyway. It serves if beginnings() yields rows_common.
    [[nodiscard]] const CompiledSearch* in_order() const noexcept { return in_order_.get(); }
    // A range of _lastUpdated finds: it is counted best by itself, whichever way a page takes.
    [[nodiscard]] bool by_time() const noexcept { return by_time_; }
    // A _has finds: spread() is there.
    [[nodiscard]] bool has_spread() const noexcept { return sampled_.has_value(); }
    // How many match of what the first `rows` of the set lead to, counted up to `most`. One row,
    // one column.
    [[nodiscard]] SqlStatement spread(std::uint64_t rows, std::uint64_t most) const;
    // Counts what the set begins with, up to `most`. One row, one column.
    [[nodiscard]] SqlStatement beginnings(std::uint64_t most = rows_common) const;
    // The parameter_key()s that the search reads, sorted: all must have been indexed.
    [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return keys_; }
    // The search without its page, as a text: cursors are bound to it.
    [[nodiscard]] const std::string& fingerprint() const noexcept { return fingerprint_; }

private:
    friend class SearchCompiler;
    struct Sort {
        SqlStatement expression;
        bool descending = false;
        bool nullable = true;  // a resource may lack it: those come last
    };
    void
    write_beyond(search_detail::SqlText& out, const Cursor& from, std::string_view beyond) const;

    Dialect dialect_ = Dialect::sqlite;
    std::vector<PlanStep> plan_;
    std::string rid_;                      // "b.rid" or "r.rid"
    SqlStatement matches_;                 // FROM ... WHERE ...
    std::optional<SqlStatement> rising_;   // instead, from a cursor on by rising keys
    std::optional<SqlStatement> falling_;  // the same by falling keys
    std::optional<SqlStatement> sampled_;  // instead, with a bound on the rows of the set
    std::size_t sampled_at_ = 0;           // its place among the values
    std::vector<Sort> sorts_;
    std::vector<std::string> keys_;
    std::string fingerprint_;
    std::shared_ptr<CompiledSearch> in_order_;
    SqlStatement beginnings_;  // its last value is the bound
    bool by_time_ = false;
};

// The bounds and fits of a search without writing it: what compile_search() would refuse.
Result<void> check_search(const SearchQuery& query);

// Errc::unsupported for what is not offered (a modifier the type lacks) and Errc::too_many over the
// bounds of query.hpp, in words for the sender.
Result<CompiledSearch> compile_search(const SearchQuery& query, Dialect dialect);

}  // namespace gatehouse::gateway
