// SPDX-License-Identifier: Apache-2.0

#include "adapters/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/random.h>
#include <unistd.h>

#include "adapters/sqlite/reads.hpp"
#include "adapters/sqlite/writeback.hpp"
#include "adapters/sqlite/writer.hpp"

namespace gatehouse::adapters {
namespace sqlite {
namespace {

using gateway::NewVersion;
using gateway::Store;
using gateway::StoreStats;
using gateway::StoreWriter;

// Everybody who writes waits for a search inside the writer (a condition, a read in a batch), so it
// may take less than one outside.
constexpr std::chrono::milliseconds writer_search_budget{1000};
constexpr std::uint64_t writer_search_share = 5;     // of the steps of one outside
constexpr std::int64_t application_id = 0x47484f55;  // "GHOU"
// With so much in the write-ahead log a checkpoint also starts it anew, for which the writer waits
// a moment. The file keeps its size: writing over it costs half of what growing it does.
constexpr std::uint64_t wal_restart_bytes = 32ULL * 1024 * 1024;
// Rounds of a checkpoint beside the writer, until so little is left that it may wait for the rest.
constexpr int passive_rounds_max = 4;
constexpr int passive_rest_pages = 512;
// A log that grew past this (a reader stayed long) gives its space back.
constexpr std::uint64_t wal_bytes_max = 256ULL * 1024 * 1024;

Result<void> sync_file(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return Fault(Errc::io, "store.sync", file.filename().string() + " cannot be opened");
    }
    const int failed = ::fsync(descriptor);
    ::close(descriptor);
    if (failed != 0) {
        return Fault(Errc::io, "store.sync", file.filename().string() + " cannot be synced");
    }
    return {};
}

// The store's file (SQLITE_FCNTL_FILE_POINTER) or its log (SQLITE_FCNTL_JOURNAL_POINTER), through
// SQLite's own descriptor: to close another one of the same file drops all locks that this process
// has on it (POSIX), and a second process would then believe to be the last and take the log away.
Result<void> sync_open(Database& database, int which) {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(database.handle(), "main", which, static_cast<void*>(&file));
    if (file == nullptr || file->pMethods == nullptr ||
        file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) != SQLITE_OK) {
        return Fault(Errc::io, "store.sync", "the store or its log cannot be synced");
    }
    return {};
}

std::filesystem::path with_suffix(std::filesystem::path file, const char* suffix) {
    file += suffix;
    return file;
}

std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

// Refuses what is not a store of this format, naming both.
Result<void> check_format(Database& database, const std::filesystem::path& file) {
    GH_TRY_ASSIGN(const std::int64_t application, database.integer("PRAGMA application_id"));
    GH_TRY_ASSIGN(const std::int64_t format, database.integer("PRAGMA user_version"));
    const std::string name = file.filename().string();
    if (application != application_id) {
        return Fault(
            Errc::invalid,
            "store.open",
            name + " is an SQLite file, but not a Gatehouse store; point data.dir at another folder"
        );
    }
    if (format < gateway::store_format_oldest || format > gateway::store_format) {
        return Fault(
            Errc::invalid,
            "store.open",
            name + " has store format " + std::to_string(format) +
                ", this gatehouse reads format " + std::to_string(gateway::store_format) +
                "; run the version that wrote it, or restore a backup of format " +
                std::to_string(gateway::store_format)
        );
    }
    return {};
}

// Brings a store of an older format to this one: all or nothing.
Result<void> upgrade(Database& database) {
    GH_TRY_ASSIGN(const std::int64_t format, database.integer("PRAGMA user_version"));
    if (format == gateway::store_format) {
        return {};
    }
    GH_TRY(database.execute("BEGIN IMMEDIATE"));
    Result<void> done = database.execute(
        gateway::upgrade_sql(gateway::Dialect::sqlite, static_cast<int>(format)) +
        "PRAGMA user_version=" + std::to_string(gateway::store_format) + "; COMMIT"
    );
    if (!done && database.in_transaction()) {
        static_cast<void>(database.execute("ROLLBACK"));
    }
    return done;
}

// The log (emptied, see the destructor) and its index stay when the last connection closes: a start
// on a full disk finds their place taken already, so reads can begin.
void keep_log_files(Database& database) {
    int keep = 1;
    sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
}

Result<void> create_tables(Database& database) {
    gateway::CursorSecret secret{};
    if (::getrandom(secret.data(), sizeof secret, 0) != static_cast<ssize_t>(sizeof secret)) {
        return Fault(Errc::io, "store.create", "no random bytes");
    }
    // All or nothing: a crash here leaves an empty file, which the next start fills.
    GH_TRY(database.execute("BEGIN IMMEDIATE"));
    GH_TRY(database.execute(gateway::schema_sql(gateway::Dialect::sqlite)));
    GH_TRY(write_meta(database, "applied", "0"));
    GH_TRY(write_meta(database, "live", "0"));
    GH_TRY(write_meta(database, "cursor_secret_0", std::to_string(secret[0])));
    GH_TRY(write_meta(database, "cursor_secret_1", std::to_string(secret[1])));
    GH_TRY(database.execute(
        "PRAGMA application_id=" + std::to_string(application_id) +
        "; PRAGMA user_version=" + std::to_string(gateway::store_format)
    ));
    return database.execute("COMMIT");
}

class SqliteStore final : public Store, public gateway::SearchIndex {
public:
    static Result<std::unique_ptr<Store>> open(const SqliteOptions& options);
    ~SqliteStore() override;

