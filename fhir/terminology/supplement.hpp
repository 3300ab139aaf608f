#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What CodeSystem supplements add to concepts (FHIR R4 §4.8.5): names and properties, never codes
// and never what a value set means. ResourceProvider has its own; SupplementedProvider puts them
// over loaded content (SNOMED CT, dm+d, LOINC).

#include <functional>
#include <unordered_map>

#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

// The supplements' concepts by the number of the concept that they add to.
using Additions = std::unordered_map<ConceptNumber, std::vector<const Element*>>;
void collect_additions(
    const Element& list_parent,
    const std::function<std::optional<ConceptNumber>(std::string_view code)>& find,
    Additions& out
);

// A concept's own designation elements, appended.
void add_designations(const Element& node, std::vector<ConceptDesignation>& out);
// What a supplement's concept names: its display, if it is another than `display`, in the
// supplement's language, and its designations.
void add_supplement_names(
    const Element& node, std::string_view display, std::vector<ConceptDesignation>& out
);
// A property element of a concept; the description of a code is left to the caller.
ConceptProperty property_of(const Element& property);
// A property's value as filters compare it: a Coding by its code.
std::string_view property_text(const Element& property) noexcept;

class SupplementedProvider final : public CodeSystemProvider {
public:
    // All of them must outlive the provider.
    SupplementedProvider(
        const CodeSystemProvider& base, const std::vector<const Element*>& supplements
    );

    [[nodiscard]] std::string_view system() const noexcept override { return base_.system(); }
    [[nodiscard]] std::string_view version() const noexcept override { return base_.version(); }
    [[nodiscard]] std::string_view title() const noexcept override { return base_.title(); }
    [[nodiscard]] std::string_view digest() const noexcept override { return base_.digest(); }
    [[nodiscard]] SystemKnowledge knowledge() const noexcept override { return base_.knowledge(); }
    [[nodiscard]] bool case_sensitive() const noexcept override { return base_.case_sensitive(); }
    [[nodiscard]] bool answers_version(std::string_view asked) const noexcept override {
        return base_.answers_version(asked);
    }
    [[nodiscard]] std::uint32_t concept_count() const noexcept override {
        return base_.concept_count();
    }
    [[nodiscard]] std::optional<ConceptNumber> find(std::string_view code) const noexcept override {
        return base_.find(code);
    }
    [[nodiscard]] Verdict knows(std::string_view code) const noexcept override {
        return base_.knows(code);
    }
    [[nodiscard]] std::string code(ConceptNumber number) const override {
        return base_.code(number);
    }
    [[nodiscard]] bool inactive(ConceptNumber number) const noexcept override {
        return base_.inactive(number);
    }
    [[nodiscard]] bool abstract(ConceptNumber number) const noexcept override {
        return base_.abstract(number);
    }
    // A supplement's name only where the system has none in the language asked for.
    [[nodiscard]] std::string_view
    display(ConceptNumber number, std::string_view language = {}) const override;
    void designations(ConceptNumber number, std::vector<ConceptDesignation>& out) const override;
    void properties(ConceptNumber number, std::vector<ConceptProperty>& out) const override;
    [[nodiscard]] std::string_view definition(ConceptNumber number) const override {
        return base_.definition(number);
    }
    [[nodiscard]] bool has_hierarchy() const noexcept override { return base_.has_hierarchy(); }
    [[nodiscard]] bool is_a(ConceptNumber below, ConceptNumber above) const noexcept override {
        return base_.is_a(below, above);
    }
    void parents(ConceptNumber number, std::vector<ConceptNumber>& out) const override {
        base_.parents(number, out);
    }
    void children(ConceptNumber number, std::vector<ConceptNumber>& out) const override {
        base_.children(number, out);
    }
    [[nodiscard]] ConceptSet active() const override { return base_.active(); }
    [[nodiscard]] Result<ConceptSet>
    filter(const ConceptFilter& filter, ConceptBudget& budget) const override {
        return base_.filter(filter, budget);
    }
    [[nodiscard]] Result<ConceptSet>
    implicit_value_set(std::string_view url, ConceptBudget& budget) const override {
        return base_.implicit_value_set(url, budget);
    }

private:
    const CodeSystemProvider& base_;
    Additions additions_;
};

}  // namespace gatehouse::fhir
