// SPDX-License-Identifier: Apache-2.0
//
// Applying a plan inside the single writer's transaction, and the answer it brings.
#include <algorithm>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "fhir/outcome/outcome.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/bundles.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/write_plan.hpp"
#include "gateway/store/split_json.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

// What one entry did. `outcome` is set when the sender's wish could not be met.
struct EntryResult {
    int status = 200;
    std::string path;  // "Patient/1/_history/2"
    std::uint64_t version = 0;
    Micros last_modified = 0;
    std::string resource;  // representation, if it may be shown
    fhir::Issues refused;  // not empty: nothing was done
};

EntryResult refuse_entry(int status, IssueType type, std::string rule, std::string text) {
    EntryResult result;
    result.status = status;
    result.refused.push_back(request_issue(type, rule, std::move(text)));
    return result;
}

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
          partner_(partner) {}

    Result<Applied> single();
    Result<Applied> bundle();

private:
    Result<EntryResult> write(const PlannedEntry& entry);
    Result<EntryResult> create(const PlannedEntry& entry);
    Result<EntryResult> update(const PlannedEntry& entry);
    Result<EntryResult> remove(const PlannedEntry& entry);
    Result<EntryResult> get(const PlannedEntry& entry);
    Result<EntryResult> put(NewVersion resource, std::uint64_t if_match, int status);
    Result<EntryResult> existing(const std::string& type, const std::string& id);
    // Puts what only the store knows into the body: conditional references, and entries that an
    // If-None-Exist turned into existing ones.
    Result<std::optional<EntryResult>>
    settle_references(NewVersion& resource, const PlannedEntry& entry);
    void append_entry(std::string& out, const EntryResult& result, std::uint32_t index) const;
    [[nodiscard]] fhir::Issues findings_of(std::uint32_t index) const;

    const WritePlan& plan_;
    StoreWriter& store_;
    Micros accepted_at_;
    const std::string& message_id_;
    const std::string& partner_;
    std::vector<std::string> written_;
    std::vector<std::string> disclosed_;
    std::vector<std::pair<std::string, std::pair<std::string, std::string>>>
        merged_;  // planned path -> type, id
};

Result<EntryResult> PlanApplier::existing(const std::string& type, const std::string& id) {
    GH_TRY_ASSIGN(StoredVersion version, store_.read(type, id));
    EntryResult result;
    result.status = 200;
    result.version = version.version;
    result.last_modified = version.last_updated;
    result.path = version_path(type, id, version.version);
    if (disclose(version, disclosed_)) {
        result.resource = std::move(version.json);
    }
    return result;
}

Result<std::optional<EntryResult>>
PlanApplier::settle_references(NewVersion& resource, const PlannedEntry& entry) {
    for (const auto& [text, query] : entry.references) {
        GH_TRY_ASSIGN(std::vector<std::string> ids, store_.match(query, 2));
        if (ids.size() != 1) {
            return std::optional<EntryResult>(refuse_entry(
                412,
                ids.empty() ? IssueType::not_found : IssueType::multiple_matches,
                "conditional-reference",
                std::string("A conditional reference of this entry matches ") +
                    (ids.empty() ? "nothing" : "more than one resource") +
                    "; it must match exactly one."
            ));
        }
        replace_reference(resource, text, query.type, ids.front());
    }
    for (const auto& [path, target] : merged_) {
        replace_reference(resource, path, target.first, target.second);
    }
    if (plan_.check_references) {
        for (const fhir::IndexEntry& index : resource.index) {
            if (index.parameter->type != fhir::SearchType::reference || index.system.empty() ||
                index.value.empty() || index.value.find(':') != std::string::npos) {
                continue;
            }
            auto target = store_.read(index.system, index.value);
            if (!target && target.error().code != Errc::not_found &&
                target.error().code != Errc::gone) {
                return target.error();
            }
            if (!target || target->deleted()) {
                return std::optional<EntryResult>(refuse_entry(
                    422,
                    IssueType::not_found,
                    "reference-exists",
                    "Reference " + index.parameter->code + " points at " + index.system + "/" +
                        index.value +
                        ", which is not held here. Send it first or in the same transaction."
                ));
            }
        }
    }
    return std::optional<EntryResult>();
}

