#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What tests of the engine start from: the pinned R4 definitions from the package cache, and the
// folder of shared conformance material. Both are optional on a developer's machine; a test without
// them skips and says why.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fhir/model/types.hpp"
#include "fhir/packages/packages.hpp"

namespace gatehouse::test {

inline std::string read_file(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The shared conformance material, or nothing.
inline std::optional<std::filesystem::path> shared_folder() {
    const std::filesystem::path source = GATEHOUSE_SOURCE_DIR;
    std::vector<std::filesystem::path> places;
    if (const char* named = std::getenv("GATEHOUSE_SHARED"); named != nullptr) {
        places.emplace_back(named);
    }
    places.push_back(source.parent_path() / "shared");
    places.push_back(source.parent_path().parent_path() / "shared");
    for (const std::filesystem::path& place : places) {
        if (std::filesystem::exists(place / "conformance")) {
            return place;
        }
    }
    return std::nullopt;
}

inline std::filesystem::path package_cache() {
    if (const char* named = std::getenv("GATEHOUSE_CACHE"); named != nullptr) {
        return named;
    }
    return std::filesystem::path(GATEHOUSE_SOURCE_DIR) / ".cache" / "packages";
}

// Definitions that config/packages/lock.json pins, loaded once per test binary; nullptr if the
// cache does not hold them.
inline std::shared_ptr<const fhir::Definitions> core_definitions() {
    static const std::shared_ptr<const fhir::Definitions> definitions = [] {
        auto loaded = std::make_shared<fhir::Definitions>();
        fhir::Issues notes;
        const auto lock = fhir::read_lock(
            std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "config/packages/lock.json"
        );
        if (!lock || !fhir::load_lock(*loaded, *lock, package_cache(), notes)) {
            loaded.reset();
        }
        return loaded;
    }();
    return definitions;
}

// Their type model, or nullptr.
inline const fhir::TypeModel* core_types() {
    static const std::unique_ptr<const fhir::TypeModel> types = [] {
        std::unique_ptr<const fhir::TypeModel> built;
        if (const auto definitions = core_definitions(); definitions != nullptr) {
            std::vector<const fhir::Element*> roots;
            for (const fhir::Definition* definition : definitions->all("StructureDefinition")) {
                roots.push_back(definition->root());
            }
            if (auto model = fhir::TypeModel::build(roots); model) {
                built = std::make_unique<const fhir::TypeModel>(std::move(*model));
            }
        }
        return built;
    }();
    return types.get();
}

}  // namespace gatehouse::test

// For a test body: `types` is the core type model, or the test skips.
#define GH_NEED_CORE_TYPES(types)                                                                  \
    const gatehouse::fhir::TypeModel* types##_pointer = gatehouse::test::core_types();             \
    if (types##_pointer == nullptr) {                                                              \
        GTEST_SKIP() << "the R4 definitions are not in the package cache "                         \
                     << gatehouse::test::package_cache() << "; run deploy/fetch-definitions";      \
    }                                                                                              \
    const gatehouse::fhir::TypeModel& types = *types##_pointer
