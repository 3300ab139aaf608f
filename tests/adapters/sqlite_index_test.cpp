// SPDX-License-Identifier: Apache-2.0
//
// The search index built anew: what is pending is refused, nothing stops, a stop loses nothing.

#include <sqlite3.h>

#include "tests/adapters/sqlite_support.hpp"

namespace gatehouse::adapters {
namespace {

using fhir::IndexEntry;
using fhir::IndexUnit;
using fhir::SearchType;
using gateway::SearchClause;
using gateway::SearchIndex;
using gateway::SearchQuery;
using gateway::StoredVersion;

const std::vector<IndexUnit> first{{"Patient.family", 1}, {"Patient.identifier", 1}};
const std::vector<IndexUnit> second{
    {"Patient.family", 1}, {"Patient.identifier", 1}, {"Patient.nick", 1}};

SearchQuery by(const std::string& code, const std::string& text) {
    SearchClause clause;
    clause.parameter = &parameter(code, SearchType::string);
    clause.any_of.emplace_back().value = text;
    SearchQuery query;
    query.type = "Patient";
    query.all_of = {clause};
    return query;
}

// As an engine with the new parameter would: the nickname is the id.
std::vector<IndexEntry> with_nick(const StoredVersion& version) {
    std::vector<IndexEntry> entries = patient(version.id).index;
    IndexEntry& nick = entries.emplace_back();
    nick.parameter = &parameter("nick", SearchType::string);
    nick.value = version.id;
    nick.folded = version.id;
    return entries;
}

std::string found(Store& store, const SearchQuery& query) {
    const auto page = store.search(query);
    if (!page) {
        return to_string(page.error().code);
    }
    std::string ids;
    for (const StoredVersion& match : page->matches) {
        ids += (ids.empty() ? "" : " ") + match.id;
    }
    return ids;
}

void fill(Store& store, int count) {
    ASSERT_TRUE(store.search_index()->use(first));
    ASSERT_TRUE(store.transact([&](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < count; ++i) {
            GH_TRY(writer.put(patient("n" + std::to_string(i))));
        }
        return {};
    }));
}

TEST(SqliteIndex, a_new_parameter_is_refused_until_its_rows_are_there) {
    const Folder folder;
    const auto store = open_store(folder.file());
    fill(*store, 25);
    SearchIndex& index = *store->search_index();
    ASSERT_TRUE(index.use(second));

    EXPECT_EQ(found(*store, by("nick", "n24")), "busy");
    EXPECT_NE(
        store->search(by("nick", "n2")).error().detail.find("Patient.nick"), std::string::npos
    );
    EXPECT_NE(found(*store, by("family", "smith")), "busy");
    ASSERT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
        EXPECT_EQ(writer.match(by("nick", "n1"), 2).error().code, Errc::unsupported);
        return {};
    }));
    EXPECT_EQ(*index.rebuild(10, with_nick), 10U);
    EXPECT_EQ(index.state()->versions, 10U);
    EXPECT_EQ(index.state()->pending, std::vector<std::string>{"Patient.nick"});
    EXPECT_EQ(found(*store, by("nick", "n24")), "busy");
    while (*index.rebuild(10, with_nick) > 0) {
    }
    EXPECT_EQ(found(*store, by("nick", "n24")), "n24");
    EXPECT_TRUE(index.state()->pending.empty());
}

TEST(SqliteIndex, work_goes_on_where_a_stop_left_it) {
    const Folder folder;
    {
        const auto store = open_store(folder.file());
        fill(*store, 25);
        ASSERT_TRUE(store->search_index()->use(second));
        ASSERT_EQ(*store->search_index()->rebuild(10, with_nick), 10U);
    }
    const auto store = open_store(folder.file());
    SearchIndex& index = *store->search_index();
    ASSERT_TRUE(index.use(second));
    EXPECT_EQ(index.state()->versions, 10U);
    int indexed = 0;
    const auto counted = [&](const StoredVersion& version) {
        ++indexed;
        return with_nick(version);
    };
    while (*index.rebuild(10, counted) > 0) {
    }
    EXPECT_EQ(indexed, 15);
    EXPECT_EQ(found(*store, by("nick", "n0")), "n0");
}

TEST(SqliteIndex, what_is_written_meanwhile_is_neither_lost_nor_undone) {
    const Folder folder;
    const auto store = open_store(folder.file());
    fill(*store, 25);
    SearchIndex& index = *store->search_index();
    ASSERT_TRUE(index.use(second));
    ASSERT_EQ(*index.rebuild(10, with_nick), 10U);
    // Written with the old parameters, after the rebuild has begun.
    ASSERT_TRUE(put_one(*store, patient("n3", "Changed")));
    ASSERT_TRUE(put_one(*store, patient("late")));
    // Removed and changed between reading and writing of one batch.
    bool once = true;
    const auto disturbed = [&](const StoredVersion& version) {
        if (std::exchange(once, false)) {
            EXPECT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
                GH_TRY(writer.remove("Patient", "n11", 1, "m", "s"));
                GH_TRY(writer.put(patient("n12", "Moved")));
                return {};
            }));
        }
        return version.id == "n3" || version.id == "n12" ? patient(version.id, "Rebuilt").index
                                                         : with_nick(version);
    };
    while (*index.rebuild(10, disturbed) > 0) {
    }
    EXPECT_EQ(found(*store, by("nick", "late")), "late");
    EXPECT_EQ(found(*store, by("nick", "n11")), "");
    EXPECT_EQ(found(*store, by("family", "rebuilt")), "n3 n12");
    EXPECT_EQ(found(*store, by("family", "moved")), "");
}

