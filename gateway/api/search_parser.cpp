// SPDX-License-Identifier: Apache-2.0

#include "gateway/api/search_parser.hpp"

#include <algorithm>

#include "gateway/api/issues.hpp"

namespace gatehouse::gateway {

using fhir::IssueType;
using fhir::SearchParameter;
using fhir::SearchType;
using Field = SearchClause::Field;

namespace {

std::string shown(std::string_view text) {
    return "'" + std::string(text.substr(0, 64)) + "'";
}

std::string listed(const SearchParser::Types& types) {
    constexpr std::size_t enough = 5;
    std::string out;
    for (std::size_t i = 0; i < types.size() && i < enough; ++i) {
        out += (i == 0 ? "" : ", ") + types[i];
    }
    return types.size() > enough ? out + ", ..." : out;
}

// What every type has, beside its parameters.
bool is_common(std::string_view code) {
    return code == "_id" || code == "_lastUpdated" || code == "_has" || code == "_list";
}

// Known to the specification and off here, with the reason.
std::string_view off(std::string_view code) {
    if (code == "_text" || code == "_content") {
        return "searching the whole text of a record is off here. Search a string parameter, with "
               ":contains for a part of it.";
    }
    if (code == "_query") {
        return "named queries are off here. Write the search out in its parameters.";
    }
    return {};
}

}  // namespace

bool SearchParser::fail(std::string_view parameter, std::string text, IssueType type) {
    ignorable = type == IssueType::not_supported;
    issues_.push_back(request_issue(
        type,
        ignorable ? "search-parameter" : "search-value",
        "Search parameter '" + std::string(parameter.substr(0, 80)) + "': " + text,
        {},
        "INVALID_PARAMETER"
    ));
    return false;
}

void SearchParser::join(std::vector<SearchClause> made, SearchClause& out) {
    if (made.size() == 1) {
        out = std::move(made.front());
        return;
    }
    out = {};
    out.field = Field::any;
    out.members = std::move(made);
}

bool SearchParser::resolve(
    const Types& types, std::string_view name, std::string_view code, std::vector<Group>& out
) {
    Types without;
    for (const std::string& type : types) {
        const SearchParameter* parameter = engine_.search()->find(type, code);
        if (parameter == nullptr) {
            without.push_back(type);
            continue;
        }
        const auto known = std::ranges::find(out, parameter, &Group::parameter);
        (known == out.end() ? out.emplace_back(Group{parameter, {}}) : *known)
            .types.push_back(type);
    }
    if (!without.empty()) {
        return fail(
            name,
            listed(without) + (without.size() == 1 ? " has" : " have") + " no search parameter " +
                shown(code) + " here. The ones there are stand in /metadata.",
            IssueType::not_supported
        );
    }
    for (const Group& group : out) {
        if (!group.parameter->searchable) {
            return fail(
                name,
                std::string(to_string(group.parameter->type)) +
                    " parameters without an expression are off here.",
                IssueType::not_supported
            );
        }
    }
    return true;
}

// Whether a type has what a chain asks of it: the parameter, fit for its modifier, and behind a dot
// at least one target that has the rest. A type that has not takes no part in the chain.
bool SearchParser::leads_on(const std::string& type, std::string_view rest, Seen& seen) {
    const auto dot = rest.find('.');
    const std::string_view first = rest.substr(0, dot);
    const auto colon = first.find(':');
    const std::string_view code = first.substr(0, colon);
    if (is_common(code) || code == "_filter") {
        return true;
    }
    const SearchParameter* parameter = engine_.search()->find(type, code);
    if (parameter == nullptr) {
        return false;
    }
    const std::string_view word =
        colon == std::string_view::npos ? std::string_view{} : first.substr(colon + 1);
    if (dot == std::string_view::npos) {
        if (word.empty()) {
            return true;
        }
        const std::size_t issues = issues_.size();
        const bool was_ignorable = ignorable;
        SearchClause unused;
        const bool fits = modifier(*parameter, code, word, unused);
        issues_.resize(issues);
        ignorable = was_ignorable;
        return fits;
    }
    if (parameter->type != SearchType::reference) {
        return false;
    }
    // Asked once for each type and place.
    const std::string_view behind = rest.substr(dot + 1);
    return std::ranges::any_of(parameter->targets, [&](const std::string& target) {
        if (!word.empty() && target != word) {
            return false;
        }
        const auto [known, fresh] = seen.try_emplace({target, behind.size()}, false);
        if (fresh) {
            known->second = leads_on(target, behind, seen);
        }
        return known->second;
    });
}

bool SearchParser::targets(
    const SearchParameter& parameter,
    std::string_view name,
    std::string_view wanted_type,
    std::string_view rest,
    Types& out
) {
    if (parameter.type != SearchType::reference) {
        return fail(
            name,
            "only a reference parameter can be chained; " + parameter.code + " is a " +
                std::string(to_string(parameter.type)) + "."
        );
    }
    Seen seen;
    for (const std::string& target : parameter.targets) {
        if ((wanted_type.empty() || target == wanted_type) && leads_on(target, rest, seen)) {
            out.push_back(target);
        }
    }
    const std::string_view next = rest.substr(0, rest.find_first_of(":."));
    if (out.empty()) {
        return fail(
            name,
            (wanted_type.empty() ? "no type that " + parameter.code + " refers to"
                                 : "no " + std::string(wanted_type.substr(0, 64)) + " that " +
                                       parameter.code + " refers to") +
                " has a parameter " + shown(next) + ".",
            IssueType::not_supported
        );
    }
    return true;
}

bool SearchParser::clause(
    const Types& types,
    std::string_view name,
    std::string_view value,
    SearchClause& out,
    std::size_t hop
) {
    if (hop > search_hops_max) {
        return fail(
            name,
            "more than " + std::to_string(search_hops_max) +
                " references in a row are not followed. Search in steps.",
            IssueType::not_supported
        );
    }
    if (name.starts_with("_has:")) {
        return has(types, name, value, out, hop);
    }
    const auto dot = name.find('.');
    const std::string_view first = name.substr(0, dot);
    const std::string_view rest =
        dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
    const auto colon = first.find(':');
    const std::string_view code = first.substr(0, colon);
    const std::string_view word =
        colon == std::string_view::npos ? std::string_view{} : first.substr(colon + 1);
    if (const std::string_view why = off(code); !why.empty()) {
        return fail(name, std::string(why), IssueType::not_supported);
    }
    if (code == "_id" || code == "_lastUpdated") {
        if (!rest.empty()) {
            return fail(name, "it leads nowhere.", IssueType::not_supported);
        }
        return field(code, word, value, out);
    }
    if ((code == "_list" || code == "_filter") && (!word.empty() || !rest.empty())) {
        return fail(name, "it takes no modifier.", IssueType::not_supported);
    }
    if (code == "_list") {
        return list(name, value, out);
    }
    if (code == "_filter") {
        return filter(types, value, out);
    }
    std::vector<Group> groups;
    if (!resolve(types, name, code, groups)) {
        return false;
    }
    std::vector<SearchClause> made(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (!parameter_clause(groups[i], name, word, rest, value, made[i], hop)) {
            return false;
        }
        if (groups.size() > 1) {
            made[i].types = groups[i].types;
        }
    }
    join(std::move(made), out);
    return true;
}

bool SearchParser::field(
    std::string_view name, std::string_view word, std::string_view value, SearchClause& out
) {
    if (!word.empty() && word != "missing") {
        return fail(name, "it takes no modifier but :missing.", IssueType::not_supported);
    }
    out.field = name == "_id" ? Field::id : Field::last_updated;
    out.modifier = word.empty() ? SearchModifier::none : SearchModifier::missing;
    return values(name, value, out);
}

bool SearchParser::parameter_clause(
    const Group& group,
    std::string_view name,
    std::string_view word,
    std::string_view rest,
    std::string_view value,
    SearchClause& out,
    std::size_t hop
) {
    out.parameter = group.parameter;
    if (!rest.empty()) {
        return targets(*group.parameter, name, word, rest, out.target_types) &&
               clause(out.target_types, rest, value, out.chained.emplace_back(), hop + 1);
    }
    if (!word.empty() && !modifier(*group.parameter, name, word, out)) {
        return false;
    }
    if (!values(name, value, out)) {
        return false;
    }
    if (word == "in" || word == "not-in" ||
        (group.parameter->type == SearchType::token && (word == "above" || word == "below"))) {
        return codes(name, word, out);
    }
    if (group.parameter->type == SearchType::reference && (word == "above" || word == "below")) {
        return hierarchy(name, word, out);
    }
    if (out.modifier == SearchModifier::type) {
        for (SearchValue& each : out.any_of) {
            if (!each.type.empty() && each.type != word) {
                return fail(
                    name,
                    "the value names a " + each.type.substr(0, 64) + " but the modifier a " +
                        std::string(word) + "."
                );
            }
            each.type = word;
        }
    }
    return true;
}

bool SearchParser::modifier(
    const SearchParameter& parameter,
    std::string_view name,
    std::string_view word,
    SearchClause& out
) {
    struct Known {
        std::string_view word;
        SearchType type;
        SearchModifier modifier;
    };
    static constexpr Known known[] = {
        {"exact", SearchType::string, SearchModifier::exact},
        {"contains", SearchType::string, SearchModifier::contains},
        {"text", SearchType::token, SearchModifier::text},
        {"not", SearchType::token, SearchModifier::not_},
        {"in", SearchType::token, SearchModifier::in_set},
        {"not-in", SearchType::token, SearchModifier::not_in_set},
        {"above", SearchType::token, SearchModifier::in_set},
        {"below", SearchType::token, SearchModifier::in_set},
        {"of-type", SearchType::token, SearchModifier::of_type},
        {"above", SearchType::uri, SearchModifier::above},
        {"below", SearchType::uri, SearchModifier::below},
        {"identifier", SearchType::reference, SearchModifier::identifier},
        {"above", SearchType::reference, SearchModifier::above},
        {"below", SearchType::reference, SearchModifier::below},
    };
    if (word == "missing") {
        out.modifier = SearchModifier::missing;
        return true;
    }
    for (const Known& each : known) {
        if (each.word == word && each.type == parameter.type) {
            out.modifier = each.modifier;
            return true;
        }
    }
    if (parameter.type == SearchType::reference && !word.empty() && word[0] >= 'A' &&
        word[0] <= 'Z') {
        if (std::ranges::find(parameter.targets, word) == parameter.targets.end()) {
            return fail(name, "it cannot refer to a " + std::string(word.substr(0, 64)) + ".");
        }
        out.modifier = SearchModifier::type;
        return true;
    }
    return fail(
        name,
        "modifier " + shown(":" + std::string(word.substr(0, 40))) + " is not offered on a " +
            to_string(parameter.type) +
            " parameter. Offered are :missing; on a string :exact, :contains; on a token :not, "
            ":text, :in, :not-in, :above, :below, :of-type; on a uri :above, :below; on a "
            "reference :identifier, :[type], and where it leads to a hierarchy :above, :below.",
        IssueType::not_supported
    );
}

// What leads from a resource of the type to the one that it is part of; null if nothing does.
const SearchParameter* SearchParser::parent_of(std::string_view type) const {
    for (const char* code : {"partof", "part-of"}) {
        const SearchParameter* parameter = engine_.search()->find(type, code);
        if (parameter != nullptr && parameter->type == SearchType::reference &&
            std::ranges::find(parameter->targets, type) != parameter->targets.end()) {
            return parameter;
        }
    }
    return nullptr;
}

// :above and :below of a reference (FHIR R4 §3.1.1.4.9): through what the targets are part of, or
// the versions of a canonical.
bool SearchParser::hierarchy(std::string_view name, std::string_view word, SearchClause& out) {
    const auto is_url = [](const SearchValue& value) {
        return value.type.empty() && value.value.find(':') != std::string::npos;
    };
    if (std::ranges::any_of(out.any_of, is_url)) {
        if (word == "above") {
            return fail(
                name,
                ":above takes no URL; versions of a canonical are asked for with :below.",
                IssueType::not_supported
            );
        }
        if (!std::ranges::all_of(out.any_of, is_url)) {
            return fail(name, "URLs and references are not mixed with :below.");
        }
        return true;
    }
    for (const std::string& target : out.parameter->targets) {
        const bool meant = std::ranges::any_of(out.any_of, [&](const SearchValue& value) {
            return value.type.empty() || value.type == target;
        });
        if (const SearchParameter* parent = meant ? parent_of(target) : nullptr) {
            out.hierarchy.push_back({target, parent->code});
        }
    }
    const bool all = std::ranges::all_of(out.any_of, [&](const SearchValue& value) {
        return value.type.empty() ||
               std::ranges::find(out.hierarchy, value.type, &SearchLink::type) !=
                   out.hierarchy.end();
    });
    if (out.hierarchy.empty() || !all) {
        return fail(
            name,
            "what it leads to is part of nothing of its kind, so there is nothing :" +
                std::string(word) + " it.",
            IssueType::not_supported
        );
    }
    return true;
}

// _has:[type]:[reference]:[parameter]: a resource of that type refers to this one and has the
// parameter's value.
bool SearchParser::has(
    const Types& types,
    std::string_view name,
    std::string_view value,
    SearchClause& out,
    std::size_t hop
) {
    std::string_view text = name.substr(5);
    const auto type_end = text.find(':');
    const auto code_end =
        type_end == std::string_view::npos ? type_end : text.find(':', type_end + 1);
    if (code_end == std::string_view::npos || code_end + 1 == text.size()) {
        return fail(name, "it is written _has:[type]:[reference parameter]:[parameter]=value.");
    }
    const std::string type(text.substr(0, type_end));
    const std::string_view code = text.substr(type_end + 1, code_end - type_end - 1);
    const SearchParameter* parameter = engine_.search()->find(type, code);
    const bool leads_here =
        parameter != nullptr && parameter->type == SearchType::reference &&
        std::ranges::any_of(types, [&](const std::string& each) {
            return std::ranges::find(parameter->targets, each) != parameter->targets.end();
        });
    if (!leads_here) {
        return fail(
            name,
            shown(type) + " has no reference parameter " + shown(code) + " that leads to " +
                listed(types) + ".",
            IssueType::not_supported
        );
    }
    out.field = Field::has;
    out.parameter = parameter;
    out.target_types = {type};
    return clause({type}, text.substr(code_end + 1), value, out.chained.emplace_back(), hop + 1);
}

// Members of a stored List: _has:List:item:_id in other words.
bool SearchParser::list(std::string_view name, std::string_view text, SearchClause& out) {
    const SearchParameter* item = engine_.search()->find("List", "item");
    if (item == nullptr) {
        return fail(name, "this gateway has no definition of List.", IssueType::not_supported);
    }
    if (text.starts_with("$")) {
        return fail(
            name,
            "functional lists such as $current-problems are off here. Name a stored List by its "
            "id.",
            IssueType::not_supported
        );
    }
    out.field = Field::has;
    out.modifier = SearchModifier::listed;
    out.parameter = item;
    out.target_types = {"List"};
    SearchClause& by_id = out.chained.emplace_back();
    by_id.field = Field::id;
    if (!values(name, text, by_id)) {
        return false;
    }
    for (SearchValue& id : by_id.any_of) {
        if (id.value.starts_with("List/")) {
            id.value.erase(0, 5);
        }
    }
    return true;
}

bool SearchParser::sort(
    const Types& types, std::string_view value_text, std::vector<SearchSort>& out
) {
    constexpr std::size_t keys_max = 5;
    for (std::string_view key : split_unescaped(value_text, ',')) {
        SearchSort sort;
        if (key.starts_with('-')) {
            sort.descending = true;
            key.remove_prefix(1);
        }
        if (key == "_id") {
            sort.by_id = true;
        } else if (key != "_lastUpdated") {
            std::vector<Group> groups;
            if (!resolve(types, "_sort", key, groups)) {
                return false;
            }
            sort.parameter = groups.front().parameter;
            const SearchType type = sort.parameter->type;
            if (type == SearchType::composite || type == SearchType::special ||
                std::ranges::any_of(groups, [&](const Group& group) {
                    return group.parameter->type != type;
                })) {
                return fail(
                    "_sort",
                    "results cannot be put in order by " + shown(key) + ", a " +
                        std::string(to_string(type)) + " parameter.",
                    IssueType::not_supported
                );
            }
        }
        out.push_back(sort);
    }
    if (out.size() > keys_max) {
        return fail(
            "_sort",
            "more than " + std::to_string(keys_max) + " keys are not offered.",
            IssueType::not_supported
        );
    }
    return true;
}

}  // namespace gatehouse::gateway
