// SPDX-License-Identifier: Apache-2.0
//
// Applying batches and transactions (FHIR R4 §3.1.0.11), and the Bundle that answers them.
#include <algorithm>

#include "fhir/json/value.hpp"
#include "fhir/outcome/outcome.hpp"
#include "gateway/api/bundles.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/plan_applier.hpp"
#include "gateway/http/answer.hpp"

namespace gatehouse::gateway {
namespace {

// DELETE, POST, PUT and PATCH, GET, whatever order they came in. Conditional creates go before
// plain ones: what they turn out to be is known before anything that refers to them is written.
int rank_of(const PlannedEntry& entry) {
    switch (entry.kind) {
    case PlanKind::remove: return 0;
    case PlanKind::create: return entry.condition ? 1 : 2;
    case PlanKind::update:
    case PlanKind::change:
    case PlanKind::relabel: return 3;
    case PlanKind::get: return 4;
    }
    return 4;
}

bool shows_resource(const PlannedEntry& entry, const std::string& wanted) {
    if (entry.kind == PlanKind::get || entry.kind == PlanKind::relabel) {
        return true;
    }
    return wanted != "minimal" && wanted != "OperationOutcome";
}

}  // namespace

fhir::Issues PlanApplier::findings_of(std::uint32_t index) const {
    const std::string place = "Bundle.entry[" + std::to_string(index) + "]";
    fhir::Issues own;
    for (const fhir::Issue& finding : plan_.findings) {
        if (finding.expression.compare(0, place.size(), place) == 0) {
            own.push_back(finding);
        }
    }
    return own;
}

void PlanApplier::append_entry(
    std::string& out, const EntryResult& result, std::uint32_t index, std::set<std::string>& shown
) const {
    const PlannedEntry& entry = plan_.entries[index];
    fhir::JsonWriter json;
    json.begin_object();
    const bool writes = entry.kind == PlanKind::create || entry.kind == PlanKind::update ||
                        entry.kind == PlanKind::change;
    if (!result.resource.empty() && shows_resource(entry, plan_.prefer.return_what)) {
        // Two entries that turn out to be one version may not both have its fullUrl (bdl-7).
        if (writes && !result.path.empty() && shown.insert(result.path).second) {
            json.key("fullUrl").string(
                plan_.base + "/" + result.path.substr(0, result.path.find("/_history/"))
            );
        }
        json.key("resource").raw(result.resource);
    }
    json.key("response").begin_object();
    const std::string reason = reason_phrase(result.status);
    json.key("status").string(std::to_string(result.status) + (reason.empty() ? "" : " " + reason));
    if (writes && !result.path.empty()) {
        json.key("location").string(result.path);
    }
    if (result.version != 0) {
        json.key("etag").string(etag(result.version));
    } else if (!result.etag.empty()) {
        json.key("etag").string(result.etag);
    }
    if (result.last_modified != 0) {
        json.key("lastModified").string(to_instant(result.last_modified));
    }
    fhir::Issues own = findings_of(index);
    own.insert(own.end(), result.shown.begin(), result.shown.end());
    if (!result.refused.empty()) {
        fhir::Issues refused = result.refused;
        for (fhir::Issue& issue : refused) {
            issue.expression = place_in_entry(index, issue.expression);
        }
        json.key("outcome").raw(fhir::outcome_json(refused));
    } else if (!entry.failure.empty()) {
        json.key("outcome").raw(entry.failure);
    } else if (!own.empty() || plan_.prefer.return_what == "OperationOutcome") {
        json.key("outcome").raw(fhir::outcome_json(own));
    }
    json.end_object().end_object();
    out.append(json.text());
}

// Each entry for itself, in the order they came.
Result<void> PlanApplier::run_batch(std::vector<EntryResult>& results) {
    for (std::uint32_t index = 0; index < plan_.entries.size(); ++index) {
        const PlannedEntry& entry = plan_.entries[index];
        if (!entry.failure.empty()) {
            results[index].status = entry.failure_status;
            continue;
        }
        index_ = index;
        GH_TRY_ASSIGN(results[index], write(entry));
    }
    return {};
}

// What conditional updates will find is known early, so that other entries can refer to it. It is
// looked for again when their turn comes.
Result<void> PlanApplier::foresee_targets() {
    for (const PlannedEntry& entry : plan_.entries) {
        if (entry.kind != PlanKind::update || !entry.condition) {
            continue;
        }
        std::vector<std::string> ids;
        // What cannot be searched is refused when the entry's turn comes.
        GH_TRY(match(*entry.condition, 2, ids));
        if (ids.size() == 1 && ids.front() != entry.resource.id) {
            merged_.push_back(
                {entry.resource.type + "/" + entry.resource.id, {entry.resource.type, ids.front()}}
            );
        }
    }
    return {};
}

// Entries whose conditional references match nothing yet wait for the others: the resource may be
// in this very transaction.
Result<std::optional<std::uint32_t>>
PlanApplier::run_in_order(std::vector<std::uint32_t> order, std::vector<EntryResult>& results) {
    while (!order.empty()) {
        std::vector<std::uint32_t> waiting;
        for (const std::uint32_t index : order) {
            index_ = index;
            GH_TRY_ASSIGN(results[index], write(plan_.entries[index]));
            if (results[index].unmatched) {
                waiting.push_back(index);
            } else if (!results[index].refused.empty()) {
                return std::optional(index);
            }
        }
        if (waiting.size() == order.size()) {
            return std::optional(waiting.front());
        }
        order = std::move(waiting);
    }
    return std::optional<std::uint32_t>();
}

// Conditional references hold for the outcome of the whole transaction (§3.1.0.11.2, step 5): what
// was written after one was resolved may have made it ambiguous.
Result<std::optional<std::uint32_t>>
PlanApplier::confirm_references(std::vector<EntryResult>& results) {
    for (const PlannedEntry& entry : plan_.entries) {
        for (const auto& [text, place, query] : entry.references) {
            const auto resolved = resolved_.find(text);
            if (resolved == resolved_.end()) {
                continue;
            }
            std::vector<std::string> ids;
            GH_TRY(match(query, 2, ids));
            if (ids.size() != 1 || ids.front() != resolved->second.second) {
                const std::uint32_t index = resolved->second.first;
                results[index] = refuse_entry(
                    412,
                    fhir::IssueType::multiple_matches,
                    "conditional-reference",
                    "A conditional reference of this entry no longer matches exactly one resource "
                    "after the other entries of the transaction."
                );
                results[index].refused.front().expression = place;
                return std::optional(index);
            }
        }
    }
    return std::optional<std::uint32_t>();
}

Result<std::optional<std::uint32_t>> PlanApplier::run_transaction(std::vector<EntryResult>& results
) {
    std::vector<std::uint32_t> by_rank[5];
    for (std::uint32_t index = 0; index < plan_.entries.size(); ++index) {
        by_rank[rank_of(plan_.entries[index])].push_back(index);
    }
    for (int rank = 0; rank < 5; ++rank) {
        if (rank == 2) {
            GH_TRY(foresee_targets());
            // Creates and updates may wait for one another.
            by_rank[2].insert(by_rank[2].end(), by_rank[3].begin(), by_rank[3].end());
            by_rank[3].clear();
        }
        if (rank == 4) {
            GH_TRY_ASSIGN(
                const std::optional<std::uint32_t> unsettled, confirm_references(results)
            );
            if (unsettled) {
                return unsettled;
            }
        }
        GH_TRY_ASSIGN(
            const std::optional<std::uint32_t> failed,
            run_in_order(std::move(by_rank[rank]), results)
        );
        if (failed) {
            return failed;
        }
    }
    return std::optional<std::uint32_t>();
}

Applied PlanApplier::failed_transaction(EntryResult result, std::uint32_t index) const {
    Applied applied;
    applied.state = MessageState::rejected;
    applied.rules = rules_;
    applied.response.status = result.status;
    for (fhir::Issue& issue : result.refused) {
        issue.expression = place_in_entry(index, issue.expression);
        issue.diagnostics += " Nothing of this transaction was stored.";
    }
    applied.response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
    applied.response.body = fhir::outcome_json(result.refused);
    return applied;
}

Result<Applied> PlanApplier::bundle() {
    const bool transaction = plan_.shape == WritePlan::Shape::transaction;
    std::vector<EntryResult> results(plan_.entries.size());
    if (transaction) {
        GH_TRY(store_.savepoint());
        GH_TRY_ASSIGN(const std::optional<std::uint32_t> failed, run_transaction(results));
        if (failed) {
            GH_TRY(store_.rollback());
            return failed_transaction(std::move(results[*failed]), *failed);
        }
        GH_TRY(store_.release());
    } else {
        GH_TRY(run_batch(results));
    }
    std::string body =
        open_bundle(transaction ? "transaction-response" : "batch-response", std::nullopt, {});
    std::set<std::string> shown;
    for (std::uint32_t index = 0; index < results.size(); ++index) {
        if (index > 0) {
            body.push_back(',');
        }
        append_entry(body, results[index], index, shown);
    }
    if (results.empty()) {
        body.resize(body.size() - std::string_view(",\"entry\":[").size());
        body.push_back('}');
    } else {
        body.append("]}");
    }
    Applied applied;
    applied.resources = std::move(written_);
    applied.disclosed = std::move(disclosed_);
    applied.rules = std::move(rules_);
    applied.response.status = 200;
    applied.response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
    if (!plan_.findings.empty()) {
        applied.response.headers.set("Gatehouse-Findings", findings_header(plan_.findings));
    }
    applied.response.body = std::move(body);
    const bool nothing_done =
        std::all_of(plan_.entries.begin(), plan_.entries.end(), [](const PlannedEntry& entry) {
            return !entry.failure.empty();
        });
    if (nothing_done && !plan_.entries.empty()) {
        applied.state = MessageState::rejected;
    }
    return applied;
}

}  // namespace gatehouse::gateway