    Result<StoredVersion> read(std::string_view type, std::string_view id) override {
        return with_reader([&](Database& database) { return read_current(database, type, id); });
    }
    Result<StoredVersion>
    read_version(std::string_view type, std::string_view id, std::uint64_t version) override {
        return with_reader([&](Database& database) {
            return sqlite::read_version(database, type, id, version);
        });
    }
    Result<HistoryPage> history(const gateway::HistoryQuery& query) override {
        return with_reader([&](Database& database) {
            return read_history(database, query, limits_);
        });
    }
    Result<SearchPage> search(const SearchQuery& query) override {
        return with_reader([&](Database& database) {
            return sqlite::search(database, query, limits_);
        });
    }
    Result<std::vector<std::string>> match(const SearchQuery& query, std::uint32_t limit) override {
        return with_reader([&](Database& database) {
            return sqlite::match(database, query, limit, limits_);
        });
    }
    Result<gateway::LinkPage> linked(const gateway::LinkQuery& query) override {
        return with_reader([&](Database& database) { return read_linked(database, query, limits_); }
        );
    }
    Result<gateway::StoredLabels>
    labels(const std::vector<std::string>& types, std::uint32_t limit) override {
        return with_reader([&](Database& database) {
            return read_labels(database, types, limit, limits_);
        });
    }
    Result<std::optional<Receipt>> receipt_by_message(std::string_view message_id) override {
        return with_reader([&](Database& database) {
            return sqlite::receipt_by_message(database, message_id);
        });
    }
    Result<std::optional<Receipt>>
    receipt_by_request(std::string_view partner, std::string_view request_id) override {
        return with_reader([&](Database& database) {
            return sqlite::receipt_by_request(database, partner, request_id);
        });
    }
    Result<std::optional<Receipt>>
    receipt_by_bundle(std::string_view partner, std::string_view bundle_identifier) override {
        return with_reader([&](Database& database) {
            return sqlite::receipt_by_bundle(database, partner, bundle_identifier);
        });
    }

