#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The single writer's side of the store: versions, current pointers, index rows and receipts inside
// one transaction. Words and identities that repeat are remembered in memory; whatever a rollback
// undoes is forgotten with it.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {

class Writer final : public gateway::StoreWriter {
public:
    Writer(Database& database, SearchLimits limits) : database_(database), limits_(limits) {}

    // One transaction: begin(), any number of writes, then commit() or abandon().
    Result<void> begin();
    Result<void> commit();
    void abandon();

    Result<StoredVersion> read(std::string_view type, std::string_view id) override;
    Result<StoredVersion>
    read_version(std::string_view type, std::string_view id, std::uint64_t version) override;
    Result<HistoryPage> history(const gateway::HistoryQuery& query) override;
    Result<SearchPage> search(const SearchQuery& query) override;
    Result<std::vector<std::string>> match(const SearchQuery& query, std::uint32_t limit) override;
    Result<gateway::LinkPage> linked(const gateway::LinkQuery& query) override;
    Result<gateway::StoredLabels>
    labels(const std::vector<std::string>& types, std::uint32_t limit) override;
    Result<std::optional<Receipt>> receipt_by_message(std::string_view message_id) override;
    Result<std::optional<Receipt>>
    receipt_by_request(std::string_view partner, std::string_view request_id) override;
    Result<std::optional<Receipt>>
    receipt_by_bundle(std::string_view partner, std::string_view bundle_identifier) override;

    Result<std::uint64_t> put(const gateway::NewVersion& resource, std::uint64_t expected) override;
    Result<std::uint64_t> remove(
        std::string_view type,
        std::string_view id,
        gateway::Micros at,
        std::string_view message_id,
        std::string_view source,
        std::uint64_t expected
    ) override;
    Result<void> amend(const gateway::NewVersion& resource, std::uint64_t version) override;
    Result<void> put_receipt(const Receipt& receipt) override;
    Result<void> put_outbox(const gateway::OutboxEntry& entry) override;
    Result<void> settle_outbox(const gateway::OutboxOutcome& outcome) override;
    Result<void> savepoint() override;
    Result<void> release() override;
    Result<void> rollback() override;
    Result<void> set_applied_position(std::uint64_t position) override;
    // Index rows of a resource anew, unless it has been written since.
    Result<void> reindex(const RebuildItem& item, std::vector<fhir::IndexEntry> entries);

private:
    // The row of an identity; rid 0: none yet.
    struct Row {
        std::int64_t rid = 0;
        std::int64_t patient = 0;
        std::uint64_t version = 0;
        bool live = false;
        std::int64_t kinds = 0;
    };
    struct Counters {
        std::int64_t rid_last = 0;
        std::int64_t vid_last = 0;
        std::int64_t live = 0;
    };

    // Refuses once the transaction can no longer hold (SQLite ended it after a disk error), so that
    // nothing is written outside it.
    Result<void> usable() const;
    template <class T> Result<T> noted(Result<T> result);
    Result<std::int64_t> name_id(std::string_view text);
    Result<Row> find_row(std::int64_t type, std::string_view id);
    // rid of an identity that a record mentions; made if unknown.
    Result<std::int64_t> mention(std::string_view type, std::string_view id);
    void remember(std::string_view type, std::string_view id, std::int64_t rid);
    Result<std::uint64_t> put_version(const gateway::NewVersion& resource, std::uint64_t expected);
    Result<std::uint64_t> remove_version(
        std::string_view type,
        std::string_view id,
        gateway::Micros at,
        std::string_view message_id,
        std::string_view source,
        std::uint64_t expected
    );
    Result<void> amend_version(const gateway::NewVersion& resource, std::uint64_t version);
    Result<std::int64_t> append_version(
        const Row& row,
        std::uint64_t version,
        gateway::Micros at,
        gateway::VersionMethod method,
        std::string_view source,
        std::string_view message_id,
        std::string_view json
    );
    Result<void> drop_index(const Row& row);
    // Bits of the tables that got rows; above them, those that got rows of contained resources.
    Result<std::int64_t> write_index(const gateway::NewVersion& resource, const Row& row);
    Result<void> write_contained(const Row& row, const fhir::IndexEntry& entry);
    // rid of what a reference of the record, or of what it contains, leads to.
    Result<std::int64_t> target_of(const Row& row, const fhir::IndexEntry& entry);
    Result<void> write_entry(
        const Row& row,
        std::string_view type,
        const fhir::IndexEntry& entry,
        gateway::IndexTable table
    );
    Result<void> write_item(const Row& row, std::string_view type, const fhir::IndexEntry& entry);
    void forget();

    Database& database_;
    SearchLimits limits_;
    std::unordered_map<std::string, std::int64_t> names_;
    std::unordered_map<std::string, std::int64_t> mentioned_;  // "type/id" -> rid
    Counters counters_;
    std::int64_t live_committed_ = -1;
    std::vector<Counters> savepoints_;
    std::optional<std::uint64_t> position_;
    std::optional<Fault> broken_;
    std::string key_;  // scratch
};

}  // namespace gatehouse::adapters::sqlite
