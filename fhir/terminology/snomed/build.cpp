// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/snomed/build.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "fhir/terminology/snomed/build_state.hpp"

namespace gatehouse::fhir::snomed {
namespace {

constexpr std::size_t concepts_max = std::size_t{1} << 26U;

}  // namespace

Result<BuildReport> build_index(const BuildOptions& options) {
    std::error_code error;
    if (const auto folder = options.out.parent_path();
        !folder.empty() && !std::filesystem::is_directory(folder, error)) {
        return Fault(
            Errc::not_found,
            "terminology build",
            "the folder of " + options.out.string() + " does not exist"
        );
    }
    BuildState state(options);
    GH_TRY_ASSIGN(state.files, find_release_files(options.folders));
    state.report.files = state.files.size();
    state.say(std::to_string(state.files.size()) + " snapshot files");
    GH_TRY(build_concepts(state));
    GH_TRY(build_hierarchy(state));
    GH_TRY(build_attributes(state));
    GH_TRY(build_terms(state));
    GH_TRY(build_refsets(state));
    state.report.version = options.version;
    if (state.report.version.empty()) {
        GH_TRY_ASSIGN(state.report.version, edition_of(state));
    }
    state.writer.section(
        static_cast<std::uint32_t>(SnomedSection::modules),
        std::span<const std::uint64_t>(state.modules)
    );
    state.writer.text(
        static_cast<std::uint32_t>(SnomedSection::info),
        "version=" + state.report.version +
            "\nactive=" + std::to_string(state.report.active_concepts) + "\n"
    );
    GH_TRY_ASSIGN(state.report.digest, state.writer.finish());
    return state.report;
}

std::uint32_t BuildState::place_of(Sctid id) const noexcept {
    const auto found = std::lower_bound(
        concepts.begin(),
        concepts.end(),
        id,
        [](const ConceptRow& row, Sctid wanted) { return row.id < wanted; }
    );
    return found == concepts.end() || found->id != id
               ? no_number
               : static_cast<std::uint32_t>(found - concepts.begin());
}

Result<std::uint16_t> BuildState::module_of(Sctid id, const Rf2Reader& reader) {
    // Rows of a module stand together, so the last one is nearly always it.
    const auto found = std::find(modules.rbegin(), modules.rend(), id);
    if (found != modules.rend()) {
        return static_cast<std::uint16_t>(modules.rend() - found - 1);
    }
    if (modules.size() >= 4096) {
        return reader.fault("more than 4096 modules; the file is damaged");
    }
    modules.push_back(id);
    return static_cast<std::uint16_t>(modules.size() - 1);
}

Result<void> build_concepts(BuildState& state) {
    GH_TRY(state.each_row(
        Rf2Kind::concepts,
        [&](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            if (partition_of(row.id) != Partition::concept_id) {
                return reader.fault("'id' is no concept identifier (its partition says otherwise)");
            }
            if (state.concepts.size() >= concepts_max) {
                return Fault(Errc::too_large, "SNOMED CT release", "more than 67 million concepts");
            }
            GH_TRY_ASSIGN(const std::uint16_t module, state.module_of(row.module, reader));
            GH_TRY_ASSIGN(const Sctid status, reader.id_at(row, 4));
            state.concepts.push_back(
                {row.id,
                 row.time,
                 module,
                 static_cast<std::uint8_t>(row.active ? 1 : 0),
                 static_cast<std::uint8_t>(status == fully_defined ? 1 : 0)}
            );
            return {};
        }
    ));
    // The newest state of a concept that several releases hold; of equals the first file's.
    auto& concepts = state.concepts;
    std::stable_sort(
        concepts.begin(),
        concepts.end(),
        [](const ConceptRow& a, const ConceptRow& b) {
            return a.id != b.id ? a.id < b.id : a.time > b.time;
        }
    );
    concepts.erase(
        std::unique(
            concepts.begin(),
            concepts.end(),
            [](const ConceptRow& a, const ConceptRow& b) { return a.id == b.id; }
        ),
        concepts.end()
    );
    concepts.shrink_to_fit();
    state.report.concepts = concepts.size();
    state.say(std::to_string(concepts.size()) + " concepts");
    return {};
}

// The edition is the module that no other module of the release depends on (Module Dependency
// reference set); its version is the newest date of any concept.
Result<std::string> edition_of(BuildState& state) {
    struct Newest {
        std::uint32_t time = 0;
        bool active = false;
        Sctid from = 0;
        Sctid to = 0;
    };
    std::unordered_map<std::uint64_t, Newest> members;
    GH_TRY(state.each_row(
        Rf2Kind::module_dependency,
        [&](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            GH_TRY_ASSIGN(const Sctid target, reader.id_at(row, 5));
            Newest& slot = members[row.uuid[0] ^ row.uuid[1]];
            if (row.time >= slot.time) {
                slot = {row.time, row.active, row.module, target};
            }
            return {};
        }
    ));
    std::set<Sctid> dependents;
    std::set<Sctid> needed;
    for (const auto& [key, member] : members) {
        if (member.active && member.from != member.to) {
            dependents.insert(member.from);
            needed.insert(member.to);
        }
    }
    std::vector<std::uint64_t> sizes(state.modules.size());
    std::uint32_t newest = 0;
    for (const ConceptRow& row : state.concepts) {
        ++sizes[row.module];
        newest = std::max(newest, row.time);
    }
    const auto size_of = [&](Sctid module) -> std::uint64_t {
        const auto at = std::find(state.modules.begin(), state.modules.end(), module);
        return at == state.modules.end()
                   ? 0
                   : sizes[static_cast<std::size_t>(at - state.modules.begin())];
    };
    // Several on top: the UK edition's composition module if it is one of them, else the largest.
    constexpr Sctid uk_edition = 83821000000107;
    Sctid edition = 0;
    for (const Sctid module : dependents) {
        if (needed.contains(module)) {
            continue;
        }
        if (edition == 0 || module == uk_edition ||
            (edition != uk_edition && size_of(module) > size_of(edition))) {
            edition = module;
        }
    }
    if (edition == 0) {
        edition = international_module;
        for (const Sctid module : state.modules) {
            if (module != international_module && module != 900000000000012004 &&
                (edition == international_module || size_of(module) > size_of(edition))) {
                edition = module;
            }
        }
    }
    return "http://snomed.info/sct/" + std::to_string(edition) + "/version/" +
           std::to_string(newest);
}

}  // namespace gatehouse::fhir::snomed
