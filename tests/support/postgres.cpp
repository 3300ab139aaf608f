// SPDX-License-Identifier: Apache-2.0

#include "tests/support/postgres.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>

extern char** environ;

namespace gatehouse::tests {
namespace {

// Types of PostgreSQL's catalogue (pg_type.dat), which it promises never to renumber.
constexpr Oid type_int8 = 20;
constexpr Oid type_int4 = 23;
constexpr Oid type_text = 25;
constexpr Oid type_float8 = 701;

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

// To the end of the line, or of the stream.
std::string read_line(int from) {
    std::string line;
    char c = 0;
    while (::read(from, &c, 1) == 1 && c != '\n') {
        line += c;
    }
    return line;
}

std::string network_order(std::uint64_t word) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) {
        bytes += static_cast<char>((word >> static_cast<unsigned>(shift)) & 255U);
    }
    return bytes;
}

// COPY's text format.
void append_field(std::string& out, const gateway::SqlValue& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        out += std::to_string(*integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
        std::array<char, 32> digits{};
        std::snprintf(digits.data(), digits.size(), "%.17g", *real);
        out += digits.data();
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        for (const char c : *text) {
            switch (c) {
            case '\\': out += "\\\\"; break;
            case '\t': out += "\\t"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            default: out += c;
            }
        }
    } else {
        out += "\\N";
    }
}

gateway::SqlValue value_of(const PGresult* result, int row, int column) {
    if (PQgetisnull(result, row, column) != 0) {
        return nullptr;
    }
    const std::string_view text(
        PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))
    );
    const Oid type = PQftype(result, column);
    if (type == type_int8 || type == type_int4) {
        std::int64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        return number;
    }
    if (type == type_float8) {
        double number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        return number;
    }
    return std::string(text);
}

}  // namespace

Result<std::unique_ptr<PostgresServer>> PostgresServer::start() {
    constexpr const char* script = GATEHOUSE_SOURCE_DIR "/tests/support/postgres-server";
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
        return Fault(Errc::internal, "postgres", "no pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::string name(script);
    std::array<char*, 2> arguments{name.data(), nullptr};
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, script, &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    std::unique_ptr<PostgresServer> server(new PostgresServer(in[1], out[0]));
    if (failed != 0) {
        return Fault(Errc::internal, "postgres", std::string("cannot run ") + script);
    }
    // The script goes on without its first process.
    ::waitpid(child, nullptr, 0);
    const std::string line = read_line(server->out_);
    const std::string_view word = std::string_view(line).substr(0, line.find(' '));
    const std::string rest = line.substr(std::min(line.size(), word.size() + 1));
    if (word != "ready") {
        return Fault(word == "missing" ? Errc::unsupported : Errc::internal, "postgres", rest);
    }
    server->folder_ = rest;
    return server;
}

PostgresServer::~PostgresServer() {
    ::close(in_);
    while (!read_line(out_).empty()) {
    }
    ::close(out_);
}

Result<std::unique_ptr<Postgres>> Postgres::connect(const PostgresServer& server) {
    const std::string where = "user=gatehouse dbname=postgres host=" + server.folder();
    std::unique_ptr<Postgres> made(new Postgres(PQconnectdb(where.c_str())));
    if (PQstatus(made->connection_) != CONNECTION_OK) {
        return made->fault(where);
    }
    // Notices are not for people who read a test's output.
    GH_TRY(made->execute("SET client_min_messages = warning"));
    return made;
}

Postgres::~Postgres() {
    PQfinish(connection_);
}

Fault Postgres::fault(std::string_view sql) const {
    return Fault(Errc::internal, "postgres", std::string(PQerrorMessage(connection_)).append(sql));
}

Result<void> Postgres::execute(const std::string& sql) {
    const PgResult result(PQexec(connection_, sql.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        return fault(sql);
    }
    return {};
}

Result<std::vector<Postgres::Row>> Postgres::query(const gateway::SqlStatement& statement) {
    std::vector<Oid> types;
    std::vector<std::string> bytes;
    std::vector<const char*> values;
    std::vector<int> lengths;
    bytes.reserve(statement.values.size());
    for (const gateway::SqlValue& value : statement.values) {
        if (const auto* integer = std::get_if<std::int64_t>(&value)) {
            types.push_back(type_int8);
            bytes.push_back(network_order(static_cast<std::uint64_t>(*integer)));
        } else if (const auto* real = std::get_if<double>(&value)) {
            types.push_back(type_float8);
            bytes.push_back(network_order(std::bit_cast<std::uint64_t>(*real)));
        } else if (const auto* text = std::get_if<std::string>(&value)) {
            types.push_back(type_text);
            bytes.push_back(*text);
        } else {
            types.push_back(0);
            bytes.emplace_back();
        }
        const bool null = std::holds_alternative<std::nullptr_t>(value);
        values.push_back(null ? nullptr : bytes.back().data());
        lengths.push_back(static_cast<int>(bytes.back().size()));
    }
    const std::vector<int> formats(values.size(), 1);  // binary
    const PgResult result(
        PQexecParams(
            connection_,
            statement.text.c_str(),
            static_cast<int>(values.size()),
            types.data(),
            values.data(),
            lengths.data(),
            formats.data(),
            0
        ),
        &PQclear
    );
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
        return fault(statement.text);
    }
    std::vector<Row> rows(static_cast<std::size_t>(PQntuples(result.get())));
    for (std::size_t row = 0; row < rows.size(); ++row) {
        for (int column = 0; column < PQnfields(result.get()); ++column) {
            rows[row].push_back(value_of(result.get(), static_cast<int>(row), column));
        }
    }
    return rows;
}

Result<void>
Postgres::copy(std::string_view table, std::string_view columns, const std::vector<Row>& rows) {
    const std::string sql =
        std::string("COPY ").append(table).append(" (").append(columns).append(") FROM STDIN");
    PgResult result(PQexec(connection_, sql.c_str()), &PQclear);
    if (PQresultStatus(result.get()) != PGRES_COPY_IN) {
        return fault(sql);
    }
    std::string out;
    for (const Row& row : rows) {
        out.clear();
        for (const gateway::SqlValue& value : row) {
            append_field(out, value);
            out += '\t';
        }
        out.back() = '\n';
        if (PQputCopyData(connection_, out.data(), static_cast<int>(out.size())) != 1) {
            return fault(sql);
        }
    }
    if (PQputCopyEnd(connection_, nullptr) != 1) {
        return fault(sql);
    }
    result.reset(PQgetResult(connection_));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
        return fault(sql);
    }
    result.reset(PQgetResult(connection_));  // none
    return {};
}

}  // namespace gatehouse::tests
