#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the guard shares with the road and with validate, its second half. Inside gateway/pipeline only.

#include "gateway/pipeline/envelope.hpp"

namespace gatehouse::gateway {

GuardFacts facts_of(const Envelope& envelope, Micros now);
// Who the answer of an authenticated message is for.
Viewer viewer_of(const Envelope& envelope, Micros now);
// The answer to a decision that denies: its first status, every denying rule's issue.
Response denial(const Envelope& envelope);
// Entries of a batch that the results from `from` on deny, for prepare_plan().
void set_aside_entries(Envelope& envelope, std::size_t from);
// Tags of the rules that warned in the results from `from` on.
void tag_warnings(Envelope& envelope, std::size_t from);

}  // namespace gatehouse::gateway