    Result<void> transact(const std::function<Result<void>(StoreWriter&)>& work) override;
    Result<std::uint64_t> applied_position() override {
        return with_reader([&](Database& database) { return read_meta_number(database, "applied"); }
        );
    }
    Result<std::uint64_t> checkpoint() override;
    Result<void> backup(const std::filesystem::path& target) override;
    Result<std::uint64_t> prune_receipts(gateway::Micros before) override;
    Result<StoreStats> stats() override;
    Result<std::vector<gateway::OutboxEntry>>
    outbox_waiting(std::string_view destination, std::uint32_t limit) override {
        return with_reader([&](Database& database) {
            return sqlite::outbox_waiting(database, destination, limit);
        });
    }
    Result<std::vector<gateway::OutboxCount>> outbox_counts() override {
        return with_reader([&](Database& database) { return sqlite::outbox_counts(database); });
    }
    gateway::SearchIndex* search_index() override { return this; }
    Result<void> use(const std::vector<fhir::IndexUnit>& units) override;
    Result<State> state() override;
    Result<std::uint64_t> rebuild(std::uint32_t limit, const Extract& extract) override;

private:
    explicit SqliteStore(SqliteOptions options) : options_(std::move(options)) {}

    Result<std::unique_ptr<Database>> take_reader();
    void give_back(std::unique_ptr<Database> reader);
    template <class Work>
    auto with_reader(const Work& work) -> decltype(work(std::declval<Database&>())) {
        Result<std::unique_ptr<Database>> reader = take_reader();
        if (!reader) {
            return std::move(reader.error());
        }
        auto result = work(**reader);
        give_back(std::move(*reader));
        return result;
    }

    SqliteOptions options_;
    SearchLimits limits_;
    PendingUnits pending_;
    std::vector<fhir::IndexUnit> units_;  // under writer_mutex_

    std::mutex writer_mutex_;  // one transaction at a time; prune_receipts takes its turn
    std::unique_ptr<Database> write_database_;
    std::unique_ptr<Writer> writer_;

    std::mutex readers_mutex_;
    std::condition_variable reader_free_;
    std::vector<std::unique_ptr<Database>> readers_;  // free ones
    std::uint32_t readers_open_ = 0;

    // Pages in the write-ahead log after the last commit.
    static int on_commit(void* self, sqlite3* /*handle*/, const char* /*name*/, int pages) {
        auto& store = *static_cast<SqliteStore*>(self);
        const auto now = static_cast<std::uint64_t>(pages);
        const auto before = store.log_pages_.exchange(now, std::memory_order_relaxed);
        // Fewer than before: the log began anew.
        store.writeback_->wrote((now < before ? now : now - before) * store.page_bytes_);
        return SQLITE_OK;
    }
    [[nodiscard]] std::uint64_t log_bytes() const {
        return log_pages_.load(std::memory_order_relaxed) * page_bytes_;
    }
    std::atomic<std::uint64_t> log_pages_{0};
    std::uint64_t page_bytes_ = 0;

    std::mutex checkpoint_mutex_;
    std::unique_ptr<Database> checkpoint_database_;
    std::unique_ptr<Writeback> writeback_;
};

Result<std::unique_ptr<Store>> SqliteStore::open(const SqliteOptions& options) {
    std::unique_ptr<SqliteStore> store(new SqliteStore(options));
    GH_TRY_ASSIGN(
        store->write_database_,
        Database::open(options.file, Access::create, options.writer_cache_kib)
    );
    Database& database = *store->write_database_;
    // Foreign files must stay as they are: look before switching to WAL.
    GH_TRY_ASSIGN(
        const std::int64_t tables, database.integer("SELECT count(*) FROM sqlite_schema")
    );
    if (tables > 0) {
        GH_TRY(check_format(database, options.file));
    }
    // The log grows until checkpoint(); commits do not sync, checkpoints do.
    GH_TRY(database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                            "PRAGMA wal_autocheckpoint=0"));
    keep_log_files(database);
    if (tables == 0) {
        GH_TRY(create_tables(database));
    } else {
        GH_TRY(upgrade(database));
    }
    GH_TRY_ASSIGN(const std::int64_t page, database.integer("PRAGMA page_size"));
    store->page_bytes_ = static_cast<std::uint64_t>(page);
    store->writeback_ =
        std::make_unique<Writeback>(std::vector{with_suffix(options.file, "-wal"), options.file});
    sqlite3_wal_hook(database.handle(), &SqliteStore::on_commit, store.get());
    if (options.bytes_max > 0) {
        const auto pages = options.bytes_max / store->page_bytes_;
        GH_TRY(database.execute("PRAGMA max_page_count=" + std::to_string(pages)));
    }
    GH_TRY_ASSIGN(store->limits_.secret[0], read_meta_number(database, "cursor_secret_0"));
    GH_TRY_ASSIGN(store->limits_.secret[1], read_meta_number(database, "cursor_secret_1"));
    store->limits_.budget = std::chrono::milliseconds{options.search_budget_ms};
    store->limits_.steps = options.search_steps_max;
    store->limits_.pending = &store->pending_;
    SearchLimits writing = store->limits_;
    writing.budget = std::min(writing.budget, writer_search_budget);
    writing.steps /= writer_search_share;
    writing.pending_is = Errc::unsupported;
    store->writer_ = std::make_unique<Writer>(database, writing);
    return std::unique_ptr<Store>(std::move(store));
}

