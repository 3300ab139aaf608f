// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/snomed/ecl_evaluate.hpp"

namespace gatehouse::fhir::snomed {

Result<ConceptSet>
evaluate(const ecl::Constraint& constraint, const SnomedIndex& index, ConceptBudget& budget) {
    return EclEvaluator(constraint, index, budget).node(constraint.root);
}

Result<void> EclEvaluator::spend(std::uint64_t units) {
    if (!budget_.spend(units)) {
        return Fault(
            Errc::too_large,
            "ECL",
            "the expression constraint takes more work than one question may; make it narrower"
        );
    }
    return {};
}

Result<ConceptSet> EclEvaluator::empty_set() {
    GH_TRY(spend(index_.count() / 64 + 1));
    return ConceptSet(index_.count());
}

Result<std::uint32_t> EclEvaluator::concept_at(Sctid id, std::size_t at) const {
    if (const auto number = index_.find(id)) {
        return *number;
    }
    return Fault(
        Errc::unsupported,
        "ECL",
        "character " + std::to_string(at + 1) + " of the expression constraint: concept " +
            std::to_string(id) + " is not in " + index_.version() +
            ", so what it selects is not known; load the edition that has it"
    );
}

Result<ConceptSet> EclEvaluator::node(std::uint32_t at) {
    const ecl::Node& node = constraint_.nodes[at];
    GH_TRY_ASSIGN(ConceptSet set, operand_set(node));
    if (node.member_of) {
        GH_TRY_ASSIGN(set, members(set, node.at));
    }
    if (node.hierarchy != ecl::Hierarchy::self) {
        GH_TRY_ASSIGN(set, along_hierarchy(node, std::move(set)));
    }
    for (const ecl::Filter& filter : node.filters) {
        GH_TRY_ASSIGN(set, filtered(filter, std::move(set)));
    }
    if (node.history != ecl::History::none) {
        GH_TRY_ASSIGN(set, with_history(node, std::move(set)));
    }
    return set;
}

Result<ConceptSet> EclEvaluator::operand_set(const ecl::Node& node) {
    switch (node.kind) {
    case ecl::NodeKind::single: {
        GH_TRY_ASSIGN(ConceptSet set, empty_set());
        GH_TRY_ASSIGN(const std::uint32_t number, concept_at(node.id, node.at));
        set.add(number);
        return set;
    }
    case ecl::NodeKind::any: {
        GH_TRY_ASSIGN(ConceptSet set, empty_set());
        if (node.member_of) {
            for (const RefsetRow& row : index_.refsets()) {
                set.add(row.refset);
            }
            return set;
        }
        bool asks_active = false;
        for (const ecl::Filter& filter : node.filters) {
            for (const ecl::FilterTerm& term : filter.terms) {
                asks_active =
                    asks_active || (filter.on_concept && term.field == ecl::FilterField::active);
            }
        }
        set.add_range(0, asks_active ? index_.count() : index_.active_count());
        return set;
    }
    case ecl::NodeKind::all_of:
    case ecl::NodeKind::any_of:
    case ecl::NodeKind::minus: return compound(node);
    case ecl::NodeKind::refined: {
        GH_TRY_ASSIGN(const ConceptSet focus, this->node(node.operands.front()));
        return refine(focus, node.refinement);
    }
    case ecl::NodeKind::dotted: return dotted(node);
    }
    return Fault(Errc::internal, "ECL", "unknown node");
}

Result<ConceptSet> EclEvaluator::compound(const ecl::Node& node) {
    GH_TRY_ASSIGN(ConceptSet set, this->node(node.operands.front()));
    for (std::size_t i = 1; i < node.operands.size(); ++i) {
        GH_TRY_ASSIGN(const ConceptSet other, this->node(node.operands[i]));
        GH_TRY(spend(index_.count() / 64 + 1));
        if (node.kind == ecl::NodeKind::all_of) {
            set &= other;
        } else if (node.kind == ecl::NodeKind::any_of) {
            set |= other;
        } else {
            set -= other;
        }
    }
    return set;
}

Result<ConceptSet> EclEvaluator::dotted(const ecl::Node& node) {
    GH_TRY_ASSIGN(ConceptSet set, this->node(node.operands.front()));
    for (std::size_t i = 1; i < node.operands.size(); ++i) {
        GH_TRY_ASSIGN(const ConceptSet names, this->node(node.operands[i]));
        GH_TRY_ASSIGN(ConceptSet next, empty_set());
        std::uint64_t work = 0;
        set.for_each([&](std::uint32_t number) {
            const auto rows = index_.attributes(number);
            work += rows.size() + 1;
            for (const AttributeRow& row : rows) {
                if (row.kind == static_cast<std::uint16_t>(AttributeKind::concept_value) &&
                    names.contains(row.type)) {
                    next.add(row.value);
                }
            }
            return work <= budget_.left;
        });
        GH_TRY(spend(work));
        set = std::move(next);
    }
    return set;
}

Result<ConceptSet> EclEvaluator::members(const ConceptSet& refsets, std::size_t at) {
    GH_TRY_ASSIGN(ConceptSet set, empty_set());
    std::uint64_t work = 0;
    bool any = false;
    refsets.for_each([&](std::uint32_t refset) {
        any = any || index_.is_refset(refset);
        for (const std::uint32_t member : index_.members(refset)) {
            set.add(member);
            ++work;
        }
    });
    if (!any && refsets.count() == 1) {
        // One reference set by name that has no members here: not released with this content.
        return Fault(
            Errc::unsupported,
            "ECL",
            "character " + std::to_string(at + 1) +
                " of the expression constraint: this reference set has no members in " +
                index_.version() + "; load the release that has it"
        );
    }
    GH_TRY(spend(work));
    return set;
}

Result<ConceptSet> EclEvaluator::along_hierarchy(const ecl::Node& node, ConceptSet from) {
    using ecl::Hierarchy;
    const Hierarchy direction = node.hierarchy;
    if (direction == Hierarchy::top || direction == Hierarchy::bottom) {
        return extremes(from, direction == Hierarchy::top);
    }
    // "< *" and the like: all that have a parent, or a child.
    GH_TRY_ASSIGN(ConceptSet set, empty_set());
    const bool with_self =
        direction == Hierarchy::descendants_or_self || direction == Hierarchy::children_or_self ||
        direction == Hierarchy::ancestors_or_self || direction == Hierarchy::parents_or_self;
    const bool down =
        direction == Hierarchy::descendants || direction == Hierarchy::descendants_or_self;
    const bool up = direction == Hierarchy::ancestors || direction == Hierarchy::ancestors_or_self;
    const bool to_children =
        direction == Hierarchy::children || direction == Hierarchy::children_or_self;
    std::uint64_t work = 0;
    if (up) {
        std::vector<std::uint32_t> open;
        from.for_each([&](std::uint32_t number) { open.push_back(number); });
        while (!open.empty()) {
            const std::uint32_t at = open.back();
            open.pop_back();
            for (const std::uint32_t parent : index_.parents(at)) {
                if (!set.contains(parent)) {
                    set.add(parent);
                    open.push_back(parent);
                }
            }
            ++work;
        }
    } else if (down) {
        // Whoever is already below one of the set adds nothing that its ancestor did not.
        ConceptSet covered(index_.count());
        from.for_each([&](std::uint32_t number) {
            ++work;
            if (covered.contains(number)) {
                return;
            }
            for (const IntervalRow& row : index_.intervals(number)) {
                covered.add_range(row.first, row.last + 1);
                work += 1 + (row.last - row.first) / 64;
            }
            if (number >= index_.active_count()) {
                covered.add(number);
            }
        });
        set = std::move(covered);
        if (!with_self) {
            // A concept of `from` stays if it is below another one: its parents then are in the
            // set.
            ConceptSet kept = set;
            from.for_each([&](std::uint32_t number) {
                bool below_another = false;
                for (const std::uint32_t parent : index_.parents(number)) {
                    below_another = below_another || set.contains(parent);
                    ++work;
                }
                if (!below_another) {
                    kept.remove(number);
                }
            });
            set = std::move(kept);
        }
    } else {
        from.for_each([&](std::uint32_t number) {
            for (const std::uint32_t other :
                 to_children ? index_.children(number) : index_.parents(number)) {
                set.add(other);
                ++work;
            }
        });
    }
    GH_TRY(spend(work));
    if (with_self) {
        set |= from;
    }
    return set;
}

// Those of the set that have no ancestor (top) or no descendant (bottom) in it.
Result<ConceptSet> EclEvaluator::extremes(const ConceptSet& from, bool top) {
    ecl::Node step;
    step.hierarchy = top ? ecl::Hierarchy::descendants : ecl::Hierarchy::ancestors;
    GH_TRY_ASSIGN(const ConceptSet covered, along_hierarchy(step, from));
    ConceptSet set = from;
    set -= covered;
    return set;
}

// Inactive concepts whose historical association points into the set (ECL 2.0 §6.11).
Result<ConceptSet> EclEvaluator::with_history(const ecl::Node& node, ConceptSet set) {
    GH_TRY_ASSIGN(ConceptSet refsets, empty_set());
    const auto name = [&](Sctid id) {
        if (const auto number = index_.find(id)) {
            refsets.add(*number);
        }
    };
    switch (node.history) {
    case ecl::History::moderate:
        name(replaced_by_refset);
        name(was_a_refset);
        name(partially_equivalent_refset);
        [[fallthrough]];
    case ecl::History::minimum: name(same_as_refset); break;
    case ecl::History::subset: {
        GH_TRY_ASSIGN(refsets, this->node(node.history_subset));
        break;
    }
    default:
        for (const AssociationRow& row : index_.associations()) {
            refsets.add(row.refset);
        }
        break;
    }
    if (index_.associations().empty()) {
        return Fault(
            Errc::unsupported,
            "ECL",
            "a history supplement needs the association reference sets, which this index was "
            "built without"
        );
    }
    GH_TRY(spend(index_.associations().size()));
    const ConceptSet targets = set;
    for (const AssociationRow& row : index_.associations()) {
        if (targets.contains(row.target) && refsets.contains(row.refset)) {
            set.add(row.source);
        }
    }
    return set;
}

}  // namespace gatehouse::fhir::snomed
