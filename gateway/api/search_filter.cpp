// SPDX-License-Identifier: Apache-2.0
//
// _filter (FHIR R4 §3.1.3): conditions joined by and, or and not, compiled to the same clauses as
// other parameters. `and` and `or` are read from left to right without precedence, as the
// specification has it: brackets make groups. A path leads through references,
// subject[gender eq male].name, or to values of one and the same element, which is what a composite
// parameter finds: code-value-quantity[code eq loinc|8480-6].value-quantity gt 140, or by the names
// of the specification's table relatesTo[code eq replaces].target. Brackets on anything else are
// refused, since what they select among is not in the index.
//
// Not done, and refused in words where it can be asked for: gt, lt, ge and le on strings, co on
// numbers. Codes are compared with their case, as everywhere in a search.

#include <algorithm>
#include <utility>

#include "fhir/json/value.hpp"
#include "gateway/api/search_parser.hpp"

namespace gatehouse::gateway {

using fhir::IssueType;
using fhir::SearchParameter;
using fhir::SearchType;
using Field = SearchClause::Field;
using Types = SearchParser::Types;
using Group = SearchParser::Group;

namespace {

constexpr std::string_view parameter_name = "_filter";

constexpr std::string_view operations[] = {
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

// Elements that have a name of their own in a path (FHIR R4 §3.1.3.1.3), of those that R4 has
// parameters for: the composite that joins their values, and what the values are called.
struct ElementName {
    std::string_view type;
    std::string_view name;
    std::string_view composite;
    std::pair<std::string_view, std::string_view> children[2];  // name, parameter
};
constexpr ElementName element_names[] = {
    {"Group",
     "characteristic",
     "characteristic-value",
     {{"code", "characteristic"}, {"value", "value"}}},
    {"DocumentReference",
     "relatesTo",
     "relationship",
     {{"code", "relation"}, {"target", "relatesto"}}}};

// Code systems that may be called by a short name (FHIR R4 §3.1.3.1.2).
constexpr std::pair<std::string_view, std::string_view> short_systems[] = {
    {"loinc", "http://loinc.org"},
    {"snomed", "http://snomed.info/sct"},
    {"rxnorm", "http://www.nlm.nih.gov/research/umls/rxnorm"},
    {"ucum", "http://unitsofmeasure.org"}};

// system|code of a token, number|system|code of a quantity.
std::string with_whole_system(SearchType type, std::string value) {
    std::size_t begin = 0;
    if (type == SearchType::quantity) {
        begin = value.find('|');
        if (begin == std::string::npos) {
            return value;
        }
        ++begin;
    } else if (type != SearchType::token) {
        return value;
    }
    const std::size_t end = value.find('|', begin);
    for (const auto& [name, system] : short_systems) {
        if (end != std::string::npos &&
            std::string_view(value).substr(begin, end - begin) == name) {
            return value.replace(begin, end - begin, system);
        }
    }
    return value;
}

// Commas and dollars do not part values here; a bar still parts system and code.
std::string escaped(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == ',' || c == '$' || c == '\\') {
            out.push_back('\\');
        }
        out.push_back(c);
    }
    return out;
}

bool is_ordered(SearchType type) {
    return type == SearchType::date || type == SearchType::number || type == SearchType::quantity;
}

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':';
}

class FilterReader {
public:
    FilterReader(SearchParser& parser, const fhir::Engine& engine, std::string_view text)
        : parser_(parser), engine_(engine), text_(text) {}

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
    bool
    within_element(const SearchParameter& composite, const ElementName* element, SearchClause& out);
    bool value_of_element(
        const SearchParameter& composite,
        const ElementName* element,
        std::vector<std::string>& values
    );
    bool operation(std::string_view& out);
    bool literal(std::string& out);
    bool compare(const Types& types, std::string_view code, SearchClause& out);
    bool compare_one(
        const Group& group, std::string_view operation, const std::string& value, SearchClause& out
    );

