// SPDX-License-Identifier: Apache-2.0
//
// Stage 7: where an accepted message goes. Chosen by the rulebook it was judged by, just before the
// promise, and written into the journal with it: recovery sends it where it was meant to go when it
// was accepted, whatever the routes say by then.

#include "gateway/api/write_plan.hpp"
#include "gateway/pipeline/pipeline.hpp"
#include "gateway/pipeline/route_table.hpp"

namespace gatehouse::gateway {

void route(Envelope& envelope) {
    envelope.destinations.assign(1, std::string(record_destination));
    const auto table = envelope.rulebook == nullptr ? nullptr : envelope.rulebook->routes;
    if (table == nullptr || table->record_only() || envelope.plan == nullptr) {
        return;
    }
    RouteTable::Facts facts;
    for (const PlannedEntry& entry : envelope.plan->entries) {
        if (entry.kind != PlanKind::get && entry.failure.empty()) {
            facts.types.push_back(entry.resource.type);
        }
    }
    if (envelope.credential.partner != nullptr) {
        facts.partner = envelope.credential.partner->id;
    }
    facts.organisation = envelope.organisation;
    facts.interaction = to_string(envelope.call.interaction);
    envelope.destinations = table->destinations(facts);
}

}  // namespace gatehouse::gateway
