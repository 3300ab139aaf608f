// SPDX-License-Identifier: Apache-2.0

#include "adapters/sqlite/search_index.hpp"

#include <charconv>
#include <map>

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {
namespace {

constexpr std::string_view key_units = "index_units";
constexpr std::string_view key_wanted = "index_wanted";
constexpr std::string_view key_after = "index_after";

// Versions that one call passes over, beside those it yields: some 5 MB of JSON to look through.
constexpr std::uint32_t passed_over_max = 4096;

using Units = std::map<std::string, std::uint64_t, std::less<>>;

std::string to_text(const Units& units) {
    std::string text;
    for (const auto& [name, digest] : units) {
        text.append(name).append("=").append(std::to_string(digest)).append("\n");
    }
    return text;
}

Units from_text(std::string_view text) {
    Units units;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        // Names may hold '=' (a filter in an expression); digests do not.
        const std::size_t equals = line.rfind('=');
        std::uint64_t digest = 0;
        if (equals != std::string_view::npos &&
            std::from_chars(line.data() + equals + 1, line.data() + line.size(), digest).ec ==
                std::errc{}) {
            units.emplace(line.substr(0, equals), digest);
        }
    }
    return units;
}

// What stores of formats before 3, which kept no list, did not index.
bool is_since_format_3(std::string_view unit) {
    return unit == gateway::contained_unit || unit.ends_with(":text") || unit.ends_with(":base") ||
           unit.find('(') != std::string_view::npos || unit == "Location.near";
}

Result<std::string> meta_or_empty(Database& database, std::string_view key) {
    Result<std::string> value = read_meta(database, key);
    if (!value && value.error().code == Errc::not_found) {
        return std::string();
    }
    return value;
}

}  // namespace

void PendingUnits::set(std::set<std::string, std::less<>> units) {
    const std::lock_guard lock(mutex_);
    units_ = std::move(units);
    any_.store(!units_.empty(), std::memory_order_release);
}

std::vector<std::string> PendingUnits::all() const {
    const std::lock_guard lock(mutex_);
    return {units_.begin(), units_.end()};
}

std::set<std::string> PendingUnits::types() const {
    const std::lock_guard lock(mutex_);
    std::set<std::string> types;
    for (const std::string& unit : units_) {
        if (unit != gateway::contained_unit) {
            types.insert(unit.substr(0, unit.find('.')));
        }
    }
    return types;
}

bool PendingUnits::lacks(std::string_view unit) const {
    if (!any()) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    return units_.contains(unit);
}

std::string PendingUnits::lacking(const gateway::CompiledSearch& search) const {
    if (!any()) {
        return {};
    }
    const std::lock_guard lock(mutex_);
    for (const std::string& key : search.keys()) {
        if (const auto found = units_.find(gateway::index_unit(key)); found != units_.end()) {
            return *found;
        }
    }
    return {};
}

Result<std::set<std::string, std::less<>>>
begin_index(Database& database, const std::vector<fhir::IndexUnit>& units) {
    Units wanted;
    for (const fhir::IndexUnit& unit : units) {
        wanted.emplace(unit.name, unit.digest);
    }
    GH_TRY_ASSIGN(const std::string kept, meta_or_empty(database, key_units));
    GH_TRY_ASSIGN(
        const std::int64_t last, database.integer("SELECT coalesce(max(vid), 0) FROM version")
    );
    Units whole = from_text(kept);
    if (kept.empty()) {
        whole = wanted;
        if (last > 0) {
            std::erase_if(whole, [](const auto& unit) { return is_since_format_3(unit.first); });
        }
    }
    // What no resource is indexed by any more is not kept up to date: forgotten, so that it counts
    // as new if it comes back.
    std::erase_if(whole, [&](const auto& unit) {
        const auto found = wanted.find(unit.first);
        return found == wanted.end() || found->second != unit.second;
    });
    if (last == 0) {
        whole = wanted;
    }
    const std::string text = to_text(whole);
    if (text != kept) {
        GH_TRY(write_meta(database, key_units, text));
    }
    std::set<std::string, std::less<>> pending;
    for (const auto& [name, digest] : wanted) {
        if (!whole.contains(name)) {
            pending.insert(name);
        }
    }
    if (!pending.empty()) {
        // The same work as before goes on where it stopped.
        const std::string print = std::to_string(gateway::sip_hash(to_text(wanted), {1, 2}));
        GH_TRY_ASSIGN(const std::string before, meta_or_empty(database, key_wanted));
        if (before != print) {
            GH_TRY(write_meta(database, key_wanted, print));
            GH_TRY(set_rebuilt(database, 0));
        }
    }
    return pending;
}

Result<RebuildBatch>
rebuild_items(Database& database, std::uint32_t limit, const std::set<std::string>& types) {
    GH_TRY_ASSIGN(const std::uint64_t after, read_meta_number(database, key_after));
    Query query(
        database,
        "store.rebuild",
        "SELECT v.version, v.last_updated, v.method, v.json, v.vid, r.rid, n.text, r.id, "
        "instr(v.json, '\"contained\"') FROM version v CROSS JOIN resource r ON r.rid = v.rid "
        "CROSS JOIN name n ON n.id = r.type "
        "WHERE v.vid > ? AND r.vid = v.vid AND r.live = 1 ORDER BY v.vid LIMIT ?"
    );
    query.bind(after).bind(std::int64_t{limit} + passed_over_max);
    RebuildBatch batch;
    GH_TRY_ASSIGN(bool row, query.step());
    while (row && batch.items.size() < limit) {
        batch.last = query.integer(4);
        if (query.integer(8) == 0 && !types.contains(std::string(query.text(6)))) {
            GH_TRY_ASSIGN(row, query.step());
            continue;
        }
        RebuildItem& item = batch.items.emplace_back();
        item.version = version_from(query, query.text(6), query.text(7));
        item.vid = query.integer(4);
        item.rid = query.integer(5);
        GH_TRY_ASSIGN(row, query.step());
    }
    return batch;
}

Result<void> set_rebuilt(Database& database, std::int64_t vid) {
    return write_meta(database, key_after, std::to_string(vid));
}

Result<void> finish_index(Database& database, const std::vector<fhir::IndexUnit>& units) {
    Units whole;
    for (const fhir::IndexUnit& unit : units) {
        whole.emplace(unit.name, unit.digest);
    }
    GH_TRY(write_meta(database, key_units, to_text(whole)));
    return write_meta(database, key_wanted, "");
}

}  // namespace gatehouse::adapters::sqlite
