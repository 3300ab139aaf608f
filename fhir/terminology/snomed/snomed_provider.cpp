// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/snomed/snomed_provider.hpp"

#include <algorithm>

#include "fhir/base/percent.hpp"
#include "fhir/terminology/snomed/ecl_evaluate.hpp"

namespace gatehouse::fhir::snomed {
namespace {

constexpr Sctid gb_english = 900000000000508004;
constexpr Sctid us_english = 900000000000509007;

std::string title_of(std::string_view version) {
    struct Edition {
        std::string_view module;
        std::string_view name;
    };
    static constexpr Edition editions[] = {
        {"/83821000000107/", "UK Edition"},
        {"/999000021000000109/", "UK Clinical Edition"},
        {"/999000011000001104/", "UK Drug Extension"},
        {"/900000000000207008/", "International Edition"},
    };
    std::string title = "SNOMED CT";
    for (const Edition& edition : editions) {
        if (version.find(edition.module) != std::string_view::npos) {
            title.append(" ").append(edition.name);
        }
    }
    if (const std::size_t slash = version.rfind('/'); slash != std::string_view::npos) {
        title.append(" ").append(version.substr(slash + 1));
    }
    return title;
}

// A post-coordinated expression is longer than an identifier: it has an operator in it.
bool looks_like_expression(std::string_view code) noexcept {
    return code.find_first_of(":+={}(),<") != std::string_view::npos;
}

std::string_view concept_alone(std::string_view code) noexcept {
    while (code.ends_with(' ')) {
        code.remove_suffix(1);
    }
    return code;
}

Fault unknown_code(std::string_view code, std::string_view version) {
    return Fault(
        Errc::unsupported,
        "SNOMED CT filter",
        "concept " + std::string(code) + " is not in " + std::string(version)
    );
}

std::string_view type_code(TermType type) noexcept {
    switch (type) {
    case TermType::fully_specified: return "900000000000003001";
    case TermType::synonym: return "900000000000013009";
    case TermType::definition: return "900000000000550004";
    default: return {};
    }
}

}  // namespace

SnomedProvider::SnomedProvider(SnomedIndex index)
    : index_(std::move(index)), title_(title_of(index_.version())) {}

bool SnomedProvider::answers_version(std::string_view asked) const noexcept {
    if (asked.empty() || asked == index_.version()) {
        return true;
    }
    // ".../sct/MODULE": any date of the edition; ".../sct": any edition.
    const std::string_view own = index_.version();
    return asked == snomed_system ||
           (own.starts_with(asked) && own.substr(asked.size()).starts_with("/version/"));
}

std::optional<ConceptNumber> SnomedProvider::find(std::string_view code) const noexcept {
    const auto id = parse_sctid(concept_alone(code));
    if (!id || code.size() > 18) {
        return std::nullopt;
    }
    return index_.find(*id);
}

Verdict SnomedProvider::knows(std::string_view code) const noexcept {
    if (find(code)) {
        return Verdict::yes;
    }
    return looks_like_expression(code) ? Verdict::not_checkable : Verdict::no;
}

std::string_view SnomedProvider::display(ConceptNumber number, std::string_view language) const {
    const TermRow* best = index_.display(number);
    if (!language.empty()) {
        const auto refsets = index_.language_refsets();
        const Sctid wanted = language == "en-US"   ? us_english
                             : language == "en-GB" ? gb_english
                                                   : 0;
        const auto at = std::find(refsets.begin(), refsets.end(), wanted);
        const std::uint32_t bit = wanted == 0 || at == refsets.end()
                                      ? 0
                                      : 1U << static_cast<unsigned>(at - refsets.begin());
        const std::string_view primary = language.substr(0, language.find('-'));
        for (const TermRow& term : index_.terms(number)) {
            if (term.type != static_cast<std::uint8_t>(TermType::synonym)) {
                continue;
            }
            if (bit != 0 && (term.preferred & bit) != 0 && wanted == us_english) {
                return index_.text(term);
            }
            if (wanted == 0 && primary != "en" && index_.language(term) == primary &&
                term.preferred != 0) {
                return index_.text(term);
            }
        }
    }
    return best == nullptr ? std::string_view{} : index_.text(*best);
}

void SnomedProvider::designations(ConceptNumber number, std::vector<ConceptDesignation>& out)
    const {
    const TermRow* shown = index_.display(number);
    const auto add = [&](const TermRow& term) {
        ConceptDesignation one;
        one.language = index_.language(term);
        one.use_code = type_code(static_cast<TermType>(term.type));
        one.use_system = one.use_code.empty() ? std::string_view{} : snomed_system;
        one.value = index_.text(term);
        one.preferred = term.preferred != 0;
        out.push_back(one);
    };
    if (shown != nullptr) {
        add(*shown);
    }
    for (const TermRow& term : index_.terms(number)) {
        if (&term != shown && term.type != static_cast<std::uint8_t>(TermType::definition)) {
            add(term);
        }
    }
}

std::string_view SnomedProvider::definition(ConceptNumber number) const {
    for (const TermRow& term : index_.terms(number)) {
        if (term.type == static_cast<std::uint8_t>(TermType::definition)) {
            return index_.text(term);
        }
    }
    return {};
}

void SnomedProvider::properties(ConceptNumber number, std::vector<ConceptProperty>& out) const {
    const ConceptRow& row = index_.row(number);
    out.push_back({"inactive", PropertyType::boolean, row.active == 0 ? "true" : "false", {}, {}});
    out.push_back(
        {"sufficientlyDefined", PropertyType::boolean, row.defined != 0 ? "true" : "false", {}, {}}
    );
    const std::uint64_t module = index_.module_of(row.module);
    const auto module_number = index_.find(module);
    out.push_back(
        {"moduleId",
         PropertyType::code,
         std::to_string(module),
         module_number ? std::string(display(*module_number, {})) : std::string(),
         {}}
    );
    out.push_back({"effectiveTime", PropertyType::string, std::to_string(row.time), {}, {}});
    for (const AttributeRow& attribute : index_.attributes(number)) {
        ConceptProperty one;
        one.code = code(attribute.type);
        one.group = std::to_string(attribute.group);
        if (attribute.kind == static_cast<std::uint16_t>(AttributeKind::concept_value)) {
            one.type = PropertyType::code;
            one.value = code(attribute.value);
            one.description = display(attribute.value, {});
        } else {
            const std::string_view text = index_.value(attribute.value);
            const bool number_value = text.starts_with('#');
            one.type = number_value ? PropertyType::decimal : PropertyType::string;
            one.value = number_value      ? std::string(text.substr(1))
                        : text.size() > 1 ? std::string(text.substr(1, text.size() - 2))
                                          : std::string(text);
        }
        out.push_back(std::move(one));
    }
    for (const std::uint32_t parent : index_.parents(number)) {
        out.push_back(
            {"parent", PropertyType::code, code(parent), std::string(display(parent, {})), {}}
        );
    }
    for (const std::uint32_t child : index_.children(number)) {
        out.push_back(
            {"child", PropertyType::code, code(child), std::string(display(child, {})), {}}
        );
    }
}

void SnomedProvider::parents(ConceptNumber number, std::vector<ConceptNumber>& out) const {
    const auto found = index_.parents(number);
    out.insert(out.end(), found.begin(), found.end());
}

void SnomedProvider::children(ConceptNumber number, std::vector<ConceptNumber>& out) const {
    const auto found = index_.children(number);
    out.insert(out.end(), found.begin(), found.end());
}

ConceptSet SnomedProvider::active() const {
    ConceptSet set(index_.count());
    set.add_range(0, index_.active_count());
    return set;
}

Result<ConceptSet> SnomedProvider::constraint(std::string_view text, ConceptBudget& budget) const {
    GH_TRY_ASSIGN(const ecl::Constraint parsed, ecl::parse(text));
    return evaluate(parsed, index_, budget);
}

Result<ConceptSet>
SnomedProvider::filter(const ConceptFilter& filter, ConceptBudget& budget) const {
    const std::string value(concept_alone(filter.value));
    const auto unsupported = [&] {
        return Fault(
            Errc::unsupported,
            "SNOMED CT filter",
            "filter '" + std::string(filter.property) + " " + std::string(filter.op) +
                "' is not one that FHIR defines for SNOMED CT"
        );
    };
    if ((filter.property == "constraint" || filter.property == "expression") && filter.op == "=") {
        return constraint(filter.value, budget);
    }
    if (filter.property == "expressions" && filter.op == "=") {
        return active();  // whether post-coordination is allowed: selects no listed concept out
    }
    if (filter.property == "inactive" && filter.op == "=") {
        ConceptSet set(index_.count());
        if (value == "true") {
            set.add_range(index_.active_count(), index_.count());
        } else {
            set.add_range(0, index_.active_count());
        }
        return set;
    }
    if (filter.property == "sufficientlyDefined" && filter.op == "=") {
        return constraint(
            value == "true" ? "* {{ C definitionStatus = defined }}"
                            : "* {{ C definitionStatus = primitive }}",
            budget
        );
    }
    // Everything else names a concept; then the question is one of ECL's.
    const auto id = parse_sctid(value);
    if (!id) {
        const bool names_one =
            filter.op != "regex" && filter.op != "exists" && filter.op != "not-in";
        if (!names_one) {
            return unsupported();
        }
        return Fault(
            Errc::invalid, "SNOMED CT filter", "the filter's value is not a SNOMED CT identifier"
        );
    }
    if (!index_.find(*id)) {
        return unknown_code(value, index_.version());
    }
    if (filter.property == "concept" || filter.property == "code") {
        if (filter.op == "is-a") {
            return constraint("<< " + value, budget);
        }
        if (filter.op == "descendent-of") {
            return constraint("< " + value, budget);
        }
        if (filter.op == "is-not-a") {
            return constraint("* MINUS << " + value, budget);
        }
        if (filter.op == "generalizes") {
            return constraint(">> " + value, budget);
        }
        if (filter.op == "in") {
            return constraint("^ " + value, budget);
        }
        if (filter.op == "=") {
            return constraint(value, budget);
        }
        return unsupported();
    }
    if (filter.op != "=") {
        return unsupported();
    }
    if (filter.property == "parent") {
        return constraint("<! " + value, budget);
    }
    if (filter.property == "child") {
        return constraint(">! " + value, budget);
    }
    if (filter.property == "moduleId") {
        return constraint("* {{ C moduleId = " + value + " }}", budget);
    }
    const auto attribute = parse_sctid(filter.property);
    if (!attribute) {
        return unsupported();
    }
    if (!index_.find(*attribute)) {
        return unknown_code(filter.property, index_.version());
    }
    return constraint("* : " + std::string(filter.property) + " = " + value, budget);
}

Result<ConceptSet>
SnomedProvider::implicit_value_set(std::string_view url, ConceptBudget& budget) const {
    const Fault none(Errc::not_found, "implicit value set", "not one of SNOMED CT's");
    const std::size_t query = url.find('?');
    if (query == std::string_view::npos || !url.starts_with(snomed_system) ||
        !answers_version(url.substr(0, query))) {
        return none;
    }
    const std::string_view asked = url.substr(query + 1);
    if (asked == "fhir_vs") {
        return active();
    }
    if (!asked.starts_with("fhir_vs=")) {
        return none;
    }
    std::string text;
    percent_decoded(asked.substr(8), true, text);  // an ECL may hold a bare '%'
    const std::string_view what = text;
    if (what == "refset") {
        ConceptSet set(index_.count());
        for (const RefsetRow& row : index_.refsets()) {
            set.add(row.refset);
        }
        return set;
    }
    if (what.starts_with("isa/")) {
        return filter({"concept", "is-a", what.substr(4)}, budget);
    }
    if (what.starts_with("refset/")) {
        return filter({"concept", "in", what.substr(7)}, budget);
    }
    if (what.starts_with("ecl/")) {
        return constraint(what.substr(4), budget);
    }
    return none;
}

}  // namespace gatehouse::fhir::snomed
