#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the guardrails share: the facts, what holds for the organisation, and how a rule speaks. A
// rule is a function of this folder (rules.hpp) that says what it finds; mode, effect, place and
// bounds are the same for all. Inside gateway/policy; one thread, one message.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/policy/settings.hpp"

namespace gatehouse::gateway::policy {

// Entry of a batch that an element or expression lies in; -1 when the message is no batch.
class BatchPlaces {
public:
    explicit BatchPlaces(const fhir::Element* root);
    [[nodiscard]] std::int32_t entry_of(std::string_view expression) const;
    // Elements in the order of the message cost one look at the entries together.
    std::int32_t entry_of(const fhir::Element& element);

private:
    const fhir::Element* batch_;  // null: no batch
    const fhir::Element* seen_ = nullptr;
    std::int32_t index_ = -1;
};

// Calls visit(element, depth) for every element of the tree, the root at depth 1, in document order
// and without recursion.
template <class Visit> void walk(const fhir::Element& root, Visit visit) {
    std::uint32_t depth = 1;
    const fhir::Element* at = &root;
    while (at != nullptr) {
        visit(*at, depth);
        if (at->first_child != nullptr) {
            at = at->first_child;
            ++depth;
            continue;
        }
        while (at != &root && at->next == nullptr) {
            at = at->parent;
            --depth;
        }
        at = at == &root ? nullptr : at->next;
    }
}

class Decider {
public:
    Decider(const Effective& policy, const GuardFacts& facts, Decision& decision);

    struct Saying {
        const char* rule;
        int status;
        fhir::IssueType type;
        const char* spine;
        std::string reason;  // for people; no patient values
        const fhir::Element* at = nullptr;
    };
    // Records what a rule says in the mode that its schedule has now. Of what one rule says in one
    // mode so much is listed: a hostile message must not cost memory without end, nor the square of
    // its faults in time. A batch's entry that a rule denies is told all the same.
    static constexpr std::size_t listed_max = 500;
    static constexpr std::size_t entries_max = 10'000;
    void say(const Stated<Schedule>& schedule, Saying saying);
    // Deny overrides; a denied entry of a batch is denied for itself.
    void add(RuleResult result);
    // After the last saying: what was not listed, as one result of its rule.
    void close();

    const Effective& policy;
    const GuardFacts& facts;
    Decision& decision;
    BatchPlaces places;

private:
    struct Tally {
        std::size_t listed = 0;
        std::size_t left_out = 0;
        bool lost_entry = false;  // a denied entry of a batch is among them
        std::set<std::int32_t> entries;
        RuleResult like;
    };
    // False: it is counted as left out.
    bool takes(Tally& tally, Mode mode, std::int32_t entry) const;
    std::map<std::pair<std::string_view, Mode>, Tally> tallies_;
    fhir::PositionCursor positions_;
    fhir::ExpressionCursor expressions_;
};

}  // namespace gatehouse::gateway::policy
