// SPDX-License-Identifier: Apache-2.0
//
// _filter (FHIR R4 §3.1.3): conditions joined by and, or and not, compiled to the same clauses as
// other parameters. `and` and `or` are read from left to right without precedence, as the
// specification has it: brackets make groups. A path leads through references,
// subject[gender eq male].name; brackets on other elements are refused, since what they select
// among is not a search parameter.

#include <algorithm>
#include <optional>

#include "gateway/api/search_parser.hpp"

namespace gatehouse::gateway {

using fhir::IssueType;
using fhir::SearchType;
using Field = SearchClause::Field;
using Types = SearchParser::Types;
using Group = SearchParser::Group;

namespace {

constexpr std::string_view parameter_name = "_filter";

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':';
}

class FilterReader {
public:
    FilterReader(SearchParser& parser, std::string_view text) : parser_(parser), text_(text) {}

    bool read(const Types& types, SearchClause& out) {
        return expression(types, 0, 0, out) && (at_end() || fail("a condition ends before this"));
    }

private:
    bool fail(const std::string& words) {
        const std::string_view rest = text_.substr(std::min(at_, text_.size()), 20);
        return parser_.fail(
            parameter_name,
            words + (rest.empty() ? ", at its end." : ", at '" + std::string(rest) + "'.")
        );
    }
    bool refuse(const std::string& words) {
        return parser_.fail(parameter_name, words, IssueType::not_supported);
    }
    void space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
            ++at_;
        }
    }
    bool at_end() {
        space();
        return at_ == text_.size();
    }
    bool take(char wanted) {
        space();
        if (at_ < text_.size() && text_[at_] == wanted) {
            ++at_;
            return true;
        }
        return false;
    }
    std::string_view word() {
        space();
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_name(text_[at_])) {
            ++at_;
        }
        return text_.substr(begin, at_ - begin);
    }
    // The word if it is the next one.
    bool keyword(std::string_view wanted) {
        const std::size_t before = at_;
        if (word() == wanted) {
            return true;
        }
        at_ = before;
        return false;
    }

    bool expression(const Types& types, std::size_t hop, std::size_t depth, SearchClause& out);
    bool operand(const Types& types, std::size_t hop, std::size_t depth, SearchClause& out);
    bool comparison(const Types& types, std::size_t hop, std::size_t depth, SearchClause& out);
    bool leads_on(
        const Types& types,
        std::string_view code,
        std::size_t hop,
        std::size_t depth,
        SearchClause& out
    );
    bool literal(bool& quoted, std::string& out);
    bool compare(const Types& types, std::string_view code, SearchClause& out);
    bool compare_one(
        const Group& group, std::string_view operation, const std::string& value, SearchClause& out
    );

    SearchParser& parser_;
    std::string_view text_;
    std::size_t at_ = 0;
};

bool FilterReader::expression(
    const Types& types, std::size_t hop, std::size_t depth, SearchClause& out
) {
    if (depth > search_depth_max) {
        return fail("brackets are too deep");
    }
    if (!operand(types, hop, depth, out)) {
        return false;
    }
    for (;;) {
        const bool both = keyword("and");
        if (!both && !keyword("or")) {
            return true;
        }
        SearchClause right;
        if (!operand(types, hop, depth, right)) {
            return false;
        }
        const Field field = both ? Field::all : Field::any;
        if (out.field == field && out.types.empty()) {
            out.members.push_back(std::move(right));
            continue;
        }
        SearchClause joined;
        joined.field = field;
        joined.members.push_back(std::move(out));
        joined.members.push_back(std::move(right));
        out = std::move(joined);
    }
}

bool FilterReader::operand(
    const Types& types, std::size_t hop, std::size_t depth, SearchClause& out
) {
    const std::size_t before = at_;
    if (keyword("not") && take('(')) {
        out.field = Field::none;
        return expression(types, hop, depth + 1, out.members.emplace_back()) &&
               (take(')') || fail("')' is missing"));
    }
    at_ = before;
    if (take('(')) {
        // A group of its own, so that what follows does not join it.
        out.field = Field::all;
        return expression(types, hop, depth + 1, out.members.emplace_back()) &&
               (take(')') || fail("')' is missing"));
    }
    return comparison(types, hop, depth, out);
}

