#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The engine as the gateway has it: the pinned packages or, without a package cache, R4 from the
// shared material. Loaded once per test binary; nullptr if neither is there.

#include "fhir/engine/engine.hpp"
#include "tests/support/core_definitions.hpp"

namespace gatehouse::test {

inline std::shared_ptr<const fhir::Engine> core_engine() {
    static const std::shared_ptr<const fhir::Engine> loaded = [] {
        fhir::EngineOptions options;
        options.cache = package_cache();
        const auto lock = fhir::read_lock(
            std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "config/packages/lock.json"
        );
        if (lock) {
            options.lock = *lock;
            if (auto made = fhir::Engine::load(options)) {
                return *made;
            }
        }
        const auto shared = shared_folder();
        if (!shared) {
            return std::shared_ptr<const fhir::Engine>();
        }
        options.lock = {};
        options.packages = {{(*shared / "packages/hl7.fhir.r4.core-4.0.1.tgz").string()}};
        auto made = fhir::Engine::load(options);
        return made ? *made : nullptr;
    }();
    return loaded;
}

}  // namespace gatehouse::test