Result<EntryResult> PlanApplier::put(NewVersion resource, std::uint64_t if_match, int status) {
    resource.last_updated = accepted_at_;
    resource.message_id = message_id_;
    resource.source = partner_;
    auto stored = store_.put(resource, if_match);
    if (!stored) {
        if (stored.error().code == Errc::conflict) {
            return refuse_entry(
                412,
                IssueType::conflict,
                "version-conflict",
                resource.type + "/" + resource.id + " is not at version " +
                    std::to_string(if_match) +
                    " any more. Read it again, apply your change to it and send that."
            );
        }
        return stored.error();
    }
    EntryResult result;
    result.status = status;
    result.version = *stored;
    result.last_modified = accepted_at_;
    result.path = version_path(resource.type, resource.id, *stored);
    written_.push_back(result.path);
    if (plan_.prefer.empty() || plan_.prefer == "representation") {
        StoredVersion echo;
        echo.type = resource.type;
        echo.id = resource.id;
        echo.version = *stored;
        echo.last_updated = accepted_at_;
        echo.json = assemble_json(resource.json.head, resource.json.tail, *stored, accepted_at_);
        if (disclose(echo, disclosed_)) {
            result.resource = std::move(echo.json);
        }
    }
    return result;
}

Result<EntryResult> PlanApplier::create(const PlannedEntry& entry) {
    if (entry.condition) {
        GH_TRY_ASSIGN(std::vector<std::string> ids, store_.match(*entry.condition, 2));
        if (ids.size() > 1) {
            return refuse_entry(
                412,
                IssueType::multiple_matches,
                "if-none-exist",
                "If-None-Exist matches more than one " + entry.resource.type +
                    ". Make the condition narrower."
            );
        }
        if (ids.size() == 1) {
            merged_.push_back(
                {entry.resource.type + "/" + entry.resource.id, {entry.resource.type, ids.front()}}
            );
            return existing(entry.resource.type, ids.front());
        }
    }
    NewVersion resource = entry.resource;
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, settle_references(resource, entry));
    if (refused) {
        return std::move(*refused);
    }
    return put(std::move(resource), 0, 201);
}

Result<EntryResult> PlanApplier::update(const PlannedEntry& entry) {
    auto current = store_.read(entry.resource.type, entry.resource.id);
    const bool known = current.has_value() && !current->deleted();
    if (!current && current.error().code != Errc::not_found && current.error().code != Errc::gone) {
        return current.error();
    }
    if (!known && entry.if_match != 0) {
        return refuse_entry(
            412,
            IssueType::conflict,
            "version-conflict",
            entry.resource.type + "/" + entry.resource.id +
                " does not exist, so it is not at version " + std::to_string(entry.if_match) + "."
        );
    }
    NewVersion resource = entry.resource;
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, settle_references(resource, entry));
    if (refused) {
        return std::move(*refused);
    }
    return put(std::move(resource), entry.if_match, known ? 200 : 201);
}

Result<EntryResult> PlanApplier::remove(const PlannedEntry& entry) {
    auto removed = store_.remove(
        entry.resource.type, entry.resource.id, accepted_at_, message_id_, partner_, entry.if_match
    );
    if (!removed) {
        if (removed.error().code == Errc::conflict) {
            return refuse_entry(
                412,
                IssueType::conflict,
                "version-conflict",
                entry.resource.type + "/" + entry.resource.id + " is not at version " +
                    std::to_string(entry.if_match) + "."
            );
        }
        return removed.error();
    }
    EntryResult result;
    result.status = 204;
    result.version = *removed;
    result.last_modified = accepted_at_;
    if (*removed != 0) {
        result.path = version_path(entry.resource.type, entry.resource.id, *removed);
        written_.push_back(result.path);
    }
    return result;
}

