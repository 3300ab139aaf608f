// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench_engine_load.hpp"

#include <cstdio>
#include <cstdlib>

namespace gatehouse::bench {

std::shared_ptr<const fhir::Engine> load_engine() {
    namespace fs = std::filesystem;
    const fs::path source = GATEHOUSE_SOURCE_DIR;
    fhir::EngineOptions options;
    auto lock = fhir::read_lock(source / "config/packages/lock.json");
    if (!lock) {
        std::fprintf(stderr, "%s\n", describe(lock.error()).c_str());
        return nullptr;
    }
    options.lock = std::move(*lock);
    const char* cache = std::getenv("GATEHOUSE_CACHE");
    options.cache = cache != nullptr ? fs::path(cache) : source / ".cache/packages";
    options.search = false;
    auto engine = fhir::Engine::load(options);
    if (!engine) {
        std::fprintf(stderr, "%s\n", describe(engine.error()).c_str());
        return nullptr;
    }
    return std::move(*engine);
}

}  // namespace gatehouse::bench
