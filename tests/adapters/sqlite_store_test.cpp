// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/adapters/sqlite_support.hpp"

namespace gatehouse::adapters {
namespace {

using gateway::MessageState;
using gateway::Receipt;
using gateway::VersionMethod;

gatehouse::gateway::HistoryQuery
of_instance(const char* id, std::string page, std::uint32_t count) {
    gatehouse::gateway::HistoryQuery query;
    query.type = "Patient";
    query.id = id;
    query.page = std::move(page);
    query.count = count;
    return query;
}

TEST(SqliteStore, writes_version_and_time_into_the_body) {
    const Folder folder;
    const auto store = open_store(folder.file());

    ASSERT_TRUE(put_one(*store, patient("p1")));
    const auto found = store->read("Patient", "p1");

    ASSERT_TRUE(found);
    EXPECT_EQ(found->version, 1U);
    EXPECT_EQ(found->method, VersionMethod::create);
    EXPECT_EQ(
        found->json,
        R"({"resourceType":"Patient","id":"p1","meta":{"versionId":"1",)"
        R"("lastUpdated":"2023-11-14T22:13:20.000Z"}})"
    );
}

TEST(SqliteStore, counts_versions_without_gap_through_update_delete_and_return) {
    const Folder folder;
    const auto store = open_store(folder.file());
    std::vector<std::uint64_t> numbers;

    ASSERT_TRUE(store->transact([&](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 2; ++i) {
            GH_TRY_ASSIGN(const auto number, writer.put(patient("p1")));
            numbers.push_back(number);
        }
        GH_TRY_ASSIGN(const auto removed, writer.remove("Patient", "p1", 5, "m", "s"));
        numbers.push_back(removed);
        GH_TRY_ASSIGN(const auto again, writer.remove("Patient", "p1", 6, "m", "s"));
        numbers.push_back(again);
        GH_TRY_ASSIGN(const auto back, writer.put(patient("p1")));
        numbers.push_back(back);
        return {};
    }));

    EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2, 3, 0, 4}));
    const auto history = store->history(of_instance("p1", {}, 10));
    ASSERT_TRUE(history);
    EXPECT_EQ(history->total, 4U);
    ASSERT_EQ(history->versions.size(), 4U);
    EXPECT_EQ(history->versions.front().version, 4U);
    EXPECT_TRUE(history->versions[1].deleted());
    EXPECT_EQ(history->next, "");
    EXPECT_EQ(history->previous, "");
}

TEST(SqliteStore, pages_history_newest_first) {
    const Folder folder;
    const auto store = open_store(folder.file());
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(put_one(*store, patient("p1")));
    }

    const auto first = store->history(of_instance("p1", {}, 2));
    const auto second = store->history(of_instance("p1", first->next, 2));
    const auto third = store->history(of_instance("p1", second->next, 2));

    EXPECT_EQ(first->versions.front().version, 5U);
    EXPECT_EQ(second->versions.front().version, 3U);
    ASSERT_EQ(third->versions.size(), 1U);
    EXPECT_EQ(third->versions.front().version, 1U);
    EXPECT_EQ(third->next, "");
    EXPECT_EQ(third->total, 5U);
}

TEST(SqliteStore, goes_back_in_history_page_by_page_whatever_was_written_since) {
    const Folder folder;
    const auto store = open_store(folder.file());
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(put_one(*store, patient("p1")));
    }
    const auto numbers = [](const gateway::HistoryPage& page) {
        std::string out;
        for (const auto& version : page.versions) {
            out += std::to_string(version.version) + " ";
        }
        return out;
    };
    const auto first = store->history(of_instance("p1", {}, 2));
    const auto second = store->history(of_instance("p1", first->next, 2));
    const auto third = store->history(of_instance("p1", second->next, 2));
    ASSERT_TRUE(put_one(*store, patient("p1")));

    const auto back = store->history(of_instance("p1", third->previous, 2));
    const auto start = store->history(of_instance("p1", back->previous, 2));
    const auto newer = store->history(of_instance("p1", start->previous, 2));
    const auto onward = store->history(of_instance("p1", start->next, 2));

    EXPECT_EQ(numbers(*third), "1 ");
    EXPECT_EQ(numbers(*back), "3 2 ");
    EXPECT_EQ(numbers(*start), "5 4 ");
    EXPECT_EQ(numbers(*newer), "6 ");
    EXPECT_EQ(newer->previous, "");
    EXPECT_EQ(numbers(*onward), "3 2 ");
}

