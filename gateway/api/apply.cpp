// SPDX-License-Identifier: Apache-2.0
//
// Applying one entry of a plan inside the single writer's transaction.
#include <algorithm>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "fhir/outcome/outcome.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/messages.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/plan_applier.hpp"
#include "gateway/api/search_pages.hpp"
#include "gateway/api/view.hpp"
#include "gateway/store/split_json.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

constexpr const char* fhir_json = "application/fhir+json; charset=utf-8";

// The Spine code that fits what kept an entry from being applied; there is none for a conflict.
std::string_view spine_code_of(IssueType type) noexcept {
    switch (type) {
    case IssueType::not_found:
    case IssueType::deleted: return "NO_RECORD_FOUND";
    case IssueType::multiple_matches:
    case IssueType::too_costly: return "INVALID_PARAMETER";
    case IssueType::invalid:
    case IssueType::value: return "INVALID_RESOURCE";
    case IssueType::not_supported: return "NOT_IMPLEMENTED";
    case IssueType::forbidden: return "ACCESS_DENIED";
    default: return {};
    }
}

EntryResult version_conflict(const std::string& name, std::uint64_t expected) {
    return refuse_entry(
        412,
        IssueType::conflict,
        "version-conflict",
        name + " is not at version " + std::to_string(expected) +
            " any more. Read it again, apply your change to it and send that."
    );
}

bool is_absence(Errc code) noexcept {
    return code == Errc::not_found || code == Errc::gone;
}

EntryResult refused_by(PlanRefusal refusal) {
    EntryResult result;
    result.status = refusal.status;
    result.refused = std::move(refusal.issues);
    return result;
}

}  // namespace

EntryResult refuse_entry(int status, IssueType type, std::string rule, std::string text) {
    EntryResult result;
    result.status = status;
    result.refused.push_back(request_issue(type, rule, std::move(text), {}, spine_code_of(type)));
    return result;
}

ChangeFacts PlanApplier::facts() const {
    GH_ASSERT(plan_.rulebook != nullptr);
    return {*plan_.rulebook, partner_, plan_.organisation, message_id_, plan_.base, accepted_at_};
}

std::optional<EntryResult> PlanApplier::claim(const std::string& type, const std::string& id) {
    if (plan_.shape != WritePlan::Shape::transaction) {
        return std::nullopt;
    }
    const std::string name = type + "/" + id;
    const auto [other, fresh] = claims_.emplace(name, index_);
    if (fresh || other->second == index_) {
        return std::nullopt;
    }
    return refuse_entry(
        400,
        IssueType::invalid,
        "bundle-entry",
        name + " is written by two entries, " + std::to_string(other->second) + " and " +
            std::to_string(index_) + ". A transaction may write each resource once."
    );
}

Result<EntryResult> PlanApplier::existing(const std::string& type, const std::string& id) {
    GH_TRY_ASSIGN(StoredVersion version, store_.read(type, id));
    EntryResult result;
    result.status = 200;
    result.version = version.version;
    result.last_modified = version.last_updated;
    result.path = version_path(type, id, version.version);
    if (exit_.disclose(version)) {
        result.resource = std::move(version.json);
    }
    return result;
}

PlanApplier::Refusals
PlanApplier::match(const SearchQuery& query, std::uint32_t limit, std::vector<std::string>& ids) {
    auto found = match_admitted(query, limit, plan_.examined_max, exit_, store_);
    if (found) {
        ids = std::move(*found);
        return std::optional<EntryResult>();
    }
    switch (found.error().code) {
    case Errc::timeout:
    case Errc::too_many:
        return std::optional<EntryResult>(refuse_entry(
            400,
            IssueType::too_costly,
            "condition",
            "Searching for the condition costs too much. Make it narrower, for example by an "
            "identifier with its system; nothing was changed."
        ));
    case Errc::unsupported:
    case Errc::invalid:
        return std::optional<EntryResult>(refuse_entry(
            400,
            IssueType::not_supported,
            "condition",
            "The condition cannot be searched here: " + found.error().detail + "."
        ));
    default: return found.error();
    }
}

