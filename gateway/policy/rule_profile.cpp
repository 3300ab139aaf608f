// SPDX-License-Identifier: Apache-2.0
//
// G01: the standard, as the validator judged it, in the mode that each profile has.
#include <algorithm>
#include <map>

#include "gateway/policy/rules.hpp"

namespace gatehouse::gateway::policy {
namespace {

const Stated<Schedule>& schedule_of(const Effective& policy, std::string_view profile) {
    const auto found = policy.profiles.find(profile.substr(0, profile.find('|')));
    return found != policy.profiles.end() ? found->second : policy.check(Check::g01);
}

// A list of errors that is not whole may lack one of any profile.
const Stated<Schedule>& strictest(const Effective& policy, Micros now) {
    const Stated<Schedule>* found = &policy.check(Check::g01);
    for (const auto& [profile, schedule] : policy.profiles) {
        if (schedule.value.at(now) > found->value.at(now)) {
            found = &schedule;
        }
    }
    return *found;
}

}  // namespace

// G01: one result for the message, or for each entry of a batch, in the strictest mode of its
// findings.
void standard_profile(Decider& decider) {
    struct Group {
        std::int32_t entry;
        std::size_t errors;
        Mode mode;
        std::string layer;
        const fhir::Issue* first;
    };
    std::vector<Group> groups;
    std::map<std::int32_t, std::size_t> group_of;  // by entry
    const Micros now = decider.facts.now;
    for (const fhir::Issue& issue : *decider.facts.findings) {
        if (issue.severity != fhir::Severity::error && issue.severity != fhir::Severity::fatal) {
            continue;
        }
        const std::int32_t entry = decider.places.entry_of(issue.expression);
        const Stated<Schedule>& schedule = schedule_of(decider.policy, issue.profile);
        // What cannot be read to its end cannot be kept, whatever the mode.
        const Mode mode =
            issue.severity == fhir::Severity::fatal ? Mode::enforce : schedule.value.at(now);
        const auto [known, is_new] = group_of.try_emplace(entry, groups.size());
        if (is_new) {
            groups.push_back({entry, 0, mode, schedule.layer, &issue});
        }
        Group& group = groups[known->second];
        ++group.errors;
        if (mode > group.mode) {
            group.mode = mode;
            group.layer = schedule.layer;
            group.first = &issue;
        }
    }
    if (decider.facts.errors_left_out) {
        const Stated<Schedule>& least = strictest(decider.policy, now);
        for (Group& group : groups) {
            if (least.value.at(now) > group.mode) {
                group.mode = least.value.at(now);
                group.layer = least.layer;
            }
        }
    }
    for (const Group& group : groups) {
        if (group.mode == Mode::off) {
            continue;
        }
        RuleResult result;
        result.rule = "G01";
        result.layer = group.layer;
        result.mode = group.mode;
        result.effect = effect_of(group.mode);
        result.status = 422;
        result.entry = group.entry;
        result.reason = std::to_string(group.errors) + (group.errors == 1 ? " error" : " errors") +
                        " against the standard, the first by rule " + group.first->rule;
        if (!group.first->profile.empty()) {
            result.reason += " of " + group.first->profile;
        }
        result.issue = *group.first;
        result.issue.rule = "G01";
        result.issue.spine_code = "INVALID_RESOURCE";
        result.issue.diagnostics = result.reason;
        result.issue.severity =
            group.mode == Mode::enforce ? fhir::Severity::error : fhir::Severity::warning;
        decider.add(std::move(result));
    }
}

}  // namespace gatehouse::gateway::policy
