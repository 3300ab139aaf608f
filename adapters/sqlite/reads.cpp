// SPDX-License-Identifier: Apache-2.0

#include "adapters/sqlite/reads.hpp"

#include <charconv>

#include "gateway/store/search_sql.hpp"

namespace gatehouse::adapters::sqlite {
StoredVersion version_from(const Query& query, std::string_view type, std::string_view id) {
    StoredVersion found;
    found.type = type;
    found.id = id;
    found.version = query.number(0);
    found.last_updated = query.integer(1);
    found.method = static_cast<gateway::VersionMethod>(query.integer(2));
    found.json = query.text(3);
    return found;
}

namespace {

Result<StoredVersion> one_version(Query& query, std::string_view type, std::string_view id) {
    GH_TRY_ASSIGN(const bool row, query.step());
    if (!row) {
        return Fault(Errc::not_found, "store.read");
    }
    StoredVersion found = version_from(query, type, id);
    if (found.deleted()) {
        return Fault(Errc::gone, "store.read");
    }
    return found;
}

}  // namespace

Result<StoredVersion> read_current(Database& database, std::string_view type, std::string_view id) {
    Query query(
        database,
        "store.read",
        "SELECT v.version, v.last_updated, v.method, v.json FROM resource r CROSS JOIN version v "
        "ON v.vid = r.vid WHERE r.type = (SELECT id FROM name WHERE text = ?) AND r.id = ?"
    );
    query.bind(type).bind(id);
    return one_version(query, type, id);
}

Result<StoredVersion> read_version(
    Database& database, std::string_view type, std::string_view id, std::uint64_t version
) {
    Query query(
        database,
        "store.read_version",
        "SELECT v.version, v.last_updated, v.method, v.json FROM resource r CROSS JOIN version v "
        "ON v.rid = r.rid AND v.version = ? "
        "WHERE r.type = (SELECT id FROM name WHERE text = ?) AND r.id = ?"
    );
    query.bind(version).bind(type).bind(id);
    return one_version(query, type, id);
}

namespace {

using gateway::PageRow;

Result<std::vector<PageRow>>
run_page(Database& database, const gateway::SqlStatement& statement, std::size_t key_count) {
    Query query(database, "store.search", statement.text);
    for (const gateway::SqlValue& value : statement.values) {
        query.bind_value(value);
    }
    std::vector<PageRow> rows;
    GH_TRY_ASSIGN(bool row, query.step());
    while (row) {
        PageRow& found = rows.emplace_back();
        found.rid = query.integer(0);
        for (std::size_t i = 0; i < key_count; ++i) {
            found.keys.push_back(query.value(static_cast<int>(i) + 1));
        }
        GH_TRY_ASSIGN(row, query.step());
    }
    return rows;
}

Result<std::uint64_t> run_count(Database& database, const gateway::SqlStatement& statement) {
    Query query(database, "store.count", statement.text);
    for (const gateway::SqlValue& value : statement.values) {
        query.bind_value(value);
    }
    GH_TRY(query.step());
    return query.number(0);
}

// How a search with two ways is done.
struct Choice {
    bool in_order = false;
    bool spread = false;  // most rows of a _has lead to a resource of their own
};

Result<Choice> choose(Database& database, const gateway::CompiledSearch& compiled) {
    Choice choice;
    if (compiled.in_order() == nullptr) {
        return choice;
    }
    GH_TRY_ASSIGN(const std::uint64_t rows, run_count(database, compiled.beginnings()));
    choice.in_order = rows >= gateway::rows_common;
    if (choice.in_order && compiled.has_spread()) {
        constexpr std::uint64_t sample = 64;
        GH_TRY_ASSIGN(
            const std::uint64_t seen, run_count(database, compiled.spread(sample, sample))
        );
        choice.spread = seen >= sample / 2;
    }
    if (choice.spread) {
        const std::uint64_t most = gateway::rows_common_has;
        GH_TRY_ASSIGN(const std::uint64_t all, run_count(database, compiled.beginnings(most)));
        choice.in_order = all >= most;
    }
    return choice;
}

// Up to `most`; 0: to the end.
Result<std::uint64_t> count_matches(
    Database& database,
    const gateway::CompiledSearch& compiled,
    const Choice& choice,
    std::uint64_t most
) {
    // All of them are counted best as a set, the first of them in order.
    if (most == 0 || !choice.in_order || compiled.by_time()) {
        return run_count(database, compiled.count(most));
    }
    if (choice.spread) {
        // As many as are wanted are among the first rows of the set.
        GH_TRY_ASSIGN(
            const std::uint64_t found, run_count(database, compiled.spread(4 * most, most))
        );
        if (found == most) {
            return found;
        }
    }
    return run_count(database, compiled.in_order()->count(most));
}

// `type` empty: whatever it is.
Result<StoredVersion> read_rid(Database& database, std::string_view type, std::int64_t rid) {
    Query query(
        database,
        "store.fetch",
        type.empty()
            ? "SELECT v.version, v.last_updated, v.method, v.json, r.id, n.text FROM resource r "
              "CROSS JOIN version v ON v.vid = r.vid CROSS JOIN name n ON n.id = r.type "
              "WHERE r.rid = ?"
            : "SELECT v.version, v.last_updated, v.method, v.json, r.id FROM resource r "
              "CROSS JOIN version v ON v.vid = r.vid WHERE r.rid = ?"
    );
    query.bind(rid);
    GH_TRY_ASSIGN(const bool row, query.step());
    if (!row) {
        return Fault(Errc::corrupt, "store.fetch", "an index row points to no version");
    }
    return version_from(query, type.empty() ? query.text(5) : type, query.text(4));
}

Result<std::string> read_contained_id(Database& database, std::int64_t rid) {
    Query query(database, "store.fetch", "SELECT id FROM contained WHERE rid = ?");
    query.bind(rid);
    GH_TRY_ASSIGN(const bool row, query.step());
    if (!row) {
        return Fault(Errc::corrupt, "store.fetch", "an index row belongs to no resource");
    }
    return std::string(query.text(0));
}

Result<gateway::CompiledSearch> compile(const SearchQuery& query, const SearchLimits& limits) {
    GH_TRY_ASSIGN(
        gateway::CompiledSearch compiled, gateway::compile_search(query, gateway::Dialect::sqlite)
    );
    if (limits.pending != nullptr) {
        if (const std::string unit = limits.pending->lacking(compiled); !unit.empty()) {
            return Fault(
                limits.pending_is,
                "store.search",
                "the index for search parameter " + unit +
                    " is being built; try again later, or search by another parameter"
            );
        }
    }
    return compiled;
}

// What a timeout means to the one who asked.
Fault over_budget(Fault fault) {
    if (fault.code == Errc::too_many) {
        fault.detail =
            "the search looks at more records than one search may; narrow it, for example "
            "by patient, identifier or date, or ask for no total (_total=none)";
    } else if (fault.code == Errc::timeout) {
        fault.detail = "the search took longer than its budget; narrow it, for example by patient, "
                       "identifier or date";
    }
    return fault;
}

Result<SearchPage> search_in_snapshot(
    Database& database,
    const SearchQuery& query,
    const SearchLimits& limits,
    const gateway::CompiledSearch& compiled
) {
    SearchPage page;
    if (query.count_only || query.count == 0) {
        GH_TRY_ASSIGN(page.total, run_count(database, compiled.count()));
        return page;
    }
    std::optional<gateway::Cursor> from;
    if (!query.after.empty()) {
        from = gateway::open_cursor(query.after, compiled.fingerprint(), limits.secret);
        if (!from || from->keys.size() != compiled.key_count()) {
            return Fault(
                Errc::invalid,
                "store.search",
                "the page link does not belong to this search; start again from its first page"
            );
        }
    }
    GH_TRY_ASSIGN(const Choice choice, choose(database, compiled));
    const gateway::CompiledSearch& way = choice.in_order ? *compiled.in_order() : compiled;
    const gateway::Cursor* begin = from ? &*from : nullptr;
    GH_TRY_ASSIGN(
        std::vector<PageRow> rows,
        run_page(database, way.page(begin, query.count + 1), way.key_count())
    );
    gateway::PageLinks links =
        gateway::settle_page(rows, begin, query.count, compiled.fingerprint(), limits.secret);
    page.next = std::move(links.next);
    page.previous = std::move(links.previous);
    page.back = from && from->back;
    if (query.want_total) {
        if (page.next.empty() && !from) {
            page.total = rows.size();
        } else {
            const std::uint64_t most = query.total_max;
            GH_TRY_ASSIGN(
                const std::uint64_t total,
                count_matches(database, compiled, choice, most == 0 ? 0 : most + 1)
            );
            page.total = most != 0 && total > most ? std::nullopt : std::optional(total);
        }
    }
    const bool any_type = !query.types.empty() || query.contained != gateway::SearchContained::no;
    const std::string_view type = any_type ? std::string_view() : query.type;
    page.matches.reserve(rows.size());
    for (const PageRow& found : rows) {
        GH_TRY_ASSIGN(
            StoredVersion version, read_rid(database, type, gateway::holder_of(found.rid))
        );
        if (found.rid < 0) {
            GH_TRY_ASSIGN(version.contained, read_contained_id(database, found.rid));
        }
        page.matches.push_back(std::move(version));
    }
    return page;
}

}  // namespace

Result<SearchPage>
search(Database& database, const SearchQuery& query, const SearchLimits& limits) {
    GH_TRY_ASSIGN(const gateway::CompiledSearch compiled, compile(query, limits));
    Snapshot snapshot(database, limits.budget, limits.steps);
    GH_TRY(snapshot.begin());
    Result<SearchPage> page = search_in_snapshot(database, query, limits, compiled);
    if (!page) {
        return over_budget(std::move(page.error()));
    }
    return page;
}

Result<std::vector<std::string>> match(
    Database& database, const SearchQuery& query, std::uint32_t limit, const SearchLimits& limits
) {
    GH_TRY_ASSIGN(const gateway::CompiledSearch compiled, compile(query, limits));
    Snapshot snapshot(database, limits.budget, limits.steps);
    GH_TRY(snapshot.begin());
    Result<std::vector<PageRow>> rows =
        run_page(database, compiled.page(nullptr, limit), compiled.key_count());
    if (!rows) {
        return over_budget(std::move(rows.error()));
    }
    std::vector<std::string> ids;
    for (const PageRow& found : *rows) {
        Query id(database, "store.match", "SELECT id FROM resource WHERE rid = ?");
        id.bind(found.rid);
        GH_TRY(id.step());
        ids.emplace_back(id.text(0));
    }
    return ids;
}

Result<std::string> read_meta(Database& database, std::string_view key) {
    Query query(database, "store.meta", "SELECT value FROM meta WHERE key = ?");
    query.bind(key);
    GH_TRY_ASSIGN(const bool row, query.step());
    if (!row) {
        return Fault(Errc::not_found, "store.meta");
    }
    return std::string(query.text(0));
}

Result<void> write_meta(Database& database, std::string_view key, std::string_view value) {
    Query query(
        database,
        "store.meta",
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    );
    query.bind(key).bind(value);
    return query.run();
}

Result<std::uint64_t> read_meta_number(Database& database, std::string_view key) {
    GH_TRY_ASSIGN(const std::string text, read_meta(database, key));
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return Fault(Errc::corrupt, "store.meta", "a number in table meta is not a number");
    }
    return value;
}

}  // namespace gatehouse::adapters::sqlite
