#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Definitions and types without the judging half of the engine, for commands that need no more.

#include <memory>
#include <string>
#include <vector>

#include "fhir/model/types.hpp"
#include "fhir/packages/packages.hpp"
#include "gateway/cli/installation.hpp"

namespace gatehouse::cli {

// Loads what `options` names.
Result<std::shared_ptr<const fhir::Definitions>> load_definitions(
    const fhir::EngineOptions& options, const fhir::DefinitionOptions& how, fhir::Issues& notes
);

// The types of those definitions.
Result<fhir::TypeModel> build_types(const fhir::Definitions& definitions);

}  // namespace gatehouse::cli
