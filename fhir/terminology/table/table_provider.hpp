#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A compiled code table as a CodeSystemProvider: dm+d, LOINC, ICD-10 and any list of codes. What
// the tables differ in (implicit value sets, which codes may exist unlisted) is data of the table
// or a few lines by its kind.

#include <span>

#include "fhir/terminology/index/index_file.hpp"
#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/table/layout.hpp"

namespace gatehouse::fhir::table {

class TableProvider final : public CodeSystemProvider {
public:
    // One provider for each system that the table answers to. Errc::corrupt if a row contradicts
    // another or points outside.
    static Result<std::vector<std::shared_ptr<const TableProvider>>>
    open(const std::shared_ptr<const content::IndexFile>& file);

    [[nodiscard]] std::string_view system() const noexcept override { return system_; }
    [[nodiscard]] std::string_view version() const noexcept override { return version_; }
    [[nodiscard]] std::string_view title() const noexcept override { return title_; }
    [[nodiscard]] std::string_view digest() const noexcept override { return file_->digest(); }
    [[nodiscard]] SystemKnowledge knowledge() const noexcept override {
        return complete_ ? SystemKnowledge::complete : SystemKnowledge::partial;
    }
    [[nodiscard]] bool case_sensitive() const noexcept override { return case_sensitive_; }
    // Also by the beginning of the version, up to a dot: "5" for "5.2016.04".
    [[nodiscard]] bool answers_version(std::string_view asked) const noexcept override;
    [[nodiscard]] std::uint32_t concept_count() const noexcept override {
        return static_cast<std::uint32_t>(concepts_.size());
    }
    [[nodiscard]] std::optional<ConceptNumber> find(std::string_view code) const noexcept override;
    [[nodiscard]] Verdict knows(std::string_view code) const noexcept override;
    [[nodiscard]] std::string code(ConceptNumber number) const override {
        return std::string(text(concepts_[number].code));
    }
    [[nodiscard]] bool inactive(ConceptNumber number) const noexcept override {
        return (concepts_[number].flags & flag_inactive) != 0;
    }
    [[nodiscard]] bool abstract(ConceptNumber number) const noexcept override {
        return (concepts_[number].flags & flag_abstract) != 0;
    }
    [[nodiscard]] std::string_view
    display(ConceptNumber number, std::string_view language) const override;
    void designations(ConceptNumber number, std::vector<ConceptDesignation>& out) const override;
    void properties(ConceptNumber number, std::vector<ConceptProperty>& out) const override;
    [[nodiscard]] std::string_view definition(ConceptNumber number) const override {
        return text(concepts_[number].definition);
    }
    [[nodiscard]] bool has_hierarchy() const noexcept override { return !parents_.empty(); }
    [[nodiscard]] bool is_a(ConceptNumber below, ConceptNumber above) const noexcept override;
    void parents(ConceptNumber number, std::vector<ConceptNumber>& out) const override;
    void children(ConceptNumber number, std::vector<ConceptNumber>& out) const override;
    [[nodiscard]] ConceptSet active() const override;
    [[nodiscard]] Result<ConceptSet>
    filter(const ConceptFilter& filter, ConceptBudget& budget) const override;
    // dm+d: https://dmd.nhs.uk/ValueSet/VMP (and VTM, AMP, VMPP, AMPP); LOINC: http://loinc.org/vs
    // and http://loinc.org/vs/LL715-4; ICD-10: SYSTEM/vs.
    [[nodiscard]] Result<ConceptSet>
    implicit_value_set(std::string_view url, ConceptBudget& budget) const override;

private:
    TableProvider() = default;
    Result<void> load();
    Result<void> check() const;
    // Empty for no_text.
    [[nodiscard]] std::string_view text(std::uint32_t number) const noexcept {
        return number == no_text
                   ? std::string_view{}
                   : texts_.substr(
                         text_starts_[number], text_starts_[number + 1] - text_starts_[number]
                     );
    }
    template <class Row>
    [[nodiscard]] static std::span<const Row>
    slice(std::span<const Row> rows, std::span<const std::uint32_t> starts, std::uint32_t number) {
        return rows.subspan(starts[number], starts[number + 1] - starts[number]);
    }
    [[nodiscard]] std::uint32_t property_number(std::string_view name) const noexcept;

    std::shared_ptr<const content::IndexFile> file_;
    std::string_view info_;
    std::string_view system_;
    std::string_view kind_;
    std::string_view version_;
    std::string_view title_;
    std::string_view language_;
    std::vector<std::string_view> open_prefixes_;
    bool case_sensitive_ = true;
    bool complete_ = true;
    std::span<const ConceptRow> concepts_;
    std::span<const std::uint32_t> text_starts_;
    std::string_view texts_;
    std::span<const std::uint32_t> parent_starts_;
    std::span<const std::uint32_t> parents_;
    std::span<const std::uint32_t> child_starts_;
    std::span<const std::uint32_t> children_;
    std::span<const PropertyRow> properties_;
    std::span<const std::uint32_t> value_starts_;
    std::span<const ValueRow> values_;
    std::span<const std::uint32_t> name_starts_;
    std::span<const NameRow> names_;
};

}  // namespace gatehouse::fhir::table
