// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/cases/search/store*.json on a SQLite store.

#include <sqlite3.h>

#include "gateway/store/search_sql.hpp"
#include "tests/gateway/store_cases.hpp"

namespace gatehouse::gateway {
namespace {

// Steps of SQLite's plan for a page that walk through a table of the index, or through the
// resources of a search that has a condition to find them by.
std::string walks(sqlite3* database, const SearchQuery& query) {
    const auto compiled = compile_search(query, Dialect::sqlite);
    EXPECT_TRUE(compiled);
    const std::string sql = "EXPLAIN QUERY PLAN " + compiled->page(nullptr, 10).text;
    sqlite3_stmt* plan = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database, sql.c_str(), -1, &plan, nullptr), SQLITE_OK);
    const bool in_order = compiled->plan().front().use == "finds, in order";
    std::string found;
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const std::string step(reinterpret_cast<const char*>(sqlite3_column_text(plan, 3)));
        const bool of_index = step.starts_with("SCAN x");
        if (of_index || (step.starts_with("SCAN r") && !in_order)) {
            found += step + "; ";
        }
    }
    sqlite3_finalize(plan);
    return found;
}

// Ids of all pages in order, or why not.
std::string run(Store& store, sqlite3* database, std::string_view text) {
    ParsedSearch parsed = store_cases::parse(text);
    if (fhir::has_errors(parsed.issues)) {
        return "refused: " + parsed.issues.front().rule;
    }
    EXPECT_EQ(walks(database, parsed.query), "") << text;
    std::string ids;
    std::uint64_t seen = 0;
    for (int pages = 0; pages < 100; ++pages) {
        const auto page = store.search(parsed.query);
        if (!page) {
            return describe(page.error());
        }
        for (const StoredVersion& match : page->matches) {
            ids += (ids.empty() ? "" : " ") + match.id;
            ++seen;
        }
        if (page->next.empty()) {
            if (page->total && *page->total != seen && !parsed.query.count_only) {
                return ids + " but a total of " + std::to_string(*page->total);
            }
            return parsed.query.count_only ? std::to_string(*page->total) : ids;
        }
        parsed.query.after = page->next;
    }
    return "endless";
}

TEST(StoreSearch, cases) {
    if (test::core_engine() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    std::size_t count = 0;
    store_cases::each([&](Store& store,
                          const std::filesystem::path& file,
                          const std::string& name,
                          const fhir::JsonValue& expected) {
        sqlite3* database = nullptr;
        ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
        for (const fhir::JsonValue::Member& query : expected.members) {
            ++count;
            EXPECT_EQ(run(store, database, query.name), query.value.text)
                << name << ": " << query.name;
        }
        sqlite3_close(database);
    });
    EXPECT_GT(count, 250U);
}

}  // namespace
}  // namespace gatehouse::gateway
