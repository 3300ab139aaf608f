#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What an expression constraint selects from an index. Sets are bitmaps over concept numbers; all
// work is counted against the budget, so a hostile constraint ends in Errc::too_large.

#include "fhir/terminology/ecl/ecl.hpp"
#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/snomed/snomed_index.hpp"

namespace gatehouse::fhir::snomed {

// '*' is every active concept; a concept named by id, and members of reference sets, may be
// inactive. Errc::unsupported if the constraint names a concept that the edition does not have:
// what it would select is not known then.
Result<ConceptSet>
evaluate(const ecl::Constraint& constraint, const SnomedIndex& index, ConceptBudget& budget);

// The evaluation, split over files by mechanism.
class EclEvaluator {
public:
    EclEvaluator(const ecl::Constraint& constraint, const SnomedIndex& index, ConceptBudget& budget)
        : constraint_(constraint), index_(index), budget_(budget) {}
    Result<ConceptSet> node(std::uint32_t at);

private:
    // ecl_evaluate.cpp: sets and hierarchy
    Result<ConceptSet> operand_set(const ecl::Node& node);
    Result<ConceptSet> compound(const ecl::Node& node);
    Result<ConceptSet> dotted(const ecl::Node& node);
    Result<ConceptSet> members(const ConceptSet& refsets, std::size_t at);
    Result<ConceptSet> along_hierarchy(const ecl::Node& node, ConceptSet from);
    Result<ConceptSet> extremes(const ConceptSet& from, bool top);
    Result<ConceptSet> with_history(const ecl::Node& node, ConceptSet set);
    [[nodiscard]] Result<std::uint32_t> concept_at(Sctid id, std::size_t at) const;
    Result<void> spend(std::uint64_t units);
    Result<ConceptSet> empty_set();

    // ecl_refine.cpp: attributes and groups
    struct Test {  // one attribute, made ready
        ConceptSet types;
        ConceptSet values;                    // concepts that match (or, with !=, do not)
        std::vector<bool> concrete;           // by concrete value
        std::vector<std::uint32_t> reversed;  // by concept: how many rows point at it
        bool negated = false;
    };
    Result<ConceptSet> refine(const ConceptSet& focus, std::uint32_t refinement);
    Result<void> prepare(std::uint32_t refinement, bool in_group);
    Result<void> prepare_attribute(const ecl::Refinement& item, Test& test);
    Result<void> prepare_reverse(Test& test);
    [[nodiscard]] bool matches(const Test& test, const AttributeRow& row) const;
    [[nodiscard]] bool holds(
        const ecl::Refinement& item,
        std::uint32_t at,
        std::uint32_t number,
        std::span<const AttributeRow> rows
    ) const;
    [[nodiscard]] bool group_holds(
        const ecl::Refinement& item, std::uint32_t number, std::span<const AttributeRow> rows
    ) const;

    // ecl_terms.cpp: description and concept filters
    Result<ConceptSet> filtered(const ecl::Filter& filter, ConceptSet set);
    Result<ConceptSet> concept_filter(const ecl::Filter& filter, ConceptSet set);
    Result<bool> prepare_masks(const ecl::FilterTerm& term, std::uint32_t& mask);

    const ecl::Constraint& constraint_;
    const SnomedIndex& index_;
    ConceptBudget& budget_;
    std::vector<Test> tests_;  // by refinement; attributes only
};

// Whether one text matches another as ECL says: every word begins a word of `term` (any order), or
// a pattern with '*'. Case does not matter (ASCII and Latin-1 letters).
bool text_matches(const ecl::SearchText& search, std::string_view term);

}  // namespace gatehouse::fhir::snomed
