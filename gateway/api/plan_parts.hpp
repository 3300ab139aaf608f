#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Shared between the planning of single writes (write_plan.cpp) and of Bundles (bundle_plan.cpp).

#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/plan_refusal.hpp"
#include "gateway/api/search_parameters.hpp"
#include "gateway/api/write_plan.hpp"

namespace gatehouse::gateway {

// The search of a conditional interaction or reference on resources of `type`, within what the
// sender sees: 400 for what cannot be searched, 403 for what reaches through what the sender may
// not see. Finding nothing there instead would store what is held already.
std::optional<PlanRefusal> read_condition(
    std::string_view text,
    const std::string& type,
    const Envelope& message,
    const ApiContext& context,
    SearchQuery& out
);

// If-Match: W/"3", "3" or 3. Without it, or with "*": any version (0). Sent and empty it is
// refused, since its sender meant to be guarded.
std::optional<PlanRefusal> read_if_match(const Headers& headers, std::uint64_t& out);

// One write as its request says it, alone or as an entry of a Bundle. `call` is routed and carries
// the headers; `resource` is its body (null: none, or a JSON Patch in `call`'s body); `index` makes
// the id of what is created. Expressions of a refusal start at the resource ("Patient.id") or are
// empty. The body itself is not serialised yet.
std::optional<PlanRefusal> plan_write(
    const Envelope& call,
    fhir::Element* resource,
    const Envelope& message,
    const ApiContext& context,
    std::uint32_t index,
    PlannedEntry& entry
);

// Fills `entry.resource` from a resource of the message: body, index. `resource` is changed.
void fill_resource(
    PlannedEntry& entry,
    const Envelope& envelope,
    const ApiContext& context,
    fhir::Element& resource
);

// The findings that an acceptance must show: rules in warn mode.
fhir::Issues shown_findings(const Envelope& envelope);

std::optional<Refusal> plan_bundle(Envelope& envelope, const ApiContext& context, WritePlan& plan);

}  // namespace gatehouse::gateway
