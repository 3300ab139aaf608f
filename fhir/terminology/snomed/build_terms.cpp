// SPDX-License-Identifier: Apache-2.0
//
// Descriptions and language reference sets. Texts go to a temporary file as they are read; the rows
// that point at them are sorted by description to meet the language members, then by concept, and
// the texts follow in that order.

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "fhir/terminology/snomed/build_state.hpp"

namespace gatehouse::fhir::snomed {
namespace {

struct DescriptionRow {
    std::uint64_t id;
    std::uint64_t offset;    // in the spool
    std::uint32_t concept_;  // number
    std::uint32_t time;
    std::uint32_t preferred;
    std::uint32_t acceptable;
    std::uint16_t length;
    std::uint16_t module;
    std::uint8_t type;
    std::uint8_t language;
    std::uint16_t active;
};
struct DescriptionById {
    bool operator()(const DescriptionRow& a, const DescriptionRow& b) const noexcept {
        return a.id != b.id ? a.id < b.id : a.time > b.time;
    }
};
struct DescriptionByConcept {
    bool operator()(const DescriptionRow& a, const DescriptionRow& b) const noexcept {
        return std::tie(a.concept_, a.type, a.id) < std::tie(b.concept_, b.type, b.id);
    }
};
struct LanguageMember {
    std::uint64_t uuid[2];
    std::uint64_t description;
    std::uint32_t time;
    std::uint16_t refset;
    std::uint8_t active;
    std::uint8_t preferred;
};
struct MemberByUuid {
    bool operator()(const LanguageMember& a, const LanguageMember& b) const noexcept {
        return std::tie(a.uuid[0], a.uuid[1], b.time) < std::tie(b.uuid[0], b.uuid[1], a.time);
    }
};
struct MemberByDescription {
    bool operator()(const LanguageMember& a, const LanguageMember& b) const noexcept {
        return a.description < b.description;
    }
};
using Descriptions = content::SpillSorter<DescriptionRow, DescriptionById>;
using MembersByDescription = content::SpillSorter<LanguageMember, MemberByDescription>;

std::uint32_t term_section(SnomedSection section) {
    return static_cast<std::uint32_t>(section);
}

TermType term_type_of(Sctid id) noexcept {
    switch (id) {
    case fully_specified_name: return TermType::fully_specified;
    case synonym_type: return TermType::synonym;
    case text_definition: return TermType::definition;
    default: return TermType::other;
    }
}

// The texts, written once and then mapped.
class TextSpool {
public:
    Result<void> create(const std::filesystem::path& folder) {
        GH_TRY_ASSIGN(file_, content::SpillFile::create(folder));
        return {};
    }
    ~TextSpool() {
        if (mapped_ != nullptr) {
            ::munmap(mapped_, size_);
        }
    }
    Result<std::uint64_t> add(std::string_view text) {
        const std::uint64_t at = size_;
        if (!text.empty() && std::fwrite(text.data(), 1, text.size(), file_.file) != text.size()) {
            return content::spill_fault("written");
        }
        size_ += text.size();
        return at;
    }
    Result<void> map() {
        if (std::fflush(file_.file) != 0) {
            return content::spill_fault("written");
        }
        if (size_ == 0) {
            return {};
        }
        void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, ::fileno(file_.file), 0);
        if (address == MAP_FAILED) {
            return content::spill_fault("mapped");
        }
        mapped_ = address;
        return {};
    }
    [[nodiscard]] const char* at(std::uint64_t offset) const {
        return static_cast<const char*>(mapped_) + offset;
    }

private:
    content::SpillFile file_;
    void* mapped_ = nullptr;
    std::size_t size_ = 0;
};

Result<void> read_descriptions(
    BuildState& state, TextSpool& spool, std::vector<LanguageRow>& languages, Descriptions& sorter
) {
    return state.each_row(
        Rf2Kind::descriptions,
        [&](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            GH_TRY_ASSIGN(const Sctid concept_id, reader.id_at(row, 4));
            GH_TRY_ASSIGN(const Sctid type, reader.id_at(row, 6));
            DescriptionRow out{};
            out.id = row.id;
            out.time = row.time;
            out.active = row.active ? 1 : 0;
            if (!row.active) {
                return sorter.add(out);
            }
            out.concept_ = state.number_of(concept_id);
            if (out.concept_ == no_number) {
                ++state.report.terms_left_out;
                return {};
            }
            const std::string_view term = row.fields[7];
            const std::string_view code = row.fields[5];
            if (term.empty() || term.size() > UINT16_MAX) {
                return reader.fault("'term' has no text, or more than 64 KB of it");
            }
            if (code.empty() || code.size() >= sizeof(LanguageRow::code)) {
                return reader.fault("'languageCode' is not a language such as en");
            }
            const auto known =
                std::find_if(languages.begin(), languages.end(), [&](const LanguageRow& language) {
                    return code == std::string_view(language.code);
                });
            out.language = static_cast<std::uint8_t>(known - languages.begin());
            if (known == languages.end()) {
                if (languages.size() >= 200) {
                    return reader.fault("more than 200 languages; the file is damaged");
                }
                LanguageRow language{};
                std::memcpy(language.code, code.data(), code.size());
                languages.push_back(language);
            }
            out.type = static_cast<std::uint8_t>(term_type_of(type));
            out.length = static_cast<std::uint16_t>(term.size());
            GH_TRY_ASSIGN(out.module, state.module_of(row.module, reader));
            GH_TRY_ASSIGN(out.offset, spool.add(term));
            return sorter.add(out);
        }
    );
}

// The language refsets of the release: the preferred ones of the options first.
Result<void> read_language_members(
    BuildState& state, std::vector<std::uint64_t>& refsets, MembersByDescription& sorted
) {
    content::SpillSorter<LanguageMember, MemberByUuid> by_uuid(
        state.spill_folder(), state.share(4)
    );
    refsets.assign(state.options.language_refsets.begin(), state.options.language_refsets.end());
    if (refsets.size() > language_refsets_max) {
        return Fault(
            Errc::invalid, "terminology build", "more than 32 language reference sets are named"
        );
    }
    GH_TRY(state.each_row(
        Rf2Kind::language_refset,
        [&](const Rf2Reader& reader, const Rf2Row& row) -> Result<void> {
            GH_TRY_ASSIGN(const Sctid refset, reader.id_at(row, 4));
            GH_TRY_ASSIGN(const Sctid description, reader.id_at(row, 5));
            GH_TRY_ASSIGN(const Sctid acceptability, reader.id_at(row, 6));
            auto at = std::find(refsets.begin(), refsets.end(), refset);
            if (at == refsets.end()) {
                if (refsets.size() >= language_refsets_max) {
                    return reader.fault("more than 32 language reference sets");
                }
                refsets.push_back(refset);
                at = refsets.end() - 1;
            }
            return by_uuid.add(LanguageMember{
                {row.uuid[0], row.uuid[1]},
                description,
                row.time,
                static_cast<std::uint16_t>(at - refsets.begin()),
                static_cast<std::uint8_t>(row.active ? 1 : 0),
                static_cast<std::uint8_t>(acceptability == preferred_term ? 1 : 0)});
        }
    ));
    std::uint64_t last[2] = {};
    return by_uuid.drain([&](const LanguageMember& member) -> Result<void> {
        if (member.uuid[0] == last[0] && member.uuid[1] == last[1]) {
            return {};
        }
        last[0] = member.uuid[0];
        last[1] = member.uuid[1];
        return member.active != 0 ? sorted.add(member) : Result<void>{};
    });
}

// Language members joined to their descriptions; both arrive by description id.
class AcceptabilityJoin {
public:
    Result<void> load(MembersByDescription& members) {
        return members.drain([this](const LanguageMember& member) -> Result<void> {
            if (rows_.empty() || rows_.back().description != member.description) {
                rows_.push_back({member.description, 0, 0});
            }
            const std::uint32_t bit = 1U << member.refset;
            (member.preferred != 0 ? rows_.back().preferred : rows_.back().acceptable) |= bit;
            return {};
        });
    }
    void apply(DescriptionRow& row) {
        while (at_ < rows_.size() && rows_[at_].description < row.id) {
            ++at_;
        }
        if (at_ < rows_.size() && rows_[at_].description == row.id) {
            row.preferred = rows_[at_].preferred;
            row.acceptable = rows_[at_].acceptable;
        }
    }

private:
    struct Row {
        std::uint64_t description;
        std::uint32_t preferred;
        std::uint32_t acceptable;
    };
    std::vector<Row> rows_;
    std::size_t at_ = 0;
};

// How well a term serves as the name to show: lower is better.
std::uint32_t display_rank(const DescriptionRow& row) noexcept {
    const auto type = static_cast<TermType>(row.type);
    if (type == TermType::synonym) {
        if (row.preferred != 0) {
            return static_cast<std::uint32_t>(std::countr_zero(row.preferred));
        }
        return row.acceptable != 0 ? 41 : 42;
    }
    if (type == TermType::fully_specified) {
        return row.preferred != 0 ? 40 : 43;
    }
    return UINT32_MAX;
}

}  // namespace

