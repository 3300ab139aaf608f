// SPDX-License-Identifier: Apache-2.0
//
// G03: who answers for the caller and for the rules. What has no owner does not load; this sees
// reviews that became overdue while running.
#include "gateway/policy/rules.hpp"

namespace gatehouse::gateway::policy {

namespace {

void forbid(Decider& decider, Check check, std::string reason) {
    decider.say(
        decider.policy.check(check),
        {"G03", 403, fhir::IssueType::forbidden, "ACCESS_DENIED", std::move(reason)}
    );
}

}  // namespace

void accountable_owner(Decider& decider) {
    if (decider.facts.partner == nullptr) {
        return;
    }
    const Owner& owner = decider.facts.partner->owner;
    if (owner.role.empty() || owner.contact.empty() || owner.review.empty()) {
        forbid(
            decider,
            Check::g03,
            "The partner has no accountable owner with role, contact and review date."
        );
        return;
    }
    if (const Micros end = review_end(owner.review); end != 0 && decider.facts.now >= end) {
        forbid(
            decider,
            Check::g03_overdue,
            "The review of the partner's owner was due on " + owner.review + "."
        );
    }
    for (const auto& [layer, end] : decider.policy.reviews) {
        if (end != 0 && decider.facts.now >= end) {
            forbid(
                decider,
                Check::g03_overdue,
                "The review of the policy layer " + layer + " is overdue."
            );
        }
    }
}

}  // namespace gatehouse::gateway::policy
