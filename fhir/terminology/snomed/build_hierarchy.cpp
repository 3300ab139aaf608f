// SPDX-License-Identifier: Apache-2.0
//
// Relationships: the is-a hierarchy with its numbering and intervals, then all other attributes in
// their groups. Each relationship file is read twice, once for either, which costs a second or two
// and saves holding three million rows.

#include <algorithm>

#include <unordered_map>

#include "fhir/terminology/snomed/build_state.hpp"

namespace gatehouse::fhir::snomed {
namespace {

struct RelationRow {
    std::uint64_t id;
    std::uint32_t time;
    std::uint32_t source;  // place, later number
    std::uint32_t type;
    std::uint32_t value;  // place of the destination, or index of a concrete value
    std::uint16_t group;
    std::uint16_t kind;
    std::uint32_t active;
};
struct RelationById {
    bool operator()(const RelationRow& a, const RelationRow& b) const noexcept {
        return a.id != b.id ? a.id < b.id : a.time > b.time;
    }
};
struct RelationBySource {
    bool operator()(const RelationRow& a, const RelationRow& b) const noexcept {
        return std::tie(a.source, a.group, a.type, a.kind, a.value) <
               std::tie(b.source, b.group, b.type, b.kind, b.value);
    }
};
using RelationSorter = content::SpillSorter<RelationRow, RelationById>;

std::uint32_t section_id(SnomedSection section) {
    return static_cast<std::uint32_t>(section);
}

// Starts of each row list when `count[i]` entries belong to i.
std::vector<std::uint32_t> starts_of(const std::vector<std::uint32_t>& count) {
    std::vector<std::uint32_t> starts(count.size() + 1);
    for (std::size_t i = 0; i < count.size(); ++i) {
        starts[i + 1] = starts[i] + count[i];
    }
    return starts;
}

// Neighbours of each place: by parent (children) or by child (parents).
struct Adjacency {
    std::vector<std::uint32_t> starts;
    std::vector<std::uint32_t> items;
    [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t at) const {
        return std::span(items).subspan(starts[at], starts[at + 1] - starts[at]);
    }
};

Adjacency group_edges(
    const std::vector<Edge>& edges,
    std::size_t count,
    std::uint32_t Edge::*key,
    std::uint32_t Edge::*item
) {
    std::vector<std::uint32_t> counts(count);
    for (const Edge& edge : edges) {
        ++counts[edge.*key];
    }
    Adjacency out{starts_of(counts), std::vector<std::uint32_t>(edges.size())};
    std::vector<std::uint32_t> next(out.starts.begin(), out.starts.end() - 1);
    for (const Edge& edge : edges) {
        out.items[next[edge.*key]++] = edge.*item;
    }
    return out;
}

Result<std::uint16_t> group_at(const Rf2Reader& reader, std::string_view text) {
    std::uint32_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9' || value > 6553) {
            return reader.fault("'relationshipGroup' is not a number up to 65535");
        }
        value = value * 10 + static_cast<std::uint32_t>(c - '0');
    }
    if (text.empty() || value > 65535) {
        return reader.fault("'relationshipGroup' is not a number up to 65535");
    }
    return static_cast<std::uint16_t>(value);
}

Result<std::uint32_t>
place_at(const BuildState& state, const Rf2Reader& reader, const Rf2Row& row, std::size_t column) {
    GH_TRY_ASSIGN(const Sctid id, reader.id_at(row, column));
    const std::uint32_t place = state.place_of(id);
    if (place == no_number) {
        return reader.fault(
            "concept " + std::string(row.fields[column]) +
            " is in none of the concept files; is the edition that this release extends missing? "
            "Name its folder too (--snomed again)"
        );
    }
    return place;
}

// Reads the rows of the relationship files that are, or are not, is-a.
Result<void> read_relationships(BuildState& state, bool is_a, RelationSorter& sorter) {
    return state.each_row(
        Rf2Kind::relationships,
        [&](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            GH_TRY_ASSIGN(const Sctid type, reader.id_at(row, 7));
            if ((type == is_a_type) != is_a) {
                return {};
            }
            GH_TRY_ASSIGN(const Sctid characteristic, reader.id_at(row, 8));
            if (characteristic != inferred_relationship) {
                ++state.report.relationships_left_out;
                return {};
            }
            RelationRow out{};
            out.id = row.id;
            out.time = row.time;
            out.active = row.active ? 1 : 0;
            if (row.active) {
                GH_TRY_ASSIGN(out.source, place_at(state, reader, row, 4));
                GH_TRY_ASSIGN(out.value, place_at(state, reader, row, 5));
                GH_TRY_ASSIGN(out.type, place_at(state, reader, row, 7));
                GH_TRY_ASSIGN(out.group, group_at(reader, row.fields[6]));
            }
            return sorter.add(out);
        }
    );
}

