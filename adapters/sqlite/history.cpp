// SPDX-License-Identifier: Apache-2.0
//
// History of an instance, a type or everything, newest first. Versions are numbered in order of
// writing (vid), and so are their times, so a page is a range of vid. What finds the rows: an
// instance its own versions; a type with few records theirs; anything else the versions from the
// newest back, which fill a page soon because the type is common.

#include <algorithm>
#include <limits>

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {
namespace {

using gateway::HistoryQuery;
using gateway::Micros;

// A type with no more records than this is read through them.
constexpr std::int64_t few_records = 1000;
constexpr std::size_t among_max = 1000;

class HistoryReader {
public:
    HistoryReader(
        Database& database, const HistoryQuery& query, const gateway::CursorSecret& secret
    )
        : database_(database), query_(query), secret_(secret) {}

    Result<HistoryPage> run();

private:
    Result<std::int64_t> one(std::string_view sql, std::int64_t value);
    // The first vid written at `at` or later; one past the last if there is none.
    Result<std::int64_t> first_since(Micros at);
    Result<bool> choose_source();
    Result<void> read_page(HistoryPage& page);
    Result<std::uint64_t> count();
    void bind_where(Query& query, std::int64_t low, std::int64_t high) const;
    [[nodiscard]] std::string where() const;

    Database& database_;
    const HistoryQuery& query_;
    const gateway::CursorSecret& secret_;
    std::int64_t type_ = 0;
    std::int64_t low_ = 0;                        // vid >= low_
    std::int64_t high_ = std::int64_t{1} << 62U;  // vid < high_
    std::vector<std::int64_t> rids_;              // among, or the instance
    bool by_rid_ = false;
    bool by_type_ = false;  // through the records of the type
};

Result<std::int64_t> HistoryReader::one(std::string_view sql, std::int64_t value) {
    Query query(database_, "store.history", sql);
    query.bind(value);
    GH_TRY_ASSIGN(const bool row, query.step());
    return row ? query.integer(0) : std::int64_t{-1};
}

Result<std::int64_t> HistoryReader::first_since(Micros at) {
    GH_TRY_ASSIGN(const std::int64_t last, one("SELECT max(vid) FROM version WHERE vid > ?", 0));
    std::int64_t low = 1;
    std::int64_t high = std::max<std::int64_t>(last, 0) + 1;
    while (low < high) {
        const std::int64_t middle = low + (high - low) / 2;
        GH_TRY_ASSIGN(
            const std::int64_t time,
            one("SELECT last_updated FROM version WHERE vid >= ? ORDER BY vid LIMIT 1", middle)
        );
        if (time >= at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

// False: there can be nothing.
Result<bool> HistoryReader::choose_source() {
    if (query_.since != 0) {
        GH_TRY_ASSIGN(low_, first_since(query_.since));
    }
    if (query_.at_high != 0) {
        GH_TRY_ASSIGN(const std::int64_t end, first_since(query_.at_high));
        high_ = std::min(high_, end);
    }
    if (!query_.type.empty()) {
        Query name(database_, "store.history", "SELECT id FROM name WHERE text = ?");
        name.bind(query_.type);
        GH_TRY_ASSIGN(const bool known, name.step());
        if (!known) {
            return false;
        }
        type_ = name.integer(0);
    }
    std::vector<std::pair<std::string, std::string>> identities;
    if (query_.among) {
        identities = *query_.among;
        if (identities.size() > among_max) {
            return Fault(
                Errc::too_many,
                "store.history",
                "the list has more than " + std::to_string(among_max) + " records"
            );
        }
        std::erase_if(identities, [&](const auto& identity) {
            return (!query_.type.empty() && identity.first != query_.type) ||
                   (!query_.id.empty() && identity.second != query_.id);
        });
        by_rid_ = true;
    } else if (!query_.id.empty()) {
        identities.emplace_back(query_.type, query_.id);
        by_rid_ = true;
    }
    for (const auto& [type, id] : identities) {
        Query find(
            database_,
            "store.history",
            "SELECT rid FROM resource WHERE type = (SELECT id FROM name WHERE text = ?) AND id = ? "
            "AND version > 0"
        );
        find.bind(type).bind(id);
        GH_TRY_ASSIGN(const bool known, find.step());
        if (known) {
            rids_.push_back(find.integer(0));
        }
    }
    if (by_rid_) {
        return !rids_.empty();
    }
    if (type_ != 0) {
        Query records(
            database_,
            "store.history",
            "SELECT count(*) FROM (SELECT 1 FROM resource WHERE type = ? AND version > 0 LIMIT ?)"
        );
        records.bind(type_).bind(few_records + 1);
        GH_TRY(records.step());
        by_type_ = records.integer(0) <= few_records;
    }
    return true;
}

std::string HistoryReader::where() const {
    std::string sql;
    if (by_rid_) {
        sql = " FROM resource r CROSS JOIN version v ON v.rid = r.rid WHERE r.rid IN (";
        for (std::size_t i = 0; i < rids_.size(); ++i) {
            sql += i == 0 ? "?" : ", ?";
        }
        sql += ")";
    } else if (by_type_) {
        sql = " FROM resource r CROSS JOIN version v ON v.rid = r.rid WHERE r.type = ?";
    } else {
        sql = " FROM version v CROSS JOIN resource r ON r.rid = v.rid WHERE (? = 0 OR r.type = ?)";
    }
    sql += " AND v.vid >= ? AND v.vid < ?";
    if (query_.at_low != 0) {
        // Current until the next version came.
        sql += " AND COALESCE((SELECT n.last_updated FROM version n WHERE n.rid = v.rid AND "
               "n.version = v.version + 1), ?) > ?";
    }
    return sql;
}

void HistoryReader::bind_where(Query& query, std::int64_t low, std::int64_t high) const {
    if (by_rid_) {
        for (const std::int64_t rid : rids_) {
            query.bind(rid);
        }
    } else if (by_type_) {
        query.bind(type_);
    } else {
        query.bind(type_).bind(type_);
    }
    query.bind(low).bind(high);
    if (query_.at_low != 0) {
        query.bind(std::int64_t{1} << 62U).bind(query_.at_low);
    }
}

Result<void> HistoryReader::read_page(HistoryPage& page) {
    const std::string print = gateway::fingerprint_of(query_);
    std::optional<gateway::Cursor> from;
    std::int64_t low = low_;
    std::int64_t high = high_;
    if (!query_.page.empty()) {
        from = gateway::open_cursor(query_.page, print, secret_);
        if (!from) {
            return Fault(
                Errc::invalid,
                "store.history",
                "the page link does not belong to this history; start again from its first page"
            );
        }
        // Newest first: above a row is what is newer.
        const std::int64_t gap = from->rid + (from->above ? 1 : 0);
        (from->back ? low : high) = from->back ? std::max(low, gap) : std::min(high, gap);
    }
    page.back = from && from->back;
    const std::string sql = "SELECT v.version, v.last_updated, v.method, v.json, r.id, v.vid, "
                            "(SELECT text FROM name WHERE id = r.type)" +
                            where() + " ORDER BY v.vid " + (page.back ? "ASC" : "DESC") +
                            " LIMIT ?";
    Query query(database_, "store.history", sql);
    bind_where(query, low, high);
    query.bind(std::int64_t{query_.count} + 1);
    std::vector<gateway::PageRow> rows;
    GH_TRY_ASSIGN(bool row, query.step());
    while (row) {
        rows.push_back({query.integer(5), {}});
        if (page.versions.size() < query_.count) {
            page.versions.push_back(version_from(query, query.text(6), query.text(4)));
        }
        GH_TRY_ASSIGN(row, query.step());
    }
    if (page.back) {
        std::ranges::reverse(page.versions);
    }
    gateway::PageLinks links =
        gateway::settle_page(rows, from ? &*from : nullptr, query_.count, print, secret_);
    page.next = std::move(links.next);
    page.previous = std::move(links.previous);
    return {};
}

Result<std::uint64_t> HistoryReader::count() {
    const std::string sql = "SELECT count(*)" + where();
    Query query(database_, "store.history", sql);
    bind_where(query, low_, std::int64_t{1} << 62U);
    GH_TRY(query.step());
    return query.number(0);
}

Result<HistoryPage> HistoryReader::run() {
    HistoryPage page;
    GH_TRY_ASSIGN(const bool some, choose_source());
    if (!some) {
        if (!query_.id.empty() && !query_.among) {
            return Fault(Errc::not_found, "store.history");
        }
        page.total = 0;
        return page;
    }
    if (query_.count != 0) {
        GH_TRY(read_page(page));
    }
    if (by_rid_ || by_type_) {
        if (query_.at_high == 0) {
            GH_TRY_ASSIGN(page.total, count());
        }
    } else if (type_ == 0 && query_.at_low == 0) {
        // Versions are numbered without gaps.
        GH_TRY_ASSIGN(
            const std::int64_t last, one("SELECT max(vid) FROM version WHERE vid > ?", 0)
        );
        page.total = static_cast<std::uint64_t>(std::max<std::int64_t>(
            std::max<std::int64_t>(last, 0) - std::max<std::int64_t>(low_, 1) + 1, 0
        ));
    }
    return page;
}

}  // namespace

Result<HistoryPage>
read_history(Database& database, const HistoryQuery& query, const SearchLimits& limits) {
    Snapshot snapshot(database, limits.budget, std::numeric_limits<std::uint64_t>::max());
    GH_TRY(snapshot.begin());
    HistoryReader reader(database, query, limits.secret);
    Result<HistoryPage> page = reader.run();
    if (!page && page.error().code == Errc::timeout) {
        return Fault(
            Errc::timeout,
            "store.history",
            "the history took longer than its budget; narrow it with _since, or ask for one record"
        );
    }
    return page;
}

}  // namespace gatehouse::adapters::sqlite
