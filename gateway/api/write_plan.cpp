// SPDX-License-Identifier: Apache-2.0
//
// Planning of writes: create, update, patch, delete, each also conditional; $meta-add and
// $meta-delete. Alone, or as an entry of a Bundle (bundle_plan.cpp).
#include "gateway/api/write_plan.hpp"

#include <charconv>

#include "fhir/validate/lexical.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/changes.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/messages.hpp"
#include "gateway/api/plan_parts.hpp"
#include "gateway/api/search_pages.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

Refusal refuse(const Envelope& envelope, PlanRefusal refusal_parts) {
    Refusal out;
    out.response = refusal(refusal_parts.status, refusal_parts.issues, envelope);
    out.issues = std::move(refusal_parts.issues);
    return out;
}

// The criteria of a conditional write stand in the query, beside what every request may carry.
std::string condition_text(const RestCall& call) {
    std::string text;
    for (const auto& [name, value] : call.parameters) {
        if (name == "_format" || name == "_pretty" || name == "_summary" || name == "_elements") {
            continue;
        }
        text.append(text.empty() ? "" : "&");
        text.append(percent_encode(name)).append("=").append(percent_encode(value));
    }
    return text;
}

// FHIR R4 §3.1.1.5.8: such a resource is not to be sent back as if it were whole.
bool is_subset(const fhir::Element& resource) {
    const fhir::Element* meta = resource.child("meta");
    if (meta == nullptr) {
        return false;
    }
    for (const fhir::Element& tag : meta->children()) {
        if (tag.name == "tag" && tag.child_value("code") == "SUBSETTED" &&
            tag.child_value("system") ==
                "http://terminology.hl7.org/CodeSystem/v3-ObservationValue") {
            return true;
        }
    }
    return false;
}

PlanRefusal invalid(IssueType type, const char* rule, std::string text, std::string expression) {
    return {
        400,
        {request_issue(type, rule, std::move(text), std::move(expression), "INVALID_RESOURCE")}};
}

// Outside of a transaction nothing settles a conditional reference, and what is kept would point
// nowhere (FHIR R4 §3.1.0.11.2).
std::optional<PlanRefusal> check_stored_references(const fhir::Element& resource) {
    const auto conditional = conditional_references(resource);
    if (conditional.empty()) {
        return std::nullopt;
    }
    return invalid(
        IssueType::invalid,
        "conditional-reference",
        "A reference that is a search is settled in a transaction only. Send a transaction, or "
        "name the resource by type and id.",
        fhir::expression_of(*conditional.front())
    );
}

// That a body is of the type, and an update of the id, that the URL names.
std::optional<PlanRefusal> check_names(const RestCall& call, const fhir::Element& resource) {
    const std::string type(resource.resource_type().substr(0, 64));
    if (type != call.type) {
        return invalid(
            IssueType::invalid,
            "resource-type",
            "The URL is about " + call.type + ", the body is a " + type + ".",
            type
        );
    }
    const auto body_id = resource.child_value("id");
    if (call.interaction == Interaction::update && !call.id.empty() && body_id != call.id) {
        return invalid(
            body_id.empty() ? IssueType::required : IssueType::value,
            "update-id",
            body_id.empty() ? "An update carries its id: set it to the one in the URL."
                            : "The id in the resource is not the one in the URL.",
            type + ".id"
        );
    }
    return std::nullopt;
}

std::optional<PlanRefusal> plan_create(
    const Envelope& call,
    const Envelope& message,
    const ApiContext& context,
    std::uint32_t index,
    PlannedEntry& entry
) {
    entry.kind = PlanKind::create;
    entry.resource.id = derived_uuid(message.id, index);
    // Sent and empty is a condition gone missing, not none: it would create what may be held.
    if (!call.request.headers.has("If-None-Exist")) {
        return std::nullopt;
    }
    std::string_view condition = call.request.headers.get("If-None-Exist");
    // Some clients write the whole URL of the search (HAPI's does); its base is the one they use.
    const auto mark = condition.find('?');
    if (mark != std::string_view::npos &&
        condition.substr(0, mark).find("://") != std::string_view::npos) {
        condition.remove_prefix(condition.rfind('/', mark) + 1);
    }
    return read_condition(condition, call.call.type, message, context, entry.condition.emplace());
}

std::optional<PlanRefusal> plan_update(
    const Envelope& call,
    const fhir::Element& resource,
    const Envelope& message,
    const ApiContext& context,
    std::uint32_t index,
    PlannedEntry& entry
) {
    entry.kind = PlanKind::update;
    const auto body_id = resource.child_value("id");
    if (call.request.headers.get("If-None-Match") == "*") {
        entry.if_none_match = true;
    }
    entry.if_held = call.request.headers.get("If-Match") == "*";
    if (auto refused = read_if_match(call.request.headers, entry.if_match)) {
        return refused;
    }
    if (call.call.id.empty()) {
        entry.own_id = body_id;
        entry.resource.id =
            body_id.empty() ? derived_uuid(message.id, index) : std::string(body_id);
        return read_condition(
            condition_text(call.call), call.call.type, message, context, entry.condition.emplace()
        );
    }
    entry.resource.id = call.call.id;
    return std::nullopt;
}

