// SPDX-License-Identifier: Apache-2.0
//
// Stage 4: the rules before validation. Gathers the facts, asks the policy, turns a denial into an
// answer.
#include <algorithm>
#include <cmath>

#include "fhir/outcome/outcome.hpp"
#include "gateway/api/changes.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/pipeline/pipeline.hpp"
#include "gateway/pipeline/stages.hpp"

namespace gatehouse::gateway {
namespace {

// What other_patient() asks of the store.
struct PatientLookup {
    StoreReader& store;
    const fhir::Engine& engine;
};

std::string other_patient(void* user, std::string_view nhs_number, std::string_view own_id) {
    auto& lookup = *static_cast<PatientLookup*>(user);
    return other_patient_with(lookup.store, lookup.engine, nhs_number, own_id);
}

// $validate keeps nothing, so what a rule says of the content is part of its answer and no reason
// to refuse. What a rule says of the caller stays a denial.
void report_content_denials(Envelope& envelope) {
    Decision& decision = envelope.decision;
    bool denied = false;
    for (RuleResult& result : decision.results) {
        if (result.effect != Effect::deny) {
            continue;
        }
        if (result.rule == "G05") {
            result.effect = Effect::permit_with_findings;
            // The validator's door answers with the standard's verdict alone.
            if (!envelope.call.validator_door) {
                envelope.issues.push_back(result.issue);
            }
        } else {
            denied = true;
        }
    }
    if (decision.effect == Effect::deny && !denied) {
        decision.effect = Effect::permit_with_findings;
    }
}

}  // namespace

GuardFacts facts_of(const Envelope& envelope, Micros now) {
    GuardFacts facts;
    facts.partner = envelope.credential.partner.get();
    facts.call = &envelope.call;
    facts.organisation = envelope.organisation;
    facts.asserted_organisation = envelope.asserted_organisation;
    facts.assertion_problem = envelope.assertion_problem;
    facts.root = envelope.root;
    facts.source = envelope.source;
    facts.body_bytes = envelope.request.body.size();
    facts.now = now;
    return facts;
}

Viewer viewer_of(const Envelope& envelope, Micros now) {
    Viewer viewer;
    const Partner* partner = envelope.credential.partner.get();
    if (partner != nullptr && !partner->all_rights && envelope.rulebook->policy != nullptr) {
        viewer.types =
            envelope.rulebook->policy->visible_types(*partner, envelope.organisation, now);
    }
    return viewer;
}

Response denial(const Envelope& envelope) {
    const auto& results = envelope.decision.results;
    int status = 403;
    fhir::Issues issues;
    for (const RuleResult& result : results) {
        if (result.effect == Effect::deny) {
            status = issues.empty() ? result.status : status;
            issues.push_back(result.issue);
        }
    }
    Response response = refusal(status, issues, envelope);
    if (status == 429) {
        const double wait = std::max(1.0, std::ceil(envelope.decision.retry_after_seconds));
        response.headers.set("Retry-After", std::to_string(static_cast<long long>(wait)));
    }
    return response;
}

void set_aside_entries(Envelope& envelope, std::size_t from) {
    const auto& results = envelope.decision.results;
    for (std::size_t i = from; i < results.size(); ++i) {
        const RuleResult& result = results[i];
        if (result.effect != Effect::deny || result.entry < 0) {
            continue;
        }
        auto& refused = envelope.refused_entries
                            .try_emplace(static_cast<std::uint32_t>(result.entry), result.status)
                            .first->second;
        if (result.rule != "G01") {  // G01's own are the findings themselves, added by validate()
            refused.issues.push_back(result.issue);
        }
    }
}

void tag_warnings(Envelope& envelope, std::size_t from) {
    const auto& results = envelope.decision.results;
    for (std::size_t i = from; i < results.size(); ++i) {
        if (results[i].effect != Effect::permit_with_findings) {
            continue;
        }
        std::string tag = std::string(fhir::rule_system) + "|" + results[i].rule;
        if (std::find(envelope.tags.begin(), envelope.tags.end(), tag) == envelope.tags.end()) {
            envelope.tags.push_back(std::move(tag));
        }
    }
}

Refused guard(Envelope& envelope, StoreReader& store, RateLimiter& rates, Micros now) {
    const PolicySet& policy = *envelope.rulebook->policy;
    envelope.decision.id = make_ulid(now);
    GuardFacts facts = facts_of(envelope, now);
    if (facts.partner != nullptr && !facts.partner->all_rights) {
        const PartnerLimits limits = policy.limits(*facts.partner, envelope.organisation);
        facts.retry_after_seconds = rates.take(
            facts.partner->id,
            limits.requests_per_second,
            limits.burst != 0 ? limits.burst : std::max(1.0, limits.requests_per_second),
            now
        );
    }
    PatientLookup lookup{store, *envelope.rulebook->engine};
    facts.other_patient = &other_patient;
    facts.user = &lookup;
    policy.decide(facts, envelope.decision);
    if (envelope.call.interaction == Interaction::validate) {
        report_content_denials(envelope);
    }
    if (envelope.decision.effect == Effect::deny) {
        return denial(envelope);
    }
    set_aside_entries(envelope, 0);
    tag_warnings(envelope, 0);
    return std::nullopt;
}

}  // namespace gatehouse::gateway
