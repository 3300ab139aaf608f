#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Reindexer: the thread that indexes stored resources anew when the set of search parameters is
// another than they were written with (a package with SearchParameters came, changed or went; an
// older store was opened). In small transactions with pauses, beside the service; a kill loses one
// of them. Failures are logged, counted and tried again.

#include <chrono>
#include <memory>

#include "fhir/engine/engine.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

class Reindexer {
public:
    // `base`: our public base, as extract() wants it. `index` may be null: then there is nothing to
    // do.
    static std::unique_ptr<Reindexer> start(SearchIndex* index, std::string base);
    virtual ~Reindexer() = default;
    // Resources are to be indexed by this engine's parameters. Work begins after `delay`: by then
    // messages that were read with another engine must have been applied.
    virtual Result<void>
    use(std::shared_ptr<const fhir::Engine> engine, std::chrono::milliseconds delay) = 0;
    // Safe to call twice.
    virtual void stop() = 0;
};

}  // namespace gatehouse::gateway