Result<EntryResult> PlanApplier::get(const PlannedEntry& entry) {
    const RestCall& call = *entry.get;
    if (entry.search) {
        GH_TRY_ASSIGN(SearchPage page, store_.search(*entry.search));
        std::erase_if(page.matches, [&](StoredVersion& match) {
            return !disclose(match, disclosed_);
        });
        std::vector<BundleLink> links{{"self", search_url(plan_.base, call.type, call.parameters)}};
        if (!page.next.empty()) {
            auto parameters = call.parameters;
            parameters.emplace_back("_count", std::to_string(entry.search->count));
            parameters.emplace_back("_page", page.next);
            links.push_back({"next", search_url(plan_.base, call.type, parameters)});
        }
        EntryResult result;
        result.resource = searchset(page, links, plan_.base, {}, entry.search->count_only);
        return result;
    }
    auto version = call.version.empty()
                       ? store_.read(call.type, call.id)
                       : store_.read_version(
                             call.type, call.id, std::strtoull(call.version.c_str(), nullptr, 10)
                         );
    const std::string name = call.type + "/" + call.id;
    if (!version && version.error().code != Errc::not_found && version.error().code != Errc::gone) {
        return version.error();
    }
    const bool gone = version ? version->deleted() : version.error().code == Errc::gone;
    if (gone) {
        return refuse_entry(410, IssueType::deleted, "read", name + " has been deleted.");
    }
    if (!version || !disclose(*version, disclosed_)) {
        return refuse_entry(404, IssueType::not_found, "read", name + " is not known here.");
    }
    EntryResult result;
    result.version = version->version;
    result.last_modified = version->last_updated;
    result.resource = std::move(version->json);
    return result;
}

Result<EntryResult> PlanApplier::write(const PlannedEntry& entry) {
    switch (entry.kind) {
    case PlanKind::create: return create(entry);
    case PlanKind::update: return update(entry);
    case PlanKind::remove: return remove(entry);
    case PlanKind::get: return get(entry);
    }
    return Fault(Errc::internal, "apply_plan", "unknown kind of entry");
}

// The findings of a warned acceptance travel in a header, since the body is the resource: a compact
// JSON array, ASCII, cut to what a header may carry. All of them are in the answer to Prefer:
// return=OperationOutcome.
std::string findings_header(const fhir::Issues& findings) {
    constexpr std::size_t bytes_max = 4096;
    std::string out = "[";
    for (const fhir::Issue& finding : findings) {
        fhir::JsonWriter json;
        json.begin_object()
            .key("rule")
            .string(finding.rule)
            .key("expression")
            .string(finding.expression);
        json.key("diagnostics").string(finding.diagnostics).end_object();
        std::string text = json.take();
        std::replace_if(
            text.begin(),
            text.end(),
            [](char c) {
                return static_cast<unsigned char>(c) < 32 || static_cast<unsigned char>(c) > 126;
            },
            '?'
        );
        if (out.size() + text.size() + 2 > bytes_max) {
            break;
        }
        out.append(out.size() > 1 ? "," : "").append(text);
    }
    out.push_back(']');
    return out;
}

Result<Applied> PlanApplier::single() {
    const PlannedEntry& entry = plan_.entries.front();
    GH_TRY_ASSIGN(EntryResult result, write(entry));
    Applied applied;
    applied.resources = written_;
    applied.disclosed = disclosed_;
    Response& response = applied.response;
    response.status = result.status;
    if (!result.refused.empty()) {
        applied.state = MessageState::rejected;
        response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
        response.body = fhir::outcome_json(result.refused);
        return applied;
    }
    if (result.version != 0) {
        response.headers.set("ETag", etag(result.version));
        response.headers.set("Last-Modified", to_http_date(result.last_modified));
    }
    if (entry.kind != PlanKind::remove) {
        response.headers.set("Location", plan_.base + "/" + result.path);
    }
    if (!plan_.findings.empty()) {
        response.headers.set("Gatehouse-Findings", findings_header(plan_.findings));
    }
    if (plan_.prefer == "OperationOutcome") {
        fhir::Issues said = plan_.findings;
        response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
        response.body = fhir::outcome_json(said);
        response.status = result.status == 204 ? 200 : result.status;
    } else if (!result.resource.empty() && plan_.prefer != "minimal") {
        response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
        response.body = std::move(result.resource);
        applied.body_is_first_resource = written_.size() == 1;
    }
    return applied;
}

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

const char* reason_of(int status) {
    switch (status) {
    case 200: return "200 OK";
    case 201: return "201 Created";
    case 204: return "204 No Content";
    case 400: return "400 Bad Request";
    case 404: return "404 Not Found";
    case 409: return "409 Conflict";
    case 410: return "410 Gone";
    case 412: return "412 Precondition Failed";
    case 422: return "422 Unprocessable Entity";
    case 501: return "501 Not Implemented";
    default: return nullptr;
    }
}

