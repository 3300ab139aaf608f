// SPDX-License-Identifier: Apache-2.0
//
// The outbox: order, retry, dead letters, crashes between applying and delivering, and the road
// that fills it.

#include "gateway/pipeline/notify.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "adapters/spool/spool_sink.hpp"
#include "fhir/json/value.hpp"
#include "gateway/journal/file.hpp"
#include "tests/support/road.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;
using tests::RoadFixture;
using tests::ScratchFolder;

// Keeps what it gets; fails for the first `failures` deliveries of each message that begins with
// `fails`.
class FakeSink final : public Sink {
public:
    Result<void> deliver(const Notification& notification) override {
        const std::lock_guard lock(mutex_);
        ++attempts_;
        if (!fails.empty() && notification.message_id.starts_with(fails) && failures != 0) {
            --failures;
            return Fault(code, "fake", "broken by the test");
        }
        got_.push_back(notification.message_id);
        return {};
    }
    std::vector<std::string> got() {
        const std::lock_guard lock(mutex_);
        return got_;
    }
    int attempts() {
        const std::lock_guard lock(mutex_);
        return attempts_;
    }
    std::string fails;
    int failures = -1;  // for ever
    Errc code = Errc::io;

private:
    std::mutex mutex_;
    std::vector<std::string> got_;
    int attempts_ = 0;
};

