#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A SQLite connection and its prepared statements, with SQLite's errors as Faults. One thread at a
// time.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fhir/base/result.hpp"
#include "gateway/store/schema.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gatehouse::adapters::sqlite {

enum class Access : std::uint8_t { read_only, read_write, create };

class Database {
public:
    static Result<std::unique_ptr<Database>>
    open(const std::filesystem::path& file, Access access, std::uint32_t cache_kib);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    // Statements without parameters or rows.
    Result<void> execute(const std::string& sql);
    // First column of the first row, or Errc::not_found.
    Result<std::int64_t> integer(std::string_view sql);

    // The last error as a Fault. `code` is SQLite's.
    Fault fault(const char* where, int code) const;
    // True inside a transaction: SQLite ends one by itself after some errors.
    [[nodiscard]] bool in_transaction() const noexcept;
    // What statements may take together until end_budget(). `steps` are those of SQLite's virtual
    // machine, some ten for each row that is looked at: the same statements on the same rows take
    // the same number, however busy the machine is. Past the time they end with Errc::timeout, past
    // the steps with Errc::too_many.
    struct Budget {
        std::chrono::steady_clock::time_point until;
        std::uint64_t steps = 0;
    };
    void begin_budget(const Budget& budget);
    void end_budget();
    // Why no statement may begin or go on, if that is so.
    [[nodiscard]] std::optional<Errc> over_budget() const;
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }

    // Prepared once, kept while among the most recently used.
    Result<sqlite3_stmt*> prepare(std::string_view sql);

private:
    Database() = default;
    friend class Query;
    static int on_progress(void* self);
    // A run of a statement is over, with all its steps.
    void spend(sqlite3_stmt* statement);

    struct Cached {
        std::string sql;
        sqlite3_stmt* statement = nullptr;
    };
    sqlite3* handle_ = nullptr;
    std::list<Cached> recent_;  // front: last used
    std::unordered_map<std::string_view, std::list<Cached>::iterator> statements_;
    std::optional<Budget> budget_;
    std::uint64_t spent_ = 0;    // by statements that are through
    std::uint64_t running_ = 0;  // by those that are not, in whole rounds of progress
};

// One run of a statement; ends (resets) with its scope. A failed preparation or binding shows in
// step().
class Query {
public:
    Query(Database& database, const char* where, std::string_view sql);
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query();

    // Binds the next parameter. Texts must live until the Query ends.
    Query& bind(std::int64_t value);
    Query& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
    Query& bind(double value);
    Query& bind(std::string_view text);
    Query& bind_value(const gateway::SqlValue& value);

    // True: a row is there. False: done.
    Result<bool> step();
    // For statements without rows.
    Result<void> run();

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t number(int column) const {
        return static_cast<std::uint64_t>(integer(column));
    }
    // Valid until the next step.
    [[nodiscard]] std::string_view text(int column) const;
    [[nodiscard]] gateway::SqlValue value(int column) const;

private:
    Database& database_;
    const char* where_;
    sqlite3_stmt* statement_ = nullptr;
    int bound_ = 0;
    int failed_ = 0;
    std::optional<Fault> fault_;
};

}  // namespace gatehouse::adapters::sqlite