bool FilterReader::comparison(
    const Types& types, std::size_t hop, std::size_t depth, SearchClause& out
) {
    const std::string_view code = word();
    if (code.empty()) {
        return fail("the name of a search parameter is wanted");
    }
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '[')) {
        return leads_on(types, code, hop, depth, out);
    }
    return compare(types, code, out);
}

// reference.path, or reference[filter].path
bool FilterReader::leads_on(
    const Types& types, std::string_view code, std::size_t hop, std::size_t depth, SearchClause& out
) {
    if (hop >= search_hops_max) {
        return refuse("more references in a row than are followed. Search in steps.");
    }
    std::vector<Group> groups;
    if (!parser_.resolve(types, parameter_name, code, groups)) {
        return false;
    }
    if (groups.size() != 1) {
        return refuse(
            std::string(code) + " does not mean the same on all the types searched. Name one type."
        );
    }
    if (groups.front().parameter->type != SearchType::reference) {
        return refuse(
            "a path leads through references; " + std::string(code) + " is a " +
            to_string(groups.front().parameter->type) +
            " parameter. Use a composite parameter where values must be of one element."
        );
    }
    out.parameter = groups.front().parameter;
    if (take('[')) {
        out.target_types = out.parameter->targets;
        SearchClause& within = out.chained.emplace_back();
        // What the brackets ask tells which targets are meant.
        const std::size_t before = at_;
        const std::string_view first = word();
        at_ = before;
        out.target_types.clear();
        if (!parser_.targets(*out.parameter, parameter_name, {}, first, out.target_types) ||
            !expression(out.target_types, hop + 1, depth + 1, within)) {
            return false;
        }
        if (!take(']')) {
            return fail("']' is missing");
        }
    }
    if (!take('.')) {
        return fail("'.' and the rest of the path are missing");
    }
    const std::size_t before = at_;
    const std::string_view next = word();
    at_ = before;
    Types fitting;
    if (!parser_.targets(*out.parameter, parameter_name, {}, next, fitting)) {
        return false;
    }
    if (!out.target_types.empty()) {
        std::erase_if(fitting, [&](const std::string& type) {
            return std::ranges::find(out.target_types, type) == out.target_types.end();
        });
        if (fitting.empty()) {
            return refuse("no type has both what the brackets and what the path ask for.");
        }
    }
    out.target_types = fitting;
    return comparison(out.target_types, hop + 1, depth, out.chained.emplace_back());
}

// A JSON string, or everything up to a space or a closing bracket.
bool FilterReader::literal(bool& quoted, std::string& out) {
    space();
    quoted = take('"');
    if (!quoted) {
        while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != ')' && text_[at_] != ']') {
            out.push_back(text_[at_++]);
        }
        return !out.empty() || fail("a value is wanted");
    }
    while (at_ < text_.size() && text_[at_] != '"') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
            ++at_;
            if (text_[at_] != '"' && text_[at_] != '\\' && text_[at_] != '/') {
                return fail("of escapes only \\\" \\\\ and \\/ are known");
            }
        }
        out.push_back(text_[at_++]);
    }
    return take('"') || fail("the string does not end");
}

bool FilterReader::compare(const Types& types, std::string_view code, SearchClause& out) {
    const std::string operation(word());
    static constexpr std::string_view operations[] = {
        "eq",
        "ne",
        "co",
        "sw",
        "ew",
        "gt",
        "lt",
        "ge",
        "le",
        "ap",
        "sa",
        "eb",
        "pr",
        "po",
        "ss",
        "sb",
        "in",
        "ni",
        "re"};
    if (std::ranges::find(operations, operation) == std::ranges::end(operations)) {
        return fail(
            "a comparison is wanted (eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in ni re)"
        );
    }
    bool quoted = false;
    std::string value;
    if (!literal(quoted, value)) {
        return false;
    }
    // Commas and dollars do not part values here; a bar still parts system and code.
    std::string escaped;
    for (const char c : value) {
        if (c == ',' || c == '$' || c == '\\') {
            escaped.push_back('\\');
        }
        escaped.push_back(c);
    }
    if (code == "_list") {
        return operation == "eq" ? parser_.list(code, escaped, out)
                                 : refuse("_list is compared with eq alone.");
    }
    std::vector<Group> groups;
    if (code == "_id" || code == "_lastUpdated") {
        groups.push_back({nullptr, types});
        out.field = code == "_id" ? Field::id : Field::last_updated;
        return compare_one(groups.front(), operation, escaped, out);
    }
    if (!parser_.resolve(types, parameter_name, code, groups)) {
        return false;
    }
    std::vector<SearchClause> made(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (!compare_one(groups[i], operation, escaped, made[i])) {
            return false;
        }
        if (groups.size() > 1) {
            made[i].types = groups[i].types;
        }
    }
    SearchParser::join(std::move(made), out);
    return true;
}

