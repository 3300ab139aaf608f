#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A whole road in a scratch folder: real journal, audit and SQLite store, the shipped policies, the
// pinned definitions, one identity per test partner. Everything that a test wants to break has a
// handle.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "adapters/sqlite/sqlite_store.hpp"
#include "gateway/base/profiles.hpp"
#include "gateway/pipeline/pipeline.hpp"
#include "gateway/pipeline/route_table.hpp"
#include "tests/support/core_definitions.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/torn_files.hpp"

namespace gatehouse::tests {

namespace gw = gatehouse::gateway;

// Every token is a partner's id.
class FakeIdentity final : public gw::Identity {
public:
    FakeIdentity() {
        add("aa-development", "XZZ99", true);
        add("acute-trust", "RZZ99", false);
        add("county-council", "9ZZ01", false);
    }
    Result<gw::Credential> authenticate(const gw::Request& request) const override {
        const std::string_view header = request.headers.get("Authorization");
        for (const auto& partner : partners_) {
            if (header == "Bearer " + partner->id) {
                return gw::Credential{partner, "bearer", "test"};
            }
        }
        return Fault(Errc::unauthorised, "identity", "No usable credential.");
    }
    std::vector<std::shared_ptr<const gw::Partner>> partners() const override { return partners_; }

private:
    void add(const std::string& id, const std::string& organisation, bool all_rights) {
        auto partner = std::make_shared<gw::Partner>();
        partner->id = id;
        partner->owner = {"Lead", organisation, "lead@example.nhs.uk", "2099-12-31"};
        partner->organisations = {organisation};
        partner->all_rights = all_rights;
        partners_.push_back(partner);
    }
    std::vector<std::shared_ptr<const gw::Partner>> partners_;
};

// The real store behind a switch: broken writes, or writes that wait.
class SwitchedStore final : public gw::Store {
public:
    explicit SwitchedStore(std::unique_ptr<gw::Store> store) : store_(std::move(store)) {}
    std::atomic<bool> broken{false};
    std::atomic<bool> full{false};  // no space
    std::atomic<bool> waiting{false};
    std::atomic<int> fail_next{0};  // so many transactions, then it is well again
    std::atomic<int> transactions{0};

    Result<void> transact(const std::function<Result<void>(gw::StoreWriter&)>& work) override {
        while (waiting) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (broken) {
            return Fault(Errc::io, "store", "broken by the test");
        }
        if (full) {
            return Fault(Errc::no_space, "store", "full by the test");
        }
        if (fail_next > 0) {
            --fail_next;
            return Fault(Errc::io, "store", "failed by the test");
        }
        ++transactions;
        return store_->transact(work);
    }
    Result<std::uint64_t> applied_position() override { return store_->applied_position(); }
    Result<std::uint64_t> checkpoint() override { return store_->checkpoint(); }
    Result<void> backup(const std::filesystem::path& target) override {
        return store_->backup(target);
    }
    Result<std::uint64_t> prune_receipts(gw::Micros before) override {
        return store_->prune_receipts(before);
    }
    Result<gw::StoreStats> stats() override { return store_->stats(); }
    Result<std::vector<gw::OutboxEntry>>
    outbox_waiting(std::string_view destination, std::uint32_t limit) override {
        return store_->outbox_waiting(destination, limit);
    }
    Result<std::vector<gw::OutboxCount>> outbox_counts() override {
        return store_->outbox_counts();
    }
    Result<gw::StoredLabels>
    labels(const std::vector<std::string>& types, std::uint32_t limit) override {
        return store_->labels(types, limit);
    }
    Result<gw::StoredVersion> read(std::string_view type, std::string_view id) override {
        return store_->read(type, id);
    }
    Result<gw::StoredVersion>
    read_version(std::string_view type, std::string_view id, std::uint64_t version) override {
        return store_->read_version(type, id, version);
    }
    Result<gw::HistoryPage> history(const gw::HistoryQuery& query) override {
        return store_->history(query);
    }
    Result<gw::SearchPage> search(const gw::SearchQuery& query) override {
        return store_->search(query);
    }
    Result<std::vector<std::string>>
    match(const gw::SearchQuery& query, std::uint32_t limit) override {
        return store_->match(query, limit);
    }
    Result<gw::LinkPage> linked(const gw::LinkQuery& query) override {
        return store_->linked(query);
    }
    Result<std::optional<gw::Receipt>> receipt_by_message(std::string_view id) override {
        return store_->receipt_by_message(id);
    }
    Result<std::optional<gw::Receipt>>
    receipt_by_request(std::string_view partner, std::string_view id) override {
        return store_->receipt_by_request(partner, id);
    }
    Result<std::optional<gw::Receipt>>
    receipt_by_bundle(std::string_view partner, std::string_view identifier) override {
        return store_->receipt_by_bundle(partner, identifier);
    }

private:
    std::unique_ptr<gw::Store> store_;
};

// The engine of the pinned definitions, built once; null when the package cache does not hold them.
inline std::shared_ptr<const fhir::Engine> pinned_engine() {
    static const std::shared_ptr<const fhir::Engine> engine = [] {
        const std::filesystem::path source = GATEHOUSE_SOURCE_DIR;
        fhir::EngineOptions options;
        const auto lock = fhir::read_lock(source / "config/packages/lock.json");
        options.cache = test::package_cache();
        if (lock) {
            options.lock = *lock;
        }
        auto loaded = fhir::Engine::load(options);
        return loaded ? *loaded : nullptr;
    }();
    return engine;
}

class RoadFixture {
public:
    explicit RoadFixture(const ScratchFolder& folder) : folder_(folder.path()) { start(); }
    ~RoadFixture() { stop(); }
    RoadFixture(const RoadFixture&) = delete;
    RoadFixture& operator=(const RoadFixture&) = delete;

