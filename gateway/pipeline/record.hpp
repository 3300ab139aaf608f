#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Between envelope and journal: what is written at accept, and the same message made again from it,
// so that recovery is the code of every day. Inside gateway/pipeline only.

#include "gateway/journal/journal.hpp"
#include "gateway/pipeline/apply.hpp"
#include "gateway/pipeline/pipeline.hpp"

namespace gatehouse::gateway {

// `status`: of the answer, for a refused message. The body moves out of the envelope's request only
// as a copy: views of the tree point into it.
JournalRecord record_of(const Envelope& envelope, RecordKind kind, int status);
Work work_of(const Envelope& envelope, RecordKind kind, int status);

// A recovered record as work. A message that cannot be prepared again has no plan and will be held.
Work work_of(
    const JournalRecord& record,
    std::shared_ptr<const Rulebook> rulebook,
    const ApiContext& api,
    const fhir::DecodeLimits& limits
);

}  // namespace gatehouse::gateway
