#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the steps of a build share. Concepts are held by place (their rank by id) until the
// hierarchy has given them their numbers.

#include <memory>
#include <span>
#include <vector>

#include "fhir/terminology/index/index_file.hpp"
#include "fhir/terminology/index/spill.hpp"
#include "fhir/terminology/snomed/build.hpp"
#include "fhir/terminology/snomed/layout.hpp"
#include "fhir/terminology/snomed/rf2.hpp"

namespace gatehouse::fhir::snomed {

struct Edge {  // is-a, by place
    std::uint32_t child;
    std::uint32_t parent;
};

struct BuildState {
    explicit BuildState(const BuildOptions& options_)
        : options(options_), writer(options_.out, content::IndexKind::snomed) {}

    const BuildOptions& options;
    BuildReport report;
    std::vector<Rf2File> files;
    content::IndexWriter writer;
    std::vector<ConceptRow> concepts;    // by place: sorted by id
    std::vector<std::uint64_t> modules;  // in order of appearance
    std::vector<std::uint32_t> number;   // place -> number

    [[nodiscard]] std::filesystem::path spill_folder() const { return options.out.parent_path(); }
    // For one of the sorters that live at the same time.
    [[nodiscard]] std::size_t share(std::size_t parts) const {
        return options.memory_bytes / parts;
    }
    void say(const std::string& words) const {
        if (options.progress) {
            options.progress(words);
        }
    }
    [[nodiscard]] std::uint32_t place_of(Sctid id) const noexcept;  // or no_number
    [[nodiscard]] std::uint32_t number_of(Sctid id) const noexcept {
        const std::uint32_t place = place_of(id);
        return place == no_number ? no_number : number[place];
    }
    Result<std::uint16_t> module_of(Sctid id, const Rf2Reader& reader);
    // Calls visit(reader, row) for every row of the files of a kind.
    template <class Visit> Result<void> each_row(Rf2Kind kind, Visit&& visit) {
        for (const Rf2File& file : files) {
            if (file.kind != kind) {
                continue;
            }
            GH_TRY_ASSIGN(Rf2Reader reader, Rf2Reader::open(file));
            Rf2Row row;
            while (true) {
                GH_TRY_ASSIGN(const bool more, reader.next(row));
                if (!more) {
                    break;
                }
                GH_TRY(visit(reader, row));
            }
        }
        return {};
    }
};

Result<void> build_concepts(BuildState& state);
Result<void> build_hierarchy(BuildState& state);
Result<void> build_attributes(BuildState& state);
Result<void> build_terms(BuildState& state);
Result<void> build_refsets(BuildState& state);
Result<std::string> edition_of(BuildState& state);

}  // namespace gatehouse::fhir::snomed
