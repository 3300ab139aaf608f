#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Shared between the planning of single writes (write_plan.cpp) and of Bundles (bundle_plan.cpp).

#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/search_parameters.hpp"
#include "gateway/api/write_plan.hpp"

namespace gatehouse::gateway {

struct PlanRefusal {
    int status = 400;
    fhir::Issues issues;
};

SearchLimits condition_limits(const ApiContext& context);

// If-Match: W/"3", "3" or 3. Empty text: any version (0).
std::optional<PlanRefusal> read_if_match(std::string_view text, std::uint64_t& out);

// Fills `entry.resource` from a resource of the message: id, body, index. `resource` is changed.
void fill_resource(
    PlannedEntry& entry,
    const Envelope& envelope,
    const ApiContext& context,
    fhir::Element& resource,
    std::string_view id
);

// The findings that an acceptance must show: rules in warn mode.
fhir::Issues shown_findings(const Envelope& envelope);

std::optional<Refusal> plan_bundle(Envelope& envelope, const ApiContext& context, WritePlan& plan);

}  // namespace gatehouse::gateway