bool FilterReader::compare_one(
    const Group& group, std::string_view operation, const std::string& value, SearchClause& out
) {
    out.parameter = group.parameter;
    const SearchType type = out.field == Field::id             ? SearchType::token
                            : out.field == Field::last_updated ? SearchType::date
                                                               : group.parameter->type;
    const std::string name =
        out.field == Field::parameter ? out.parameter->code : std::string(parameter_name);
    const auto no = [&] {
        return refuse(
            "'" + std::string(operation) + "' cannot be used on " + name + ", a " +
            to_string(type) + " parameter."
        );
    };
    const bool ordered =
        type == SearchType::date || type == SearchType::number || type == SearchType::quantity;
    const bool textual = type == SearchType::string || type == SearchType::uri;
    if (operation == "pr") {
        if (value != "true" && value != "false") {
            return fail("pr takes true or false");
        }
        out.modifier = SearchModifier::missing;
        return parser_.values(name, value == "true" ? "false" : "true", out);
    }
    if (operation == "co" || operation == "sw" || operation == "ew") {
        if (!textual) {
            return no();
        }
        out.modifier = operation == "co"         ? SearchModifier::contains
                       : operation == "ew"       ? SearchModifier::ends
                       : type == SearchType::uri ? SearchModifier::starts
                                                 : SearchModifier::none;
        return parser_.values(name, value, out);
    }
    if (operation == "ss" || operation == "sb" || operation == "in" || operation == "ni") {
        if (type != SearchType::token || out.field != Field::parameter) {
            return no();
        }
        out.modifier = operation == "ni" ? SearchModifier::not_in_set : SearchModifier::in_set;
        const std::string_view as = operation == "ss"   ? "below"
                                    : operation == "sb" ? "above"
                                                        : operation;
        return parser_.values(name, value, out) && parser_.codes(name, as, out);
    }
    if (operation == "re") {
        return type == SearchType::reference ? parser_.values(name, value, out) : no();
    }
    if (operation == "po") {
        // Periods that overlap: what `ap` means without its margin.
        if (type != SearchType::date || !parser_.values(name, value, out)) {
            return type == SearchType::date ? false : no();
        }
        out.any_of.front().prefix = SearchPrefix::ap;
        return true;
    }
    if (operation != "eq" && operation != "ne") {
        return ordered ? parser_.values(name, std::string(operation) + value, out) : no();
    }
    if (ordered) {
        return parser_.values(name, std::string(operation) + value, out);
    }
    if (type == SearchType::special || type == SearchType::composite) {
        return no();
    }
    SearchClause equal = out;
    equal.modifier = type == SearchType::string ? SearchModifier::equals : SearchModifier::none;
    if (!parser_.values(name, value, equal)) {
        return false;
    }
    if (operation == "eq") {
        out = std::move(equal);
        return true;
    }
    out = {};
    out.field = Field::none;
    out.members.push_back(std::move(equal));
    return true;
}

}  // namespace

bool SearchParser::filter(const Types& types, std::string_view text, SearchClause& out) {
    constexpr std::size_t filter_bytes_max = 4096;
    if (text.size() > filter_bytes_max) {
        return fail(
            parameter_name, "it may have " + std::to_string(filter_bytes_max) + " bytes at most."
        );
    }
    return FilterReader(*this, text).read(types, out);
}

}  // namespace gatehouse::gateway
