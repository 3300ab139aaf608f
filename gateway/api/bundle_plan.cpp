// SPDX-License-Identifier: Apache-2.0
//
// Planning of batch and transaction Bundles (FHIR R4 §3.1.0.11): every entry is routed like a
// request of its own; a transaction is refused whole with the entry named, a batch entry fails
// alone.
#include <algorithm>
#include <map>

#include "fhir/json/json.hpp"
#include "fhir/outcome/outcome.hpp"
#include "fhir/search/search.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/plan_parts.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;
using fhir::IssueType;

constexpr std::uint32_t entries_max = 10'000;

// Bundle.entry.request and the header that says the same of a request of its own.
constexpr std::pair<std::string_view, std::string_view> entry_headers[] = {
    {"ifMatch", "If-Match"},
    {"ifNoneMatch", "If-None-Match"},
    {"ifModifiedSince", "If-Modified-Since"},
    {"ifNoneExist", "If-None-Exist"}};

std::string entry_expression(std::uint32_t index) {
    return "Bundle.entry[" + std::to_string(index) + "]";
}

PlanRefusal entry_refusal(int status, IssueType type, std::string text, std::string expression) {
    return {
        status,
        {request_issue(
            type, "bundle-entry", std::move(text), std::move(expression), "INVALID_RESOURCE"
        )}};
}

// What is known of an entry before bodies are serialised.
struct Draft {
    Element* entry = nullptr;
    Element* resource = nullptr;
    PlannedEntry planned;
    std::optional<PlanRefusal> refused;
};

class BundlePlanner {
public:
    BundlePlanner(Envelope& envelope, const ApiContext& context, WritePlan& plan)
        : envelope_(envelope), context_(context), plan_(plan) {}

    std::optional<PlanRefusal> run();

private:
    std::optional<PlanRefusal> draft_entry(Draft& draft, std::uint32_t index);
    std::optional<PlanRefusal> draft_write(Draft& draft, const Envelope& sub, std::uint32_t index);
    std::optional<PlanRefusal> check_identities() const;
    void map_full_urls();
    std::optional<PlanRefusal> finish_entry(Draft& draft);
    void fail_entry(Draft& draft, PlanRefusal refusal);

    Envelope& envelope_;
    const ApiContext& context_;
    WritePlan& plan_;
    std::vector<Draft> drafts_;
    std::map<std::string, std::string, std::less<>> references_;
    fhir::ExpressionCursor expressions_;  // an entry's place costs the way from the one before
};

std::optional<PlanRefusal> BundlePlanner::run() {
    Element& root = *envelope_.root;
    const auto type = root.child_value("type");
    if (root.resource_type() != "Bundle" || (type != "batch" && type != "transaction")) {
        return PlanRefusal{
            400,
            {request_issue(
                IssueType::invalid,
                "bundle-type",
                "The base takes a Bundle of type batch or transaction. To store another Bundle, "
                "POST it to /Bundle.",
                root.resource_type() == "Bundle" ? "Bundle.type" : "",
                "INVALID_RESOURCE"
            )}};
    }
    plan_.shape = type == "batch" ? WritePlan::Shape::batch : WritePlan::Shape::transaction;
    for (Element& entry : root.children()) {
        if (entry.name == "entry") {
            drafts_.emplace_back();
            drafts_.back().entry = &entry;
        }
    }
    if (drafts_.size() > entries_max) {
        return PlanRefusal{
            413,
            {request_issue(
                IssueType::too_long,
                "bundle-size",
                "More than " + std::to_string(entries_max) + " entries. Send several Bundles.",
                "Bundle.entry"
            )}};
    }
    const bool batch = plan_.shape == WritePlan::Shape::batch;
    for (std::uint32_t index = 0; index < drafts_.size(); ++index) {
        Draft& draft = drafts_[index];
        auto refused = draft_entry(draft, index);
        const auto rule = envelope_.refused_entries.find(index);
        if (batch && rule != envelope_.refused_entries.end()) {
            refused = PlanRefusal{rule->second.status, rule->second.issues};
        }
        if (refused && !batch) {
            return refused;
        }
        draft.refused = std::move(refused);
    }
    if (!batch) {
        if (auto refused = check_identities()) {
            return refused;
        }
        map_full_urls();
    }
    for (std::uint32_t index = 0; index < drafts_.size(); ++index) {
        Draft& draft = drafts_[index];
        if (!draft.refused) {
            draft.refused = finish_entry(draft);
            if (draft.refused && !batch) {
                return std::move(draft.refused);
            }
        }
        if (draft.refused) {
            fail_entry(draft, std::move(*draft.refused));
        }
        if (draft.planned.get != nullptr && plan_.api == nullptr) {
            plan_.api = std::make_shared<const ApiContext>(context_);
        }
        plan_.entries.push_back(std::move(draft.planned));
    }
    return std::nullopt;
}

