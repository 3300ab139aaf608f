// SPDX-License-Identifier: Apache-2.0
//
// Reference sets: who is a member (concepts only; simple, map and attribute-value refsets alike),
// and the historical associations from inactive concepts to what took their place.

#include <algorithm>

#include "fhir/terminology/snomed/build_state.hpp"

namespace gatehouse::fhir::snomed {
namespace {

struct MemberRow {
    std::uint64_t uuid[2];
    std::uint32_t time;
    std::uint32_t refset;
    std::uint32_t component;
    std::uint32_t target;  // or no_number
    std::uint32_t active;
    std::uint32_t spare;
};
struct RefsetByUuid {
    bool operator()(const MemberRow& a, const MemberRow& b) const noexcept {
        return std::tie(a.uuid[0], a.uuid[1], b.time) < std::tie(b.uuid[0], b.uuid[1], a.time);
    }
};
struct MemberByRefset {
    bool operator()(const RefsetRow& a, const RefsetRow& b) const noexcept {
        return a.refset != b.refset ? a.refset < b.refset : a.start < b.start;
    }
};
struct ByTarget {
    bool operator()(const AssociationRow& a, const AssociationRow& b) const noexcept {
        return std::tie(a.refset, a.target, a.source) < std::tie(b.refset, b.target, b.source);
    }
};

}  // namespace

Result<void> build_refsets(BuildState& state) {
    content::SpillSorter<MemberRow, RefsetByUuid> by_uuid(state.spill_folder(), state.share(4));
    const auto read = [&](bool association) {
        return [&state,
                &by_uuid,
                association](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            GH_TRY_ASSIGN(const Sctid refset, reader.id_at(row, 4));
            GH_TRY_ASSIGN(const Sctid component, reader.id_at(row, 5));
            if (partition_of(component) != Partition::concept_id) {
                return {};  // descriptions and relationships are no members that ECL can name
            }
            MemberRow out{};
            out.uuid[0] = row.uuid[0];
            out.uuid[1] = row.uuid[1];
            out.time = row.time;
            out.active = row.active ? 1 : 0;
            out.refset = state.number_of(refset);
            out.component = state.number_of(component);
            out.target = no_number;
            if (out.refset == no_number || out.component == no_number) {
                ++state.report.members_left_out;
                return {};
            }
            if (association) {
                GH_TRY_ASSIGN(const Sctid target, reader.id_at(row, 6));
                out.target = state.number_of(target);
            }
            return by_uuid.add(out);
        };
    };
    GH_TRY(state.each_row(Rf2Kind::refset, read(false)));
    GH_TRY(state.each_row(Rf2Kind::association_refset, read(true)));

    content::SpillSorter<RefsetRow, MemberByRefset> by_refset(state.spill_folder(), state.share(4));
    content::SpillSorter<AssociationRow, ByTarget> associations(
        state.spill_folder(), state.share(4)
    );
    std::uint64_t last[2] = {};
    GH_TRY(by_uuid.drain([&](const MemberRow& row) -> Result<void> {
        if (row.uuid[0] == last[0] && row.uuid[1] == last[1]) {
            return {};
        }
        last[0] = row.uuid[0];
        last[1] = row.uuid[1];
        if (row.active == 0) {
            return {};
        }
        if (row.target != no_number) {
            GH_TRY(associations.add({row.refset, row.target, row.component}));
        }
        return by_refset.add({row.refset, row.component, 0});
    }));

    std::vector<RefsetRow> refsets;
    state.writer.begin(static_cast<std::uint32_t>(SnomedSection::members), sizeof(std::uint32_t));
    std::uint32_t total = 0;
    std::uint32_t previous = no_number;
    GH_TRY(by_refset.drain([&](const RefsetRow& row) -> Result<void> {
        if (refsets.empty() || refsets.back().refset != row.refset) {
            refsets.push_back({row.refset, total, 0});
        } else if (previous == row.start) {
            return {};  // a member twice (map rows)
        }
        previous = row.start;
        state.writer.row(row.start);
        ++refsets.back().count;
        if (++total == UINT32_MAX) {
            return Fault(Errc::too_large, "SNOMED CT release", "more than 4 billion members");
        }
        return {};
    }));
    state.writer.section(static_cast<std::uint32_t>(SnomedSection::refsets), refsets);
    state.writer.begin(
        static_cast<std::uint32_t>(SnomedSection::associations), sizeof(AssociationRow)
    );
    GH_TRY(associations.drain([&](const AssociationRow& row) -> Result<void> {
        state.writer.row(row);
        return {};
    }));
    state.report.refsets = refsets.size();
    state.report.members = total;
    state.say(
        std::to_string(refsets.size()) + " reference sets, " + std::to_string(total) + " members"
    );
    return {};
}

}  // namespace gatehouse::fhir::snomed
