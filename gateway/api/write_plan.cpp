// SPDX-License-Identifier: Apache-2.0
//
// Planning of single writes: create, conditional create, update, delete.
#include "gateway/api/write_plan.hpp"

#include <charconv>

#include "gateway/api/body.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/plan_parts.hpp"
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

std::string preference(std::string_view prefer) {
    static constexpr std::string_view key = "return=";
    const auto at = prefer.find(key);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = prefer.substr(at + key.size());
    return std::string(rest.substr(0, rest.find_first_of(",; ")));
}

std::optional<PlanRefusal>
plan_create(Envelope& envelope, const ApiContext& context, PlannedEntry& entry) {
    entry.kind = PlanKind::create;
    const auto condition = envelope.request.headers.get("If-None-Exist");
    if (!condition.empty()) {
        ParsedSearch parsed = parse_condition(
            envelope.call.type, condition, *envelope.rulebook->engine, condition_limits(context)
        );
        if (fhir::has_errors(parsed.issues)) {
            return PlanRefusal{400, std::move(parsed.issues)};
        }
        entry.condition = std::move(parsed.query);
    }
    fill_resource(entry, envelope, context, *envelope.root, derived_uuid(envelope.id, 0));
    return std::nullopt;
}

std::optional<PlanRefusal>
plan_update(Envelope& envelope, const ApiContext& context, PlannedEntry& entry) {
    entry.kind = PlanKind::update;
    const auto body_id = envelope.root->child_value("id");
    if (body_id != envelope.call.id) {
        return PlanRefusal{
            400,
            {request_issue(
                body_id.empty() ? IssueType::required : IssueType::value,
                "update-id",
                body_id.empty() ? "An update carries its id: set it to the one in the URL."
                                : "The id in the resource is not the one in the URL.",
                std::string(envelope.root->resource_type()) + ".id",
                "INVALID_RESOURCE"
            )}};
    }
    if (auto refused = read_if_match(envelope.request.headers.get("If-Match"), entry.if_match)) {
        return refused;
    }
    fill_resource(entry, envelope, context, *envelope.root, envelope.call.id);
    return std::nullopt;
}

std::optional<PlanRefusal> plan_remove(Envelope& envelope, PlannedEntry& entry) {
    entry.kind = PlanKind::remove;
    entry.resource.type = envelope.call.type;
    entry.resource.id = envelope.call.id;
    return read_if_match(envelope.request.headers.get("If-Match"), entry.if_match);
}

}  // namespace

SearchLimits condition_limits(const ApiContext& context) {
    SearchLimits limits;
    limits.page_default = context.page_default;
    limits.page_max = context.page_max;
    limits.base = context.base;
    return limits;
}

std::optional<PlanRefusal> read_if_match(std::string_view text, std::uint64_t& out) {
    out = 0;
    if (text.empty()) {
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

void fill_resource(
    PlannedEntry& entry,
    const Envelope& envelope,
    const ApiContext& context,
    fhir::Element& resource,
    std::string_view id
) {
    const fhir::Engine& engine = *envelope.rulebook->engine;
    entry.resource.type = resource.resource_type();
    entry.resource.id = id;
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
    for (const RuleResult& result : envelope.decision.results) {
        if (result.effect != Effect::permit_with_findings) {
            continue;
        }
        if (result.rule != "G01") {
            shown.push_back(result.issue);
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

std::optional<Refusal>
prepare_plan(Envelope& envelope, const ApiContext& context, std::shared_ptr<const WritePlan>& out) {
    auto plan = std::make_shared<WritePlan>();
    plan->prefer = preference(envelope.request.headers.get("Prefer"));
    plan->base = context.base;
    plan->check_references = context.check_references;
    plan->findings = shown_findings(envelope);
    if (envelope.call.interaction == Interaction::transaction) {
        if (auto refused = plan_bundle(envelope, context, *plan)) {
            return refused;
        }
        out = std::move(plan);
        return std::nullopt;
    }
    if (envelope.call.interaction != Interaction::remove) {
        GH_ASSERT(envelope.root != nullptr);
        if (envelope.root->resource_type() != envelope.call.type) {
            return refuse(
                envelope,
                {400,
                 {request_issue(
                     IssueType::invalid,
                     "resource-type",
                     "The URL is about " + envelope.call.type + ", the body is a " +
                         std::string(envelope.root->resource_type().substr(0, 64)) + ".",
                     std::string(envelope.root->resource_type().substr(0, 64)),
                     "INVALID_RESOURCE"
                 )}}
            );
        }
    }
    PlannedEntry entry;
    std::optional<PlanRefusal> refused;
    switch (envelope.call.interaction) {
    case Interaction::create: refused = plan_create(envelope, context, entry); break;
    case Interaction::update: refused = plan_update(envelope, context, entry); break;
    case Interaction::remove: refused = plan_remove(envelope, entry); break;
    default: GH_ASSERT(!"prepare_plan is for writes");
    }
    if (refused) {
        return refuse(envelope, std::move(*refused));
    }
    plan->entries.push_back(std::move(entry));
    out = std::move(plan);
    return std::nullopt;
}

}  // namespace gatehouse::gateway
