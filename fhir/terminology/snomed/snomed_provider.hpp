#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SNOMED CT as a CodeSystemProvider (FHIR R4, Using SNOMED CT with FHIR): codes, terms by language
// reference set, the properties and filters that FHIR defines for SNOMED CT, and its implicit value
// sets. Post-coordinated expressions are right codes that no release lists: not checkable here.

#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/snomed/snomed_index.hpp"

namespace gatehouse::fhir::snomed {

inline constexpr std::string_view snomed_system = "http://snomed.info/sct";

class SnomedProvider final : public CodeSystemProvider {
public:
    explicit SnomedProvider(SnomedIndex index);

    [[nodiscard]] std::string_view system() const noexcept override { return snomed_system; }
    [[nodiscard]] std::string_view version() const noexcept override { return index_.version(); }
    [[nodiscard]] std::string_view title() const noexcept override { return title_; }
    [[nodiscard]] std::string_view digest() const noexcept override { return index_.file().digest(); }
    [[nodiscard]] SystemKnowledge knowledge() const noexcept override {
        return SystemKnowledge::complete;
    }
    [[nodiscard]] bool answers_version(std::string_view asked) const noexcept override;
    [[nodiscard]] std::uint32_t concept_count() const noexcept override { return index_.count(); }
    [[nodiscard]] std::optional<ConceptNumber> find(std::string_view code) const noexcept override;
    [[nodiscard]] Verdict knows(std::string_view code) const noexcept override;
    [[nodiscard]] std::string code(ConceptNumber number) const override {
        return std::to_string(index_.row(number).id);
    }
    [[nodiscard]] bool inactive(ConceptNumber number) const noexcept override {
        return index_.row(number).active == 0;
    }
    [[nodiscard]] std::string_view
    display(ConceptNumber number, std::string_view language) const override;
    void designations(ConceptNumber number, std::vector<ConceptDesignation>& out) const override;
    void properties(ConceptNumber number, std::vector<ConceptProperty>& out) const override;
    [[nodiscard]] std::string_view definition(ConceptNumber number) const override;
    [[nodiscard]] bool has_hierarchy() const noexcept override { return true; }
    [[nodiscard]] bool is_a(ConceptNumber below, ConceptNumber above) const noexcept override {
        return index_.is_a(below, above);
    }
    void parents(ConceptNumber number, std::vector<ConceptNumber>& out) const override;
    void children(ConceptNumber number, std::vector<ConceptNumber>& out) const override;
    [[nodiscard]] ConceptSet active() const override;
    // concept|code: is-a, descendent-of, is-not-a, generalizes, in (a reference set), =;
    // constraint|expression = ECL; parent|child =; inactive, sufficientlyDefined, moduleId =; an
    // attribute by its identifier =.
    [[nodiscard]] Result<ConceptSet>
    filter(const ConceptFilter& filter, ConceptBudget& budget) const override;
    // ?fhir_vs, ?fhir_vs=isa/ID, ?fhir_vs=refset, ?fhir_vs=refset/ID, ?fhir_vs=ecl/CONSTRAINT
    // (percent-encoded or not), behind the system, an edition or a version.
    [[nodiscard]] Result<ConceptSet>
    implicit_value_set(std::string_view url, ConceptBudget& budget) const override;

    [[nodiscard]] const SnomedIndex& index() const noexcept { return index_; }

private:
    [[nodiscard]] Result<ConceptSet> constraint(std::string_view text, ConceptBudget& budget) const;

    SnomedIndex index_;
    std::string title_;
};

}  // namespace gatehouse::fhir::snomed