PlanApplier::Refusals PlanApplier::find_one(const PlannedEntry& entry, std::string& id) {
    std::vector<std::string> ids;
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, match(*entry.condition, 2, ids));
    if (refused) {
        return refused;
    }
    if (ids.size() > 1) {
        return std::optional<EntryResult>(refuse_entry(
            412,
            IssueType::multiple_matches,
            entry.kind == PlanKind::create ? "if-none-exist" : "condition",
            "The condition matches more than one " + entry.resource.type +
                ". Make it narrower; nothing was changed."
        ));
    }
    if (!ids.empty()) {
        id = std::move(ids.front());
    }
    return std::optional<EntryResult>();
}

PlanApplier::Refusals
PlanApplier::settle_references(NewVersion& resource, const PlannedEntry& entry) {
    for (const auto& [text, place, query] : entry.references) {
        std::vector<std::string> ids;
        GH_TRY_ASSIGN(std::optional<EntryResult> costly, match(query, 2, ids));
        if (costly) {
            costly->refused.front().expression = place;
            return costly;
        }
        if (ids.size() != 1) {
            EntryResult refused = refuse_entry(
                412,
                ids.empty() ? IssueType::not_found : IssueType::multiple_matches,
                "conditional-reference",
                std::string("A conditional reference of this entry matches ") +
                    (ids.empty() ? "nothing" : "more than one resource") +
                    "; it must match exactly one."
            );
            refused.refused.front().expression = place;
            refused.refused.front().spine_code = "REFERENCE_NOT_FOUND";
            refused.unmatched = ids.empty();
            return std::optional<EntryResult>(std::move(refused));
        }
        resolved_.emplace(text, std::make_pair(index_, ids.front()));
        replace_reference(resource, text, query.type, ids.front());
    }
    for (const auto& [path, target] : merged_) {
        replace_reference(resource, path, target.first, target.second);
    }
    if (plan_.check_references) {
        return check_targets(resource);
    }
    return std::optional<EntryResult>();
}

PlanApplier::Refusals PlanApplier::check_targets(const NewVersion& resource) {
    for (const fhir::IndexEntry& index : resource.index) {
        if (index.holder != 0 || index.parameter->type != fhir::SearchType::reference ||
            index.system.empty() || index.value.empty() ||
            index.value.find(':') != std::string::npos) {
            continue;
        }
        auto target = store_.read(index.system, index.value);
        if (!target && !is_absence(target.error().code)) {
            return target.error();
        }
        if (!target || target->deleted()) {
            EntryResult refused = refuse_entry(
                422,
                IssueType::not_found,
                "reference-exists",
                "Reference " + index.parameter->code + " points at " + index.system + "/" +
                    index.value +
                    ", which is not held here. Send it first or in the same transaction."
            );
            refused.refused.front().spine_code = "REFERENCE_NOT_FOUND";
            return std::optional<EntryResult>(std::move(refused));
        }
    }
    return std::optional<EntryResult>();
}

Result<EntryResult> PlanApplier::put(NewVersion resource, std::uint64_t if_match, int status) {
    if (auto refused = claim(resource.type, resource.id)) {
        return std::move(*refused);
    }
    resource.last_updated = accepted_at_;
    resource.message_id = message_id_;
    resource.source = partner_;
    auto stored = store_.put(resource, if_match);
    if (!stored) {
        if (stored.error().code == Errc::conflict) {
            return version_conflict(resource.type + "/" + resource.id, if_match);
        }
        return stored.error();
    }
    EntryResult result;
    result.status = status;
    result.version = *stored;
    result.last_modified = accepted_at_;
    result.path = version_path(resource.type, resource.id, *stored);
    written_.push_back(result.path);
    if (plan_.prefer.return_what.empty() || plan_.prefer.return_what == "representation") {
        StoredVersion echo;
        echo.type = resource.type;
        echo.id = resource.id;
        echo.version = *stored;
        echo.last_updated = accepted_at_;
        echo.json = assemble_json(resource.json.head, resource.json.tail, *stored, accepted_at_);
        if (exit_.disclose(echo)) {
            result.resource = std::move(echo.json);
        }
    }
    return result;
}