SqliteStore::~SqliteStore() {
    readers_.clear();
    checkpoint_database_.reset();
    writer_.reset();
    // A log left with content could be taken for that of another file put in this one's place.
    if (write_database_ != nullptr) {
        static_cast<void>(write_database_->execute("PRAGMA journal_size_limit=0"));
    }
    write_database_.reset();
    // Last: its descriptor of the store's file closes, and with it what locks were left.
    writeback_.reset();
}

Result<std::unique_ptr<Database>> SqliteStore::take_reader() {
    {
        std::unique_lock lock(readers_mutex_);
        reader_free_.wait(lock, [&] {
            return !readers_.empty() || readers_open_ < options_.readers_max;
        });
        if (!readers_.empty()) {
            // The last one given back: its pages and statements are warm.
            std::unique_ptr<Database> reader = std::move(readers_.back());
            readers_.pop_back();
            return reader;
        }
        ++readers_open_;
    }
    Result<std::unique_ptr<Database>> reader =
        Database::open(options_.file, Access::read_only, options_.reader_cache_kib);
    if (!reader) {
        const std::lock_guard lock(readers_mutex_);
        --readers_open_;
        reader_free_.notify_one();
    }
    return reader;
}

void SqliteStore::give_back(std::unique_ptr<Database> reader) {
    const std::lock_guard lock(readers_mutex_);
    readers_.push_back(std::move(reader));
    reader_free_.notify_one();
}

Result<void> SqliteStore::transact(const std::function<Result<void>(StoreWriter&)>& work) {
    const std::lock_guard lock(writer_mutex_);
    Result<void> result = writer_->begin();
    if (result) {
        result = work(*writer_);
    }
    if (result) {
        result = writer_->commit();
    }
    if (!result) {
        writer_->abandon();
    }
    return result;
}

Result<void> SqliteStore::use(const std::vector<fhir::IndexUnit>& units) {
    const std::lock_guard lock(writer_mutex_);
    GH_TRY(writer_->begin());
    auto pending = begin_index(*write_database_, units);
    Result<void> done = pending ? writer_->commit() : Result<void>(std::move(pending.error()));
    if (!done) {
        writer_->abandon();
        return done;
    }
    units_ = units;
    pending_.set(std::move(*pending));
    return {};
}

Result<gateway::SearchIndex::State> SqliteStore::state() {
    return with_reader([&](Database& database) -> Result<State> {
        State state;
        state.pending = pending_.all();
        GH_TRY_ASSIGN(
            const std::int64_t last, database.integer("SELECT coalesce(max(vid), 0) FROM version")
        );
        state.versions_last = static_cast<std::uint64_t>(last);
        state.versions = state.versions_last;
        if (!state.pending.empty()) {
            GH_TRY_ASSIGN(state.versions, read_meta_number(database, "index_after"));
        }
        return state;
    });
}

