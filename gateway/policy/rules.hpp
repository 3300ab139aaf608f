#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The guardrails, a file each: pure functions of the facts. Inside gateway/policy.

#include "gateway/policy/decider.hpp"

namespace gatehouse::gateway::policy {

void accountable_owner(Decider& decider);     // G03
void acting_organisation(Decider& decider);   // G04
void nhs_numbers(Decider& decider);           // G05, in what is sent
void searched_nhs_numbers(Decider& decider);  // G05, in what is asked for
void partner_limits(Decider& decider);        // G16
void standard_profile(Decider& decider);      // G01, on facts.findings

}  // namespace gatehouse::gateway::policy
