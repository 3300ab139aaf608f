// SPDX-License-Identifier: Apache-2.0
//
// Stage 5: the standard's judgement, then rule G01 on what it found.
#include "gateway/api/definitions.hpp"
#include "gateway/pipeline/pipeline.hpp"
#include "gateway/pipeline/stages.hpp"

namespace gatehouse::gateway {
namespace {

void name_spine_code(fhir::Issues& issues) {
    for (fhir::Issue& issue : issues) {
        if (issue.spine_code.empty() && issue.severity != fhir::Severity::information &&
            issue.severity != fhir::Severity::warning) {
            issue.spine_code = "INVALID_RESOURCE";
        }
    }
}

}  // namespace

Refused validate(Envelope& envelope, Micros now, const Helpers* helpers) {
    // Of a patch the outcome is judged, where it is known (gateway/api/changes.cpp).
    if (envelope.root == nullptr || !is_write(envelope.call.interaction) ||
        envelope.call.interaction == Interaction::patch) {
        return std::nullopt;
    }
    const Rulebook& rulebook = *envelope.rulebook;
    const std::string instant = to_instant(now);
    fhir::ValidateOptions options;
    options.now = instant;
    options.helpers = helpers;
    const ChosenDefinitions chosen = choose_definitions(envelope);
    const fhir::Element* root = root_for(envelope, chosen);
    GH_ASSERT(root != nullptr);
    fhir::Validation found = chosen.engine->validator().validate(
        *root, envelope.source, {}, chosen.chooser, options, *envelope.arena
    );
    note_unchecked(envelope, *chosen.engine, found.unchecked);
    envelope.advised = found.advised;
    envelope.issues.insert(
        envelope.issues.end(),
        std::make_move_iterator(found.issues.begin()),
        std::make_move_iterator(found.issues.end())
    );
    name_spine_code(envelope.issues);
    const std::size_t from = envelope.decision.results.size();
    GuardFacts facts = facts_of(envelope, now);
    facts.findings = &envelope.issues;
    facts.errors_left_out = found.errors_left_out;
    rulebook.policy->decide_findings(facts, envelope.decision);
    if (envelope.decision.effect == Effect::deny) {
        return refusal(422, envelope.issues, envelope);
    }
    set_aside_entries(envelope, from);
    for (const fhir::Issue& issue : envelope.issues) {
        const auto entry = entry_in(issue.expression);
        const auto refused =
            entry ? envelope.refused_entries.find(*entry) : envelope.refused_entries.end();
        if (refused != envelope.refused_entries.end()) {
            refused->second.issues.push_back(issue);
        }
    }
    tag_warnings(envelope, from);
    return std::nullopt;
}

}  // namespace gatehouse::gateway
