#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The reads of the store over one connection: used by the pool's readers, and by the writer, whose
// reads see what it has not committed yet.

#include <chrono>

#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/search_index.hpp"
#include "gateway/store/cursor.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::adapters::sqlite {

using gateway::HistoryPage;
using gateway::Receipt;
using gateway::SearchPage;
using gateway::SearchQuery;
using gateway::StoredVersion;

struct SearchLimits {
    std::chrono::milliseconds budget{5000};
    std::uint64_t steps = 0;  // Database::Budget
    gateway::CursorSecret secret{};
    const PendingUnits* pending = nullptr;
    // How a search that needs a part of the index that is not whole is refused.
    Errc pending_is = Errc::busy;
};

Result<StoredVersion> read_current(Database& database, std::string_view type, std::string_view id);
Result<StoredVersion>
read_version(Database& database, std::string_view type, std::string_view id, std::uint64_t version);
// Ends the read transaction and the budget, whatever happens.
class Snapshot {
public:
    Snapshot(Database& database, std::chrono::milliseconds budget, std::uint64_t steps)
        : database_(database), budget_{std::chrono::steady_clock::now() + budget, steps} {}
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    Result<void> begin() {
        if (database_.in_transaction()) {
            database_.begin_budget(budget_);
            return {};  // the writer's own: its reads see its writes
        }
        Query query(database_, "store.begin", "BEGIN");
        GH_TRY(query.run());
        mine_ = true;
        database_.begin_budget(budget_);
        return {};
    }
    ~Snapshot() {
        database_.end_budget();
        if (mine_) {
            Query query(database_, "store.end", "COMMIT");
            static_cast<void>(query.run());
        }
    }

private:
    Database& database_;
    Database::Budget budget_;
    bool mine_ = false;
};

// history.cpp. Errc::timeout past the time, which is all its budget: it reads one page in order.
Result<HistoryPage>
read_history(Database& database, const gateway::HistoryQuery& query, const SearchLimits& limits);
// Columns: version, last_updated, method, json.
StoredVersion version_from(const Query& query, std::string_view type, std::string_view id);
Result<SearchPage> search(Database& database, const SearchQuery& query, const SearchLimits& limits);
Result<std::vector<std::string>> match(
    Database& database, const SearchQuery& query, std::uint32_t limit, const SearchLimits& limits
);

// links.cpp. Errc::timeout or too_many past the budget.
Result<gateway::LinkPage>
read_linked(Database& database, const gateway::LinkQuery& query, const SearchLimits& limits);

// labels.cpp
Result<gateway::StoredLabels> read_labels(
    Database& database,
    const std::vector<std::string>& types,
    std::uint32_t limit,
    const SearchLimits& limits
);

Result<std::optional<Receipt>> receipt_by_message(Database& database, std::string_view message_id);
// Of several receipts with the same key (a refused message was sent again) the one that was
// accepted, else the newest.
Result<std::optional<Receipt>>
receipt_by_request(Database& database, std::string_view partner, std::string_view request_id);
Result<std::optional<Receipt>>
receipt_by_bundle(Database& database, std::string_view partner, std::string_view bundle_identifier);
Result<void> write_receipt(Database& database, const Receipt& receipt);

Result<void> write_outbox(Database& database, const gateway::OutboxEntry& entry);
Result<void> settle_outbox(Database& database, const gateway::OutboxOutcome& outcome);
Result<std::vector<gateway::OutboxEntry>>
outbox_waiting(Database& database, std::string_view destination, std::uint32_t limit);
Result<std::vector<gateway::OutboxCount>> outbox_counts(Database& database);

// A row of `meta`, or Errc::not_found.
Result<std::string> read_meta(Database& database, std::string_view key);
Result<void> write_meta(Database& database, std::string_view key, std::string_view value);
Result<std::uint64_t> read_meta_number(Database& database, std::string_view key);

}  // namespace gatehouse::adapters::sqlite