Result<std::uint64_t> SqliteStore::rebuild(std::uint32_t limit, const Extract& extract) {
    if (!pending_.any()) {
        return std::uint64_t{0};
    }
    // Reading and extracting wait for nobody; the writer's turn is for the rows alone.
    const std::set<std::string> types = pending_.types();
    GH_TRY_ASSIGN(const RebuildBatch batch, with_reader([&](Database& database) {
                      return rebuild_items(database, limit, types);
                  }));
    const std::vector<RebuildItem>& items = batch.items;
    std::vector<std::vector<fhir::IndexEntry>> entries;
    entries.reserve(items.size());
    for (const RebuildItem& item : items) {
        entries.push_back(extract(item.version));
    }
    const std::lock_guard lock(writer_mutex_);
    GH_TRY(writer_->begin());
    const auto work = [&]() -> Result<void> {
        for (std::size_t i = 0; i < items.size(); ++i) {
            GH_TRY(writer_->reindex(items[i], std::move(entries[i])));
        }
        if (batch.last != 0) {
            return set_rebuilt(*write_database_, batch.last);
        }
        // Nothing new may have come since it was read.
        GH_TRY_ASSIGN(const RebuildBatch more, rebuild_items(*write_database_, 1, types));
        return more.last == 0 ? finish_index(*write_database_, units_) : Result<void>();
    };
    Result<void> done = work();
    bool finished = false;
    if (done && batch.last == 0) {
        const Result<std::string> wanted = read_meta(*write_database_, "index_wanted");
        finished = wanted && wanted->empty();
    }
    if (done) {
        done = writer_->commit();
    }
    if (!done) {
        writer_->abandon();
        return std::move(done.error());
    }
    if (finished) {
        pending_.set({});
        return std::uint64_t{0};
    }
    return std::max<std::uint64_t>(items.size(), 1);
}

Result<std::uint64_t> SqliteStore::checkpoint() {
    const std::lock_guard lock(checkpoint_mutex_);
    if (!checkpoint_database_) {
        GH_TRY_ASSIGN(checkpoint_database_, Database::open(options_.file, Access::read_write, 256));
        keep_log_files(*checkpoint_database_);
        GH_TRY(
            checkpoint_database_->execute("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0")
        );
    }
    const Writeback::Steady steady(*writeback_);
    // Read first: everything committed by now is in the log that is synced below.
    GH_TRY_ASSIGN(const std::uint64_t position, read_meta_number(*checkpoint_database_, "applied"));
    sqlite3* handle = checkpoint_database_->handle();
    int code = SQLITE_OK;
    // The writer goes on meanwhile, so what is left after each round is what it wrote during it.
    for (int round = 0; round < passive_rounds_max && code == SQLITE_OK; ++round) {
        int pages = 0;
        int moved = 0;
        code =
            sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
        if (pages - moved < passive_rest_pages) {
            break;
        }
    }
    const std::filesystem::path wal = with_suffix(options_.file, "-wal");
    const bool large = size_of(wal) > wal_bytes_max;
    if ((code == SQLITE_OK || code == SQLITE_BUSY) && (large || log_bytes() > wal_restart_bytes)) {
        // Few pages are left, and the writer waits for those alone. If a reader stays long, the
        // next call tries again.
        sqlite3_busy_timeout(handle, 200);
        const int how = large ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
        code = sqlite3_wal_checkpoint_v2(handle, nullptr, how, nullptr, nullptr);
    }
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        return checkpoint_database_->fault("store.checkpoint", code);
    }
    // A passive checkpoint may leave frames that a reader still needs: the log must hold them.
    GH_TRY(sync_open(*checkpoint_database_, SQLITE_FCNTL_JOURNAL_POINTER));
    GH_TRY(sync_open(*checkpoint_database_, SQLITE_FCNTL_FILE_POINTER));
    GH_TRY(sync_file(options_.file.parent_path().empty() ? "." : options_.file.parent_path()));
    return position;
}

