// SPDX-License-Identifier: Apache-2.0
//
// Refinements (ECL 2.2 §6.2 to §6.5): each attribute's names and values become sets once, then the
// attribute rows of each concept of the focus are read. Attributes in group 0 stand alone: for a
// group in braces each of them is a group of its own.

#include <algorithm>

#include "fhir/path/decimal.hpp"
#include "fhir/terminology/snomed/ecl_evaluate.hpp"

namespace gatehouse::fhir::snomed {
namespace {

bool number_compares(ecl::Compare compare, const path::Decimal& a, const path::Decimal& b) {
    const path::Decimal difference = a - b;
    switch (compare) {
    case ecl::Compare::equal: return difference.is_zero();
    case ecl::Compare::not_equal: return !difference.is_zero();
    case ecl::Compare::less: return difference.is_negative();
    case ecl::Compare::less_or_equal: return difference.is_negative() || difference.is_zero();
    case ecl::Compare::greater: return !difference.is_negative() && !difference.is_zero();
    case ecl::Compare::greater_or_equal: return !difference.is_negative();
    }
    return false;
}

}  // namespace

Result<ConceptSet> EclEvaluator::refine(const ConceptSet& focus, std::uint32_t refinement) {
    if (tests_.size() < constraint_.refinements.size()) {
        tests_.resize(constraint_.refinements.size());
    }
    GH_TRY(prepare(refinement, false));
    GH_TRY_ASSIGN(ConceptSet set, empty_set());
    std::uint64_t work = 0;
    const ecl::Refinement& item = constraint_.refinements[refinement];
    focus.for_each([&](std::uint32_t number) {
        const auto rows = index_.attributes(number);
        work += rows.size() + 1;
        if (holds(item, refinement, number, rows)) {
            set.add(number);
        }
        return work <= budget_.left;
    });
    GH_TRY(spend(work));
    return set;
}

Result<void> EclEvaluator::prepare(std::uint32_t refinement, bool in_group) {
    const ecl::Refinement& item = constraint_.refinements[refinement];
    for (const std::uint32_t inner : item.items) {
        GH_TRY(prepare(inner, in_group || item.kind == ecl::RefinementKind::group));
    }
    if (item.kind != ecl::RefinementKind::attribute) {
        return {};
    }
    if (item.reverse && in_group) {
        return Fault(
            Errc::unsupported,
            "ECL",
            "character " + std::to_string(item.at + 1) +
                " of the expression constraint: a reversed attribute within a group has no meaning"
        );
    }
    // Sub-expressions may hold refinements of their own, which grow no further than tests_ is.
    Test test;
    GH_TRY(prepare_attribute(item, test));
    tests_[refinement] = std::move(test);
    return {};
}

Result<void> EclEvaluator::prepare_attribute(const ecl::Refinement& item, Test& test) {
    GH_TRY_ASSIGN(test.types, node(item.name));
    test.negated = item.compare == ecl::Compare::not_equal;
    switch (item.value_kind) {
    case ecl::ValueKind::expression: {
        GH_TRY_ASSIGN(test.values, node(item.value));
        return item.reverse ? prepare_reverse(test) : Result<void>{};
    }
    case ecl::ValueKind::number: {
        const auto wanted = path::Decimal::parse(item.number);
        if (!wanted) {
            return Fault(Errc::invalid, "ECL", "'#" + item.number + "' is not a number");
        }
        test.concrete.resize(index_.value_count());
        GH_TRY(spend(std::uint64_t{index_.value_count()} * 16));
        for (std::uint32_t i = 0; i < index_.value_count(); ++i) {
            const std::string_view text = index_.value(i);
            if (!text.starts_with('#')) {
                continue;
            }
            const auto value = path::Decimal::parse(text.substr(1));
            test.concrete[i] = value && number_compares(item.compare, *value, *wanted);
        }
        test.negated = false;
        break;
    }
    case ecl::ValueKind::text: {
        test.concrete.resize(index_.value_count());
        GH_TRY(spend(std::uint64_t{index_.value_count()} * 16));
        for (std::uint32_t i = 0; i < index_.value_count(); ++i) {
            const std::string_view text = index_.value(i);
            if (text.size() < 2 || !text.starts_with('"')) {
                continue;
            }
            const bool hit = std::any_of(
                item.texts.begin(),
                item.texts.end(),
                [&](const ecl::SearchText& search) {
                    return text_matches(search, text.substr(1, text.size() - 2));
                }
            );
            test.concrete[i] = hit != test.negated;
        }
        test.negated = false;
        break;
    }
    }
    if (item.reverse) {
        return Fault(
            Errc::invalid, "ECL", "a reversed attribute takes concepts, not numbers or texts"
        );
    }
    return {};
}

// "R name = values": how many rows of the values' attributes point at each concept.
Result<void> EclEvaluator::prepare_reverse(Test& test) {
    GH_TRY(spend(index_.count()));
    test.reversed.resize(index_.count());
    ConceptSet sources = test.values;
    if (test.negated) {
        sources = ConceptSet::full(index_.count());
        sources -= test.values;
    }
    std::uint64_t work = 0;
    sources.for_each([&](std::uint32_t number) {
        const auto rows = index_.attributes(number);
        work += rows.size() + 1;
        for (const AttributeRow& row : rows) {
            if (row.kind == static_cast<std::uint16_t>(AttributeKind::concept_value) &&
                test.types.contains(row.type)) {
                ++test.reversed[row.value];
            }
        }
        return work <= budget_.left;
    });
    return spend(work);
}

bool EclEvaluator::matches(const Test& test, const AttributeRow& row) const {
    if (!test.types.contains(row.type)) {
        return false;
    }
    if (row.kind == static_cast<std::uint16_t>(AttributeKind::concept_value)) {
        return test.concrete.empty() && test.values.contains(row.value) != test.negated;
    }
    return !test.concrete.empty() && test.concrete[row.value];
}

bool EclEvaluator::holds(
    const ecl::Refinement& item,
    std::uint32_t at,
    std::uint32_t number,
    std::span<const AttributeRow> rows
) const {
    const auto inner_holds = [&](std::uint32_t inner) {
        return holds(constraint_.refinements[inner], inner, number, rows);
    };
    switch (item.kind) {
    case ecl::RefinementKind::all_of:
        return std::all_of(item.items.begin(), item.items.end(), inner_holds);
    case ecl::RefinementKind::any_of:
        return std::any_of(item.items.begin(), item.items.end(), inner_holds);
    case ecl::RefinementKind::group: return group_holds(item, number, rows);
    case ecl::RefinementKind::attribute: break;
    }
    const Test& test = tests_[at];
    std::uint32_t hits = 0;
    if (item.reverse) {
        hits = test.reversed[number];
    } else {
        for (const AttributeRow& row : rows) {
            hits += matches(test, row) ? 1U : 0U;
        }
    }
    return hits >= item.at_least && hits <= item.at_most;
}

bool EclEvaluator::group_holds(
    const ecl::Refinement& item, std::uint32_t number, std::span<const AttributeRow> rows
) const {
    const std::uint32_t inner = item.items.front();
    const ecl::Refinement& within = constraint_.refinements[inner];
    std::uint32_t hits = 0;
    for (std::size_t from = 0; from < rows.size();) {
        std::size_t to = from + 1;
        while (to < rows.size() && rows[from].group != 0 && rows[to].group == rows[from].group) {
            ++to;
        }
        hits += holds(within, inner, number, rows.subspan(from, to - from)) ? 1U : 0U;
        from = to;
    }
    return hits >= item.at_least && hits <= item.at_most;
}

}  // namespace gatehouse::fhir::snomed
