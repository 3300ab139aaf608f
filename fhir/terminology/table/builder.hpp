#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// TableBuilder: codes with names, properties and parents, in any order -> one index file. Holds the
// table in memory: dm+d with 500,000 codes takes about 300 MB while it is built.

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/table/layout.hpp"

namespace gatehouse::fhir::table {

// What a table says of itself.
struct TableInfo {
    std::string kind;                  // "dmd", "loinc", "icd-10", "codes"
    std::vector<std::string> systems;  // canonical URLs it answers to, the first its own
    std::string version;
    std::string title;
    std::string language = "en";
    bool case_sensitive = true;
    bool complete = true;  // a code that is not listed does not exist
    // Codes that begin so may exist though they are not listed ("LA").
    std::vector<std::string> open_prefixes;
};

struct TableReport {
    std::string digest;
    std::uint64_t concepts = 0;
    std::uint64_t inactive = 0;
    std::uint64_t parents = 0;
    std::uint64_t values = 0;
    std::uint64_t names = 0;
    // Left out, and why that is no error: parents that the release does not have.
    std::uint64_t parents_left_out = 0;
};

class TableBuilder {
public:
    static constexpr std::size_t concepts_max = 4'000'000;
    static constexpr std::size_t code_bytes_max = 64;

    // The concept of a code, made if it is new. Errc::invalid if it is no FHIR code (empty, too
    // long, spaces at the ends or doubled, control characters); Errc::too_large.
    Result<ConceptNumber> add(std::string_view code);
    [[nodiscard]] std::optional<ConceptNumber> find(std::string_view code) const;
    [[nodiscard]] std::uint32_t count() const noexcept {
        return static_cast<std::uint32_t>(concepts_.size());
    }
    [[nodiscard]] std::string_view code_of(ConceptNumber number) const {
        return texts_[concepts_[number].code];
    }
    void display(ConceptNumber number, std::string_view words);
    [[nodiscard]] std::string_view display_of(ConceptNumber number) const;
    void definition(ConceptNumber number, std::string_view words);
    void name(ConceptNumber number, std::string_view words, std::string_view use);
    void inactive(ConceptNumber number) { concepts_[number].flags |= flag_inactive; }
    void abstract(ConceptNumber number) { concepts_[number].flags |= flag_abstract; }
    void value(
        ConceptNumber number,
        std::string_view property,
        PropertyType type,
        std::string_view value,
        std::string_view description = {}
    );
    // By code: it may come later, or never (counted in the report).
    void parent(ConceptNumber number, std::string_view code);

    // Errc::invalid for a hierarchy that has a cycle, with a code of it; Errc::too_large, io,
    // no_space. Once.
    Result<TableReport> write(const TableInfo& info, const std::filesystem::path& file);

private:
    struct Link {
        ConceptNumber from;
        std::uint32_t code;  // text
    };
    template <class Row> struct Owned {
        ConceptNumber owner;
        Row row;
    };
    std::uint32_t text(std::string_view words);
    void sort_concepts();
    Result<void> link(TableReport& report);
    Result<void>
    deepen(const std::vector<std::uint32_t>& starts, const std::vector<std::uint32_t>& children);

    std::deque<std::string> texts_;  // stays put, so that the map may view it
    std::unordered_map<std::string_view, std::uint32_t> text_numbers_;
    std::uint64_t text_bytes_ = 0;
    std::vector<ConceptRow> concepts_;
    std::unordered_map<std::uint32_t, ConceptNumber> by_code_;
    std::vector<PropertyRow> properties_;
    std::vector<Owned<ValueRow>> values_;
    std::vector<Owned<NameRow>> names_;
    std::vector<Link> links_;
    // (owner, parent), then (owner, child), sorted; made by link()
    std::vector<std::pair<ConceptNumber, ConceptNumber>> parents_;
};

}  // namespace gatehouse::fhir::table