// Visits the newest active state of each relationship.
template <class Visit> Result<void> newest_relations(RelationSorter& sorter, Visit&& visit) {
    std::uint64_t last = 0;
    return sorter.drain([&](const RelationRow& row) -> Result<void> {
        if (row.id == last) {
            return {};
        }
        last = row.id;
        return row.active != 0 ? visit(row) : Result<void>{};
    });
}

// One walk over the active concepts: numbers in preorder, and the order in which subtrees end.
class Numbering {
public:
    Numbering(BuildState& state, const Adjacency& children, const Adjacency& parents)
        : state_(state), children_(children), parents_(parents),
          colour_(state.concepts.size(), Colour::unseen) {}

    Result<void> run() {
        const std::size_t count = state_.concepts.size();
        state_.number.assign(count, no_number);
        last.assign(count, 0);
        order.reserve(count);
        const std::uint32_t root = state_.place_of(root_concept);
        if (root == no_number || state_.concepts[root].active == 0) {
            return Fault(
                Errc::invalid,
                "SNOMED CT release",
                "the root concept 138875005 is not among the active concepts; name the folder of "
                "the International edition too"
            );
        }
        GH_TRY(walk(root));
        for (std::uint32_t place = 0; place < count; ++place) {
            if (place != root && state_.concepts[place].active != 0 && parents_.of(place).empty()) {
                ++state_.report.roots_beside;
                GH_TRY(walk(place));
            }
        }
        for (std::uint32_t place = 0; place < count; ++place) {
            if (state_.concepts[place].active != 0 && colour_[place] == Colour::unseen) {
                return cycle(place);  // reached from no root: it hangs on a cycle
            }
        }
        state_.report.active_concepts = next_;
        for (std::uint32_t place = 0; place < count; ++place) {
            if (state_.concepts[place].active == 0) {
                state_.number[place] = next_++;
            }
        }
        return {};
    }

    std::vector<std::uint32_t> order;  // places, every child before its parents
    std::vector<std::uint32_t> last;   // by place: the last number of its subtree

private:
    enum class Colour : std::uint8_t { unseen, open, done };

    [[nodiscard]] Fault cycle(std::uint32_t place) const {
        return Fault(
            Errc::invalid,
            "SNOMED CT release",
            "the is-a relationships run in a circle at concept " +
                std::to_string(state_.concepts[place].id) + "; the release is damaged"
        );
    }

    Result<void> walk(std::uint32_t from) {
        struct Step {
            std::uint32_t place;
            std::uint32_t child;
        };
        std::vector<Step> open{{from, 0}};
        colour_[from] = Colour::open;
        state_.number[from] = next_++;
        while (!open.empty()) {
            Step& step = open.back();
            const auto below = children_.of(step.place);
            if (step.child == below.size()) {
                colour_[step.place] = Colour::done;
                last[step.place] = next_ - 1;
                order.push_back(step.place);
                open.pop_back();
                continue;
            }
            const std::uint32_t child = below[step.child++];
            if (colour_[child] == Colour::open) {
                return cycle(child);
            }
            if (colour_[child] == Colour::unseen) {
                colour_[child] = Colour::open;
                state_.number[child] = next_++;
                open.push_back({child, 0});
            }
        }
        return {};
    }

    BuildState& state_;
    const Adjacency& children_;
    const Adjacency& parents_;
    std::vector<Colour> colour_;
    std::uint32_t next_ = 0;
};

// Writes neighbours by number, each list rising.
void write_adjacency(
    BuildState& state,
    const Adjacency& by_place,
    const std::vector<std::uint32_t>& place_of,
    SnomedSection starts_section,
    SnomedSection items_section
) {
    std::vector<std::uint32_t> starts{0};
    starts.reserve(place_of.size() + 1);
    for (const std::uint32_t place : place_of) {
        starts.push_back(starts.back() + static_cast<std::uint32_t>(by_place.of(place).size()));
    }
    state.writer.section(section_id(starts_section), starts);
    state.writer.begin(section_id(items_section), sizeof(std::uint32_t));
    std::vector<std::uint32_t> items;
    for (const std::uint32_t place : place_of) {
        items.clear();
        for (const std::uint32_t other : by_place.of(place)) {
            items.push_back(state.number[other]);
        }
        std::sort(items.begin(), items.end());
        state.writer.write(items.data(), items.size() * sizeof(std::uint32_t));
    }
}

