#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SnomedIndex: the rows of a compiled SNOMED CT index, checked once and then read without further
// checks. open() makes sure that every number, offset and length that a row holds stays inside what
// it points into, so that no file, whatever its bytes, can lead a reader out of bounds.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fhir/terminology/index/index_file.hpp"
#include "fhir/terminology/snomed/layout.hpp"

namespace gatehouse::fhir::snomed {

class SnomedIndex {
public:
    // Errc::corrupt if a row contradicts another or points outside.
    static Result<SnomedIndex> open(std::shared_ptr<const content::IndexFile> file);

    [[nodiscard]] std::uint32_t count() const noexcept {
        return static_cast<std::uint32_t>(concepts_.size());
    }
    // Numbers below this one are the active concepts.
    [[nodiscard]] std::uint32_t active_count() const noexcept { return active_count_; }
    [[nodiscard]] const std::string& version() const noexcept { return version_; }
    [[nodiscard]] const content::IndexFile& file() const noexcept { return *file_; }

    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t id) const noexcept;
    [[nodiscard]] const ConceptRow& row(std::uint32_t number) const { return concepts_[number]; }
    [[nodiscard]] std::uint64_t module_of(std::uint16_t module) const { return modules_[module]; }
    // Descendants-or-self of `above` hold `below`. A search in a few intervals.
    [[nodiscard]] bool is_a(std::uint32_t below, std::uint32_t above) const noexcept;

    [[nodiscard]] std::span<const std::uint32_t> parents(std::uint32_t number) const {
        return slice(parents_, parent_starts_, number);
    }
    [[nodiscard]] std::span<const std::uint32_t> children(std::uint32_t number) const {
        return slice(children_, child_starts_, number);
    }
    [[nodiscard]] std::span<const IntervalRow> intervals(std::uint32_t number) const {
        return slice(intervals_, interval_starts_, number);
    }
    [[nodiscard]] std::span<const AttributeRow> attributes(std::uint32_t number) const {
        return slice(attributes_, attribute_starts_, number);
    }
    [[nodiscard]] std::span<const TermRow> terms(std::uint32_t number) const {
        return slice(terms_, term_starts_, number);
    }
    // The term to show, or nullptr.
    [[nodiscard]] const TermRow* display(std::uint32_t number) const {
        return displays_[number] == no_number ? nullptr : &terms_[displays_[number]];
    }
    [[nodiscard]] std::string_view text(const TermRow& term) const {
        return term_text_.substr(term.offset, term.length);
    }
    [[nodiscard]] std::string_view language(const TermRow& term) const {
        return languages_[term.language].code;
    }
    // "#0.5" or "\"text\"".
    [[nodiscard]] std::string_view value(std::uint32_t index) const {
        return values_.substr(
            value_starts_[index], value_starts_[index + 1] - value_starts_[index]
        );
    }
    [[nodiscard]] std::uint32_t value_count() const noexcept {
        return static_cast<std::uint32_t>(value_starts_.size() - 1);
    }
    [[nodiscard]] std::span<const RefsetRow> refsets() const noexcept { return refsets_; }
    // Rising; empty if the concept is no reference set of this release.
    [[nodiscard]] std::span<const std::uint32_t> members(std::uint32_t refset) const noexcept;
    [[nodiscard]] bool is_refset(std::uint32_t number) const noexcept;
    [[nodiscard]] std::span<const AssociationRow> associations() const noexcept {
        return associations_;
    }
    [[nodiscard]] std::span<const std::uint64_t> language_refsets() const noexcept {
        return language_refsets_;
    }

private:
    SnomedIndex() = default;
    template <class Row>
    [[nodiscard]] static std::span<const Row>
    slice(std::span<const Row> rows, std::span<const std::uint32_t> starts, std::uint32_t number) {
        return rows.subspan(starts[number], starts[number + 1] - starts[number]);
    }
    Result<void> load();
    Result<void> check() const;
    Result<void> check_numbers() const;
    Result<void> check_terms() const;
    Result<void> check_refsets() const;

    std::shared_ptr<const content::IndexFile> file_;
    std::string version_;
    std::uint32_t active_count_ = 0;
    std::span<const ConceptRow> concepts_;
    std::span<const IdRow> sorted_ids_;
    std::span<const std::uint32_t> parent_starts_;
    std::span<const std::uint32_t> parents_;
    std::span<const std::uint32_t> child_starts_;
    std::span<const std::uint32_t> children_;
    std::span<const std::uint32_t> interval_starts_;
    std::span<const IntervalRow> intervals_;
    std::span<const std::uint32_t> attribute_starts_;
    std::span<const AttributeRow> attributes_;
    std::span<const std::uint32_t> value_starts_;
    std::string_view values_;
    std::span<const std::uint32_t> term_starts_;
    std::span<const TermRow> terms_;
    std::string_view term_text_;
    std::span<const std::uint32_t> displays_;
    std::span<const RefsetRow> refsets_;
    std::span<const std::uint32_t> members_;
    std::span<const AssociationRow> associations_;
    std::span<const std::uint64_t> modules_;
    std::span<const LanguageRow> languages_;
    std::span<const std::uint64_t> language_refsets_;
};

}  // namespace gatehouse::fhir::snomed
