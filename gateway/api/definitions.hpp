#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Which definitions judge a message, and the record as they read it. Only validation asks: indexes
// and searches stay with the rulebook's own engine, whatever judged a record.

#include <span>
#include <string>

#include "gateway/base/metrics.hpp"
#include "gateway/pipeline/envelope.hpp"

namespace gatehouse::gateway {

struct ChosenDefinitions {
    const fhir::Engine* engine = nullptr;
    const fhir::ProfileChooser* chooser = nullptr;  // null: no default profiles
    bool own = true;                                // the rulebook's, which decoded the message
};

// By partner, organisation, profiles (meta.profile and `asked`) and time of receipt. Notes the
// digest in the envelope, which is how it gets into outcome, header, receipt and audit.
ChosenDefinitions choose_definitions(Envelope& envelope, std::span<const std::string> asked = {});

// The same for a resource that is judged apart from a message (the outcome of a patch). `root` may
// be null.
ChosenDefinitions choose_definitions(
    const Rulebook& rulebook, DefinitionRules::Facts facts, const fhir::Element* root
);

// Keeps what a verdict could not decide for header and metrics.
void note_unchecked(
    Envelope& envelope, const fhir::Engine& engine, const fhir::UncheckedSystems& unchecked
);
// Counts it at once, for a verdict that is given apart from its message (the outcome of a patch).
void count_unchecked(const fhir::Engine& engine, const fhir::UncheckedSystems& unchecked);
// The series of such codes: one a system, by the names of Envelope::unchecked.
Counter unchecked_counter(Metrics& metrics, const std::string& system);

// The message's tree for those definitions: the envelope's own, or read again where another set
// judges, since names and types are numbered by each set for itself. Null if there is none.
const fhir::Element* root_for(const Envelope& envelope, const ChosenDefinitions& chosen);

}  // namespace gatehouse::gateway
