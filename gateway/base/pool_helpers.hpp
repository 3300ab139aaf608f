#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Helpers from a Pool: a job that runs on the pool lets idle threads of the same pool join in. A
// thread that comes too late finds the work closed, so a full pool delays nobody.

#include "fhir/base/helpers.hpp"
#include "gateway/base/async.hpp"

namespace gatehouse::gateway {

// Up to `count` threads of `pool`, which must outlive the helpers. The caller of run() may be one
// of the pool's own threads.
Helpers pool_helpers(Pool& pool, unsigned count);

}  // namespace gatehouse::gateway
