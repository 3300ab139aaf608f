// SPDX-License-Identifier: Apache-2.0
//
// Before a search is written: its bounds, which modifier fits which parameter, and composites as
// groups of what they consist of.

#include <algorithm>

#include "gateway/store/search_compiler.hpp"

namespace gatehouse::gateway {

using fhir::SearchType;
using Field = SearchClause::Field;

namespace {

Fault too_many(std::size_t limit, std::string_view what) {
    return {
        Errc::too_many,
        "store.search",
        "a search may have at most " + std::to_string(limit) + " " + std::string(what) +
            "; ask in several searches"};
}

Fault does_not_fit(const SearchClause& clause) {
    return {
        Errc::unsupported,
        "store.search",
        "this modifier cannot be used with parameter " + clause.parameter->code};
}

bool fits(SearchModifier modifier, SearchType type) {
    switch (modifier) {
    case SearchModifier::none:
    case SearchModifier::missing: return true;
    case SearchModifier::exact:
    case SearchModifier::equals: return type == SearchType::string;
    case SearchModifier::unequal:
        return type == SearchType::string || type == SearchType::token || type == SearchType::uri ||
               type == SearchType::reference;
    case SearchModifier::contains:
    case SearchModifier::ends: return type == SearchType::string || type == SearchType::uri;
    case SearchModifier::above:
    case SearchModifier::below: return type == SearchType::uri || type == SearchType::reference;
    case SearchModifier::starts: return type == SearchType::uri;
    case SearchModifier::text:
    case SearchModifier::not_:
    case SearchModifier::in_set:
    case SearchModifier::not_in_set:
    case SearchModifier::of_type: return type == SearchType::token;
    case SearchModifier::type:
    case SearchModifier::identifier: return type == SearchType::reference;
    case SearchModifier::listed: return false;  // no modifier of a parameter
    }
    return false;
}

}  // namespace

SearchCompiler::SearchCompiler(const SearchQuery& query, Dialect dialect, Way way)
    : query_(query), dialect_(dialect), way_(way), types_(query.types) {
    if (types_.empty()) {
        types_.push_back(query.type);
    }
}

Result<void> SearchCompiler::check_all() {
    const bool holders = query_.contained != SearchContained::no && !query_.contained_alone;
    for (const SearchSort& sort : query_.sort) {
        if (holders && sort.parameter != nullptr) {
            return Fault(
                Errc::unsupported,
                "store.search",
                "records found by what they contain can be sorted by _id and _lastUpdated alone; "
                "_containedType=contained yields resources that have parameter " +
                    sort.parameter->code
            );
        }
    }
    return check(query_.all_of, 0, 0);
}

Result<void> SearchCompiler::check(
    const std::vector<SearchClause>& clauses, std::size_t hop, std::size_t depth
) {
    if (hop > search_hops_max && !clauses.empty()) {
        return Fault(
            Errc::too_many,
            "store.search",
            "a chain may have at most " + std::to_string(search_hops_max) + " hops"
        );
    }
    if (depth > search_depth_max) {
        return too_many(search_depth_max, "groups inside each other");
    }
    for (const SearchClause& clause : clauses) {
        values_ += clause.any_of.size();
        if (values_ > search_values_max) {
            return too_many(search_values_max, "values");
        }
        if (++clauses_ > search_clauses_max) {
            return too_many(search_clauses_max, "conditions");
        }
        for (const SearchCodes& set : clause.sets) {
            codes_ += set.codes.size();
        }
        if (codes_ > search_codes_max) {
            return too_many(search_codes_max, "codes from value sets and hierarchies");
        }
        GH_TRY(check_one(clause));
        GH_TRY(check(clause.chained, hop + 1, depth));
        GH_TRY(check(clause.members, hop, depth + 1));
    }
    return {};
}

Result<void> SearchCompiler::check_one(const SearchClause& clause) const {
    switch (clause.field) {
    case Field::all:
    case Field::any:
    case Field::none:
        if (clause.members.empty()) {
            return Fault(Errc::invalid, "store.search", "a group has no conditions");
        }
        return {};
    case Field::linked:
        if (clause.links.empty() || clause.any_of.empty()) {
            return Fault(Errc::invalid, "store.search", "a compartment has no parameters");
        }
        return {};
    case Field::has:
        GH_ASSERT(clause.parameter != nullptr);
        if (clause.parameter->type != SearchType::reference || clause.chained.empty() ||
            clause.target_types.empty()) {
            return Fault(
                Errc::invalid, "store.search", "_has needs a reference parameter and a condition"
            );
        }
        return {};
    case Field::id:
    case Field::last_updated:
        if (clause.modifier != SearchModifier::none && clause.modifier != SearchModifier::missing) {
            return Fault(
                Errc::unsupported,
                "store.search",
                search_detail::clause_name(clause) + " takes no such modifier"
            );
        }
        if (clause.any_of.empty()) {
            return Fault(
                Errc::invalid, "store.search", search_detail::clause_name(clause) + " has no value"
            );
        }
        return {};
    case Field::parameter: break;
    }
    GH_ASSERT(clause.parameter != nullptr);
    const SearchType type = clause.parameter->type;
    IndexTable table{};
    if (!index_table(*clause.parameter, table)) {
        return Fault(
            Errc::unsupported,
            "store.search",
            "parameter " + clause.parameter->code + " is of a kind that cannot be searched"
        );
    }
    if (!fits(clause.modifier, type) ||
        (!clause.chained.empty() && type != SearchType::reference)) {
        return does_not_fit(clause);
    }
    const bool by_set =
        clause.modifier == SearchModifier::in_set || clause.modifier == SearchModifier::not_in_set;
    if (clause.any_of.empty() && clause.chained.empty() && !by_set) {
        return Fault(
            Errc::invalid, "store.search", search_detail::clause_name(clause) + " has no value"
        );
    }
    if (type == SearchType::composite && clause.modifier == SearchModifier::none) {
        for (const SearchValue& value : clause.any_of) {
            if (value.components.size() != clause.parameter->components.size()) {
                return Fault(
                    Errc::invalid,
                    "store.search",
                    clause.parameter->code + " takes " +
                        std::to_string(clause.parameter->components.size()) +
                        " values joined by '$'"
                );
            }
        }
    }
    return {};
}

std::vector<SearchClause>
SearchCompiler::lower(const std::vector<SearchClause>& clauses, const Types& types) {
    std::vector<SearchClause> lowered;
    lowered.reserve(clauses.size());
    for (const SearchClause& clause : clauses) {
        const Types& about = clause.types.empty() ? types : clause.types;
        if (clause.field == Field::parameter && clause.parameter->type == SearchType::composite) {
            lowered.push_back(lower_composite(clause, about));
            continue;
        }
        SearchClause& made = lowered.emplace_back(clause);
        made.members = lower(clause.members, about);
        made.chained = lower(
            clause.chained,
            clause.target_types.empty() && clause.parameter != nullptr ? clause.parameter->targets
                                                                       : clause.target_types
        );
        // Numbers in base units have rows of their own.
        if (clause.field == Field::parameter && clause.parameter->type == SearchType::quantity) {
            const auto in_base = [](const SearchValue& value) { return !value.base_unit.empty(); };
            if (std::ranges::any_of(clause.any_of, in_base) &&
                !std::ranges::all_of(clause.any_of, in_base)) {
                SearchClause others = made;
                std::erase_if(made.any_of, std::not_fn(in_base));
                std::erase_if(others.any_of, in_base);
                SearchClause either;
                either.field = Field::any;
                either.types = clause.types;
                either.members = {std::move(made), std::move(others)};
                lowered.back() = std::move(either);
            }
        }
    }
    return lowered;
}

// What a composite is about is elements with an index of their own, or the resource itself: then
// the parameters that define its components have the rows already.
SearchClause SearchCompiler::lower_composite(const SearchClause& clause, const Types& types) {
    SearchClause either;
    either.field = Field::any;
    either.types = clause.types;
    const fhir::SearchParameter& composite = *clause.parameter;
    for (const fhir::CompositePart& part : composite.parts) {
        if (std::ranges::find(types, part.type) == types.end()) {
            continue;
        }
        SearchClause items = clause;
        items.types = {part.type};
        if (!part.rows.empty()) {
            items.links = {{part.type, part.rows}};
            either.members.push_back(std::move(items));
            continue;
        }
        const std::size_t alternatives =
            clause.modifier == SearchModifier::missing ? 1 : clause.any_of.size();
        for (std::size_t i = 0; i < alternatives; ++i) {
            SearchClause together;
            together.field = Field::all;
            together.types = {part.type};
            for (std::size_t c = 0; c < composite.components.size(); ++c) {
                SearchClause& one = together.members.emplace_back();
                one.parameter = part.own[c];
                one.modifier = clause.modifier;
                if (clause.modifier == SearchModifier::missing) {
                    one.any_of.emplace_back();
                } else {
                    one.any_of = {clause.any_of[i].components[c]};
                }
            }
            either.members.push_back(std::move(together));
        }
    }
    if (clause.modifier == SearchModifier::missing) {
        for (SearchClause& member : either.members) {
            if (member.field == Field::parameter) {
                member.any_of.front().truth = false;
            }
        }
        if (clause.any_of.front().truth) {
            either.field = Field::none;
        }
    }
    if (either.members.empty()) {
        // None of these types has it: no resource matches.
        SearchClause& nothing = either.members.emplace_back();
        nothing.field = Field::last_updated;
        nothing.modifier = SearchModifier::missing;
        nothing.any_of.emplace_back().truth = true;
    }
    return either;
}

}  // namespace gatehouse::gateway