// By id, or by the search in the query.
std::optional<PlanRefusal> plan_target(
    const Envelope& call, const Envelope& message, const ApiContext& context, PlannedEntry& entry
) {
    if (auto refused = read_if_match(call.request.headers, entry.if_match)) {
        return refused;
    }
    entry.resource.id = call.call.id;
    if (!call.call.id.empty()) {
        return std::nullopt;
    }
    return read_condition(
        condition_text(call.call), call.call.type, message, context, entry.condition.emplace()
    );
}

// A JSON Patch may come in a Bundle, as the data of a Binary (FHIR R4 §3.1.0.11.1).
std::optional<PlanRefusal>
read_binary_patch(const fhir::Element& binary, std::shared_ptr<const Change>& out) {
    if (binary.child_value("contentType") != "application/json-patch+json") {
        return invalid(
            IssueType::not_supported,
            "patch-form",
            "The Binary of a PATCH entry holds application/json-patch+json.",
            "Binary.contentType"
        );
    }
    const auto data = binary.child_value("data");
    if (fhir::judge::lexical::check_base64(data) != fhir::judge::lexical::Base64::good) {
        return invalid(
            IssueType::value, "patch-form", "The data of the Binary is not base64.", "Binary.data"
        );
    }
    return read_json_patch(fhir::judge::lexical::decode_base64(data), out);
}

std::optional<PlanRefusal> plan_change(
    const Envelope& call,
    fhir::Element* resource,
    const Envelope& message,
    const ApiContext& context,
    PlannedEntry& entry
) {
    entry.kind = PlanKind::change;
    if (auto refused = plan_target(call, message, context, entry)) {
        return refused;
    }
    if (call.body_kind == BodyKind::json_patch) {
        return read_json_patch(call.request.body, entry.change);
    }
    if (resource == nullptr) {
        return invalid(IssueType::required, "patch-form", "A PATCH needs a patch.", {});
    }
    if (resource->resource_type() == "Binary") {
        return read_binary_patch(*resource, entry.change);
    }
    return read_path_patch(*resource, *message.rulebook->engine, entry.change);
}

std::optional<PlanRefusal> plan_relabel(
    const Envelope& call,
    const fhir::Element* resource,
    const Envelope& message,
    PlannedEntry& entry
) {
    entry.kind = PlanKind::relabel;
    entry.resource.id = call.call.id;
    if (!call.call.version.empty()) {
        const std::string& text = call.call.version;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), entry.version);
        if (error != std::errc{} || end != text.data() + text.size() || entry.version == 0) {
            return PlanRefusal{
                404,
                {request_issue(
                    IssueType::not_found,
                    "meta-operation",
                    call.call.type + "/" + call.call.id + " has no such version.",
                    {},
                    "NO_RECORD_FOUND"
                )}};
        }
    }
    if (resource == nullptr) {
        return invalid(IssueType::required, "meta-operation", "The operation needs a body.", {});
    }
    return read_meta_change(
        *resource,
        call.call.interaction == Interaction::meta_delete,
        *message.rulebook->engine,
        entry.change
    );
}

}  // namespace

std::optional<PlanRefusal> read_condition(
    std::string_view text,
    const std::string& type,
    const Envelope& message,
    const ApiContext& context,
    SearchQuery& out
) {
    SearchLimits limits;
    limits.page_default = context.page_default;
    limits.page_max = context.page_max;
    limits.base = context.base;
    limits.now = message.received_at;
    ParsedSearch parsed = parse_condition(type, text, *message.rulebook->engine, limits);
    if (fhir::has_errors(parsed.issues)) {
        for (fhir::Issue& issue : parsed.issues) {
            if (issue.spine_code.empty()) {
                issue.spine_code = "INVALID_PARAMETER";
            }
        }
        return PlanRefusal{400, std::move(parsed.issues)};
    }
    out = std::move(parsed.query);
    if (auto unseen = confine(out, Sight(message.viewer))) {
        return PlanRefusal{403, {std::move(*unseen)}};
    }
    return std::nullopt;
}

std::optional<PlanRefusal> read_if_match(const Headers& headers, std::uint64_t& out) {
    out = 0;
    const std::string_view text = headers.get("If-Match");
    if (!headers.has("If-Match") || text == "*") {
        return std::nullopt;
    }
    std::string_view digits = text;
    if (digits.substr(0, 2) == "W/") {
        digits.remove_prefix(2);
    }
    if (digits.size() >= 2 && digits.front() == '"' && digits.back() == '"') {
        digits = digits.substr(1, digits.size() - 2);
    }
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc{} || end != digits.data() + digits.size() || out == 0) {
        return PlanRefusal{
            400,
            {request_issue(
                IssueType::value,
                "if-match",
                "If-Match must be one version as its ETag gives it: W/\"3\".",
                {},
                "BAD_REQUEST"
            )}};
    }
    return std::nullopt;
}