template <class Condition> bool soon(const Condition& condition) {
    for (int i = 0; i < 1000; ++i) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

std::unique_ptr<Store> open_store(const fs::path& file) {
    adapters::SqliteOptions options;
    options.file = file;
    auto store = adapters::open_sqlite_store(options);
    EXPECT_TRUE(store.has_value()) << (store ? "" : describe(store.error()));
    return store ? std::move(*store) : nullptr;
}

void put(Store& store, const std::vector<std::string>& messages, Micros at) {
    const auto put = store.transact([&](StoreWriter& writer) -> Result<void> {
        for (const std::string& message : messages) {
            OutboxEntry entry;
            entry.destination = "feed";
            entry.message_id = message;
            entry.body = "{}";
            entry.created_at = at;
            entry.due_at = at;
            GH_TRY(writer.put_outbox(entry));
        }
        return {};
    });
    ASSERT_TRUE(put.has_value());
}

struct Counts {
    std::uint64_t waiting = 0;
    std::uint64_t dead = 0;
    bool operator==(const Counts&) const = default;
};
Counts counts(Store& store) {
    const auto all = store.outbox_counts();
    return all && !all->empty() ? Counts{all->front().waiting, all->front().dead} : Counts{};
}

// A store with a notifier whose clock stands still until it is told.
struct Outbox {
    Outbox() : store(open_store(folder.path() / "store.db")) {}
    void start() {
        notifier = std::make_unique<Notifier>(*store, clock, options, &metrics);
        notifier->set_sinks({{"feed", sink}});
    }
    void later(std::chrono::microseconds time) {
        clock.advance(time.count());
        notifier->wake();
    }
    ScratchFolder folder;
    FakeClock clock{1'795'000'000'000'000};
    NotifyOptions options;
    Metrics metrics;
    std::unique_ptr<Store> store;
    std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
    std::unique_ptr<Notifier> notifier;
};

TEST(Outbox, DeliversInOrderAndForgets) {
    Outbox outbox;
    outbox.options.batch_max = 2;
    put(*outbox.store, {"M1", "M2", "M3", "M2", "M4", "M5"}, outbox.clock.now());
    outbox.start();
    EXPECT_TRUE(soon([&] { return counts(*outbox.store) == Counts{0, 0}; }));
    EXPECT_EQ(outbox.sink->got(), (std::vector<std::string>{"M1", "M2", "M3", "M4", "M5"}));
    put(*outbox.store, {"M6"}, outbox.clock.now());
    outbox.notifier->wake();
    EXPECT_TRUE(soon([&] { return outbox.sink->got().size() == 6; }));
    EXPECT_TRUE(soon([&] { return counts(*outbox.store) == Counts{0, 0}; }));
    outbox.notifier->stop();
    const std::string text = outbox.metrics.text();
    EXPECT_NE(
        text.find("gatehouse_peer_deliveries_total{destination=\"feed\",outcome=\"delivered\"} 6"),
        std::string::npos
    ) << text;
    EXPECT_NE(text.find("gatehouse_outbox_backlog{destination=\"feed\"} 0"), std::string::npos)
        << text;
}

TEST(Outbox, RetriesWithADoublingPauseAndKeepsTheOrder) {
    Outbox outbox;
    outbox.sink->fails = "M1";
    outbox.sink->failures = 2;
    outbox.options.pause_first = std::chrono::seconds(1);
    put(*outbox.store, {"M1", "M2"}, outbox.clock.now());
    outbox.start();
    ASSERT_TRUE(soon([&] { return outbox.sink->attempts() == 1; }));
    // Not before its time, and nothing overtakes it.
    ASSERT_TRUE(soon([&] {
        const auto rows = outbox.store->outbox_waiting("feed", 9);
        return rows && rows->front().attempts == 1;
    }));
    outbox.later(std::chrono::milliseconds(900));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(outbox.sink->attempts(), 1);
    outbox.later(std::chrono::milliseconds(200));
    ASSERT_TRUE(soon([&] { return outbox.sink->attempts() == 2; }));
    ASSERT_TRUE(soon([&] {
        const auto rows = outbox.store->outbox_waiting("feed", 9);
        return rows && rows->front().attempts == 2 &&
               rows->front().due_at == outbox.clock.now() + 2'000'000;
    }));
    EXPECT_EQ(outbox.sink->got().size(), 0U);
    outbox.later(std::chrono::milliseconds(2100));
    EXPECT_TRUE(soon([&] { return outbox.sink->got().size() == 2; }));
    EXPECT_EQ(outbox.sink->got(), (std::vector<std::string>{"M1", "M2"}));
}

TEST(Outbox, AfterTheLastAttemptItIsADeadLetterAndTheNextOneGoes) {
    Outbox outbox;
    outbox.sink->fails = "M1";
    outbox.options.attempts_max = 3;
    outbox.options.pause_first = std::chrono::milliseconds(1);
    put(*outbox.store, {"M1", "M2"}, outbox.clock.now());
    outbox.start();
    EXPECT_TRUE(soon([&] {
        outbox.later(std::chrono::seconds(1));
        return !outbox.sink->got().empty();
    }));
    EXPECT_EQ(outbox.sink->got(), (std::vector<std::string>{"M2"}));
    EXPECT_EQ(outbox.sink->attempts(), 4);
    EXPECT_TRUE(soon([&] { return counts(*outbox.store) == Counts{0, 1}; }));
    outbox.notifier->stop();
    EXPECT_NE(
        outbox.metrics.text().find("deliveries_total{destination=\"feed\",outcome=\"dead\"} 1"),
        std::string::npos
    );
}

TEST(Outbox, WantOfRoomIsNoAttempt) {
    Outbox outbox;
    outbox.sink->fails = "M1";
    outbox.sink->failures = 9;
    outbox.sink->code = Errc::busy;
    outbox.options.attempts_max = 2;
    put(*outbox.store, {"M1"}, outbox.clock.now());
    outbox.start();
    EXPECT_TRUE(soon([&] {
        outbox.later(std::chrono::seconds(301));
        return !outbox.sink->got().empty();
    }));
    EXPECT_TRUE(soon([&] { return counts(*outbox.store) == Counts{0, 0}; }));
}

TEST(Outbox, AClockThatWasSetBackKeepsNothingWaiting) {
    Outbox outbox;
    put(*outbox.store, {"M1"}, outbox.clock.now() + 86'400'000'000);
    outbox.start();
    EXPECT_TRUE(soon([&] { return outbox.sink->got().size() == 1; }));
}

TEST(Outbox, WhatWasAppliedBeforeACrashIsDeliveredAfterIt) {
    Outbox outbox;
    put(*outbox.store, {"M1", "M2"}, outbox.clock.now());
    outbox.store.reset();  // nobody was told
    outbox.store = open_store(outbox.folder.path() / "store.db");
    outbox.start();
    EXPECT_TRUE(soon([&] { return outbox.sink->got().size() == 2; }));
}

TEST(Outbox, WithoutDestinationsRowsWaitUntilTheyAreDeclared) {
    Outbox outbox;
    put(*outbox.store, {"M1"}, outbox.clock.now());
    outbox.notifier =
        std::make_unique<Notifier>(*outbox.store, outbox.clock, outbox.options, nullptr);
    outbox.notifier->set_sinks({});
    outbox.notifier->wake();
    EXPECT_EQ(counts(*outbox.store), (Counts{1, 0}));
    outbox.notifier->set_sinks({{"feed", outbox.sink}});
    EXPECT_TRUE(soon([&] { return outbox.sink->got().size() == 1; }));
}

TEST(Outbox, AStoreOfTheFormatBeforeGetsOne) {
    const ScratchFolder folder;
    const fs::path file = folder.path() / "store.db";
    open_store(file).reset();
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &raw), SQLITE_OK);
    const char* older = "DROP TABLE outbox; DROP TABLE ix_composite; DROP TABLE contained; "
                        "PRAGMA user_version=1";
    ASSERT_EQ(sqlite3_exec(raw, older, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);
    const auto store = open_store(file);
    ASSERT_NE(store, nullptr);
    put(*store, {"M1"}, 1);
    EXPECT_EQ(counts(*store), (Counts{1, 0}));
}

TEST(Spool, WritesWholeFilesUpToItsLimit) {
    const ScratchFolder folder;
    const fs::path spool = folder.path() / "a" / "b";
    const auto sink = adapters::make_spool_sink({spool, 2});
    const auto deliver = [&](const char* id) {
        return sink->deliver({id, "feed", "{\"x\":1}", 1});
    };
    EXPECT_TRUE(deliver("M1").has_value());
    EXPECT_TRUE(deliver("M2").has_value());
    const auto full = deliver("M3");
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().code, Errc::busy);
    fs::remove(spool / "M1.json");
    EXPECT_TRUE(deliver("M3").has_value());
    EXPECT_EQ(read_whole(spool / "M3.json").value_or(""), "{\"x\":1}");
    EXPECT_FALSE(deliver("../M4").has_value());
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(spool)) {
        files += entry.path().extension() == ".json" ? 1U : 100U;
    }
    EXPECT_EQ(files, 2U);
}

