#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A throw-away PostgreSQL server (tests/support/postgres-server) and a connection to it. The
// server ends with its object or, at the latest, with the process, however that ends.

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/store/search_sql.hpp"

struct pg_conn;

namespace gatehouse::tests {

class PostgresServer {
public:
    // Errc::unsupported: there is no PostgreSQL on this machine.
    static Result<std::unique_ptr<PostgresServer>> start();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;
    // Returns when the server is stopped and its folder gone.
    ~PostgresServer();
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

private:
    PostgresServer(int in, int out) : in_(in), out_(out) {}
    int in_;   // its standard input
    int out_;  // its standard output
    std::string folder_;
};

// One thread at a time. Faults carry the server's own words.
class Postgres {
public:
    static Result<std::unique_ptr<Postgres>> connect(const PostgresServer& server);
    Postgres(const Postgres&) = delete;
    Postgres& operator=(const Postgres&) = delete;
    ~Postgres();

    // Statements without values or rows, separated by ";".
    Result<void> execute(const std::string& sql);
    // Rows of a statement whose values are bound with their types. Columns: integers, numbers in
    // double precision, anything else as a text.
    using Row = std::vector<gateway::SqlValue>;
    Result<std::vector<Row>> query(const gateway::SqlStatement& statement);
    // COPY: rows of columns that are all NOT NULL.
    Result<void> copy(std::string_view table, std::string_view columns, const std::vector<Row>&);

private:
    explicit Postgres(pg_conn* connection) : connection_(connection) {}
    [[nodiscard]] Fault fault(std::string_view sql) const;
    pg_conn* connection_;
};

}  // namespace gatehouse::tests
