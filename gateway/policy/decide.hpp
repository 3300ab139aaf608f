#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The rules themselves: pure functions of facts and what holds for the organisation. Inside
// gateway/policy.

#include "gateway/policy/settings.hpp"

namespace gatehouse::gateway::policy {

void decide_before(const Effective& policy, const GuardFacts& facts, Decision& decision);
void decide_after(const Effective& policy, const GuardFacts& facts, Decision& decision);
PartnerLimits effective_limits(const Effective& policy, const Partner& partner);

}  // namespace gatehouse::gateway::policy
