// SPDX-License-Identifier: Apache-2.0
//
// G04: the organisation that a request claims to act for is one that the credential proves.
#include <algorithm>

#include "gateway/policy/rules.hpp"

namespace gatehouse::gateway::policy {

using fhir::IssueType;

void acting_organisation(Decider& decider) {
    const Stated<Schedule>& schedule = decider.policy.check(Check::g04);
    if (!decider.facts.assertion_problem.empty()) {
        decider.say(
            schedule,
            {"G04", 400, IssueType::invalid, "BAD_REQUEST", decider.facts.assertion_problem}
        );
        return;
    }
    if (decider.facts.asserted_organisation.empty() || decider.facts.partner == nullptr) {
        return;
    }
    const auto& own = decider.facts.partner->organisations;
    if (std::find(own.begin(), own.end(), decider.facts.asserted_organisation) == own.end()) {
        decider.say(
            schedule,
            {"G04",
             403,
             IssueType::forbidden,
             "ACCESS_DENIED",
             "The credential does not prove the organisation that the request claims to act for; "
             "leave "
             "the header out, or use that organisation's own credential."}
        );
    }
}

}  // namespace gatehouse::gateway::policy
