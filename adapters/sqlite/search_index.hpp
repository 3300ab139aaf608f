#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Which parts of the search index are whole. `meta` keeps the parts that every resource has
// (index_units), what is being built (index_wanted) and how far (index_after, a vid). Resources are
// indexed anew in order of their current version: what is written meanwhile comes last, so that
// nothing written with the old parameters is passed over.

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

#include "adapters/sqlite/database.hpp"
#include "gateway/store/search_sql.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::adapters::sqlite {

// The parts that are not whole, as searches ask for them.
class PendingUnits {
public:
    void set(std::set<std::string, std::less<>> units);
    [[nodiscard]] std::vector<std::string> all() const;
    // The types of resources whose rows are not whole, by themselves or contained.
    [[nodiscard]] std::set<std::string> types() const;
    [[nodiscard]] bool any() const noexcept { return any_.load(std::memory_order_acquire); }
    // Whether this part is not whole.
    [[nodiscard]] bool lacks(std::string_view unit) const;
    // A part that the search reads and that is not whole, or empty.
    [[nodiscard]] std::string lacking(const gateway::CompiledSearch& search) const;

private:
    std::atomic<bool> any_{false};
    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> units_;
};

// What `use` finds in the store, and writes there. Inside a write transaction.
Result<std::set<std::string, std::less<>>>
begin_index(Database& database, const std::vector<fhir::IndexUnit>& units);

struct RebuildItem {
    std::int64_t rid = 0;
    std::int64_t vid = 0;
    gateway::StoredVersion version;
};
// The next current versions after the place kept in the store that lack something, `limit` at most:
// those of these types, and those that contain resources, which may be of any. Others are passed
// over, many in one call.
struct RebuildBatch {
    std::vector<RebuildItem> items;
    std::int64_t last = 0;  // vid of the last one looked at; 0: there was none
};
Result<RebuildBatch>
rebuild_items(Database& database, std::uint32_t limit, const std::set<std::string>& types);
Result<void> set_rebuilt(Database& database, std::int64_t vid);
// Everything is whole.
Result<void> finish_index(Database& database, const std::vector<fhir::IndexUnit>& units);

}  // namespace gatehouse::adapters::sqlite