std::optional<PlanRefusal> BundlePlanner::draft_entry(Draft& draft, std::uint32_t index) {
    const std::string place = entry_expression(index);
    draft.planned.full_url = draft.entry->child_value("fullUrl");
    draft.resource = draft.entry->child("resource");
    const Element* request = draft.entry->child("request");
    if (request == nullptr || request->child_value("method").empty() ||
        request->child_value("url").empty()) {
        return entry_refusal(
            400,
            IssueType::required,
            "Every entry of a batch or transaction needs request.method and request.url.",
            place + ".request"
        );
    }
    std::string url(request->child_value("url"));
    const std::string& base = context_.base;
    if (url.compare(0, base.size(), base) == 0 && url.size() > base.size() &&
        url[base.size()] == '/') {
        url.erase(0, base.size() + 1);
    } else if (url.substr(0, url.find('?')).find("://") != std::string::npos) {
        return entry_refusal(
            400, IssueType::value, "The URL is not on this server.", place + ".request.url"
        );
    }
    if (!url.empty() && url[0] == '/') {
        url.erase(0, 1);
    }
    Envelope sub;
    sub.id = envelope_.id;
    sub.rulebook = envelope_.rulebook;
    sub.request.method = request->child_value("method");
    sub.request.target = context_.base_path + "/" + url;
    for (const auto& [name, header] : entry_headers) {
        std::string value(request->child_value(name));
        // An instant here, a date of HTTP's there.
        Micros since = 0;
        Micros until = 0;
        if (name == "ifModifiedSince" && fhir::date_range(value, since, until)) {
            value = to_http_date(since);
        }
        if (!value.empty()) {
            sub.request.headers.set(header, std::move(value));
        }
    }
    if (auto refused = route(sub, context_)) {
        PlanRefusal out{refused->status, issues_of(refused->body)};
        for (fhir::Issue& issue : out.issues) {
            issue.expression = place + ".request";
        }
        return out;
    }
    switch (sub.call.interaction) {
    case Interaction::create:
    case Interaction::update:
    case Interaction::patch:
    case Interaction::remove:
    case Interaction::meta_add:
    case Interaction::meta_delete: return draft_write(draft, sub, index);
    case Interaction::read:
    case Interaction::vread:
    case Interaction::history_instance:
    case Interaction::history_type:
    case Interaction::history_system:
    case Interaction::meta:
    case Interaction::document:
    case Interaction::validate:
    case Interaction::everything:
    case Interaction::lastn:
    case Interaction::expand:
    case Interaction::validate_code:
    case Interaction::lookup:
    case Interaction::subsumes:
    case Interaction::translate:
    case Interaction::capabilities:
    case Interaction::search:
        draft.planned.kind = PlanKind::get;
        // The whole answer is JSON here, and is turned into what the caller wants at the exit.
        sub.request.headers.set("Accept", "application/fhir+json");
        if (sub.request.method == "POST" && draft.resource != nullptr) {
            sub.request.headers.set("Content-Type", "application/fhir+json");
            sub.request.body =
                fhir::write_json(*draft.resource, &envelope_.rulebook->engine->types());
        }
        draft.planned.get = std::make_shared<const Request>(std::move(sub.request));
        return std::nullopt;
    default: break;
    }
    return entry_refusal(
        400,
        IssueType::not_supported,
        "An entry may create, update, patch, delete, read, search or ask for history; " +
            std::string(to_string(sub.call.interaction)) + " is not supported.",
        place + ".request"
    );
}

std::optional<PlanRefusal>
BundlePlanner::draft_write(Draft& draft, const Envelope& sub, std::uint32_t index) {
    const std::string place = entry_expression(index);
    const bool has_resource = draft.resource != nullptr && draft.resource->is_resource;
    if (!has_resource && sub.call.interaction != Interaction::remove) {
        return entry_refusal(
            400, IssueType::required, "This entry needs a resource.", place + ".resource"
        );
    }
    auto refused = plan_write(
        sub, has_resource ? draft.resource : nullptr, envelope_, context_, index, draft.planned
    );
    if (refused) {
        for (fhir::Issue& issue : refused->issues) {
            issue.expression = issue.expression.empty() ? place + ".request"
                                                        : place_in_entry(index, issue.expression);
        }
    }
    return refused;
}