// Intervals of the descendants-or-self of every concept, children before parents, so that a
// parent's are the union of its own subtree and its children's.
Result<void> write_intervals(
    BuildState& state,
    const Numbering& numbering,
    const Adjacency& children,
    const std::vector<std::uint32_t>& place_of
) {
    constexpr std::size_t intervals_max = std::size_t{1} << 28U;
    struct Slice {
        std::uint32_t start = 0;
        std::uint32_t count = 0;
    };
    std::vector<Slice> slices(state.concepts.size());  // by place
    std::vector<IntervalRow> pool;
    std::vector<IntervalRow> merged;
    for (const std::uint32_t place : numbering.order) {
        const IntervalRow own{state.number[place], numbering.last[place]};
        merged.assign(1, own);
        for (const std::uint32_t child : children.of(place)) {
            for (std::uint32_t i = 0; i < slices[child].count; ++i) {
                const IntervalRow& row = pool[slices[child].start + i];
                if (row.first < own.first || row.last > own.last) {
                    merged.push_back(row);
                }
            }
        }
        std::sort(merged.begin(), merged.end(), [](const IntervalRow& a, const IntervalRow& b) {
            return a.first < b.first;
        });
        std::size_t kept = 0;
        for (std::size_t i = 1; i < merged.size(); ++i) {
            if (merged[i].first <= merged[kept].last + 1) {
                merged[kept].last = std::max(merged[kept].last, merged[i].last);
            } else {
                merged[++kept] = merged[i];
            }
        }
        merged.resize(kept + 1);
        if (pool.size() + merged.size() > intervals_max) {
            return Fault(
                Errc::too_large,
                "SNOMED CT release",
                "the hierarchy needs more than 268 million intervals; no release does, so the "
                "is-a relationships are damaged"
            );
        }
        slices[place] = {
            static_cast<std::uint32_t>(pool.size()), static_cast<std::uint32_t>(merged.size())};
        pool.insert(pool.end(), merged.begin(), merged.end());
    }
    std::vector<std::uint32_t> starts{0};
    for (const std::uint32_t place : place_of) {
        starts.push_back(starts.back() + slices[place].count);
    }
    state.writer.section(section_id(SnomedSection::interval_starts), starts);
    state.writer.begin(section_id(SnomedSection::intervals), sizeof(IntervalRow));
    for (const std::uint32_t place : place_of) {
        const Slice& slice = slices[place];
        state.writer.write(pool.data() + slice.start, slice.count * sizeof(IntervalRow));
    }
    state.report.intervals = pool.size();
    return {};
}

void write_concepts(BuildState& state, const std::vector<std::uint32_t>& place_of) {
    state.writer.begin(section_id(SnomedSection::concepts), sizeof(ConceptRow));
    for (const std::uint32_t place : place_of) {
        state.writer.row(state.concepts[place]);
    }
    state.writer.begin(section_id(SnomedSection::sorted_ids), sizeof(IdRow));
    for (std::size_t place = 0; place < state.concepts.size(); ++place) {
        state.writer.row(IdRow{state.concepts[place].id, state.number[place], 0});
    }
}

}  // namespace