    SearchParser& parser_;
    const fhir::Engine& engine_;
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

// reference.path, reference[filter].path, or element[filter].value
bool FilterReader::leads_on(
    const Types& types, std::string_view code, std::size_t hop, std::size_t depth, SearchClause& out
) {
    if (hop >= search_hops_max) {
        return refuse("more references in a row than are followed. Search in steps.");
    }
    if (types.size() == 1 && text_[at_] == '[') {
        for (const ElementName& element : element_names) {
            const SearchParameter* composite =
                element.name == code && element.type == types.front()
                    ? engine_.search()->find(element.type, element.composite)
                    : nullptr;
            if (composite != nullptr) {
                return within_element(*composite, &element, out);
            }
        }
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
    const SearchParameter& parameter = *groups.front().parameter;
    if (parameter.type == SearchType::composite) {
        return within_element(parameter, nullptr, out);
    }
    if (parameter.type != SearchType::reference) {
        return refuse(
            "a path leads through references, and to the values of a composite parameter; " +
            std::string(code) + " is a " + to_string(parameter.type) +
            " parameter. Name a composite one where values must be of one element."
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

// element[one eq x].other gt y: a composite's values, each once and in any order.
bool FilterReader::within_element(
    const SearchParameter& composite, const ElementName* element, SearchClause& out
) {
    if (!take('[')) {
        return fail(
            "values of one element are asked for as element[value eq x].other eq y: '[' is missing"
        );
    }
    std::vector<std::string> values(composite.components.size());
    do {
        if (!value_of_element(composite, element, values)) {
            return false;
        }
    } while (keyword("and"));
    if (!take(']')) {
        return fail(
            "in the brackets of one element comparisons are joined by and alone; ']' is missing"
        );
    }
    if (!take('.')) {
        return fail("'.' and the rest of the path are missing");
    }
    if (!value_of_element(composite, element, values)) {
        return false;
    }
    std::string joined;
    for (const std::string& value : values) {
        if (value.empty()) {
            return refuse(
                composite.code + " joins " + std::to_string(values.size()) +
                " values, and all of them are needed."
            );
        }
        joined.append(joined.empty() ? "" : "$").append(value);
    }
    out.parameter = &composite;
    return parser_.values(composite.code, joined, out);
}

bool FilterReader::value_of_element(
    const SearchParameter& composite, const ElementName* element, std::vector<std::string>& values
) {
    std::string_view name = word();
    if (element != nullptr) {
        const auto* const child = std::ranges::find(
            element->children, name, &std::pair<std::string_view, std::string_view>::first
        );
        name = child == std::ranges::end(element->children) ? std::string_view() : child->second;
    }
    std::string known;
    std::size_t place = values.size();
    for (std::size_t i = 0; i < values.size(); ++i) {
        // What defines a component is shared by types, and known by its URL alone.
        for (const SearchParameter* each : engine_.search()->all(composite.bases.front())) {
            if (each->url == composite.components[i].url) {
                known.append(known.empty() ? "" : ", ").append(each->code);
                place = !name.empty() && each->code == name ? i : place;
            }
        }
    }
    if (place == values.size() || !values[place].empty()) {
        return refuse(
            element == nullptr
                ? "the values of " + composite.code + " are " + known + ", each of them once."
                : "the values of " + std::string(element->name) + " are " +
                      std::string(element->children[0].first) + " and " +
                      std::string(element->children[1].first) + ", each of them once."
        );
    }
    std::string_view asked;
    std::string value;
    if (!operation(asked) || !literal(value)) {
        return false;
    }
    const SearchType type = composite.components[place].type;
    value = escaped(with_whole_system(type, std::move(value)));
    static constexpr std::string_view comparing[] = {
        "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"};
    if (is_ordered(type) && std::ranges::find(comparing, asked) != std::ranges::end(comparing)) {
        values[place] = std::string(asked) + value;
        return true;
    }
    const bool fits = type == SearchType::string      ? asked == "sw"
                      : type == SearchType::reference ? asked == "re" || asked == "eq"
                                                      : asked == "eq" && !is_ordered(type);
    if (!fits) {
        return refuse(
            "'" + std::string(asked) + "' cannot be used on a " + to_string(type) +
            " value of one element."
        );
    }
    values[place] = std::move(value);
    return true;
}

bool FilterReader::operation(std::string_view& out) {
    out = word();
    return std::ranges::find(operations, out) != std::ranges::end(operations) ||
           fail("a comparison is wanted (eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in ni re)"
           );
}

// A JSON string, or everything up to white space or a closing bracket.
bool FilterReader::literal(std::string& out) {
    space();
    const std::size_t begin = at_;
    if (at_ == text_.size() || text_[at_] != '"') {
        at_ = std::min(text_.find_first_of(" \t\r\n)]", at_), text_.size());
        out = text_.substr(begin, at_ - begin);
        return !out.empty() || fail("a value is wanted");
    }
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        at_ += text_[at_] == '\\' ? 1 : 0;
    }
    if (at_ >= text_.size()) {
        return fail("the string does not end");
    }
    ++at_;
    Arena arena;
    const auto string = fhir::parse_json_value(text_.substr(begin, at_ - begin), arena);
    if (!string) {
        at_ = begin;
        return fail("this is no JSON string");
    }
    out = string->text;
    return true;
}

bool FilterReader::compare(const Types& types, std::string_view code, SearchClause& out) {
    std::string_view asked;
    std::string value;
    if (!operation(asked) || !literal(value)) {
        return false;
    }
    if (code == "_list") {
        return asked == "eq" ? parser_.list(code, escaped(value), out)
                             : refuse("_list is compared with eq alone.");
    }
    std::vector<Group> groups;
    if (code == "_id" || code == "_lastUpdated") {
        groups.push_back({nullptr, types});
        out.field = code == "_id" ? Field::id : Field::last_updated;
        return compare_one(groups.front(), asked, value, out);
    }
    if (!parser_.resolve(types, parameter_name, code, groups)) {
        return false;
    }
    std::vector<SearchClause> made(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (!compare_one(groups[i], asked, value, made[i])) {
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
    const Group& group, std::string_view operation, const std::string& literal, SearchClause& out
) {
    out.parameter = group.parameter;
    const SearchType type = out.field == Field::id             ? SearchType::token
                            : out.field == Field::last_updated ? SearchType::date
                                                               : group.parameter->type;
    const std::string name =
        out.field == Field::parameter ? out.parameter->code : std::string(parameter_name);
    const std::string value = escaped(with_whole_system(type, literal));
    const auto no = [&] {
        return refuse(
            "'" + std::string(operation) + "' cannot be used on " + name + ", a " +
            to_string(type) + " parameter."
        );
    };
    const bool ordered = is_ordered(type);
    const bool textual = type == SearchType::string || type == SearchType::uri;
    if (operation == "pr") {
        if (value != "true" && value != "false") {
            return fail("pr takes true or false");
        }
        out.modifier = SearchModifier::missing;
        return parser_.values(name, value == "true" ? "false" : "true", out);
    }
    if (type == SearchType::date && (operation == "po" || operation == "co")) {
        // Periods that overlap: what `ap` means without its margin. Or one within the other.
        if (!parser_.values(name, "eq" + value, out)) {
            return false;
        }
        out.any_of.front().prefix = operation == "po" ? SearchPrefix::ap : SearchPrefix::co;
        return true;
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
    if (operation != "eq" && operation != "ne") {
        return ordered ? parser_.values(name, std::string(operation) + value, out) : no();
    }
    if (ordered) {
        return parser_.values(name, std::string(operation) + value, out);
    }
    if (type == SearchType::special || type == SearchType::composite) {
        return no();
    }
    // An item that has an equal, or an unequal, value (FHIR R4 §3.1.3.1.2): `ne` is not `not`.
    if (operation == "ne" && out.field == Field::parameter) {
        out.modifier = SearchModifier::unequal;
    } else if (type == SearchType::string) {
        out.modifier = SearchModifier::equals;
    }
    if (operation == "eq" || out.field == Field::parameter) {
        return parser_.values(name, value, out);
    }
    SearchClause equal = out;
    out = {};
    out.field = Field::none;
    return parser_.values(name, value, out.members.emplace_back(std::move(equal)));
}

}  // namespace

bool SearchParser::filter(const Types& types, std::string_view text, SearchClause& out) {
    constexpr std::size_t filter_bytes_max = 4096;
    if (text.size() > filter_bytes_max) {
        return fail(
            parameter_name, "it may have " + std::to_string(filter_bytes_max) + " bytes at most."
        );
    }
    return FilterReader(*this, engine_, text).read(types, out);
}

}  // namespace gatehouse::gateway
