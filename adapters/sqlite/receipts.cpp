// SPDX-License-Identifier: Apache-2.0
//
// Receipts as rows. Lists are kept as lines: none of their items can hold a line feed.

#include <array>

#include <sqlite3.h>

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {
namespace {

using gateway::MessageState;

constexpr std::string_view receipt_columns =
    "SELECT message_id, partner, request_id, bundle_identifier, body_digest, state, received_at, "
    "settled_at, status, headers, body, rules, resources, decision_id FROM receipt ";

std::string join_lines(const std::vector<std::string>& items) {
    std::string out;
    for (const std::string& item : items) {
        out.append(item).append("\n");
    }
    return out;
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        items.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return items;
}

Result<std::optional<Receipt>> one_receipt(Query& query) {
    GH_TRY_ASSIGN(const bool row, query.step());
    if (!row) {
        return std::optional<Receipt>{};
    }
    Receipt receipt;
    receipt.message_id = query.text(0);
    receipt.partner = query.text(1);
    receipt.request_id = query.text(2);
    receipt.bundle_identifier = query.text(3);
    receipt.body_digest = query.text(4);
    receipt.state = static_cast<MessageState>(query.integer(5));
    receipt.received_at = query.integer(6);
    receipt.settled_at = query.integer(7);
    receipt.status = static_cast<int>(query.integer(8));
    receipt.headers = query.text(9);
    receipt.body = query.text(10);
    receipt.rules = split_lines(query.text(11));
    receipt.resources = split_lines(query.text(12));
    receipt.decision_id = query.text(13);
    return std::optional<Receipt>{std::move(receipt)};
}

// A refused or repeated message does not stand in the way of the one that counts.
std::int64_t rank_of(MessageState state) {
    return state == MessageState::rejected || state == MessageState::duplicate ? 0 : 1;
}

}  // namespace

Result<std::optional<Receipt>> receipt_by_message(Database& database, std::string_view message_id) {
    static const std::string sql = std::string(receipt_columns) + "WHERE message_id = ?";
    Query query(database, "store.receipt", sql);
    query.bind(message_id);
    return one_receipt(query);
}

Result<std::optional<Receipt>>
receipt_by_request(Database& database, std::string_view partner, std::string_view request_id) {
    static const std::string sql = std::string(receipt_columns) +
                                   "WHERE partner = ? AND request_id = ? AND request_id <> '' "
                                   "ORDER BY rank DESC, received_at DESC LIMIT 1";
    Query query(database, "store.receipt", sql);
    query.bind(partner).bind(request_id);
    return one_receipt(query);
}

Result<std::optional<Receipt>> receipt_by_bundle(
    Database& database, std::string_view partner, std::string_view bundle_identifier
) {
    static const std::string sql = std::string(receipt_columns) +
                                   "WHERE partner = ? AND bundle_identifier = ? AND "
                                   "bundle_identifier <> '' "
                                   "ORDER BY rank DESC, received_at DESC LIMIT 1";
    Query query(database, "store.receipt", sql);
    query.bind(partner).bind(bundle_identifier);
    return one_receipt(query);
}

Result<void> write_receipt(Database& database, const Receipt& receipt) {
    const std::string rules = join_lines(receipt.rules);
    const std::string resources = join_lines(receipt.resources);
    // Nearly always the first of its message. REPLACE is the exception: SQLite keeps copies of the
    // pages it changes, in case it has to take half of it back.
    static constexpr std::array<std::string_view, 2> statements{
        "INSERT INTO receipt (message_id, partner, request_id, bundle_identifier, body_digest, "
        "state, rank, received_at, settled_at, status, headers, body, rules, resources, "
        "decision_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "INSERT OR REPLACE INTO receipt (message_id, partner, request_id, bundle_identifier, "
        "body_digest, state, rank, received_at, settled_at, status, headers, body, rules, "
        "resources, decision_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
    for (const std::string_view statement : statements) {
        Query query(database, "store.put_receipt", statement);
        query.bind(receipt.message_id)
            .bind(receipt.partner)
            .bind(receipt.request_id)
            .bind(receipt.bundle_identifier)
            .bind(receipt.body_digest)
            .bind(static_cast<std::int64_t>(receipt.state))
            .bind(rank_of(receipt.state))
            .bind(receipt.received_at)
            .bind(receipt.settled_at)
            .bind(static_cast<std::int64_t>(receipt.status))
            .bind(receipt.headers)
            .bind(receipt.body)
            .bind(rules)
            .bind(resources)
            .bind(receipt.decision_id);
        GH_TRY(query.run());
        if (sqlite3_changes64(database.handle()) > 0) {
            break;
        }
    }
    return {};
}

}  // namespace gatehouse::adapters::sqlite