Result<void> build_hierarchy(BuildState& state) {
    std::vector<Edge> edges;
    {
        RelationSorter sorter(state.spill_folder(), state.share(2));
        GH_TRY(read_relationships(state, true, sorter));
        GH_TRY(newest_relations(sorter, [&](const RelationRow& row) -> Result<void> {
            if (state.concepts[row.source].active == 0 || state.concepts[row.value].active == 0) {
                ++state.report.relationships_left_out;
            } else {
                edges.push_back({row.source, row.value});
            }
            return {};
        }));
    }
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
        return a.child != b.child ? a.child < b.child : a.parent < b.parent;
    });
    edges.erase(
        std::unique(
            edges.begin(),
            edges.end(),
            [](const Edge& a, const Edge& b) { return a.child == b.child && a.parent == b.parent; }
        ),
        edges.end()
    );
    state.report.is_a_relationships = edges.size();
    const std::size_t count = state.concepts.size();
    const Adjacency children = group_edges(edges, count, &Edge::parent, &Edge::child);
    const Adjacency parents = group_edges(edges, count, &Edge::child, &Edge::parent);
    edges = {};
    Numbering numbering(state, children, parents);
    GH_TRY(numbering.run());
    std::vector<std::uint32_t> place_of(count);
    for (std::uint32_t place = 0; place < count; ++place) {
        place_of[state.number[place]] = place;
    }
    write_concepts(state, place_of);
    write_adjacency(state, parents, place_of, SnomedSection::parent_starts, SnomedSection::parents);
    write_adjacency(
        state, children, place_of, SnomedSection::child_starts, SnomedSection::children
    );
    GH_TRY(write_intervals(state, numbering, children, place_of));
    state.say(
        std::to_string(state.report.is_a_relationships) + " is-a relationships, " +
        std::to_string(state.report.intervals) + " intervals"
    );
    return {};
}

Result<void> build_attributes(BuildState& state) {
    RelationSorter sorter(state.spill_folder(), state.share(2));
    GH_TRY(read_relationships(state, false, sorter));
    std::unordered_map<std::string, std::uint32_t> values;
    std::vector<std::uint32_t> value_starts{0};
    std::string value_text;
    GH_TRY(state.each_row(
        Rf2Kind::concrete_values,
        [&](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            GH_TRY_ASSIGN(const Sctid characteristic, reader.id_at(row, 8));
            if (characteristic != inferred_relationship) {
                ++state.report.relationships_left_out;
                return {};
            }
            const std::string_view text = row.fields[5];
            const bool number = text.size() > 1 && text.front() == '#';
            const bool string = text.size() > 1 && text.front() == '"' && text.back() == '"';
            if (!number && !string) {
                return reader.fault("'value' is neither #NUMBER nor \"TEXT\"");
            }
            RelationRow out{};
            out.id = row.id;
            out.time = row.time;
            out.active = row.active ? 1 : 0;
            out.kind = static_cast<std::uint16_t>(
                number ? AttributeKind::number_value : AttributeKind::string_value
            );
            if (row.active) {
                GH_TRY_ASSIGN(out.source, place_at(state, reader, row, 4));
                GH_TRY_ASSIGN(out.type, place_at(state, reader, row, 7));
                GH_TRY_ASSIGN(out.group, group_at(reader, row.fields[6]));
                const auto [at, is_new] =
                    values.emplace(std::string(text), static_cast<std::uint32_t>(values.size()));
                out.value = at->second;
                if (is_new) {
                    value_text += text;
                    if (value_text.size() > (std::size_t{1} << 30U)) {
                        return reader.fault("more than 1 GiB of distinct concrete values");
                    }
                    value_starts.push_back(static_cast<std::uint32_t>(value_text.size()));
                }
            }
            return sorter.add(out);
        }
    ));
    content::SpillSorter<RelationRow, RelationBySource> by_source(
        state.spill_folder(), state.share(2)
    );
    GH_TRY(newest_relations(sorter, [&](const RelationRow& row) -> Result<void> {
        const bool coded = row.kind == static_cast<std::uint16_t>(AttributeKind::concept_value);
        if (state.concepts[row.source].active == 0 ||
            (coded && state.concepts[row.value].active == 0)) {
            ++state.report.relationships_left_out;
            return {};
        }
        RelationRow out = row;
        out.source = state.number[row.source];
        out.type = state.number[row.type];
        out.value = coded ? state.number[row.value] : row.value;
        return by_source.add(out);
    }));
    std::vector<std::uint32_t> counts(state.concepts.size());
    state.writer.begin(section_id(SnomedSection::attributes), sizeof(AttributeRow));
    GH_TRY(by_source.drain([&](const RelationRow& row) -> Result<void> {
        state.writer.row(AttributeRow{row.type, row.value, row.group, row.kind});
        ++counts[row.source];
        ++state.report.attributes;
        return {};
    }));
    state.writer.section(section_id(SnomedSection::attribute_starts), starts_of(counts));
    state.writer.section(section_id(SnomedSection::value_starts), value_starts);
    state.writer.text(section_id(SnomedSection::values), value_text);
    state.say(std::to_string(state.report.attributes) + " attributes");
    return {};
}

}  // namespace gatehouse::fhir::snomed