    static bool possible() { return pinned_engine() != nullptr; }

    void start() {
        const std::filesystem::path source = GATEHOUSE_SOURCE_DIR;
        adapters::SqliteOptions sqlite;
        sqlite.file = folder_ / "store.db";
        auto opened = adapters::open_sqlite_store(sqlite);
        GH_ASSERT(opened.has_value());
        store = std::make_unique<SwitchedStore>(std::move(*opened));
        store->full = start_full;
        gw::JournalOptions journal_options;
        journal_options.folder = folder_ / "journal";
        journal_options.files = &journal_files;
        journal_options.clock = &clock;
        journal = std::move(*gw::Journal::open(journal_options));
        gw::AuditOptions audit_options;
        audit_options.folder = folder_ / "audit";
        audit_options.files = &audit_files;
        audit_options.clock = &clock;
        audit = std::move(*gw::Audit::open(audit_options));
        cpu_pool = std::make_unique<gw::Pool>(2, 256);
        read_pool = std::make_unique<gw::Pool>(1, 256);
        gw::ApiContext api;
        api.base = "http://127.0.0.1/fhir/R4";
        api.base_path = "/fhir/R4";
        gw::PipelineDeps deps{
            identity, *journal, *audit, *store, *cpu_pool, *read_pool, clock, api, {}};
        deps.backlog_bytes_max = backlog_bytes_max;
        deps.notify = notify;
        pipeline = gw::make_pipeline(std::move(deps));
        auto policy = gw::PolicySet::load(source / "config/policies");
        GH_ASSERT(policy.has_value());
        auto table = gw::DefaultProfiles::load((source / "config/profiles.yaml").string());
        GH_ASSERT(table.has_value());
        auto rulebook = std::make_shared<gw::Rulebook>();
        rulebook->engine = pinned_engine();
        rulebook->policy = *policy;
        rulebook->chooser = gw::DefaultProfiles::chooser(
            std::make_shared<const gw::DefaultProfiles>(std::move(*table))
        );
        rulebook->routes = routes;
        pipeline->set_rulebook(rulebook);
        recovered = pipeline->recover();
        pipeline->set_sinks(sinks);
    }

    // As after a clean stop; `lose_store` forgets what the store holds, as if it had never synced.
    void stop() {
        if (pipeline == nullptr) {
            return;
        }
        pipeline->drain();
        journal->close();
        audit->close();
        pipeline.reset();
        cpu_pool->join();
        read_pool->join();
        journal.reset();
        audit.reset();
        store.reset();
    }
    void lose_store() {
        for (const char* name : {"store.db", "store.db-wal", "store.db-shm"}) {
            std::filesystem::remove(folder_ / name);
        }
    }

    gw::Response send(gw::Request request) {
        boost::asio::io_context context;
        gw::Response response;
        boost::asio::co_spawn(
            context,
            pipeline->run(std::move(request)),
            [&](std::exception_ptr failed, gw::Response answer) {
                GH_ASSERT(failed == nullptr);
                response = std::move(answer);
            }
        );
        context.run();
        return response;
    }

    static gw::Request request(
        const std::string& method,
        const std::string& path,
        std::string body = {},
        const std::string& partner = "aa-development",
        const std::string& request_id = {}
    ) {
        gw::Request out;
        out.method = method;
        out.target = "/fhir/R4/" + path;
        out.body = std::move(body);
        if (!partner.empty()) {
            out.headers.set("Authorization", "Bearer " + partner);
        }
        if (!out.body.empty()) {
            out.headers.set("Content-Type", "application/fhir+json");
        }
        if (!request_id.empty()) {
            out.headers.set("X-Request-ID", request_id);
        }
        return out;
    }

    // For the next start().
    std::shared_ptr<const gw::RouteTable> routes;
    gw::Sinks sinks;
    gw::NotifyOptions notify;

    FakeIdentity identity;
    gw::FakeClock clock{1'795'000'000'000'000};
    TornFiles journal_files;
    TornFiles audit_files;
    std::unique_ptr<SwitchedStore> store;
    std::unique_ptr<gw::Journal> journal;
    std::unique_ptr<gw::Audit> audit;
    std::unique_ptr<gw::Pool> cpu_pool;
    std::unique_ptr<gw::Pool> read_pool;
    std::unique_ptr<gw::Pipeline> pipeline;
    Result<std::uint64_t> recovered;
    std::uint64_t backlog_bytes_max = 256ULL << 20U;  // for start()
    bool start_full = false;                          // start() with a store that has no space

private:
    std::filesystem::path folder_;
};

}  // namespace gatehouse::tests
