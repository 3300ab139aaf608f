// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/search_parameters.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/api/issues.hpp"
#include "gateway/api/search_parser.hpp"
#include "gateway/http/message.hpp"
#include "gateway/store/search_sql.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

bool whole_number(std::string_view text, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

// A search over several types: those that _type names, else all.
bool system_types(
    const std::vector<std::pair<std::string, std::string>>& parameters,
    const fhir::Engine& engine,
    SearchParser::Types& types,
    ParsedSearch& out
) {
    types.clear();
    const auto is_searched = [&](std::string_view type) {
        return engine.search()->find(type, "_id") != nullptr;
    };
    for (const auto& [name, value] : parameters) {
        if (name != "_type") {
            continue;
        }
        for (const std::string_view each : split_unescaped(value, ',')) {
            if (!is_searched(each)) {
                out.issues.push_back(request_issue(
                    IssueType::value,
                    "search-value",
                    "Search parameter '_type': '" + std::string(each.substr(0, 64)) +
                        "' is no resource type here.",
                    {},
                    "INVALID_PARAMETER"
                ));
                return false;
            }
            if (std::find(types.begin(), types.end(), each) == types.end()) {
                types.emplace_back(each);
            }
        }
        out.used.emplace_back(name, value);
    }
    if (types.empty()) {
        types = engine.search()->types();
    }
    return true;
}

// FHIR R4 §3.1.1.5.7.
bool read_contained(std::string_view name, std::string_view value, SearchQuery& query) {
    if (name == "_containedType") {
        query.contained_alone = value == "contained";
        return query.contained_alone || value == "container";
    }
    query.contained = value == "true"   ? SearchContained::only
                      : value == "both" ? SearchContained::both
                                        : SearchContained::no;
    return query.contained != SearchContained::no || value == "false";
}

// A total that nobody asked for is said where it costs little: with more matches only _total gets
// it.
constexpr std::uint64_t total_counted_max = 1'000;

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
    query.total_max = total_counted_max;
    SearchParser::Types types{type};
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
    if (type.empty()) {
        if (!system_types(parameters, engine, types, out)) {
            return out;
        }
        query.types = types;
        query.all_types = out.used.empty();
    }
    for (const auto& [name, value] : parameters) {
        if (type.empty() && name == "_type") {
            continue;
        }
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
            query.total_max = 0;
            continue;
        }
        if (name == "_page") {
            query.after = value;
            continue;
        }
        if (name == "_contained" || name == "_containedType") {
            if (!read_contained(name, value, query)) {
                refuse(
                    IssueType::value,
                    name == "_contained" ? "_contained takes false, true or both."
                                         : "_containedType takes container or contained."
                );
            }
            out.used.emplace_back(name, value);
            continue;
        }
        SearchParser parser(engine, limits, out.issues);
        bool good = false;
        if (name == "_sort") {
            good = parser.sort(types, value, query.sort);
        } else if (value.empty()) {
            refuse(IssueType::value, "Search parameter '" + name.substr(0, 64) + "' has no value.");
        } else {
            SearchClause clause;
            good = parser.clause(types, name, value, clause);
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
    if (!fhir::has_errors(out.issues)) {
        if (const Result<void> checked = check_search(query); !checked) {
            refuse(
                checked.error().code == Errc::too_many ? IssueType::too_costly
                                                       : IssueType::not_supported,
                "The search cannot be done: " + checked.error().detail + "."
            );
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
            IssueType::invalid,
            "condition",
            "The condition has a malformed percent escape, or bytes that are not UTF-8."
        ));
        return out;
    }
    SearchLimits strict = limits;
    strict.lenient = false;
    out = parse_search(type, parameters, engine, strict);
    if (out.query.contained != SearchContained::no) {
        out.issues.push_back(request_issue(
            IssueType::not_supported,
            "condition",
            "A condition is about resources by themselves; _contained has no place in it."
        ));
    }
    if (out.issues.empty() && out.query.all_of.empty()) {
        // Without a criterion it would match everything.
        out.issues.push_back(request_issue(
            IssueType::required, "condition", "The condition names no search parameter."
        ));
    }
    return out;
}

}  // namespace gatehouse::gateway
