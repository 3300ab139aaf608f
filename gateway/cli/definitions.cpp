// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/definitions.hpp"

namespace gatehouse::cli {

Result<std::shared_ptr<const fhir::Definitions>> load_definitions(
    const fhir::EngineOptions& options, const fhir::DefinitionOptions& how, fhir::Issues& notes
) {
    auto definitions = std::make_shared<fhir::Definitions>(how);
    if (!options.lock.packages.empty()) {
        GH_TRY(load_lock(*definitions, options.lock, options.cache, notes));
    }
    for (const fhir::PackageRef& package : options.packages) {
        GH_TRY(definitions->load(package, options.cache, notes));
    }
    return std::shared_ptr<const fhir::Definitions>(std::move(definitions));
}

Result<fhir::TypeModel> build_types(const fhir::Definitions& definitions) {
    Arena arena;
    std::vector<const fhir::Element*> roots;
    for (const fhir::Definition* definition : definitions.all("StructureDefinition")) {
        if (const fhir::Element* root = definition->decode(arena); root != nullptr) {
            roots.push_back(root);
        }
    }
    return fhir::TypeModel::build(roots);
}

}  // namespace gatehouse::cli
