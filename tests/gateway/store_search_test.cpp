// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/cases/search/store*.json: records that are indexed and stored as a write would, and
// queries as they come over HTTP, with the ids that they must find, in order.

#include <algorithm>

#include <sqlite3.h>

#include "adapters/sqlite/sqlite_store.hpp"
#include "fhir/json/value.hpp"
#include "gateway/api/search_parameters.hpp"
#include "gateway/http/message.hpp"
#include "gateway/store/search_sql.hpp"
#include "tests/support/core_engine.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

using test::core_engine;

constexpr std::string_view own_base = "http://127.0.0.1:8080/fhir/R4";

NewVersion to_version(std::string_view text, Micros at) {
    Arena arena;
    fhir::Decoded decoded = core_engine()->read(text, fhir::Format::json, arena);
    EXPECT_NE(decoded.root, nullptr) << text;
    NewVersion version;
    if (decoded.root == nullptr) {
        return version;
    }
    version.type = decoded.root->resource_type();
    version.id = decoded.root->child_value("id");
    version.json = {std::string(text.substr(0, text.rfind('}'))) + R"(,"meta":{)", "}}"};
    version.last_updated = at;
    version.message_id = "01HF0000000000000000000000";
    version.source = "practice";
    core_engine()->search()->extract(*decoded.root, arena, version.index, own_base);
    return version;
}

// "name=value&name=value", not percent-encoded.
std::vector<std::pair<std::string, std::string>> parameters_of(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> parameters;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find('&'));
        const std::size_t equals = one.find('=');
        parameters.emplace_back(one.substr(0, equals), one.substr(equals + 1));
        text.remove_prefix(std::min(text.size(), one.size() + 1));
    }
    return parameters;
}

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
    const std::size_t mark = text.find('?');
    SearchLimits limits;
    limits.base = own_base;
    limits.now = 1'700'000'000'000'000;
    ParsedSearch parsed = parse_search(
        std::string(text.substr(0, mark)),
        parameters_of(text.substr(mark + 1)),
        *core_engine(),
        limits
    );
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
    if (core_engine() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    std::size_t count = 0;
    const std::filesystem::path folder =
        std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/cases/search";
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (!file.path().filename().string().starts_with("store")) {
            continue;
        }
        Arena arena;
        const std::string text = test::read_file(file.path());
        const auto cases = fhir::parse_json_value(text, arena);
        ASSERT_TRUE(cases) << file.path() << ": " << describe(cases.error());
        for (const fhir::JsonValue& test_case : cases->items) {
            const tests::ScratchFolder scratch;
            auto store = adapters::open_sqlite_store({.file = scratch.path() / "store.db"});
            ASSERT_TRUE(store);
            const auto stored = (*store)->transact([&](StoreWriter& writer) -> Result<void> {
                Micros at = 1'700'000'000'000'000;
                for (const fhir::JsonValue& input : test_case.find("input")->items) {
                    GH_TRY(writer.put(to_version(input.text, at += 1'000'000)));
                }
                return {};
            });
            ASSERT_TRUE(stored) << describe(stored.error());
            sqlite3* database = nullptr;
            ASSERT_EQ(sqlite3_open((scratch.path() / "store.db").c_str(), &database), SQLITE_OK);
            for (const fhir::JsonValue::Member& query : test_case.find("expect")->members) {
                ++count;
                EXPECT_EQ(run(**store, database, query.name), query.value.text)
                    << file.path().filename() << ": " << test_case.string("name") << ": "
                    << query.name;
            }
            sqlite3_close(database);
        }
    }
    EXPECT_GT(count, 250U);
}

}  // namespace
}  // namespace gatehouse::gateway
