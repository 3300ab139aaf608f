#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// CodeSystemProvider: one version of one code system, wherever its content lives: a CodeSystem
// resource, a compiled SNOMED CT index, a table of dm+d, LOINC or ICD-10. Value set composition and
// the operations ($expand, $validate-code, $lookup, $subsumes) ask it and nothing else of the
// content. Immutable and thread-safe once made; every view it hands out lives as long as it does.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/terminology/concept_set.hpp"
#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir {

class RemoteTerminology;

// One filter of a ValueSet's compose (FHIR R4 ValueSet.compose.include.filter). Several filters of
// one include are intersected by the caller.
struct ConceptFilter {
    std::string_view property;  // "concept", "constraint", "parent", a property's code
    std::string_view op;        // FHIR filter-operator: "=", "is-a", "in", "regex", "exists" ...
    std::string_view value;
};

// A bound on the work that one question may cost; a unit is about one concept touched. Shared by
// all filters of one value set, and counted down.
struct ConceptBudget {
    std::uint64_t left = 200'000'000;
    // False once it is spent; the work stops with Errc::too_large.
    bool spend(std::uint64_t units) noexcept {
        if (left < units) {
            left = 0;
            return false;
        }
        left -= units;
        return true;
    }
};

// A name of a concept. Views live as long as the provider.
struct ConceptDesignation {
    std::string_view language;    // BCP-47, empty if not stated
    std::string_view use_system;  // empty if not stated
    std::string_view use_code;    // SNOMED CT: 900000000000013009 synonym, ...003001 FSN
    std::string_view value;
    bool preferred = false;  // preferred by the provider's own language reference sets
};

// A `designation` of a CodeSystem's concept or of a value set's.
ConceptDesignation designation_of(const Element& designation);

enum class PropertyType : std::uint8_t {
    code,
    coding,
    string,
    integer,
    boolean,
    date_time,
    decimal
};

// A property of a concept as $lookup shows it.
struct ConceptProperty {
    std::string code;  // "parent", "inactive", "moduleId", "363698007"
    PropertyType type = PropertyType::string;
    std::string value;
    std::string description;  // of a code value: its display; else empty
    std::string group;        // SNOMED CT relationship group, "0" or empty where there is none
};

class CodeSystemProvider {
public:
    virtual ~CodeSystemProvider() = default;

    // Canonical URL, without version.
    [[nodiscard]] virtual std::string_view system() const noexcept = 0;
    // As a Coding.version or canonical|version spells it, empty if unknown. SNOMED CT:
    // "http://snomed.info/sct/83821000000107/version/20261118".
    [[nodiscard]] virtual std::string_view version() const noexcept = 0;
    // For people: "SNOMED CT UK Edition 2026-11-18".
    [[nodiscard]] virtual std::string_view title() const noexcept = 0;
    // "sha256-<hex>" of content that is loaded beside the packages; empty for a resource, whose
    // package has its own.
    [[nodiscard]] virtual std::string_view digest() const noexcept { return {}; }
    // `complete`: a code that find() does not know does not exist. `partial`: it may.
    [[nodiscard]] virtual SystemKnowledge knowledge() const noexcept = 0;
    [[nodiscard]] virtual bool case_sensitive() const noexcept { return true; }
    // Whether content asked for by this version (empty: any) is answered by this provider. SNOMED
    // CT also takes an edition without its date.
    [[nodiscard]] virtual bool answers_version(std::string_view asked) const noexcept {
        return asked.empty() || asked == version();
    }

    // ---- Concepts: dense numbers, 0 to concept_count() - 1 ----

    [[nodiscard]] virtual std::uint32_t concept_count() const noexcept = 0;
    // By code, active or not. O(log n) or better, no allocation.
    [[nodiscard]] virtual std::optional<ConceptNumber> find(std::string_view code
    ) const noexcept = 0;
    // Whether a code is one of the system's. Differs from find() where a code may be right without
    // being listed (SNOMED CT expressions, partial content): not_checkable.
    [[nodiscard]] virtual Verdict knows(std::string_view code) const noexcept {
        if (find(code)) {
            return Verdict::yes;
        }
        return knowledge() == SystemKnowledge::complete ? Verdict::no : Verdict::not_checkable;
    }
    [[nodiscard]] virtual std::string code(ConceptNumber number) const = 0;
    [[nodiscard]] virtual bool inactive(ConceptNumber number) const noexcept = 0;
    // True if the concept groups others and cannot be recorded itself.
    [[nodiscard]] virtual bool abstract(ConceptNumber) const noexcept { return false; }
    // The name to show, in the language asked for if there is one (BCP-47; empty: the system's own
    // choice); empty if there is no name.
    [[nodiscard]] virtual std::string_view
    display(ConceptNumber number, std::string_view language = {}) const = 0;
    // Every name, the display first; appended to `out`.
    virtual void designations(ConceptNumber number, std::vector<ConceptDesignation>& out) const = 0;
    // Every property, parents and children last; appended to `out`.
    virtual void properties(ConceptNumber number, std::vector<ConceptProperty>& out) const = 0;
    [[nodiscard]] virtual std::string_view definition(ConceptNumber) const { return {}; }

    // ---- Hierarchy ----

    [[nodiscard]] virtual bool has_hierarchy() const noexcept = 0;
    // True if `below` is `above` or one of its descendants.
    [[nodiscard]] virtual bool is_a(ConceptNumber below, ConceptNumber above) const noexcept = 0;
    // Direct ones, appended to `out`.
    virtual void parents(ConceptNumber number, std::vector<ConceptNumber>& out) const = 0;
    virtual void children(ConceptNumber number, std::vector<ConceptNumber>& out) const = 0;

    // ---- Sets ----

    // Every concept, inactive ones too.
    [[nodiscard]] ConceptSet everything() const { return ConceptSet::full(concept_count()); }
    // Every concept in use.
    [[nodiscard]] virtual ConceptSet active() const = 0;
    // What a filter selects. Errc::unsupported: this provider does not offer it, the question is
    // not checkable here; Errc::invalid: the filter is wrong (the detail says where);
    // Errc::too_large: the budget is spent.
    [[nodiscard]] virtual Result<ConceptSet>
    filter(const ConceptFilter& filter, ConceptBudget& budget) const = 0;
    // A value set that the system defines by a URL alone
    // ("http://snomed.info/sct?fhir_vs=isa/73211009", "http://loinc.org/vs/LL715-4").
    // Errc::not_found if `url` is none of this system's; else the faults of filter().
    [[nodiscard]] virtual Result<ConceptSet>
    implicit_value_set(std::string_view url, ConceptBudget& budget) const;
};

// The URL of an implicit value set without the canonical's version; the bars of an expression
// constraint ("...?fhir_vs=ecl/<<22298006|Infarction|") separate none.
std::string_view implicit_url(std::string_view canonical) noexcept;

// User-loaded content beside the definitions: opened once, shared, given to Terminology. Several
// providers may share a system; then the first that answers the asked version and knows the code
// speaks, and only a complete one can say no.
struct TerminologyContent {
    std::vector<std::shared_ptr<const CodeSystemProvider>> providers;
    std::shared_ptr<RemoteTerminology> remote;  // asked where nothing loaded decides; may be null
};

}  // namespace gatehouse::fhir