Result<EntryResult> PlanApplier::create(const PlannedEntry& entry) {
    if (entry.condition) {
        std::string found;
        GH_TRY_ASSIGN(std::optional<EntryResult> refused, find_one(entry, found));
        if (refused) {
            return std::move(*refused);
        }
        if (!found.empty()) {
            merged_.push_back(
                {entry.resource.type + "/" + entry.resource.id, {entry.resource.type, found}}
            );
            return existing(entry.resource.type, found);
        }
    }
    NewVersion resource = entry.resource;
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, settle_references(resource, entry));
    if (refused) {
        return std::move(*refused);
    }
    return put(std::move(resource), 0, 201);
}

// FHIR R4 §3.1.0.4.3: none found: create, with the id of the body if there is one; one: update it,
// unless the body has another id; many: 412.
Result<EntryResult> PlanApplier::update(const PlannedEntry& entry) {
    NewVersion resource = entry.resource;
    resource.placed = true;
    std::string found;
    if (entry.condition) {
        GH_TRY_ASSIGN(std::optional<EntryResult> refused, find_one(entry, found));
        if (refused) {
            return std::move(*refused);
        }
        if (!found.empty() && !entry.own_id.empty() && entry.own_id != found) {
            return refuse_entry(
                400,
                IssueType::value,
                "update-id",
                "The id in the resource is not that of the one which the condition finds. Leave "
                "it out, or address the resource by its id."
            );
        }
        if (!found.empty() && found != resource.id) {
            rename_resource(resource, found);
        }
    }
    const std::string name = resource.type + "/" + resource.id;
    auto current = store_.read(resource.type, resource.id);
    if (!current && !is_absence(current.error().code)) {
        return current.error();
    }
    const bool known = current.has_value() && !current->deleted();
    if (known && !exit_.admits(*current)) {
        return refuse_entry(
            403,
            IssueType::forbidden,
            "unseen-record",
            "This partner may not write " + name +
                ". POST the resource, and it gets an id of its own."
        );
    }
    if (known && entry.condition && found.empty()) {
        return refuse_entry(
            409,
            IssueType::conflict,
            "update-id",
            "The condition finds nothing, but " + name +
                " is held. Address it by its id if it is the one you mean."
        );
    }
    if (known && entry.if_none_match) {
        return refuse_entry(412, IssueType::conflict, "if-none-match", name + " is held already.");
    }
    if (!known && entry.if_match != 0) {
        return refuse_entry(
            412,
            IssueType::conflict,
            "version-conflict",
            name + " does not exist, so it is not at version " + std::to_string(entry.if_match) +
                "."
        );
    }
    if (!known && entry.if_held) {
        return refuse_entry(412, IssueType::conflict, "version-conflict", name + " is not held.");
    }
    const bool names_itself = !entry.condition || !entry.own_id.empty();
    if (!known && names_itself && !plan_.update_create) {
        return refuse_entry(
            405,
            IssueType::not_supported,
            "update-create",
            name + " is not held, and ids are given by this server. POST it to " + resource.type +
                "."
        );
    }
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, settle_references(resource, entry));
    if (refused) {
        return std::move(*refused);
    }
    if (known && plan_.rulebook != nullptr) {
        carry_labels(current->json, resource, facts());
    }
    return put(std::move(resource), entry.if_match, known ? 200 : 201);
}

PlanApplier::Refusals PlanApplier::find_current(const PlannedEntry& entry, StoredVersion& current) {
    std::string id = entry.resource.id;
    if (entry.condition) {
        GH_TRY_ASSIGN(std::optional<EntryResult> refused, find_one(entry, id));
        if (refused) {
            return refused;
        }
        if (id.empty()) {
            return std::optional<EntryResult>(refuse_entry(
                404,
                IssueType::not_found,
                "condition",
                "The condition finds no " + entry.resource.type + "."
            ));
        }
    }
    const std::string name = entry.resource.type + "/" + id;
    auto found = entry.version == 0 ? store_.read(entry.resource.type, id)
                                    : store_.read_version(entry.resource.type, id, entry.version);
    if (!found && !is_absence(found.error().code)) {
        return found.error();
    }
    const bool gone = found ? found->deleted() : found.error().code == Errc::gone;
    if (gone) {
        return std::optional<EntryResult>(
            refuse_entry(410, IssueType::deleted, "change", name + " has been deleted.")
        );
    }
    if (!found) {
        return std::optional<EntryResult>(
            refuse_entry(404, IssueType::not_found, "change", name + " is not known here.")
        );
    }
    current = std::move(*found);
    // What the caller may not see it may not change: a failed test would tell what is in it.
    if (!exit_.admits(current)) {
        return std::optional<EntryResult>(
            refuse_entry(404, IssueType::not_found, "change", name + " is not known here.")
        );
    }
    if (entry.if_match != 0 && current.version != entry.if_match) {
        return std::optional<EntryResult>(version_conflict(name, entry.if_match));
    }
    return std::optional<EntryResult>();
}

