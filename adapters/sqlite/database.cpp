// SPDX-License-Identifier: Apache-2.0

#include "adapters/sqlite/database.hpp"

#include <algorithm>
#include <cerrno>

#include <sqlite3.h>

namespace gatehouse::adapters::sqlite {
namespace {

// Enough for every fixed statement and the search shapes of a busy day.
constexpr std::size_t statements_max = 256;
// Virtual machine steps between looks at the clock and the budget: about 20 us.
constexpr int progress_steps = 2000;
// A writer waits at most this long for a truncating checkpoint.
constexpr int busy_timeout_ms = 20000;

Errc errc_of(int code, int system_error) {
    switch (code & 0xff) {
    case SQLITE_FULL: return Errc::no_space;
    case SQLITE_IOERR:
        return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG
                   ? Errc::no_space
                   : Errc::io;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return Errc::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Errc::busy;
    case SQLITE_INTERRUPT: return Errc::timeout;
    case SQLITE_TOOBIG: return Errc::too_large;
    case SQLITE_CONSTRAINT: return Errc::conflict;
    default: return Errc::internal;
    }
}

// Counting every allocation for the whole process takes a lock each time, and nobody reads it. Too
// late (no effect) if somebody else has used SQLite in this process before.
bool without_memory_statistics() {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK;
}

}  // namespace

Result<std::unique_ptr<Database>>
Database::open(const std::filesystem::path& file, Access access, std::uint32_t cache_kib) {
    static const bool configured = without_memory_statistics();
    static_cast<void>(configured);
    std::unique_ptr<Database> database(new Database);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    flags |= access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= access == Access::create ? SQLITE_OPEN_CREATE : 0;
    const int code = sqlite3_open_v2(file.c_str(), &database->handle_, flags, nullptr);
    if (code != SQLITE_OK) {
        Fault fault = database->fault("store.open", code);
        fault.detail = file.filename().string() + ": " + fault.detail;
        return fault;
    }
    sqlite3_busy_timeout(database->handle_, busy_timeout_ms);
    GH_TRY(database->execute(
        "PRAGMA cache_size=-" + std::to_string(cache_kib) + "; PRAGMA temp_store=MEMORY"
    ));
    return database;
}

Database::~Database() {
    statements_.clear();
    for (const Cached& cached : recent_) {
        sqlite3_finalize(cached.statement);
    }
    sqlite3_close(handle_);
}

Result<void> Database::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        return fault("store.execute", code);
    }
    return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
    Query query(*this, "store.read", sql);
    GH_TRY_ASSIGN(const bool row, query.step());
    if (!row) {
        return Fault(Errc::not_found, "store.read");
    }
    return query.integer(0);
}

Fault Database::fault(const char* where, int code) const {
    const int system_error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
    // SQLite's words for the code, never its message: that may quote a statement.
    return Fault(errc_of(code, system_error), where, sqlite3_errstr(code));
}

bool Database::in_transaction() const noexcept {
    return sqlite3_get_autocommit(handle_) == 0;
}

void Database::begin_budget(const Budget& budget) {
    budget_ = budget;
    spent_ = 0;
    running_ = 0;
    sqlite3_progress_handler(handle_, progress_steps, &Database::on_progress, this);
}

void Database::end_budget() {
    budget_.reset();
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
}

std::optional<Errc> Database::over_budget() const {
    if (!budget_) {
        return std::nullopt;
    }
    if (spent_ + running_ > budget_->steps) {
        return Errc::too_many;
    }
    return std::chrono::steady_clock::now() > budget_->until ? std::optional(Errc::timeout)
                                                             : std::nullopt;
}

int Database::on_progress(void* self) {
    auto* database = static_cast<Database*>(self);
    database->running_ += progress_steps;
    return database->over_budget() ? 1 : 0;
}

// A statement counts from zero (its count is taken here), so that its rounds of progress are known.
void Database::spend(sqlite3_stmt* statement) {
    const int steps = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    const auto own = static_cast<std::uint64_t>(std::max(steps, 0));
    spent_ += own;
    running_ -= std::min(running_, own / progress_steps * progress_steps);
}

Result<sqlite3_stmt*> Database::prepare(std::string_view sql) {
    if (const auto found = statements_.find(sql); found != statements_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second);
        // In use by an outer Query of the same text: a second run needs its own, which we do not
        // offer.
        GH_ASSERT(sqlite3_stmt_busy(found->second->statement) == 0);
        return found->second->statement;
    }
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(
        handle_,
        sql.data(),
        static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT,
        &statement,
        nullptr
    );
    if (code != SQLITE_OK) {
        return fault("store.prepare", code);
    }
    recent_.push_front({std::string(sql), statement});
    statements_.emplace(recent_.front().sql, recent_.begin());
    while (recent_.size() > statements_max && sqlite3_stmt_busy(recent_.back().statement) == 0) {
        statements_.erase(recent_.back().sql);
        sqlite3_finalize(recent_.back().statement);
        recent_.pop_back();
    }
    return statement;
}

Query::Query(Database& database, const char* where, std::string_view sql)
    : database_(database), where_(where) {
    if (const std::optional<Errc> over = database.over_budget()) {
        fault_ = Fault(*over, where);
        return;
    }
    Result<sqlite3_stmt*> statement = database.prepare(sql);
    if (statement) {
        statement_ = *statement;
    } else {
        fault_ = std::move(statement.error());
    }
}

Query::~Query() {
    if (statement_ != nullptr) {
        sqlite3_reset(statement_);
        database_.spend(statement_);
    }
}

Query& Query::bind(std::int64_t value) {
    failed_ |= statement_ != nullptr ? sqlite3_bind_int64(statement_, ++bound_, value) : 0;
    return *this;
}

Query& Query::bind(double value) {
    failed_ |= statement_ != nullptr ? sqlite3_bind_double(statement_, ++bound_, value) : 0;
    return *this;
}

Query& Query::bind(std::string_view text) {
    if (statement_ != nullptr) {
        failed_ |= sqlite3_bind_text64(
            statement_,
            ++bound_,
            text.data() != nullptr ? text.data() : "",
            text.size(),
            SQLITE_STATIC,
            SQLITE_UTF8
        );
    }
    return *this;
}

Query& Query::bind_value(const gateway::SqlValue& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        return bind(*integer);
    }
    if (const auto* real = std::get_if<double>(&value)) {
        return bind(*real);
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
        return bind(std::string_view(*text));
    }
    failed_ |= statement_ != nullptr ? sqlite3_bind_null(statement_, ++bound_) : 0;
    return *this;
}

Result<bool> Query::step() {
    if (fault_) {
        return *fault_;
    }
    if (failed_ != SQLITE_OK) {
        return Fault(Errc::too_large, where_, "a value is too large for the store");
    }
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        return false;
    }
    Fault fault = database_.fault(where_, code);
    if (fault.code == Errc::timeout && database_.over_budget() == Errc::too_many) {
        fault.code = Errc::too_many;
    }
    return fault;
}

Result<void> Query::run() {
    GH_TRY(step());
    return {};
}

std::int64_t Query::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string_view Query::text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string_view{}
                            : std::string_view{bytes, static_cast<std::size_t>(size)};
}

gateway::SqlValue Query::value(int column) const {
    switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_INTEGER: return integer(column);
    case SQLITE_FLOAT: return sqlite3_column_double(statement_, column);
    case SQLITE_NULL: return nullptr;
    default: return std::string(text(column));
    }
}

}  // namespace gatehouse::adapters::sqlite
