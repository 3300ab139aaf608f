// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/decider.hpp"

#include <algorithm>

namespace gatehouse::gateway::policy {

using fhir::Element;

BatchPlaces::BatchPlaces(const Element* root)
    : batch_(
          root != nullptr && root->resource_type() == "Bundle" &&
                  root->child_value("type") == "batch"
              ? root
              : nullptr
      ) {}

std::int32_t BatchPlaces::entry_of(std::string_view expression) const {
    const auto entry = batch_ == nullptr ? std::nullopt : entry_in(expression);
    return entry ? static_cast<std::int32_t>(*entry) : -1;
}

std::int32_t BatchPlaces::entry_of(const Element& element) {
    const Element* entry = &element;
    while (entry != nullptr && entry->parent != batch_) {
        entry = entry->parent;
    }
    if (batch_ == nullptr || entry == nullptr || entry->name != "entry") {
        return -1;
    }
    for (const bool anew : {false, true}) {
        if (anew || seen_ == nullptr) {
            seen_ = batch_->child("entry");
            index_ = 0;
        }
        for (; seen_ != nullptr; seen_ = seen_->next_same(), ++index_) {
            if (seen_ == entry) {
                return index_;
            }
        }
    }
    return -1;
}

Decider::Decider(const Effective& policy_, const GuardFacts& facts_, Decision& decision_)
    : policy(policy_), facts(facts_), decision(decision_), places(facts_.root),
      positions_(facts_.source) {}

bool Decider::takes(Tally& tally, Mode mode, std::int32_t entry) const {
    const bool denied_entry = mode == Mode::enforce && entry >= 0;
    const bool is_new = denied_entry && !tally.entries.contains(entry);
    if (tally.listed >= listed_max && !(is_new && tally.entries.size() < entries_max)) {
        ++tally.left_out;
        tally.lost_entry = tally.lost_entry || is_new;
        return false;
    }
    ++tally.listed;
    if (denied_entry) {
        tally.entries.insert(entry);
    }
    return true;
}

void Decider::say(const Stated<Schedule>& schedule, Saying saying) {
    const Mode mode = schedule.value.at(facts.now);
    if (mode == Mode::off) {
        return;
    }
    Tally& tally = tallies_[{saying.rule, mode}];
    const std::int32_t entry = saying.at == nullptr ? -1 : places.entry_of(*saying.at);
    if (!takes(tally, mode, entry)) {
        return;
    }
    RuleResult result;
    result.rule = saying.rule;
    result.layer = schedule.layer;
    result.mode = mode;
    result.effect = effect_of(mode);
    result.status = saying.status;
    result.issue.severity = mode == Mode::enforce ? fhir::Severity::error : fhir::Severity::warning;
    result.issue.type = saying.type;
    result.issue.rule = saying.rule;
    result.issue.spine_code = saying.spine;
    if (tally.listed == listed_max) {
        tally.like = result;
    }
    result.entry = entry;
    result.reason = saying.reason;
    result.issue.diagnostics = std::move(saying.reason);
    if (saying.at != nullptr) {
        result.issue.expression = expressions_.of(*saying.at);
        const auto position = positions_.at(saying.at->offset);
        result.issue.line = position.line;
        result.issue.column = position.column;
    }
    add(std::move(result));
}

void Decider::add(RuleResult result) {
    Effect effect = result.effect;
    if (effect == Effect::deny && result.entry >= 0) {
        effect = Effect::permit_with_findings;
    }
    decision.effect = std::max(decision.effect, effect);
    decision.results.push_back(std::move(result));
}

void Decider::close() {
    for (auto& [key, tally] : tallies_) {
        if (tally.left_out == 0) {
            continue;
        }
        RuleResult result = std::move(tally.like);
        // What was left out of a batch denied entries that are told, unless one is not.
        if (result.effect == Effect::deny && !tally.entries.empty() && !tally.lost_entry) {
            result.effect = Effect::permit;
        }
        result.reason = std::to_string(tally.left_out) + " more findings of rule " + result.rule +
                        " are not listed. Mend these first, then send again.";
        result.issue.diagnostics = result.reason;
        add(std::move(result));
    }
    tallies_.clear();
}

}  // namespace gatehouse::gateway::policy