std::optional<PlanRefusal> plan_write(
    const Envelope& call,
    fhir::Element* resource,
    const Envelope& message,
    const ApiContext& context,
    std::uint32_t index,
    PlannedEntry& entry
) {
    const Interaction interaction = call.call.interaction;
    entry.resource.type = call.call.type;
    if (interaction == Interaction::remove) {
        entry.kind = PlanKind::remove;
        return plan_target(call, message, context, entry);
    }
    if (interaction == Interaction::patch) {
        return plan_change(call, resource, message, context, entry);
    }
    if (interaction == Interaction::meta_add || interaction == Interaction::meta_delete) {
        return plan_relabel(call, resource, message, entry);
    }
    GH_ASSERT(resource != nullptr);
    if (auto refused = check_names(call.call, *resource)) {
        return refused;
    }
    if (is_subset(*resource)) {
        return PlanRefusal{
            422,
            {request_issue(
                IssueType::business_rule,
                "subsetted",
                "The resource is marked SUBSETTED: it came from an answer that left parts out "
                "(_summary, _elements), and storing it would lose them. Read the whole resource "
                "and change that, or use PATCH.",
                std::string(resource->resource_type()) + ".meta.tag",
                "INVALID_RESOURCE"
            )}};
    }
    return interaction == Interaction::create
               ? plan_create(call, message, context, index, entry)
               : plan_update(call, *resource, message, context, index, entry);
}

void fill_resource(
    PlannedEntry& entry,
    const Envelope& envelope,
    const ApiContext& context,
    fhir::Element& resource
) {
    const fhir::Engine& engine = *envelope.rulebook->engine;
    const std::string id = entry.resource.id;
    entry.resource.type = resource.resource_type();
    entry.resource.json = split_body(
        resource,
        id,
        envelope.tags,
        "gatehouse-version-" + envelope.id,
        engine.types(),
        *envelope.arena
    );
    index_resource(entry.resource, resource, engine, context.base, *envelope.arena);
}

fhir::Issues shown_findings(const Envelope& envelope) {
    fhir::Issues shown;
    bool standard_shown = false;  // of a batch, G01 has a result for each entry
    for (const RuleResult& result : envelope.decision.results) {
        if (result.effect != Effect::permit_with_findings) {
            continue;
        }
        if (result.rule != "G01") {
            shown.push_back(result.issue);
            continue;
        }
        if (std::exchange(standard_shown, true)) {
            continue;
        }
        for (const fhir::Issue& issue : envelope.issues) {
            if (issue.severity == fhir::Severity::fatal ||
                issue.severity == fhir::Severity::error) {
                shown.push_back(issue);
                // Accepted all the same, so to the sender it is a warning.
                shown.back().severity = fhir::Severity::warning;
            }
        }
    }
    return shown;
}

std::optional<Refusal> check_names(const Envelope& envelope) {
    const Interaction interaction = envelope.call.interaction;
    if (envelope.root == nullptr ||
        (interaction != Interaction::create && interaction != Interaction::update)) {
        return std::nullopt;
    }
    if (auto refused = check_names(envelope.call, *envelope.root)) {
        return refuse(envelope, std::move(*refused));
    }
    return std::nullopt;
}

std::optional<Refusal>
prepare_plan(Envelope& envelope, const ApiContext& context, std::shared_ptr<const WritePlan>& out) {
    auto plan = std::make_shared<WritePlan>();
    plan->prefer = envelope.prefer;
    plan->base = context.base;
    plan->check_references = context.check_references;
    plan->update_create = context.update_create;
    plan->delete_max = context.delete_max;
    plan->examined_max = context.bounds.examined_max;
    plan->organisation = envelope.organisation;
    plan->viewer = envelope.viewer;
    plan->rulebook = envelope.rulebook;
    plan->findings = shown_findings(envelope);
    const Interaction interaction = envelope.call.interaction;
    if (interaction == Interaction::transaction) {
        if (auto refused = plan_bundle(envelope, context, *plan)) {
            return refused;
        }
        out = std::move(plan);
        return std::nullopt;
    }
    PlannedEntry entry;
    std::optional<PlanRefusal> refused;
    if (interaction == Interaction::process_message) {
        refused = plan_message(envelope, *plan, entry);
    } else {
        refused = plan_write(envelope, envelope.root, envelope, context, 0, entry);
    }
    if (refused) {
        return refuse(envelope, std::move(*refused));
    }
    if (entry.kind == PlanKind::create || entry.kind == PlanKind::update) {
        if (auto unfit = check_stored_references(*envelope.root)) {
            return refuse(envelope, std::move(*unfit));
        }
        fill_resource(entry, envelope, context, *envelope.root);
    }
    plan->entries.push_back(std::move(entry));
    out = std::move(plan);
    return std::nullopt;
}

}  // namespace gatehouse::gateway