Result<void> SqliteStore::backup(const std::filesystem::path& target) {
    GH_TRY_ASSIGN(const auto source, Database::open(options_.file, Access::read_only, 1024));
    const std::filesystem::path partial = with_suffix(target, ".partial");
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    {
        GH_TRY_ASSIGN(const auto copy, Database::open(partial, Access::create, 1024));
        sqlite3_backup* run = sqlite3_backup_init(copy->handle(), "main", source->handle(), "main");
        if (run == nullptr) {
            return copy->fault("store.backup", sqlite3_extended_errcode(copy->handle()));
        }
        // One step: one read snapshot, which neither waits for the writer nor makes it wait.
        const int stepped = sqlite3_backup_step(run, -1);
        const int code = sqlite3_backup_finish(run);
        if (stepped != SQLITE_DONE || code != SQLITE_OK) {
            Fault fault = copy->fault("store.backup", code != SQLITE_OK ? code : stepped);
            std::filesystem::remove(partial, ignored);
            return fault;
        }
        // A file by itself, without a log beside it.
        GH_TRY(copy->execute("PRAGMA journal_mode=DELETE"));
    }
    GH_TRY(check_sqlite_file(partial));
    GH_TRY(sync_file(partial));
    std::error_code error;
    std::filesystem::rename(partial, target, error);
    if (error) {
        return Fault(Errc::io, "store.backup", "the copy cannot be renamed to its final name");
    }
    return sync_file(target.parent_path().empty() ? "." : target.parent_path());
}

Result<std::uint64_t> SqliteStore::prune_receipts(gateway::Micros before) {
    // In small bites, so that the applier is never kept waiting.
    constexpr std::int64_t bite = 2000;
    std::uint64_t pruned = 0;
    for (;;) {
        std::int64_t changed = 0;
        {
            const std::lock_guard lock(writer_mutex_);
            Query query(
                *write_database_,
                "store.prune",
                "DELETE FROM receipt WHERE rowid IN (SELECT rowid FROM receipt WHERE settled_at > "
                "0 "
                "AND settled_at < ? LIMIT ?)"
            );
            query.bind(before).bind(bite);
            GH_TRY(query.run());
            changed = sqlite3_changes64(write_database_->handle());
        }
        pruned += static_cast<std::uint64_t>(changed);
        if (changed < bite) {
            return pruned;
        }
    }
}

Result<StoreStats> SqliteStore::stats() {
    return with_reader([&](Database& database) -> Result<StoreStats> {
        StoreStats stats;
        stats.log_bytes = log_bytes();
        stats.bytes = size_of(options_.file) + size_of(with_suffix(options_.file, "-wal"));
        GH_TRY_ASSIGN(stats.resources, read_meta_number(database, "live"));
        GH_TRY_ASSIGN(
            const std::int64_t versions,
            database.integer("SELECT coalesce(max(vid), 0) FROM version")
        );
        stats.versions = static_cast<std::uint64_t>(versions);
        return stats;
    });
}

}  // namespace
}  // namespace sqlite

Result<std::unique_ptr<gateway::Store>> open_sqlite_store(const SqliteOptions& options) {
    return sqlite::SqliteStore::open(options);
}

Result<std::uint64_t> check_sqlite_file(const std::filesystem::path& file) {
    GH_TRY_ASSIGN(
        const auto database, sqlite::Database::open(file, sqlite::Access::read_only, 4096)
    );
    GH_TRY(sqlite::check_format(*database, file));
    {
        sqlite::Query query(*database, "store.check", "PRAGMA quick_check(1)");
        GH_TRY(query.step());
        if (query.text(0) != "ok") {
            return Fault(Errc::corrupt, "store.check", file.filename().string() + " is damaged");
        }
    }
    GH_TRY_ASSIGN(
        const std::int64_t lost,
        database->integer("SELECT count(*) FROM resource r WHERE r.version > 0 AND NOT EXISTS "
                          "(SELECT 1 FROM version v WHERE v.vid = r.vid AND v.rid = r.rid AND "
                          "v.version = r.version)")
    );
    if (lost > 0) {
        return Fault(
            Errc::corrupt,
            "store.check",
            file.filename().string() + " lacks the current version of " + std::to_string(lost) +
                " resources"
        );
    }
    return sqlite::read_meta_number(*database, "applied");
}

}  // namespace gatehouse::adapters