TEST(SqliteStore, takes_no_page_link_of_another_history) {
    const Folder folder;
    const auto store = open_store(folder.file());
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(put_one(*store, patient("p1")));
        ASSERT_TRUE(put_one(*store, patient("p2")));
    }

    const auto first = store->history(of_instance("p1", {}, 1));
    const auto other = store->history(of_instance("p2", first->next, 1));
    const auto made_up = store->history(of_instance("p1", "4", 1));

    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::invalid);
    ASSERT_FALSE(made_up);
    EXPECT_EQ(made_up.error().code, Errc::invalid);
}

TEST(SqliteStore, tells_deleted_from_never_there) {
    const Folder folder;
    const auto store = open_store(folder.file());
    ASSERT_TRUE(put_one(*store, patient("p1")));
    ASSERT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.remove("Patient", "p1", 9, "m", "s"));
        return {};
    }));

    EXPECT_EQ(store->read("Patient", "p1").error().code, Errc::gone);
    EXPECT_EQ(store->read_version("Patient", "p1", 2).error().code, Errc::gone);
    EXPECT_TRUE(store->read_version("Patient", "p1", 1));
    EXPECT_EQ(store->read_version("Patient", "p1", 3).error().code, Errc::not_found);
    EXPECT_EQ(store->read("Patient", "p2").error().code, Errc::not_found);
    EXPECT_EQ(store->history(of_instance("p2", {}, 5)).error().code, Errc::not_found);
}

TEST(SqliteStore, knows_a_mentioned_resource_from_a_held_one) {
    const Folder folder;
    const auto store = open_store(folder.file());
    NewVersion observation = patient("o1");
    observation.type = "Observation";
    observation.patient = "p9";

    ASSERT_TRUE(put_one(*store, observation));

    EXPECT_EQ(store->read("Patient", "p9").error().code, Errc::not_found);
    EXPECT_EQ(store->history(of_instance("p9", {}, 5)).error().code, Errc::not_found);
    EXPECT_EQ(store->stats()->resources, 1U);
}

TEST(SqliteStore, stores_a_new_resource_that_refers_to_itself) {
    const Folder folder;
    const auto store = open_store(folder.file());
    NewVersion plan = patient("c1");
    plan.type = "CarePlan";
    fhir::IndexEntry replaces;
    replaces.parameter = &parameter("replaces", fhir::SearchType::reference, {"CarePlan"});
    replaces.system = "CarePlan";
    replaces.value = "c1";
    plan.index.push_back(replaces);

    const auto stored = put_one(*store, plan);

    ASSERT_TRUE(stored) << describe(stored.error());
    EXPECT_EQ(store->read("CarePlan", "c1")->version, 1U);
    gateway::SearchQuery query;
    query.type = "CarePlan";
    gateway::SearchValue wanted;
    wanted.type = "CarePlan";
    wanted.value = "c1";
    query.all_of.emplace_back().parameter = replaces.parameter;
    query.all_of.front().any_of.push_back(wanted);
    EXPECT_EQ(store->match(query, 5).value_or({}), std::vector<std::string>{"c1"});
}

TEST(SqliteStore, refuses_a_write_on_another_version) {
    const Folder folder;
    const auto store = open_store(folder.file());
    ASSERT_TRUE(put_one(*store, patient("p1")));

    const auto outcome = store->transact([](StoreWriter& writer) -> Result<void> {
        EXPECT_EQ(writer.put(patient("p1"), 7).error().code, Errc::conflict);
        EXPECT_EQ(writer.put(patient("new"), 1).error().code, Errc::conflict);
        EXPECT_EQ(writer.remove("Patient", "p1", 1, "m", "s", 3).error().code, Errc::conflict);
        EXPECT_EQ(*writer.put(patient("p1"), 1), 2U);
        return {};
    });

    ASSERT_TRUE(outcome);
    EXPECT_EQ(store->read("Patient", "p1")->version, 2U);
}

TEST(SqliteStore, undoes_to_the_savepoint_and_goes_on) {
    const Folder folder;
    const auto store = open_store(folder.file());

    ASSERT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.put(patient("kept")));
        GH_TRY(writer.savepoint());
        NewVersion undone = patient("undone");
        undone.source = "a source first seen here";
        GH_TRY(writer.put(undone));
        GH_TRY(writer.rollback());
        EXPECT_EQ(writer.read("Patient", "undone").error().code, Errc::not_found);
        GH_TRY(writer.savepoint());
        undone.id = "after";
        GH_TRY(writer.put(undone));
        GH_TRY(writer.release());
        return {};
    }));

    EXPECT_TRUE(store->read("Patient", "kept"));
    EXPECT_TRUE(store->read("Patient", "after"));
    EXPECT_EQ(store->read("Patient", "undone").error().code, Errc::not_found);
    EXPECT_EQ(store->stats()->resources, 2U);
    EXPECT_EQ(store->stats()->versions, 2U);
}

