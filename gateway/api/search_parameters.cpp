// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/search_parameters.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/api/issues.hpp"
#include "gateway/http/message.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;
using fhir::SearchParameter;
using fhir::SearchType;

// Splits at an unescaped separator; "\," "\|" "\$" "\\" stay escaped for the next level.
std::vector<std::string_view> split_unescaped(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == separator) {
            parts.push_back(text.substr(start, i - start));
            start = i + 1;
        }
    }
    parts.push_back(text.substr(start));
    return parts;
}

std::string unescape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            ++i;
        }
        out.push_back(text[i]);
    }
    return out;
}

class Parser {
public:
    Parser(const fhir::Engine& engine, const SearchLimits& limits, fhir::Issues& issues)
        : engine_(engine), limits_(limits), issues_(issues) {}

    // One filter parameter. False: refused (an issue says why) or, where `ignorable`, passed over.
    bool clause(
        const std::string& type, std::string_view name, std::string_view value, SearchClause& out
    );
    bool sort(const std::string& type, std::string_view value, std::vector<SearchSort>& out);
    bool ignorable = false;  // the failure was an unknown or unsupported parameter

private:
    bool fail(std::string_view parameter, std::string text, IssueType type = IssueType::value) {
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
    bool modifier(
        const SearchParameter* parameter,
        std::string_view name,
        std::string_view word,
        SearchClause& out
    );
    bool chain(
        const std::string& type,
        std::string_view name,
        std::string_view rest,
        std::string_view value,
        std::string_view target,
        SearchClause& out
    );
    bool values(std::string_view name, std::string_view text, SearchClause& out);
    bool value(
        std::string_view name,
        std::string_view text,
        SearchType type,
        SearchClause& clause,
        SearchValue& out
    );
    bool date(std::string_view name, std::string_view text, SearchValue& out);
    bool number(std::string_view name, std::string_view text, SearchValue& out);
    void token(std::string_view text, SearchValue& out);
    void reference(std::string_view text, SearchValue& out);

    const fhir::Engine& engine_;
    const SearchLimits& limits_;
    fhir::Issues& issues_;
    std::size_t depth_ = 0;
};

bool Parser::modifier(
    const SearchParameter* parameter,
    std::string_view name,
    std::string_view word,
    SearchClause& out
) {
    const SearchType type = parameter != nullptr ? parameter->type : SearchType::token;
    if (word == "missing") {
        out.modifier = SearchModifier::missing;
        return true;
    }
    if (type == SearchType::string && (word == "exact" || word == "contains")) {
        out.modifier = word == "exact" ? SearchModifier::exact : SearchModifier::contains;
        return true;
    }
    if (type == SearchType::token && word == "not") {
        out.modifier = SearchModifier::not_;
        return true;
    }
    if (type == SearchType::reference && word == "identifier") {
        out.modifier = SearchModifier::identifier;
        return true;
    }
    if (type == SearchType::reference && !word.empty() && word[0] >= 'A' && word[0] <= 'Z') {
        if (!parameter->targets.empty() &&
            std::find(parameter->targets.begin(), parameter->targets.end(), word) ==
                parameter->targets.end()) {
            return fail(name, "it cannot refer to a " + std::string(word) + ".");
        }
        out.modifier = SearchModifier::type;
        return true;
    }
    return fail(
        name,
        "modifier ':" + std::string(word.substr(0, 40)) + "' is not supported on a " +
            to_string(type) +
            " parameter. Supported: :missing; string :exact, :contains; token :not; reference "
            ":identifier, :[type].",
        IssueType::not_supported
    );
}

bool Parser::clause(
    const std::string& type, std::string_view name, std::string_view value_text, SearchClause& out
) {
    const auto dot = name.find('.');
    const std::string_view first = name.substr(0, dot);
    const auto colon = first.find(':');
    const std::string_view code = first.substr(0, colon);
    const std::string_view word =
        colon == std::string_view::npos ? std::string_view{} : first.substr(colon + 1);

    if (code == "_id" || code == "_lastUpdated") {
        if (!word.empty() || dot != std::string_view::npos) {
            return fail(name, "no modifier or chain is supported here.", IssueType::not_supported);
        }
        out.field = code == "_id" ? SearchClause::Field::id : SearchClause::Field::last_updated;
        return values(name, value_text, out);
    }
    const SearchParameter* parameter = engine_.search()->find(type, code);
    if (parameter == nullptr) {
        return fail(
            name,
            type + " has no search parameter '" + std::string(code.substr(0, 64)) +
                "' here. The ones it has are in /metadata.",
            IssueType::not_supported
        );
    }
    if (!parameter->searchable) {
        return fail(
            name,
            std::string(to_string(parameter->type)) + " parameters are not supported yet.",
            IssueType::not_supported
        );
    }
    out.parameter = parameter;
    if (dot != std::string_view::npos) {
        if (parameter->type != SearchType::reference) {
            return fail(
                name,
                "only a reference parameter can be chained; this one is a " +
                    std::string(to_string(parameter->type)) + "."
            );
        }
        return chain(type, name, name.substr(dot + 1), value_text, word, out);
    }
    if (!word.empty() && !modifier(parameter, name, word, out)) {
        return false;
    }
    if (!values(name, value_text, out)) {
        return false;
    }
    if (out.modifier == SearchModifier::type) {
        for (SearchValue& each : out.any_of) {
            if (!each.type.empty() && each.type != word) {
                return fail(
                    name,
                    "the value names a " + each.type + " but the modifier a " + std::string(word) +
                        "."
                );
            }
            each.type = word;
        }
    }
    return true;
}

bool Parser::chain(
    const std::string&,
    std::string_view name,
    std::string_view rest,
    std::string_view value_text,
    std::string_view target,
    SearchClause& out
) {
    if (++depth_ > search_hops_max) {
        return fail(
            name,
            "a chain over more than four references is not supported.",
            IssueType::not_supported
        );
    }
    const std::string_view code = rest.substr(0, rest.find_first_of(":."));
    std::vector<std::string> candidates;
    if (!target.empty()) {
        candidates.emplace_back(target);
    } else {
        candidates = out.parameter->targets;
    }
    // The store finds a chained parameter by type and code, so types whose parameter of that name
    // is of one kind can be searched at once.
    std::vector<std::string> fitting;
    const SearchParameter* shared = nullptr;
    bool ambiguous = false;
    for (const std::string& candidate : candidates) {
        const SearchParameter* parameter = engine_.search()->find(candidate, code);
        if (code != "_id" && parameter == nullptr) {
            continue;
        }
        ambiguous = ambiguous ||
                    (!fitting.empty() && parameter != nullptr && parameter->type != shared->type);
        shared = parameter;
        fitting.push_back(candidate);
    }
    if (fitting.empty()) {
        return fail(
            name,
            "no type it refers to has a parameter '" + std::string(code) + "'.",
            IssueType::not_supported
        );
    }
    if (ambiguous) {
        std::string list;
        for (const std::string& each : fitting) {
            list += (list.empty() ? "" : ", ") + each;
        }
        return fail(
            name,
            "several types it can refer to have a parameter of that name (" + list +
                "). Name one: " + out.parameter->code + ":" + fitting.front() + "." +
                std::string(rest) + "."
        );
    }
    SearchClause inner;
    if (!clause(fitting.front(), rest, value_text, inner)) {
        return false;
    }
    out.target_types = std::move(fitting);
    out.chained.push_back(std::move(inner));
    return true;
}

bool Parser::values(std::string_view name, std::string_view text, SearchClause& out) {
    const SearchType type = out.field == SearchClause::Field::last_updated ? SearchType::date
                            : out.field == SearchClause::Field::id         ? SearchType::token
                                                                           : out.parameter->type;
    const auto parts = split_unescaped(text, ',');
    if (parts.size() > limits_.values_max) {
        return fail(
            name,
            "more than " + std::to_string(limits_.values_max) +
                " alternatives. Ask in several searches."
        );
    }
    for (const std::string_view part : parts) {
        if (part.empty()) {
            return fail(name, "a value is empty. Leave the parameter out to search without it.");
        }
        SearchValue value_out;
        if (!value(name, part, type, out, value_out)) {
            return false;
        }
        out.any_of.push_back(std::move(value_out));
    }
    return true;
}

bool Parser::value(
    std::string_view name,
    std::string_view text,
    SearchType type,
    SearchClause& clause,
    SearchValue& out
) {
    if (clause.modifier == SearchModifier::missing) {
        if (text != "true" && text != "false") {
            return fail(name, ":missing takes true or false.");
        }
        out.truth = text == "true";
        return true;
    }
    if (clause.field == SearchClause::Field::id) {
        out.value = unescape(text);
        return true;
    }
    switch (type) {
    case SearchType::token: token(text, out); return true;
    case SearchType::reference:
        if (clause.modifier == SearchModifier::identifier) {
            token(text, out);
        } else {
            reference(text, out);
        }
        return true;
    case SearchType::date: return date(name, text, out);
    case SearchType::string:
        out.value =
            clause.modifier == SearchModifier::exact ? unescape(text) : fhir::fold(unescape(text));
        if (out.value.empty()) {
            return fail(
                name, "nothing is left of the value once case, accents and punctuation are folded."
            );
        }
        return true;
    case SearchType::uri: out.value = unescape(text); return true;
    case SearchType::number: return number(name, text, out);
    case SearchType::quantity: {
        // [prefix]number|system|code, or [prefix]number||unit
        const auto parts = split_unescaped(text, '|');
        if (parts.size() != 1 && parts.size() != 3) {
            return fail(name, "a quantity is number, number|system|code or number||unit.");
        }
        if (parts.size() == 3) {
            out.has_system = !parts[1].empty();
            out.system = unescape(parts[1]);
            out.code = unescape(parts[2]);
        }
        return number(name, parts[0], out);
    }
    case SearchType::composite:
    case SearchType::special: break;
    }
    return fail(
        name,
        std::string(to_string(type)) + " parameters are not supported yet.",
        IssueType::not_supported
    );
}

void Parser::token(std::string_view text, SearchValue& out) {
    const auto parts = split_unescaped(text, '|');
    if (parts.size() == 1) {
        out.value = unescape(text);
        return;
    }
    out.has_system = true;
    out.system = unescape(parts[0]);
    out.value = unescape(parts[1]);
}

void Parser::reference(std::string_view text, SearchValue& out) {
    std::string plain = unescape(text);
    const std::string& base = limits_.base;
    if (!base.empty() && plain.size() > base.size() + 1 &&
        plain.compare(0, base.size(), base) == 0 && plain[base.size()] == '/') {
        plain.erase(0, base.size() + 1);
    }
    const bool absolute =
        plain.find("://") != std::string::npos || plain.compare(0, 4, "urn:") == 0;
    const auto slash = plain.find('/');
    if (!absolute && slash != std::string::npos) {
        out.type = plain.substr(0, slash);
        out.value = plain.substr(slash + 1);
        // "Patient/1/_history/2": references are indexed by id.
        out.value = out.value.substr(0, out.value.find('/'));
        return;
    }
    out.value = std::move(plain);
}

// Takes a comparison prefix off the front of `text`.
SearchPrefix take_prefix(std::string_view& text) {
    static constexpr std::pair<std::string_view, SearchPrefix> prefixes[] = {
        {"eq", SearchPrefix::eq},
        {"ne", SearchPrefix::ne},
        {"gt", SearchPrefix::gt},
        {"lt", SearchPrefix::lt},
        {"ge", SearchPrefix::ge},
        {"le", SearchPrefix::le},
        {"sa", SearchPrefix::sa},
        {"eb", SearchPrefix::eb},
        {"ap", SearchPrefix::ap},
    };
    for (const auto& [word, prefix] : prefixes) {
        if (text.substr(0, 2) == word) {
            text.remove_prefix(2);
            return prefix;
        }
    }
    return SearchPrefix::eq;
}

bool Parser::number(std::string_view name, std::string_view text, SearchValue& out) {
    out.prefix = take_prefix(text);
    double value = 0;
    double low = 0;
    double high = 0;
    if (!fhir::number_range(text, value, low, high)) {
        return fail(
            name,
            "a decimal number is wanted, with an optional prefix (eq, ne, gt, lt, ge, le, sa, eb, "
            "ap)."
        );
    }
    out.value = text;
    return true;
}

bool Parser::date(std::string_view name, std::string_view text, SearchValue& out) {
    out.prefix = take_prefix(text);
    // A '+' of a zone offset that was not escaped has become a space.
    std::string plain = unescape(text);
    std::replace(plain.begin(), plain.end(), ' ', '+');
    if (!fhir::date_range(plain, out.low, out.high)) {
        return fail(
            name,
            "a date is wanted: an optional prefix (eq, ne, gt, lt, ge, le, sa, eb, ap), then YYYY, "
            "YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss] with or without a zone."
        );
    }
    if (out.prefix == SearchPrefix::ap) {
        // About: a tenth of the distance from now either way, at least a day (FHIR R4 §3.1.1.4.6).
        constexpr std::int64_t day = 86'400LL * 1'000'000;
        const std::int64_t distance =
            limits_.now > out.low ? limits_.now - out.low : out.low - limits_.now;
        const std::int64_t margin = std::max(day, distance / 10);
        out.low -= margin;
        out.high += margin;
    }
    return true;
}

bool Parser::sort(
    const std::string& type, std::string_view value_text, std::vector<SearchSort>& out
) {
    for (std::string_view key : split_unescaped(value_text, ',')) {
        SearchSort sort;
        if (!key.empty() && key[0] == '-') {
            sort.descending = true;
            key.remove_prefix(1);
        }
        if (key == "_id") {
            sort.by_id = true;
        } else if (key != "_lastUpdated") {
            sort.parameter = engine_.search()->find(type, key);
            if (sort.parameter == nullptr) {
                return fail(
                    "_sort",
                    type + " has no search parameter '" + std::string(key.substr(0, 64)) + "'.",
                    IssueType::not_supported
                );
            }
            if (sort.parameter->type != SearchType::date &&
                sort.parameter->type != SearchType::string &&
                sort.parameter->type != SearchType::token) {
                return fail(
                    "_sort",
                    "sorting by a " + std::string(to_string(sort.parameter->type)) +
                        " parameter is not supported yet.",
                    IssueType::not_supported
                );
            }
        }
        out.push_back(sort);
    }
    if (out.size() > 3) {
        return fail("_sort", "more than three keys are not supported.", IssueType::not_supported);
    }
    return true;
}

bool whole_number(std::string_view text, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

ParsedSearch parse_search(
    const std::string& type,
    const std::vector<std::pair<std::string, std::string>>& parameters,
    const fhir::Engine& engine,
    const SearchLimits& limits
) {
    ParsedSearch out;
    SearchQuery& query = out.query;
    query.type = type;
    query.count = limits.page_default;
    const auto refuse = [&](fhir::IssueType issue_type, std::string text) {
        out.issues.push_back(
            request_issue(issue_type, "search-parameter", std::move(text), {}, "INVALID_PARAMETER")
        );
    };
    if (parameters.size() > limits.parameters_max) {
        refuse(
            IssueType::too_costly,
            "More than " + std::to_string(limits.parameters_max) +
                " search parameters. Ask in several searches."
        );
        return out;
    }
    for (const auto& [name, value] : parameters) {
        if (name == "_format" || name == "_pretty") {
            continue;
        }
        if (name == "_elements" || (name == "_summary" && value != "count" && value != "false")) {
            out.used.emplace_back(name, value);  // how much of each match: done at the exit
            continue;
        }
        if (name == "_count") {
            if (!whole_number(value, query.count)) {
                refuse(IssueType::value, "_count takes a whole number.");
            }
            // Zero asks for the total alone; more than we give is lowered, as the specification
            // allows.
            query.count_only = query.count_only || query.count == 0;
            query.count = std::clamp(query.count, 1U, limits.page_max);
            continue;
        }
        if (name == "_summary") {
            if (value == "count") {
                query.count_only = true;
            } else if (value != "false") {
                refuse(
                    IssueType::not_supported,
                    "_summary=" + value.substr(0, 20) +
                        " is not supported yet; count and false are."
                );
            }
            continue;
        }
        if (name == "_total") {
            if (value != "none" && value != "accurate" && value != "estimate") {
                refuse(IssueType::value, "_total takes none, estimate or accurate.");
            }
            query.want_total = value != "none";
            continue;
        }
        if (name == "_page") {
            query.after = value;
            continue;
        }
        Parser parser(engine, limits, out.issues);
        bool good = false;
        if (name == "_sort") {
            good = parser.sort(type, value, query.sort);
        } else if (!name.empty() && name[0] == '_' && name != "_id" && name != "_lastUpdated" &&
                   engine.search()->find(type, name.substr(0, name.find(':'))) == nullptr) {
            refuse(
                IssueType::not_supported,
                "Parameter '" + name.substr(0, 64) + "' is not supported here."
            );
            parser.ignorable = true;
        } else if (value.empty()) {
            refuse(IssueType::value, "Search parameter '" + name.substr(0, 64) + "' has no value.");
        } else {
            SearchClause clause;
            good = parser.clause(type, name, value, clause);
            if (good) {
                query.all_of.push_back(std::move(clause));
            }
        }
        if (good) {
            out.used.emplace_back(name, value);
        } else if (limits.lenient && parser.ignorable && !out.issues.empty()) {
            out.issues.back().severity = fhir::Severity::warning;
            out.issues.back().diagnostics += " It was ignored, as Prefer: handling=lenient asks.";
        }
    }
    return out;
}

ParsedSearch parse_condition(
    const std::string& type,
    std::string_view text,
    const fhir::Engine& engine,
    const SearchLimits& limits
) {
    ParsedSearch out;
    const auto mark = text.find('?');
    if (mark != std::string_view::npos) {
        const std::string_view named = text.substr(0, mark);
        if (!named.empty() && named != type) {
            out.issues.push_back(request_issue(
                IssueType::value,
                "condition",
                "The condition searches another type than " + type + "."
            ));
            return out;
        }
        text.remove_prefix(mark + 1);
    }
    std::vector<std::pair<std::string, std::string>> parameters;
    if (!parse_query(text, parameters)) {
        out.issues.push_back(request_issue(
            IssueType::invalid, "condition", "The condition has a malformed percent escape."
        ));
        return out;
    }
    SearchLimits strict = limits;
    strict.lenient = false;
    out = parse_search(type, parameters, engine, strict);
    if (out.issues.empty() && out.query.all_of.empty()) {
        // Without a criterion it would match everything.
        out.issues.push_back(request_issue(
            IssueType::required, "condition", "The condition names no search parameter."
        ));
    }
    return out;
}

}  // namespace gatehouse::gateway