TEST(SqliteIndex, a_parameter_that_went_and_came_back_counts_as_new) {
    const Folder folder;
    const auto store = open_store(folder.file());
    fill(*store, 3);
    SearchIndex& index = *store->search_index();
    ASSERT_TRUE(index.use({first.front()}));
    EXPECT_TRUE(index.state()->pending.empty());
    ASSERT_TRUE(index.use(first));
    EXPECT_EQ(index.state()->pending, std::vector<std::string>{"Patient.identifier"});
    ASSERT_TRUE(index.use({{"Patient.family", 2}}));
    EXPECT_EQ(index.state()->pending, std::vector<std::string>{"Patient.family"});
}

TEST(SqliteIndex, a_store_of_format_2_lacks_what_came_with_3_and_nothing_else) {
    const Folder folder;
    {
        const auto store = open_store(folder.file());
        ASSERT_TRUE(put_one(*store, patient("p1")));
    }
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file().c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(
        sqlite3_exec(
            raw,
            "DROP TABLE ix_composite; DROP TABLE contained; PRAGMA user_version=2",
            nullptr,
            nullptr,
            nullptr
        ),
        SQLITE_OK
    );
    sqlite3_close(raw);
    const auto store = open_store(folder.file());
    SearchIndex& index = *store->search_index();
    ASSERT_TRUE(index.use(
        {{"Observation.component(code,value)", 1},
         {"Observation.value-quantity", 1},
         {"Observation.value-quantity:base", 1},
         {"Patient.family", 1},
         {"Patient.identifier", 1},
         {"Patient.identifier:text", 1}}
    ));
    const std::vector<std::string> lacking{
        "Observation.component(code,value)",
        "Observation.value-quantity:base",
        "Patient.identifier:text"};
    EXPECT_EQ(index.state()->pending, lacking);
    EXPECT_EQ(found(*store, by("family", "smith")), "p1");
    const auto again = [](const StoredVersion& version) { return patient(version.id).index; };
    while (*index.rebuild(10, again) > 0) {
    }
    EXPECT_TRUE(index.state()->pending.empty());
}

// What an engine would say of a patient whose JSON has a contained one: "family" of both.
std::vector<IndexEntry> with_contained(const StoredVersion& version) {
    std::vector<IndexEntry> entries = patient(version.id).index;
    if (version.json.find("\"contained\"") == std::string::npos) {
        return entries;
    }
    IndexEntry there;
    there.parameter = &parameter("_id", SearchType::token);
    there.kind = fhir::EntryKind::contained;
    there.holder = 1;
    there.system = "Patient";
    there.value = "inner";
    entries.push_back(there);
    IndexEntry name = patient("x", "Inside").index.front();
    name.holder = 1;
    entries.push_back(name);
    return entries;
}

TEST(
    SqliteIndex, a_store_of_format_3_lacks_contained_resources_and_reads_only_records_that_have_some
) {
    const Folder folder;
    std::vector<IndexUnit> units = first;
    {
        const auto store = open_store(folder.file());
        fill(*store, 300);
        NewVersion holder = patient("holder");
        holder.json.tail = R"(},"contained":[{"resourceType":"Patient","id":"inner"}]})";
        ASSERT_TRUE(put_one(*store, holder));
        ASSERT_TRUE(put_one(*store, patient("last")));
    }
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file().c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(
        sqlite3_exec(raw, "DROP TABLE contained; PRAGMA user_version=3", nullptr, nullptr, nullptr),
        SQLITE_OK
    );
    sqlite3_close(raw);
    units.push_back({"contained", 1});
    const auto store = open_store(folder.file());
    SearchIndex& index = *store->search_index();
    ASSERT_TRUE(index.use(units));
    EXPECT_EQ(index.state()->pending, std::vector<std::string>{"contained"});
    SearchQuery inside = by("family", "inside");
    inside.contained = gateway::SearchContained::only;
    inside.contained_alone = true;
    EXPECT_EQ(found(*store, inside), "busy");
    EXPECT_NE(found(*store, by("family", "smith")), "busy");
    int read = 0;
    const auto counted = [&](const StoredVersion& version) {
        ++read;
        return with_contained(version);
    };
    while (*index.rebuild(10, counted) > 0) {
    }
    EXPECT_EQ(read, 1);
    EXPECT_EQ(found(*store, inside), "holder");
    EXPECT_EQ(store->search(inside)->matches.front().contained, "inner");
    EXPECT_EQ(found(*store, by("family", "inside")), "");
}

}  // namespace
}  // namespace gatehouse::adapters