// The road.

std::shared_ptr<const RouteTable> feed_for(const fs::path& folder, const std::string& when) {
    fs::create_directories(folder);
    std::ofstream(folder / "a.yaml") << "destinations:\n"
                                        "  - {id: feed, kind: spool, settings: {folder: feed}}\n"
                                        "routes:\n"
                                        "  - id: one\n"
                                        "    owner: {role: Lead, organisation: X26, contact: "
                                        "lead@example.nhs.uk, review: 2099-12-31}\n"
                                        "    when: "
                                     << when << "\n    to: [feed]\n";
    auto table = RouteTable::load(folder, {});
    EXPECT_TRUE(table.has_value()) << (table ? "" : table.error().detail);
    return table ? *table : nullptr;
}

const std::string patient_body =
    R"({"resourceType":"Patient","name":[{"family":"Secretname"}],"birthDate":"1980-01-01"})";

TEST(Road, TellsADestinationWhatWasWrittenAndNothingClinical) {
    if (!RoadFixture::possible()) {
        GTEST_SKIP() << "the pinned definitions are not in the package cache";
    }
    const ScratchFolder folder;
    RoadFixture road(folder);
    road.stop();
    road.routes = feed_for(folder.path() / "routes", "{types: [Patient]}");
    road.sinks["feed"] = adapters::make_spool_sink({folder.path() / "feed", 100});
    road.start();
    const Response created = road.send(road.request("POST", "Patient", patient_body));
    ASSERT_EQ(created.status, 201) << created.body;
    const std::string id(created.headers.get("X-Message-ID"));
    const fs::path file = folder.path() / "feed" / (id + ".json");
    ASSERT_TRUE(soon([&] { return fs::exists(file); }));
    const std::string text = read_whole(file).value_or("");
    Arena arena;
    const auto json = fhir::parse_json_value(text, arena);
    ASSERT_TRUE(json.has_value()) << text;
    EXPECT_EQ(json->string("message"), id);
    EXPECT_EQ(json->string("destination"), "feed");
    EXPECT_EQ(json->string("partner"), "aa-development");
    EXPECT_EQ(json->string("organisation"), "XZZ99");
    EXPECT_EQ(json->string("interaction"), "create");
    EXPECT_TRUE(json->string("time").starts_with("20"));
    ASSERT_NE(json->find("resources"), nullptr);
    ASSERT_EQ(json->find("resources")->items.size(), 1U);
    EXPECT_TRUE(json->find("resources")->items[0].text.ends_with("/_history/1"));
    EXPECT_EQ(text.find("Secretname"), std::string::npos);
    // Another type goes to the store alone; a refused one nowhere.
    EXPECT_EQ(
        road.send(road.request("POST", "Basic", R"({"resourceType":"Basic","code":{"text":"x"}})"))
            .status,
        201
    );
    EXPECT_EQ(road.send(road.request("POST", "Patient", "{")).status, 400);
    EXPECT_TRUE(soon([&] { return counts(*road.store) == Counts{0, 0}; }));
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path() / "feed")) {
        ++files;
    }
    EXPECT_EQ(files, 1U);
}

// As after a crash that took the store: the journal says where it was to go, whatever the routes
// say now.
TEST(Road, RecoveryRoutesAsItWasAccepted) {
    if (!RoadFixture::possible()) {
        GTEST_SKIP() << "the pinned definitions are not in the package cache";
    }
    const ScratchFolder folder;
    RoadFixture road(folder);
    road.stop();
    road.routes = feed_for(folder.path() / "routes", "{types: [Patient]}");
    road.start();  // and nothing is there yet to deliver to
    ASSERT_EQ(road.send(road.request("POST", "Patient", patient_body)).status, 201);
    EXPECT_EQ(counts(*road.store), (Counts{1, 0}));
    road.stop();
    road.lose_store();
    road.routes = feed_for(folder.path() / "routes", "{types: [Basic]}");
    const auto sink = std::make_shared<FakeSink>();
    road.sinks["feed"] = sink;
    road.start();
    EXPECT_EQ(road.recovered.value_or(0), 1U);
    EXPECT_TRUE(soon([&] { return sink->got().size() == 1; }));
    EXPECT_TRUE(soon([&] { return counts(*road.store) == Counts{0, 0}; }));
}

}  // namespace
}  // namespace gatehouse::gateway