Result<EntryResult> PlanApplier::change(const PlannedEntry& entry) {
    StoredVersion current;
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, find_current(entry, current));
    if (refused) {
        return std::move(*refused);
    }
    std::string changed;
    if (auto failed = entry.change->apply(current.json, *plan_.rulebook->engine, changed)) {
        return refused_by(std::move(*failed));
    }
    ChangedResource outcome;
    auto denied = judge_changed(current.type, current.id, changed, facts(), store_, outcome);
    rules_.insert(rules_.end(), outcome.results.begin(), outcome.results.end());
    if (denied) {
        return refused_by(std::move(*denied));
    }
    for (const auto& [path, target] : merged_) {
        replace_reference(outcome.resource, path, target.first, target.second);
    }
    GH_TRY_ASSIGN(EntryResult result, put(std::move(outcome.resource), current.version, 200));
    result.shown = std::move(outcome.shown);
    return result;
}

// The labels of one version, changed where they are (FHIR R4 Resource-meta-add: no new version).
Result<EntryResult> PlanApplier::relabel(const PlannedEntry& entry) {
    StoredVersion current;
    GH_TRY_ASSIGN(std::optional<EntryResult> refused, find_current(entry, current));
    if (refused) {
        return std::move(*refused);
    }
    std::string changed;
    if (auto failed = entry.change->apply(current.json, *plan_.rulebook->engine, changed)) {
        return refused_by(std::move(*failed));
    }
    const NewVersion labelled = relabelled(current.type, current.id, changed, facts());
    GH_TRY(store_.amend(labelled, current.version));
    EntryResult result;
    result.version = current.version;
    result.last_modified = current.last_updated;
    result.path = version_path(current.type, current.id, current.version);
    written_.push_back(result.path);
    StoredVersion echo = current;
    echo.json = assemble_json(
        labelled.json.head, labelled.json.tail, current.version, current.last_updated
    );
    if (exit_.disclose(echo)) {
        result.resource = meta_parameters(echo.json, *plan_.rulebook->engine);
    }
    return result;
}

Result<EntryResult> PlanApplier::remove(const PlannedEntry& entry) {
    std::vector<std::string> ids{entry.resource.id};
    if (entry.condition) {
        GH_TRY_ASSIGN(
            std::optional<EntryResult> costly, match(*entry.condition, plan_.delete_max + 1, ids)
        );
        if (costly) {
            return std::move(*costly);
        }
        const bool several = ids.size() > 1 && (plan_.delete_max == 1 || entry.if_match != 0);
        if (several || ids.size() > plan_.delete_max) {
            return refuse_entry(
                412,
                IssueType::multiple_matches,
                "condition",
                "The condition matches more " + entry.resource.type + " resources than the " +
                    std::to_string(entry.if_match != 0 ? 1 : plan_.delete_max) +
                    " that one request may delete here. Make it narrower; nothing was deleted."
            );
        }
    }
    EntryResult result;
    result.status = 204;
    for (const std::string& id : ids) {
        if (auto refused = claim(entry.resource.type, id)) {
            return std::move(*refused);
        }
        if (exit_.decides(entry.resource.type)) {
            const auto current = store_.read(entry.resource.type, id);
            if (current && !exit_.admits(*current)) {
                continue;  // to the caller there is none
            }
        }
        auto removed = store_.remove(
            entry.resource.type, id, accepted_at_, message_id_, partner_, entry.if_match
        );
        if (!removed) {
            if (removed.error().code == Errc::conflict) {
                return version_conflict(entry.resource.type + "/" + id, entry.if_match);
            }
            return removed.error();
        }
        if (*removed != 0) {
            result.version = ids.size() == 1 ? *removed : 0;
            result.last_modified = accepted_at_;
            result.path = version_path(entry.resource.type, id, *removed);
            written_.push_back(result.path);
        }
    }
    return result;
}

