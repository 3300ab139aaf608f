// SPDX-License-Identifier: Apache-2.0
//
// The outbox as rows.

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {

using gateway::OutboxCount;
using gateway::OutboxEntry;
using gateway::OutboxOutcome;

Result<void> write_outbox(Database& database, const OutboxEntry& entry) {
    Query query(
        database,
        "store.put_outbox",
        "INSERT INTO outbox (destination, message_id, attempts, created_at, due_at, body) VALUES "
        "(?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    );
    query.bind(entry.destination)
        .bind(entry.message_id)
        .bind(static_cast<std::int64_t>(entry.attempts))
        .bind(entry.created_at)
        .bind(entry.due_at)
        .bind(entry.body);
    return query.run();
}

Result<void> settle_outbox(Database& database, const OutboxOutcome& outcome) {
    if (outcome.kind == OutboxOutcome::Kind::delivered) {
        Query query(database, "store.settle_outbox", "DELETE FROM outbox WHERE seq = ?");
        query.bind(outcome.sequence);
        return query.run();
    }
    Query query(
        database,
        "store.settle_outbox",
        "UPDATE outbox SET state = ?, attempts = ?, due_at = ? WHERE seq = ?"
    );
    query.bind(std::int64_t{outcome.kind == OutboxOutcome::Kind::dead ? 1 : 0})
        .bind(static_cast<std::int64_t>(outcome.attempts))
        .bind(outcome.due_at)
        .bind(outcome.sequence);
    return query.run();
}

Result<std::vector<OutboxEntry>>
outbox_waiting(Database& database, std::string_view destination, std::uint32_t limit) {
    Query query(
        database,
        "store.outbox",
        "SELECT seq, message_id, attempts, created_at, due_at, body FROM outbox "
        "WHERE destination = ? AND state = 0 ORDER BY seq LIMIT ?"
    );
    query.bind(destination).bind(static_cast<std::int64_t>(limit));
    std::vector<OutboxEntry> out;
    for (;;) {
        GH_TRY_ASSIGN(const bool row, query.step());
        if (!row) {
            return out;
        }
        OutboxEntry entry;
        entry.sequence = query.number(0);
        entry.destination = destination;
        entry.message_id = query.text(1);
        entry.attempts = static_cast<std::uint32_t>(query.integer(2));
        entry.created_at = query.integer(3);
        entry.due_at = query.integer(4);
        entry.body = query.text(5);
        out.push_back(std::move(entry));
    }
}

Result<std::vector<OutboxCount>> outbox_counts(Database& database) {
    Query query(
        database,
        "store.outbox",
        "SELECT destination, state, count(*) FROM outbox GROUP BY destination, state"
    );
    std::vector<OutboxCount> out;
    for (;;) {
        GH_TRY_ASSIGN(const bool row, query.step());
        if (!row) {
            return out;
        }
        if (out.empty() || out.back().destination != query.text(0)) {
            out.emplace_back().destination = query.text(0);
        }
        (query.integer(1) == 0 ? out.back().waiting : out.back().dead) = query.number(2);
    }
}

}  // namespace gatehouse::adapters::sqlite