TEST(SqliteStore, keeps_nothing_of_a_failed_transaction) {
    const Folder folder;
    const auto store = open_store(folder.file());

    const auto outcome = store->transact([](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.put(patient("p1")));
        GH_TRY(writer.set_applied_position(77));
        return Fault(Errc::cancelled, "test");
    });

    EXPECT_EQ(outcome.error().code, Errc::cancelled);
    EXPECT_EQ(store->read("Patient", "p1").error().code, Errc::not_found);
    EXPECT_EQ(*store->applied_position(), 0U);
    EXPECT_TRUE(put_one(*store, patient("p1")));
}

Receipt receipt(const std::string& message, MessageState state, std::int64_t received) {
    Receipt made;
    made.message_id = message;
    made.partner = "practice";
    made.request_id = "r1";
    made.bundle_identifier = "urn:b|1";
    made.body_digest = "abc";
    made.state = state;
    made.received_at = received;
    made.settled_at = received + 1;
    made.status = 201;
    made.headers = "Location: x\n";
    made.rules = {"G01", "G05"};
    made.resources = {"Patient/1/_history/1"};
    return made;
}

TEST(SqliteStore, finds_the_receipt_that_counts) {
    const Folder folder;
    const auto store = open_store(folder.file());
    ASSERT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.put_receipt(receipt("m1", MessageState::rejected, 10)));
        GH_TRY(writer.put_receipt(receipt("m2", MessageState::received, 20)));
        GH_TRY(writer.put_receipt(receipt("m3", MessageState::rejected, 30)));
        GH_TRY(writer.put_receipt(receipt("m2", MessageState::stored, 20)));
        return {};
    }));

    const auto by_request = store->receipt_by_request("practice", "r1");
    const auto by_bundle = store->receipt_by_bundle("practice", "urn:b|1");
    const auto by_message = store->receipt_by_message("m3");

    ASSERT_TRUE(by_request && *by_request);
    EXPECT_EQ((*by_request)->message_id, "m2");
    EXPECT_EQ((*by_request)->state, MessageState::stored);
    EXPECT_EQ((*by_request)->rules, (std::vector<std::string>{"G01", "G05"}));
    EXPECT_EQ((*by_request)->resources.size(), 1U);
    ASSERT_TRUE(by_bundle && *by_bundle);
    EXPECT_EQ((*by_bundle)->message_id, "m2");
    ASSERT_TRUE(by_message && *by_message);
    EXPECT_EQ((*by_message)->state, MessageState::rejected);
    EXPECT_FALSE(*store->receipt_by_request("trust", "r1"));
    EXPECT_FALSE(*store->receipt_by_request("practice", ""));
}

TEST(SqliteStore, forgets_old_receipts_only) {
    const Folder folder;
    const auto store = open_store(folder.file());
    ASSERT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 3000; ++i) {
            GH_TRY(writer.put_receipt(receipt("old" + std::to_string(i), MessageState::stored, 10))
            );
        }
        GH_TRY(writer.put_receipt(receipt("new", MessageState::stored, 1000)));
        Receipt open = receipt("open", MessageState::received, 1);
        open.settled_at = 0;
        GH_TRY(writer.put_receipt(open));
        return {};
    }));

    EXPECT_EQ(*store->prune_receipts(100), 3000U);
    EXPECT_TRUE(*store->receipt_by_message("new"));
    EXPECT_TRUE(*store->receipt_by_message("open"));
    EXPECT_FALSE(*store->receipt_by_message("old7"));
}

TEST(SqliteStore, checkpoints_and_reopens_where_it_was) {
    const Folder folder;
    {
        const auto store = open_store(folder.file());
        ASSERT_TRUE(store->transact([](StoreWriter& writer) -> Result<void> {
            GH_TRY(writer.put(patient("p1")));
            return writer.set_applied_position(42);
        }));
        EXPECT_EQ(*store->checkpoint(), 42U);
        ASSERT_TRUE(put_one(*store, patient("p2")));
    }

    const auto store = open_store(folder.file());

    EXPECT_EQ(*store->applied_position(), 42U);
    EXPECT_TRUE(store->read("Patient", "p1"));
    EXPECT_EQ(*store->checkpoint(), 42U);
    EXPECT_EQ(store->stats()->resources, 2U);
}

