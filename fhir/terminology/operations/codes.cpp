// SPDX-License-Identifier: Apache-2.0

#include "fhir/terminology/operations/codes.hpp"

#include "fhir/terminology/operations/compose.hpp"

namespace gatehouse::fhir {
namespace {

CodesAnswer refused(std::string words) {
    return {{}, std::move(words)};
}

CodesAnswer too_many(std::size_t limit) {
    return refused(
        "It stands for more than " + std::to_string(limit) +
        " codes, which one search may not look for. Ask for something narrower."
    );
}

// The provider that has the code, and its number there.
struct Place {
    const CodeSystemProvider* provider = nullptr;
    ConceptNumber number = 0;
    std::string refused;
};

Place place_of(const Terminology& terminology, std::string_view system, std::string_view code) {
    Place place;
    for (const CodeSystemProvider* provider : terminology.providers(system)) {
        if (const auto number = provider->find(code)) {
            place.provider = provider;
            place.number = *number;
            return place;
        }
    }
    const bool known = !terminology.providers(system).empty();
    place.refused = known ? "Code system " + shown(system) + " has no code " + shown(code) + "."
                          : "The content of code system " + shown(system) +
                                " is not loaded here, so its hierarchy is not known.";
    return place;
}

CodesAnswer listed(const CodeSystemProvider& provider, const ConceptSet& set, std::size_t limit) {
    if (set.count() > limit) {
        return too_many(limit);
    }
    SystemCodes codes;
    codes.system = provider.system();
    set.for_each([&](ConceptNumber number) { codes.codes.push_back(provider.code(number)); });
    CodesAnswer answer;
    answer.systems.push_back(std::move(codes));
    return answer;
}

}  // namespace

CodesAnswer codes_of_value_set(
    const Terminology& terminology,
    std::string_view canonical,
    const Element* resource,
    const StoredResource& stored,
    std::size_t limit
) {
    OperationRequest request;
    request.type = "ValueSet";
    request.stored = stored;
    const Asked asked(request);
    ContentView content(terminology, asked);
    ConceptBudget budget{request.limits.work_max};
    Composer composer(content, {}, budget);
    CodeBag bag;
    const std::optional<Refusal> refusal =
        resource != nullptr ? composer.collect(*resource, bag) : composer.collect(canonical, bag);
    if (refusal) {
        return refused(refusal->words);
    }
    if (composer.unclosed()) {
        return refused(
            "It draws on a code system of which only a part is loaded, so not all of its codes are "
            "known here."
        );
    }
    if (bag.count() > limit) {
        return too_many(limit);
    }
    CodesAnswer answer;
    for (const CodeGroup& group : bag.groups()) {
        SystemCodes codes;
        codes.system = group.system;
        group.set.for_each([&](ConceptNumber number) {
            codes.codes.push_back(group.provider->code(number));
        });
        for (const ListedCode& one : group.listed) {
            if (one.alive) {
                codes.codes.emplace_back(one.code);
            }
        }
        answer.systems.push_back(std::move(codes));
    }
    return answer;
}

CodesAnswer codes_below(
    const Terminology& terminology,
    std::string_view system,
    std::string_view code,
    std::size_t limit
) {
    const Place place = place_of(terminology, system, code);
    if (place.provider == nullptr) {
        return refused(place.refused);
    }
    ConceptBudget budget;
    const auto set = place.provider->filter({"concept", "is-a", code}, budget);
    if (!set) {
        return refused(
            "The hierarchy of code system " + shown(system) +
            " cannot be asked: " + set.error().detail + "."
        );
    }
    ConceptSet below = *set;
    below.add(place.number);
    return listed(*place.provider, below, limit);
}

CodesAnswer codes_above(
    const Terminology& terminology,
    std::string_view system,
    std::string_view code,
    std::size_t limit
) {
    const Place place = place_of(terminology, system, code);
    if (place.provider == nullptr) {
        return refused(place.refused);
    }
    ConceptSet above(place.provider->concept_count());
    std::vector<ConceptNumber> waiting{place.number};
    above.add(place.number);
    while (!waiting.empty()) {
        std::vector<ConceptNumber> parents;
        place.provider->parents(waiting.back(), parents);
        waiting.pop_back();
        for (const ConceptNumber parent : parents) {
            if (!above.contains(parent)) {
                above.add(parent);
                waiting.push_back(parent);
            }
        }
    }
    return listed(*place.provider, above, limit);
}

}  // namespace gatehouse::fhir
