#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// $process-message (FHIR R4 MessageHeader-process-message): a message Bundle travels the same road
// as any write. It is kept whole, as a Bundle, and answered with a message.

#include <optional>
#include <string>

#include "gateway/api/plan_refusal.hpp"
#include "gateway/api/write_plan.hpp"

namespace gatehouse::gateway {

// The plan of `envelope`'s message: its Bundle becomes `entry` (its body is not serialised yet).
std::optional<PlanRefusal> plan_message(Envelope& envelope, WritePlan& plan, PlannedEntry& entry);

// The response message of an accepted one: a Bundle with a MessageHeader that says ok.
std::string message_answer(const WritePlan& plan, const std::string& message_id, Micros at);

}  // namespace gatehouse::gateway
