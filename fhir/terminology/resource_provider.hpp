#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// ResourceProvider: one CodeSystem resource, with the supplements that are loaded for it, behind
// CodeSystemProvider. Concept numbers are positions in document order (a parent before the concepts
// nested in it). The compiled table (CodeSystemIndex) is shared with validation.

#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/supplement.hpp"

namespace gatehouse::fhir {

class ResourceProvider final : public CodeSystemProvider {
public:
    // All of them must outlive the provider. A supplement adds designations and properties to
    // concepts of the system and never concepts of its own (FHIR R4 §4.8.5).
    ResourceProvider(
        const CodeSystemIndex& index,
        const Element& resource,
        const std::vector<const Element*>& supplements
    );

    [[nodiscard]] std::string_view system() const noexcept override { return index_.url(); }
    [[nodiscard]] std::string_view version() const noexcept override { return index_.version(); }
    [[nodiscard]] std::string_view title() const noexcept override { return title_; }
    [[nodiscard]] SystemKnowledge knowledge() const noexcept override { return index_.knowledge(); }
    [[nodiscard]] bool case_sensitive() const noexcept override { return index_.case_sensitive(); }
    // "4.0" asks for any 4.0.x, as for every canonical.
    [[nodiscard]] bool answers_version(std::string_view asked) const noexcept override;

    [[nodiscard]] std::uint32_t concept_count() const noexcept override {
        return static_cast<std::uint32_t>(index_.concepts().size());
    }
    [[nodiscard]] std::optional<ConceptNumber> find(std::string_view code) const noexcept override;
    [[nodiscard]] std::string code(ConceptNumber number) const override;
    [[nodiscard]] bool inactive(ConceptNumber number) const noexcept override;
    [[nodiscard]] bool abstract(ConceptNumber number) const noexcept override;
    [[nodiscard]] std::string_view
    display(ConceptNumber number, std::string_view language = {}) const override;
    void designations(ConceptNumber number, std::vector<ConceptDesignation>& out) const override;
    void properties(ConceptNumber number, std::vector<ConceptProperty>& out) const override;
    [[nodiscard]] std::string_view definition(ConceptNumber number) const override;

    [[nodiscard]] bool has_hierarchy() const noexcept override { return hierarchy_; }
    [[nodiscard]] bool is_a(ConceptNumber below, ConceptNumber above) const noexcept override;
    void parents(ConceptNumber number, std::vector<ConceptNumber>& out) const override;
    void children(ConceptNumber number, std::vector<ConceptNumber>& out) const override;

    [[nodiscard]] ConceptSet active() const override;
    [[nodiscard]] Result<ConceptSet>
    filter(const ConceptFilter& filter, ConceptBudget& budget) const override;

    // Canonical|version of the supplements that were merged.
    [[nodiscard]] const std::vector<std::string>& supplements() const noexcept {
        return supplement_names_;
    }

private:
    [[nodiscard]] const Concept& at(ConceptNumber number) const {
        return index_.concepts()[number];
    }
    // Calls visit(property element) for those of the concept and of its supplements.
    template <class Visit> void for_properties(ConceptNumber number, Visit&& visit) const;
    [[nodiscard]] bool has_property(std::string_view property) const;

    const CodeSystemIndex& index_;
    const Element& resource_;
    std::string title_;
    std::string_view language_;
    bool hierarchy_ = false;
    std::vector<std::vector<ConceptNumber>> children_;
    Additions additions_;
    std::vector<std::string> supplement_names_;
};

// True if a designation or content in `language` serves who asked for `wanted` (BCP-47, or an
// Accept-Language list whose weights are ignored): equal or more special. Empty `wanted`: any.
bool language_serves(std::string_view language, std::string_view wanted) noexcept;

}  // namespace gatehouse::fhir
