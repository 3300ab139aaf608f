#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// PlanApplier: carries a plan out inside the single writer's transaction. One entry is in
// apply.cpp, Bundles are in apply_bundle.cpp.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/changes.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/write_plan.hpp"

namespace gatehouse::gateway {

// What one entry did.
struct EntryResult {
    int status = 200;
    std::string path;  // "Patient/1/_history/2"
    std::uint64_t version = 0;
    Micros last_modified = 0;
    std::string etag;      // of a read
    std::string resource;  // representation, if it may be shown
    fhir::Issues refused;  // not empty: nothing was done
    fhir::Issues shown;    // warnings about this entry alone
    // Refused only because a conditional reference matches nothing yet: another entry may bring it.
    bool unmatched = false;
};

EntryResult refuse_entry(int status, fhir::IssueType type, std::string rule, std::string text);
std::string findings_header(const fhir::Issues& findings);

class PlanApplier {
public:
    PlanApplier(
        const WritePlan& plan,
        StoreWriter& store,
        Micros accepted_at,
        const std::string& message_id,
        const std::string& partner
    )
        : plan_(plan), store_(store), accepted_at_(accepted_at), message_id_(message_id),
          partner_(partner), exit_(plan.viewer, plan.base, store, disclosed_) {}

    Result<Applied> single();
    Result<Applied> bundle();

private:
    using Refusals = Result<std::optional<EntryResult>>;

    Result<EntryResult> write(const PlannedEntry& entry);
    Result<EntryResult> create(const PlannedEntry& entry);
    Result<EntryResult> update(const PlannedEntry& entry);
    Result<EntryResult> change(const PlannedEntry& entry);
    Result<EntryResult> relabel(const PlannedEntry& entry);
    Result<EntryResult> remove(const PlannedEntry& entry);
    Result<EntryResult> get(const PlannedEntry& entry);
    Result<EntryResult> put(NewVersion resource, std::uint64_t if_match, int status);
    Result<EntryResult> existing(const std::string& type, const std::string& id);
    // The ids that a condition finds, at most `limit`. A search that is over its budget or cannot
    // be done is refused: were it a fault of the store's, it would be tried for ever.
    Refusals match(const SearchQuery& query, std::uint32_t limit, std::vector<std::string>& ids);
    // The id that an entry's condition finds; empty if none does.
    Refusals find_one(const PlannedEntry& entry, std::string& id);
    // The current version of what a change is about.
    Refusals find_current(const PlannedEntry& entry, StoredVersion& current);
    // Puts what only the store knows into the body: conditional references, and entries that an
    // If-None-Exist turned into existing ones.
    Refusals settle_references(NewVersion& resource, const PlannedEntry& entry);
    Refusals check_targets(const NewVersion& resource);
    // In a transaction each resource is written once, whatever named it.
    std::optional<EntryResult> claim(const std::string& type, const std::string& id);
    [[nodiscard]] ChangeFacts facts() const;

    // apply_bundle.cpp
    Result<void> run_batch(std::vector<EntryResult>& results);
    // The entry that failed, if one did.
    Result<std::optional<std::uint32_t>> run_transaction(std::vector<EntryResult>& results);
    Result<std::optional<std::uint32_t>>
    run_in_order(std::vector<std::uint32_t> order, std::vector<EntryResult>& results);
    Result<void> foresee_targets();
    Result<std::optional<std::uint32_t>> confirm_references(std::vector<EntryResult>& results);
    Applied failed_transaction(EntryResult result, std::uint32_t index) const;
    // `shown`: the versions whose fullUrl the answer has already.
    void append_entry(
        std::string& out,
        const EntryResult& result,
        std::uint32_t index,
        std::set<std::string>& shown
    ) const;
    [[nodiscard]] fhir::Issues findings_of(std::uint32_t index) const;

    const WritePlan& plan_;
    StoreWriter& store_;
    Micros accepted_at_;
    const std::string& message_id_;
    const std::string& partner_;
    std::vector<std::string> written_;
    std::vector<std::string> disclosed_;
    Exit exit_;
    std::vector<RuleResult> rules_;
    std::vector<std::pair<std::string, std::pair<std::string, std::string>>>
        merged_;                                   // planned path -> type, id
    std::uint32_t index_ = 0;                      // of the entry at work
    std::map<std::string, std::uint32_t> claims_;  // transaction: "Patient/1" -> entry
    // Conditional references as they were resolved: text -> entry, id.
    std::map<std::string, std::pair<std::uint32_t, std::string>> resolved_;
};

}  // namespace gatehouse::gateway
