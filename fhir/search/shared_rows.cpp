// SPDX-License-Identifier: Apache-2.0
//
// Parameters that need no rows of their own, because what they find is what others find together:
// Patient.phonetic (the same names as Patient.name), Observation.combo-code (the codes of
// Observation.code and component-code). A third of an Observation's rows are saved so.

#include <algorithm>

#include "fhir/search/parameters.hpp"

namespace gatehouse::fhir {

using search_steps::Steps;

namespace {

struct Reach {
    SearchParameter* parameter = nullptr;
    std::vector<Steps> walks;  // all that it says; those with a formula are not here
};

bool contains(const std::vector<Steps>& all, const Steps& one) {
    return std::ranges::find(all, one) != all.end();
}

bool within(const std::vector<Steps>& inner, const std::vector<Steps>& outer) {
    return std::ranges::all_of(inner, [&](const Steps& steps) { return contains(outer, steps); });
}

}  // namespace

std::optional<std::vector<Steps>>
SearchParameters::Impl::walks_of(TypeId type, std::string_view expression) const {
    std::vector<Steps> walks;
    for (search_steps::Operand& operand : search_steps::read_expression(expression, types)) {
        const TypeId speaks_of = operand.type.empty() ? type : types.find(operand.type);
        if (speaks_of == unknown_type || !types.is_a(type, speaks_of)) {
            continue;
        }
        if (!operand.steps) {
            return std::nullopt;
        }
        walks.push_back(std::move(*operand.steps));
    }
    return walks;
}

void SearchParameters::Impl::share_rows(TypeId type) {
    std::vector<Reach> all;
    for (const auto& [code, parameter] : plans[type].by_code) {
        // References are left alone: compartments speak of their keys.
        if (!parameter->searchable || parameter->type == SearchType::composite ||
            parameter->type == SearchType::special || parameter->type == SearchType::reference) {
            continue;
        }
        auto walks = walks_of(type, parameter->expression);
        if (walks && !walks->empty()) {
            all.push_back({&parameters[parameter->id], std::move(*walks)});
        }
    }
    // From the narrow to the wide, so that what is shared has rows itself.
    std::ranges::stable_sort(all, {}, [](const Reach& reach) { return reach.walks.size(); });
    std::vector<const Reach*> kept;
    for (const Reach& reach : all) {
        std::vector<Steps> covered;
        std::vector<std::string> codes;
        for (auto other = kept.rbegin(); other != kept.rend(); ++other) {
            if ((*other)->parameter->type != reach.parameter->type ||
                !within((*other)->walks, reach.walks) || within((*other)->walks, covered)) {
                continue;
            }
            covered.insert(covered.end(), (*other)->walks.begin(), (*other)->walks.end());
            codes.push_back((*other)->parameter->code);
        }
        if (within(reach.walks, covered)) {
            reach.parameter->kept_as.push_back({types.type(type).name, std::move(codes)});
        } else {
            kept.push_back(&reach);
        }
    }
}

}  // namespace gatehouse::fhir