void PlanApplier::append_entry(std::string& out, const EntryResult& result, std::uint32_t index)
    const {
    const PlannedEntry& entry = plan_.entries[index];
    fhir::JsonWriter json;
    json.begin_object();
    const bool writes = entry.kind == PlanKind::create || entry.kind == PlanKind::update;
    if (!result.resource.empty() && plan_.prefer != "minimal" &&
        plan_.prefer != "OperationOutcome") {
        if (writes && !result.path.empty()) {
            json.key("fullUrl").string(
                plan_.base + "/" + result.path.substr(0, result.path.find("/_history/"))
            );
        }
        json.key("resource").raw(result.resource);
    } else if (entry.kind == PlanKind::get && !result.resource.empty()) {
        json.key("resource").raw(result.resource);
    }
    json.key("response").begin_object();
    const char* reason = reason_of(result.status);
    json.key("status").string(
        reason != nullptr ? std::string(reason) : std::to_string(result.status)
    );
    if (writes && !result.path.empty()) {
        json.key("location").string(result.path);
    }
    if (result.version != 0) {
        json.key("etag").string(etag(result.version));
    }
    if (result.last_modified != 0) {
        json.key("lastModified").string(to_instant(result.last_modified));
    }
    if (!result.refused.empty()) {
        json.key("outcome").raw(fhir::outcome_json(result.refused));
    } else if (!entry.failure.empty()) {
        json.key("outcome").raw(entry.failure);
    } else if (const fhir::Issues own = findings_of(index); !own.empty()) {
        json.key("outcome").raw(fhir::outcome_json(own));
    }
    json.end_object().end_object();
    out.append(json.text());
}

Result<Applied> PlanApplier::bundle() {
    const bool transaction = plan_.shape == WritePlan::Shape::transaction;
    std::vector<EntryResult> results(plan_.entries.size());
    std::vector<std::uint32_t> order(plan_.entries.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    if (transaction) {
        // DELETE, POST, PUT, GET (FHIR R4 §3.1.0.11.2), whatever order they came in. Conditional
        // creates go before plain ones: what they turn out to be is known before anything that
        // refers to them is written.
        const auto rank = [&](std::uint32_t index) {
            const PlannedEntry& entry = plan_.entries[index];
            switch (entry.kind) {
            case PlanKind::remove: return 0;
            case PlanKind::create: return entry.condition ? 1 : 2;
            case PlanKind::update: return 3;
            case PlanKind::get: return 4;
            }
            return 4;
        };
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
            return rank(a) < rank(b);
        });
        GH_TRY(store_.savepoint());
    }
    for (const std::uint32_t index : order) {
        const PlannedEntry& entry = plan_.entries[index];
        if (!entry.failure.empty()) {
            results[index].status = entry.failure_status;
            continue;
        }
        GH_TRY_ASSIGN(EntryResult result, write(entry));
        if (transaction && !result.refused.empty()) {
            GH_TRY(store_.rollback());
            Applied applied;
            applied.state = MessageState::rejected;
            applied.response.status = result.status;
            for (fhir::Issue& issue : result.refused) {
                issue.expression = "Bundle.entry[" + std::to_string(index) + "]";
                issue.diagnostics += " Nothing of this transaction was stored.";
            }
            applied.response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
            applied.response.body = fhir::outcome_json(result.refused);
            return applied;
        }
        results[index] = std::move(result);
    }
    if (transaction) {
        GH_TRY(store_.release());
    }
    std::string body =
        open_bundle(transaction ? "transaction-response" : "batch-response", std::nullopt, {});
    for (std::uint32_t index = 0; index < results.size(); ++index) {
        if (index > 0) {
            body.push_back(',');
        }
        append_entry(body, results[index], index);
    }
    body.append("]}");
    if (results.empty()) {
        body =
            open_bundle(transaction ? "transaction-response" : "batch-response", std::nullopt, {});
        body.resize(body.size() - std::string_view(",\"entry\":[").size());
        body.push_back('}');
    }
    Applied applied;
    applied.resources = std::move(written_);
    applied.disclosed = std::move(disclosed_);
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

}  // namespace

Result<Applied> apply_plan(
    const WritePlan& plan,
    StoreWriter& store,
    Micros accepted_at,
    const std::string& message_id,
    const std::string& partner
) {
    PlanApplier applier(plan, store, accepted_at, message_id, partner);
    return plan.shape == WritePlan::Shape::single ? applier.single() : applier.bundle();
}

}  // namespace gatehouse::gateway