// Whether another process could take SQLite's exclusive lock of the file (its 510 shared bytes,
// from 2^30 + 2 on), as one does that closes it and believes to be the last.
bool others_may_lock(const std::filesystem::path& file) {
    const pid_t child = ::fork();
    if (child == 0) {
        const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
        struct flock wanted {};
        wanted.l_type = F_WRLCK;
        wanted.l_whence = SEEK_SET;
        wanted.l_start = (1L << 30) + 2;
        wanted.l_len = 510;
        const bool asked = descriptor >= 0 && ::fcntl(descriptor, F_GETLK, &wanted) == 0;
        ::_exit(asked && wanted.l_type != F_UNLCK ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WEXITSTATUS(status) != 0;
}

TEST(SqliteStore, keeps_its_locks_over_a_checkpoint) {
    const Folder folder;
    const auto store = open_store(folder.file());
    ASSERT_TRUE(put_one(*store, patient("p1")));
    EXPECT_FALSE(others_may_lock(folder.file()));

    ASSERT_TRUE(store->checkpoint());

    EXPECT_FALSE(others_may_lock(folder.file()));
}

TEST(SqliteStore, backs_up_while_being_written) {
    const Folder folder;
    const auto store = open_store(folder.file());
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(put_one(*store, patient(std::to_string(i))));
    }
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (int i = 200; !stop; ++i) {
            ASSERT_TRUE(store->transact([&](StoreWriter& into) -> Result<void> {
                GH_TRY(into.put(patient(std::to_string(i))));
                return into.set_applied_position(static_cast<std::uint64_t>(i));
            }));
        }
    });

    const auto outcome = store->backup(folder.file("copy.db"));
    stop = true;
    writer.join();

    ASSERT_TRUE(outcome) << describe(outcome.error());
    EXPECT_TRUE(check_sqlite_file(folder.file("copy.db")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("copy.db-wal")));
    const auto copy = open_store(folder.file("copy.db"));
    EXPECT_TRUE(copy->read("Patient", "199"));
    EXPECT_EQ(store->backup(folder.path() / "missing" / "copy.db").error().code, Errc::io);
}

TEST(SqliteStore, refuses_a_file_of_another_format_by_name) {
    const Folder folder;
    open_store(folder.file());
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file().c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, "PRAGMA user_version=99", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);

    const auto store = open_sqlite_store({.file = folder.file()});

    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Errc::invalid);
    EXPECT_NE(store.error().detail.find("format 99"), std::string::npos);
    EXPECT_NE(store.error().detail.find("store.db"), std::string::npos);
}

TEST(SqliteStore, refuses_what_is_not_a_store_and_leaves_it_alone) {
    const Folder folder;
    const std::string text(8192, 'x');
    std::ofstream(folder.file("text.db")) << text;
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file("other.db").c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, "CREATE TABLE t (x)", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);

    EXPECT_EQ(open_sqlite_store({.file = folder.file("text.db")}).error().code, Errc::corrupt);
    EXPECT_EQ(open_sqlite_store({.file = folder.file("other.db")}).error().code, Errc::invalid);
    EXPECT_EQ(open_sqlite_store({.file = folder.path() / "no" / "x.db"}).error().code, Errc::io);
    std::ifstream back(folder.file("text.db"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(back), {}), text);
}

TEST(SqliteStore, readers_see_whole_transactions_beside_the_writer) {
    const Folder folder;
    const auto store = open_store(folder.file());
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) {
        readers.emplace_back([&] {
            gateway::SearchQuery query;
            query.type = "Patient";
            query.count = 1;
            while (!stop) {
                const auto page = store->search(query);
                // Each transaction adds two.
                wrong += !page || *page->total % 2 != 0 ? 1 : 0;
            }
        });
    }

    for (int i = 0; i < 150; ++i) {
        ASSERT_TRUE(store->transact([&](StoreWriter& writer) -> Result<void> {
            GH_TRY(writer.put(patient("a" + std::to_string(i))));
            GH_TRY(writer.put(patient("b" + std::to_string(i))));
            return {};
        }));
        if (i % 50 == 0) {
            EXPECT_TRUE(store->checkpoint());
        }
    }
    stop = true;
    for (std::thread& reader : readers) {
        reader.join();
    }

    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace gatehouse::adapters
