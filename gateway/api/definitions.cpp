// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/definitions.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gatehouse::gateway {
namespace {

// The profiles a resource claims; of a Bundle or Parameters those of what is inside, too.
void claimed_profiles(
    const fhir::Element& resource, std::vector<std::string_view>& out, int depth = 0
) {
    if (const fhir::Element* meta = resource.child("meta")) {
        for (const fhir::Element& child : meta->children()) {
            if (child.name == "profile") {
                out.push_back(child.value);
            }
        }
    }
    const auto type = resource.resource_type();
    if (depth > 3 || (type != "Bundle" && type != "Parameters")) {
        return;
    }
    for (const fhir::Element& entry : resource.children()) {
        const fhir::Element* inside =
            entry.name == "entry" || entry.name == "parameter" ? entry.child("resource") : nullptr;
        if (inside != nullptr && inside->is_resource) {
            claimed_profiles(*inside, out, depth + 1);
        }
    }
}

// A system that nothing here knows is "other": names that callers make up are no labels.
template <class Visit>
void for_systems(
    const fhir::Engine& engine, const fhir::UncheckedSystems& unchecked, Visit&& visit
) {
    for (std::size_t i = 0; i < unchecked.count; ++i) {
        const auto& one = unchecked.list[i];
        const bool known = engine.terminology().is_known_system(one.system);
        visit(known ? one.system : std::string_view("other"), one.codes);
    }
    if (unchecked.codes_beyond != 0) {
        visit(std::string_view("other"), unchecked.codes_beyond);
    }
}

}  // namespace

void note_unchecked(
    Envelope& envelope, const fhir::Engine& engine, const fhir::UncheckedSystems& unchecked
) {
    for_systems(engine, unchecked, [&](std::string_view system, std::uint32_t codes) {
        const auto found = std::find_if(
            envelope.unchecked.begin(),
            envelope.unchecked.end(),
            [&](const auto& one) { return one.first == system; }
        );
        if (found != envelope.unchecked.end()) {
            found->second += codes;
        } else {
            envelope.unchecked.emplace_back(system, codes);
        }
    });
}

void count_unchecked(const fhir::Engine& engine, const fhir::UncheckedSystems& unchecked) {
    for_systems(engine, unchecked, [](std::string_view system, std::uint32_t codes) {
        unchecked_counter(metrics(), std::string(system)).add(codes);
    });
}

Counter unchecked_counter(Metrics& metrics, const std::string& system) {
    return metrics.counter(
        "gatehouse_validate_unchecked_codes_total",
        "Codes that were neither confirmed nor refused, because their system's content is not "
        "loaded",
        {{"system", system}}
    );
}

ChosenDefinitions choose_definitions(
    const Rulebook& rulebook, DefinitionRules::Facts facts, const fhir::Element* root
) {
    ChosenDefinitions chosen;
    chosen.engine = rulebook.engine.get();
    chosen.chooser = rulebook.chooser ? &rulebook.chooser : nullptr;
    if (rulebook.versions == nullptr || rulebook.versions->rules.rules().empty()) {
        return chosen;
    }
    if (rulebook.versions->rules.ask_profiles() && root != nullptr && root->is_resource) {
        claimed_profiles(*root, facts.profiles);
    }
    const std::string_view name = rulebook.versions->rules.choose(facts);
    for (const DefinitionSet& set : rulebook.versions->sets) {
        if (set.name == name) {
            chosen.engine = set.engine.get();
            chosen.chooser = set.chooser ? &set.chooser : nullptr;
            chosen.own = false;
        }
    }
    return chosen;
}

ChosenDefinitions choose_definitions(Envelope& envelope, std::span<const std::string> asked) {
    DefinitionRules::Facts facts;
    facts.partner = envelope.credential.partner ? envelope.credential.partner->id : "";
    facts.organisation = envelope.organisation;
    facts.now = envelope.received_at;
    facts.profiles.assign(asked.begin(), asked.end());
    const ChosenDefinitions chosen =
        choose_definitions(*envelope.rulebook, std::move(facts), envelope.root);
    envelope.definitions = chosen.engine->digest();
    return chosen;
}

const fhir::Element* root_for(const Envelope& envelope, const ChosenDefinitions& chosen) {
    if (chosen.own || envelope.root == nullptr) {
        return envelope.root;
    }
    // Decoded once within the limits, so none are needed here.
    fhir::DecodeLimits none;
    none.depth = none.string_bytes = none.members = none.elements =
        std::numeric_limits<std::size_t>::max();
    return chosen.engine->read(envelope.source, envelope.body_format, *envelope.arena, none).root;
}

}  // namespace gatehouse::gateway
