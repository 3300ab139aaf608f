// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/decide.hpp"

#include <algorithm>

#include "gateway/policy/rules.hpp"

namespace gatehouse::gateway::policy {
namespace {

template <class T, class U> void smaller(T& own, const std::optional<Stated<U>>& layer) {
    if (layer) {
        const auto value = static_cast<T>(layer->value);
        own = own == T{} ? value : std::min(own, value);
    }
}

void narrower(
    std::vector<std::string>& own, const std::optional<Stated<std::vector<std::string>>>& layer
) {
    if (!layer) {
        return;
    }
    if (own.empty()) {
        own = layer->value;
        return;
    }
    std::erase_if(own, [&](const std::string& item) {
        return std::find(layer->value.begin(), layer->value.end(), item) == layer->value.end();
    });
    if (own.empty()) {
        own.emplace_back("-");  // nothing is left; an empty list would mean everything
    }
}

}  // namespace

PartnerLimits effective_limits(const Effective& policy, const Partner& partner) {
    if (partner.all_rights) {
        return {};
    }
    PartnerLimits limits = partner.limits;
    smaller(limits.body_bytes_max, policy.limits.body_bytes_max);
    smaller(limits.depth_max, policy.limits.depth_max);
    smaller(limits.requests_per_second, policy.limits.requests_per_second);
    smaller(limits.burst, policy.limits.burst);
    narrower(limits.types, policy.limits.types);
    narrower(limits.interactions, policy.limits.interactions);
    return limits;
}

void decide_before(const Effective& policy, const GuardFacts& facts, Decision& decision) {
    Decider decider(policy, facts, decision);
    accountable_owner(decider);
    acting_organisation(decider);
    partner_limits(decider);
    nhs_numbers(decider);
    searched_nhs_numbers(decider);
    decider.close();
}

void decide_after(const Effective& policy, const GuardFacts& facts, Decision& decision) {
    if (facts.findings != nullptr) {
        Decider decider(policy, facts, decision);
        standard_profile(decider);
    }
}

}  // namespace gatehouse::gateway::policy
