#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The engine that benchmarks measure: the pinned packages of config/packages/lock.json, from the
// cache that GATEHOUSE_CACHE names or the project's own.

#include <memory>

#include "fhir/engine/engine.hpp"

namespace gatehouse::bench {

// Null after saying on stderr why.
std::shared_ptr<const fhir::Engine> load_engine();

}  // namespace gatehouse::bench