Result<void> build_terms(BuildState& state) {
    TextSpool spool;
    GH_TRY(spool.create(state.spill_folder()));
    std::vector<LanguageRow> languages;
    Descriptions by_id(state.spill_folder(), state.share(4));
    GH_TRY(read_descriptions(state, spool, languages, by_id));
    GH_TRY(spool.map());
    std::vector<std::uint64_t> refsets;
    AcceptabilityJoin join;
    {
        MembersByDescription members(state.spill_folder(), state.share(4));
        GH_TRY(read_language_members(state, refsets, members));
        GH_TRY(join.load(members));
    }
    content::SpillSorter<DescriptionRow, DescriptionByConcept> by_concept(
        state.spill_folder(), state.share(4)
    );
    std::uint64_t last = 0;
    GH_TRY(by_id.drain([&](const DescriptionRow& row) -> Result<void> {
        if (row.id == last) {
            return {};
        }
        last = row.id;
        if (row.active == 0) {
            return {};
        }
        DescriptionRow out = row;
        join.apply(out);
        return by_concept.add(out);
    }));
    const std::size_t count = state.concepts.size();
    std::vector<std::uint32_t> starts(count + 1);
    std::vector<std::uint32_t> displays(count, no_number);
    std::vector<std::uint32_t> ranks(count, UINT32_MAX);
    std::vector<std::pair<std::uint64_t, std::uint16_t>> texts;
    std::uint64_t offset = 0;
    std::uint32_t terms = 0;
    state.writer.begin(term_section(SnomedSection::terms), sizeof(TermRow));
    GH_TRY(by_concept.drain([&](const DescriptionRow& row) -> Result<void> {
        if (offset + row.length > UINT32_MAX || terms == UINT32_MAX - 1) {
            return Fault(Errc::too_large, "SNOMED CT release", "more than 4 GiB of terms");
        }
        TermRow out{};
        out.id = row.id;
        out.offset = static_cast<std::uint32_t>(offset);
        out.time = row.time;
        out.preferred = row.preferred;
        out.acceptable = row.acceptable;
        out.length = row.length;
        out.module = row.module;
        out.type = row.type;
        out.language = row.language;
        state.writer.row(out);
        if (const std::uint32_t rank = display_rank(row); rank < ranks[row.concept_]) {
            ranks[row.concept_] = rank;
            displays[row.concept_] = terms;
        }
        texts.emplace_back(row.offset, row.length);
        offset += row.length;
        ++starts[row.concept_ + 1];
        ++terms;
        return {};
    }));
    for (std::size_t i = 0; i < count; ++i) {
        starts[i + 1] += starts[i];
    }
    state.writer.section(term_section(SnomedSection::term_starts), starts);
    state.writer.begin(term_section(SnomedSection::term_text), 1);
    for (const auto& [at, length] : texts) {
        state.writer.write(spool.at(at), length);
    }
    state.writer.section(term_section(SnomedSection::displays), displays);
    state.writer.section(term_section(SnomedSection::languages), languages);
    state.writer.section(term_section(SnomedSection::language_refsets), refsets);
    state.report.terms = terms;
    state.say(std::to_string(terms) + " terms");
    return {};
}

}  // namespace gatehouse::fhir::snomed