// Two operations on one identity in a transaction have no defined outcome: both positions are
// named.
std::optional<PlanRefusal> BundlePlanner::check_identities() const {
    std::map<std::string, std::uint32_t> seen;
    for (std::uint32_t index = 0; index < drafts_.size(); ++index) {
        const PlannedEntry& planned = drafts_[index].planned;
        // What a condition will find is checked where it is known, in apply.
        const bool named = planned.kind == PlanKind::update || planned.kind == PlanKind::change ||
                           planned.kind == PlanKind::remove;
        if (!named || planned.condition) {
            continue;
        }
        const auto [other, fresh] =
            seen.emplace(planned.resource.type + "/" + planned.resource.id, index);
        if (!fresh) {
            return entry_refusal(
                400,
                IssueType::invalid,
                other->first + " is written by two entries, " + std::to_string(other->second) +
                    " and " + std::to_string(index) +
                    ". A transaction may write each resource once.",
                entry_expression(index)
            );
        }
    }
    std::map<std::string_view, std::uint32_t> urls;
    for (std::uint32_t index = 0; index < drafts_.size(); ++index) {
        const PlannedEntry& planned = drafts_[index].planned;
        if (planned.full_url.empty() ||
            (planned.kind != PlanKind::create && planned.kind != PlanKind::update)) {
            continue;
        }
        const auto [other, fresh] = urls.emplace(planned.full_url, index);
        if (!fresh) {
            return entry_refusal(
                400,
                IssueType::invalid,
                "Entries " + std::to_string(other->second) + " and " + std::to_string(index) +
                    " have the same fullUrl; references to it would be ambiguous.",
                entry_expression(index) + ".fullUrl"
            );
        }
    }
    return std::nullopt;
}

void BundlePlanner::map_full_urls() {
    for (const Draft& draft : drafts_) {
        const PlannedEntry& planned = draft.planned;
        if (planned.full_url.empty() ||
            (planned.kind != PlanKind::create && planned.kind != PlanKind::update)) {
            continue;
        }
        const std::string target = planned.resource.type + "/" + planned.resource.id;
        references_[planned.full_url] = target;
        // "http://x/Patient/1" as fullUrl: a relative "Patient/1" beside it means the same entry.
        const std::string own_id(
            draft.resource != nullptr ? draft.resource->child_value("id") : ""
        );
        const std::string relative = planned.resource.type + "/" + own_id;
        const std::string& url = planned.full_url;
        if (planned.kind == PlanKind::create && !own_id.empty() && url.size() > relative.size() &&
            url.compare(url.size() - relative.size(), relative.size(), relative) == 0 &&
            url[url.size() - relative.size() - 1] == '/') {
            references_.emplace(relative, target);
        }
    }
}

std::optional<PlanRefusal> BundlePlanner::finish_entry(Draft& draft) {
    PlannedEntry& planned = draft.planned;
    if (planned.kind != PlanKind::create && planned.kind != PlanKind::update) {
        return std::nullopt;
    }
    const fhir::Engine& engine = *envelope_.rulebook->engine;
    rewrite_references(*draft.resource, references_, engine.types(), *envelope_.arena);
    if (const Element* lost = placeholder_reference(*draft.resource)) {
        return PlanRefusal{
            422,
            {request_issue(
                IssueType::not_found,
                "bundle-reference",
                plan_.shape == WritePlan::Shape::batch
                    ? "Entries of a batch cannot refer to one another, and nothing else has this "
                      "urn. Send a transaction."
                    : "No entry of this transaction that creates or updates has this fullUrl, so "
                      "the reference would point nowhere.",
                expressions_.of(*lost),
                "REFERENCE_NOT_FOUND"
            )}};
    }
    for (const Element* reference : conditional_references(*draft.resource)) {
        const std::string text(reference->value);
        const std::string place = expressions_.of(*reference);
        if (plan_.shape == WritePlan::Shape::batch) {
            return entry_refusal(
                400,
                IssueType::invalid,
                "A conditional reference is allowed in a transaction only.",
                place
            );
        }
        const std::string type = text.substr(0, text.find('?'));
        const fhir::TypeId known = engine.types().find(type);
        if (known == fhir::unknown_type ||
            engine.types().type(known).kind != fhir::TypeKind::resource) {
            return entry_refusal(
                400,
                IssueType::value,
                "A conditional reference in this entry searches no resource type of FHIR R4.",
                place
            );
        }
        SearchQuery query;
        if (auto refused = read_condition(text, type, envelope_, context_, query)) {
            for (fhir::Issue& issue : refused->issues) {
                issue.expression = place;
            }
            return refused;
        }
        planned.references.push_back({text, place, std::move(query)});
    }
    fill_resource(planned, envelope_, context_, *draft.resource);
    return std::nullopt;
}

void BundlePlanner::fail_entry(Draft& draft, PlanRefusal refusal) {
    draft.planned.failure_status = refusal.status;
    draft.planned.failure = fhir::outcome_json(refusal.issues);
}

}  // namespace

std::optional<Refusal> plan_bundle(Envelope& envelope, const ApiContext& context, WritePlan& plan) {
    BundlePlanner planner(envelope, context, plan);
    if (auto refused = planner.run()) {
        Refusal out;
        out.response = refusal(refused->status, refused->issues, envelope);
        out.issues = std::move(refused->issues);
        return out;
    }
    return std::nullopt;
}

}  // namespace gatehouse::gateway
