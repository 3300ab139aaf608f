// SPDX-License-Identifier: Apache-2.0
//
// G16: how much, how often and what a partner may send and ask.
#include <algorithm>

#include "gateway/policy/decide.hpp"
#include "gateway/policy/rules.hpp"

namespace gatehouse::gateway::policy {
namespace {

using fhir::Element;
using fhir::IssueType;

std::uint32_t depth_of(const Element& root) {
    std::uint32_t deepest = 0;
    walk(root, [&](const Element& /*element*/, std::uint32_t depth) {
        deepest = std::max(deepest, depth);
    });
    return deepest;
}

void limit_size(Decider& decider, const PartnerLimits& limits) {
    const Stated<Schedule>& schedule = decider.policy.check(Check::g16);
    if (limits.body_bytes_max != 0 && decider.facts.body_bytes > limits.body_bytes_max) {
        decider.say(
            schedule,
            {"G16",
             413,
             IssueType::too_long,
             "BAD_REQUEST",
             "The body has " + std::to_string(decider.facts.body_bytes) +
                 " bytes; this partner may send " + std::to_string(limits.body_bytes_max) + "."}
        );
    }
    if (limits.depth_max != 0 && decider.facts.root != nullptr &&
        depth_of(*decider.facts.root) > limits.depth_max) {
        decider.say(
            schedule,
            {"G16",
             400,
             IssueType::too_long,
             "BAD_REQUEST",
             "The body is nested deeper than the " + std::to_string(limits.depth_max) +
                 " levels that this partner may send."}
        );
    }
}

void forbid(Decider& decider, std::string reason, const Element* at = nullptr) {
    decider.say(
        decider.policy.check(Check::g16),
        {"G16", 403, IssueType::forbidden, "ACCESS_DENIED", std::move(reason), at}
    );
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return list.empty() || std::find(list.begin(), list.end(), item) != list.end();
}

// Formed like a resource type; "R4" and "FHIR" of a base are not.
bool is_type_name(std::string_view step) {
    return step.size() > 1 && step[0] >= 'A' && step[0] <= 'Z' && step[1] >= 'a' &&
           step[1] <= 'z' && std::all_of(step.begin() + 1, step.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
           });
}

// "Patient" of "Patient/1", "Patient?x=y" and "https://host/base/Patient/1".
std::string_view type_in_url(std::string_view url) {
    url = url.substr(0, url.find('?'));
    while (!url.empty()) {
        const auto end = url.find('/');
        const std::string_view step = url.substr(0, end);
        if (is_type_name(step)) {
            return step;
        }
        url = end == std::string_view::npos ? std::string_view{} : url.substr(end + 1);
    }
    return {};
}

// What an entry of a batch or transaction does, by method and URL, as limits name it. Operations
// are named like themselves ("meta-add").
std::string_view interaction_of(std::string_view method, std::string_view url) {
    std::string_view path = url.substr(0, url.find('?'));
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    const std::string_view last = path.substr(path.rfind('/') + 1);
    if (last.starts_with('$')) {
        return last.substr(1);
    }
    if (last == "_search") {
        return to_string(Interaction::search);
    }
    if (method == "POST") {
        return to_string(Interaction::create);
    }
    if (method == "PUT") {
        return to_string(Interaction::update);
    }
    if (method == "PATCH") {
        return to_string(Interaction::patch);
    }
    if (method == "DELETE") {
        return to_string(Interaction::remove);
    }
    if (path.find("_history/") != std::string_view::npos) {
        return to_string(Interaction::vread);
    }
    const auto type = type_in_url(path);
    const std::string_view below =
        type.empty() ? std::string_view{} : path.substr(path.find(type) + type.size());
    if (last == "_history") {
        return to_string(
            type.empty()                       ? Interaction::history_system
            : below.find('/', 1) == below.npos ? Interaction::history_type
                                               : Interaction::history_instance
        );
    }
    // Patient/1 is read, Patient/1/Observation?... searched.
    const auto steps = std::count(below.begin(), below.end(), '/');
    return to_string(steps == 1 ? Interaction::read : Interaction::search);
}

// A Bundle is no way around what a partner may not do by itself.
void limit_entry(
    Decider& decider, const PartnerLimits& limits, const Element& entry, const Element& request
) {
    const std::string_view interaction =
        interaction_of(request.child_value("method"), request.child_value("url"));
    if (contains(limits.interactions, interaction)) {
        return;
    }
    forbid(
        decider,
        "This partner may not use the interaction " + std::string(interaction.substr(0, 64)) +
            ", in a Bundle either.",
        &entry
    );
}

void limit_types(Decider& decider, const PartnerLimits& limits) {
    const RestCall& call = *decider.facts.call;
    if (!contains(limits.interactions, to_string(call.interaction))) {
        forbid(
            decider,
            std::string("This partner may not use the interaction ") + to_string(call.interaction) +
                "."
        );
    }
    if (!call.type.empty() && !contains(limits.types, call.type)) {
        forbid(decider, "This partner may not use the resource type " + call.type + ".");
    }
    if (decider.facts.root == nullptr || decider.facts.root->resource_type() != "Bundle") {
        return;
    }
    for (const Element& entry : decider.facts.root->children()) {
        if (entry.name != "entry") {
            continue;
        }
        const Element* resource = entry.child("resource");
        const Element* request = entry.child("request");
        // The URL says what is written; the resource may be a patch of it.
        std::string_view type =
            request == nullptr ? std::string_view{} : type_in_url(request->child_value("url"));
        if (type.empty() && resource != nullptr) {
            type = resource->resource_type();
        }
        if (request != nullptr && call.interaction == Interaction::transaction) {
            limit_entry(decider, limits, entry, *request);
        }
        if (!type.empty() && !contains(limits.types, type)) {
            forbid(
                decider, "An entry is of a resource type that this partner may not use.", &entry
            );
        }
    }
}

}  // namespace

void partner_limits(Decider& decider) {
    if (decider.facts.partner == nullptr || decider.facts.partner->all_rights) {
        return;
    }
    if (decider.facts.retry_after_seconds > 0) {
        decider.decision.retry_after_seconds = decider.facts.retry_after_seconds;
        decider.say(
            decider.policy.check(Check::g16),
            {"G16",
             429,
             IssueType::throttled,
             "TOO_MANY_REQUESTS",
             "More requests than this partner may send; come again after the time in Retry-After."}
        );
    }
    const PartnerLimits allowed = effective_limits(decider.policy, *decider.facts.partner);
    limit_size(decider, allowed);
    limit_types(decider, allowed);
}

}  // namespace gatehouse::gateway::policy