// A read inside a Bundle is answered by the doors that answer it alone.
Result<EntryResult> PlanApplier::get(const PlannedEntry& entry) {
    GH_ASSERT(plan_.api != nullptr && plan_.rulebook != nullptr);
    Envelope sub;
    sub.id = message_id_;
    sub.rulebook = plan_.rulebook;
    sub.received_at = accepted_at_;
    sub.viewer = plan_.viewer;
    sub.request = *entry.get;
    Response response;
    if (auto refused = route(sub, *plan_.api)) {
        response = std::move(*refused);
    } else {
        if (!sub.request.body.empty()) {  // an operation's, written by the planner
            sub.source = sub.request.body;
            sub.root = plan_.rulebook->engine
                           ->read(sub.source, fhir::Format::json, *sub.arena, own_text_limits())
                           .root;
        }
        response = answer(sub, *plan_.api, store_);
    }
    EntryResult result;
    result.status = response.status;
    if (response.status >= 400) {
        result.refused = issues_of(response.body);
        for (fhir::Issue& issue : result.refused) {
            issue.expression.clear();  // it would be of another resource
        }
        return result;
    }
    if (!sub.view.whole() && !response.body.empty()) {
        apply_view(response.body, sub.view, *plan_.rulebook->engine);
    }
    disclosed_.insert(disclosed_.end(), sub.disclosed.begin(), sub.disclosed.end());
    if (sub.request.method != "HEAD") {
        result.resource = std::move(response.body);
    }
    result.etag = response.headers.get("ETag");
    result.last_modified = sub.last_modified;
    return result;
}

Result<EntryResult> PlanApplier::write(const PlannedEntry& entry) {
    switch (entry.kind) {
    case PlanKind::create: return create(entry);
    case PlanKind::update: return update(entry);
    case PlanKind::change: return change(entry);
    case PlanKind::relabel: return relabel(entry);
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
    applied.rules = std::move(rules_);
    Response& response = applied.response;
    response.status = result.status;
    if (!result.refused.empty()) {
        applied.state = MessageState::rejected;
        response.headers.set("Content-Type", fhir_json);
        response.body = fhir::outcome_json(result.refused);
        if (result.status == 405) {
            response.headers.set("Allow", "GET, HEAD, DELETE");
        }
        return applied;
    }
    if (result.version != 0) {
        response.headers.set("ETag", etag(result.version));
        response.headers.set("Last-Modified", to_http_date(result.last_modified));
    }
    fhir::Issues findings = plan_.findings;
    findings.insert(findings.end(), result.shown.begin(), result.shown.end());
    if (!findings.empty()) {
        response.headers.set("Gatehouse-Findings", findings_header(findings));
    }
    if (plan_.message) {
        response.status = 200;  // the operation's; what it created is told by the receipt
        response.headers.set("Content-Type", fhir_json);
        response.body = message_answer(plan_, message_id_, accepted_at_);
        return applied;
    }
    const std::string url = plan_.base + "/" + result.path;
    if (entry.kind != PlanKind::remove && entry.kind != PlanKind::relabel) {
        response.headers.set("Location", url);
    }
    const std::string& wanted = plan_.prefer.return_what;
    if (wanted == "OperationOutcome") {
        response.headers.set("Content-Type", fhir_json);
        response.body = fhir::outcome_json(findings);
        response.status = result.status == 204 ? 200 : result.status;
    } else if (!result.resource.empty() && (wanted != "minimal" || entry.kind == PlanKind::relabel)) {
        response.headers.set("Content-Type", fhir_json);
        response.body = std::move(result.resource);
        if (entry.kind != PlanKind::relabel) {
            response.headers.set("Content-Location", url);
            applied.body_is_first_resource = written_.size() == 1;
        }
    }
    return applied;
}

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
