// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/queries.hpp"

#include <algorithm>

#include "tests/gateway/search_reference/corpus.hpp"
#include "tests/gateway/search_reference/words.hpp"

namespace gatehouse::search_reference {
namespace {

using fhir::Element;

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ',' || c == '|' || c == '$' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

bool is_part(std::string_view type) {
    return type == "Location" || type == "Organization" || type == "Encounter";
}

// All that it leads to is part of its kind.
bool has_hierarchy(const Parameter& parameter) {
    return !parameter.targets.empty() && std::ranges::all_of(parameter.targets, is_part);
}

// A cut that does not divide a letter.
std::string start_of(const std::string& text, std::size_t bytes) {
    std::size_t end = std::min(bytes, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
        ++end;
    }
    return text.substr(0, end);
}

}  // namespace

std::string QueryMaker::random_type() {
    const auto& types = records_.definitions().types();
    for (;;) {
        const std::string& type = dice_.pick(types);
        if (!records_.of_type(type).empty() && (is_frequent(type) || dice_.percent(12))) {
            return type;
        }
    }
}

Query QueryMaker::next() {
    Query query;
    if (dice_.percent(4)) {
        return of_several_types();
    }
    query.type = random_type();
    const std::size_t clauses = dice_.percent(70) ? 1 : dice_.percent(70) ? 2 : 3;
    for (std::size_t i = 0; i < clauses; ++i) {
        Pair made = clause(query.type, 0);
        if (!made.first.empty()) {
            query.parameters.push_back(std::move(made));
        }
    }
    if (dice_.percent(10)) {
        query.parameters.emplace_back("_contained", dice_.pick({"true", "both"}));
        query.parameters.emplace_back("_containedType", dice_.pick({"container", "contained"}));
        if (dice_.percent(40)) {
            query.parameters.emplace_back("_sort", dice_.pick({"_id", "-_lastUpdated"}));
        }
    } else if (dice_.percent(25)) {
        query.parameters.push_back(sort(query.type));
    }
    if (dice_.percent(20)) {
        query.parameters.emplace_back("_count", std::to_string(1 + dice_.below(4)));
    }
    return query;
}

Query QueryMaker::with_includes() {
    Query query;
    query.type = random_type();
    if (Pair made = clause(query.type, 3); dice_.percent(70) && !made.first.empty()) {
        query.parameters.push_back(std::move(made));
    }
    for (std::size_t i = 0; i < 1 + dice_.below(2); ++i) {
        const bool reverse = dice_.percent(40);
        const bool iterate = dice_.percent(35);
        const std::string name =
            std::string(reverse ? "_revinclude" : "_include") + (iterate ? ":iterate" : "");
        const std::string holder =
            reverse || dice_.percent(iterate ? 40 : 0) ? random_type() : query.type;
        if (dice_.percent(6)) {
            query.parameters.emplace_back(name, "*");
            continue;
        }
        for (int attempt = 0; attempt < 30; ++attempt) {
            const Parameter* parameter = random_parameter(holder);
            if (parameter == nullptr || parameter->type != "reference") {
                continue;
            }
            if (reverse && !parameter->targets.empty() && attempt < 25 &&
                std::ranges::find(parameter->targets, query.type) == parameter->targets.end()) {
                continue;
            }
            std::string value = holder + ":" + (dice_.percent(10) ? "*" : parameter->code);
            if (!value.ends_with('*') && !parameter->targets.empty() && dice_.percent(25)) {
                value += ":" + dice_.pick(parameter->targets);
            }
            query.parameters.emplace_back(name, value);
            break;
        }
    }
    return query;
}

// At the level of the system: one parameter that two types share.
Query QueryMaker::of_several_types() {
    Query query;
    const std::string one = random_type();
    const std::string other = random_type();
    query.parameters.emplace_back("_type", one == other ? one : one + "," + other);
    for (int attempt = 0; attempt < 20; ++attempt) {
        const Pair made = clause(one, 3);
        const std::string code = made.first.substr(0, made.first.find_first_of(":."));
        const Parameter* parameter = records_.definitions().find(one, code);
        if (!made.first.empty() && parameter != nullptr &&
            parameter == records_.definitions().find(other, code)) {
            query.parameters.push_back(made);
            break;
        }
    }
    query.parameters.emplace_back("_sort", dice_.pick({"_id", "-_lastUpdated", "_lastUpdated"}));
    query.parameters.emplace_back("_count", std::to_string(3 + dice_.below(9)));
    return query;
}

const Parameter* QueryMaker::random_parameter(const std::string& type) {
    const auto& all = records_.definitions().all(type);
    const Parameter* parameter = dice_.pick(all);
    return parameter->operands.empty() || parameter->code == "_id" ||
                   parameter->code == "_lastUpdated"
               ? nullptr
               : parameter;
}

QueryMaker::Pair QueryMaker::clause(const std::string& type, int depth) {
    if (dice_.percent(4)) {
        std::string ids = "r" + std::to_string(dice_.below(5));
        while (dice_.percent(50)) {
            ids += ",r" + std::to_string(dice_.below(20));
        }
        return {"_id", ids};
    }
    if (dice_.percent(3) && depth == 0) {
        return {
            "_lastUpdated",
            prefix() + dice_.pick(
                           {"2024-06",
                            "2024-06-10",
                            "2024-06-20T10:30:00Z",
                            "2024-07",
                            "2024-06-25",
                            "2024"}
                       )};
    }
    if (dice_.percent(8) && depth < 2) {
        return reversed(type, depth);
    }
    if (dice_.percent(4) && depth == 0) {
        return {"_filter", filter(type, 0)};
    }
    if (dice_.percent(2) && depth == 0) {
        return {"_list", "r" + std::to_string(dice_.below(14))};
    }
    for (int attempt = 0; attempt < 20; ++attempt) {
        const Parameter* parameter = random_parameter(type);
        if (parameter == nullptr) {
            continue;
        }
        const bool chain = parameter->type == "reference" && depth < 3 && dice_.percent(30);
        Pair made = chain ? chained(type, *parameter, depth) : plain_clause(type, *parameter);
        if (!made.first.empty()) {
            return made;
        }
    }
    return {};
}

QueryMaker::Pair QueryMaker::plain_clause(const std::string& type, const Parameter& parameter) {
    if (dice_.percent(7)) {
        return {parameter.code + ":missing", dice_.pick({"true", "false"})};
    }
    std::string modifier;
    if (parameter.type == "string" && dice_.percent(45)) {
        modifier = dice_.pick({"exact", "contains"});
    } else if (parameter.type == "token" && dice_.percent(35)) {
        modifier = dice_.pick({"not", "text", "of-type", "in", "not-in", "below", "above"});
    } else if (parameter.type == "uri" && dice_.percent(40)) {
        modifier = dice_.pick({"below", "above"});
    } else if (parameter.type == "reference" && dice_.percent(15)) {
        modifier = "identifier";
    } else if (parameter.type == "reference" && dice_.percent(30) && has_hierarchy(parameter)) {
        modifier = dice_.pick({"below", "above"});
    }
    std::string values = value(type, parameter, modifier);
    while (!values.empty() && dice_.percent(18)) {
        if (const std::string more = value(type, parameter, modifier); !more.empty()) {
            values += "," + more;
        }
    }
    if (values.empty()) {
        return {};
    }
    if (parameter.type == "reference" && modifier.empty() && dice_.percent(12) &&
        values.find_first_of("/:,") == std::string::npos && !parameter.targets.empty()) {
        modifier = dice_.pick(parameter.targets);
    }
    return {parameter.code + (modifier.empty() ? "" : ":" + modifier), values};
}

QueryMaker::Pair
QueryMaker::chained(const std::string& type, const Parameter& parameter, int depth) {
    // Towards a type that a reference of the corpus has.
    const Found* found = sample(type, parameter);
    std::string target =
        found == nullptr || found->element == nullptr ? std::string() : named_type(*found->element);
    if (target.empty() || records_.of_type(target).empty()) {
        return {};
    }
    if (!parameter.targets.empty() &&
        std::ranges::find(parameter.targets, target) == parameter.targets.end()) {
        return {};
    }
    const Pair inner = clause(target, depth + 1);
    if (inner.first.empty()) {
        return {};
    }
    const bool named = parameter.targets.size() != 1 ? dice_.percent(85) : dice_.percent(40);
    return {parameter.code + (named ? ":" + target : "") + "." + inner.first, inner.second};
}

std::string QueryMaker::filter(const std::string& type, int depth) {
    const std::size_t form = depth > 2 ? 0 : dice_.below(10);
    if (form < 5) {
        return condition(type);
    }
    if (form < 7) {
        return "not (" + filter(type, depth + 1) + ")";
    }
    const std::string word = form < 9 ? " and " : " or ";
    return "(" + filter(type, depth + 1) + ")" + word + "(" + filter(type, depth + 1) + ")";
}

std::string QueryMaker::condition(const std::string& type) {
    for (int attempt = 0; attempt < 60; ++attempt) {
        const Parameter* parameter = random_parameter(type);
        const Found* found = parameter == nullptr ? nullptr : sample(type, *parameter);
        if (found == nullptr) {
            continue;
        }
        const std::string code = parameter->code + " ";
        if (dice_.percent(12)) {
            return code + "pr " + dice_.pick({"true", "false"});
        }
        if (parameter->type == "string") {
            return code + dice_.pick({"eq", "co", "sw", "ew"}) + " \"" +
                   dice_.pick({"smith", "Muller", "obrien", "Anne Marie", "gross", "LS1", "e"}) +
                   "\"";
        }
        if (parameter->type == "date") {
            std::string date = random_date(dice_);
            return code + dice_.pick({"eq", "gt", "lt", "ge", "le", "sa", "eb"}) + " " + date;
        }
        if (parameter->type == "token") {
            return code + "eq " +
                   dice_.pick({"final", "active", "8480-6", "http://loinc.org|8462-4", "male", "a"}
                   );
        }
        if (parameter->type == "number") {
            return code + dice_.pick({"eq", "gt", "le"}) + " " + dice_.pick({"5.4", "1", "100"});
        }
        if (parameter->type == "reference" && found->element != nullptr &&
            parameter->targets.size() == 1) {
            return code + "re " + parameter->targets.front() + "/r" +
                   std::to_string(dice_.below(6));
        }
    }
    return "_id eq r1";
}

QueryMaker::Pair QueryMaker::reversed(const std::string& type, int depth) {
    for (int attempt = 0; attempt < 20; ++attempt) {
        const std::string source = random_type();
        const Parameter* parameter = random_parameter(source);
        if (parameter == nullptr || parameter->type != "reference") {
            continue;
        }
        if (!parameter->targets.empty() &&
            std::ranges::find(parameter->targets, type) == parameter->targets.end()) {
            continue;
        }
        const Pair inner = clause(source, depth + 1);
        if (inner.first.empty()) {
            return {};
        }
        return {"_has:" + source + ":" + parameter->code + ":" + inner.first, inner.second};
    }
    return {};
}

const Found* QueryMaker::sample(const std::string& type, const Parameter& parameter) {
    const auto& records = records_.of_type(type);
    for (int attempt = 0; attempt < 6; ++attempt) {
        const Record* record = dice_.pick(records);
        const auto& found = records_.values(*record->root, parameter);
        if (!found.empty()) {
            sampled_ = record->root;
            return &dice_.pick(found);
        }
    }
    return nullptr;
}

std::string QueryMaker::value(
    const std::string& type, const Parameter& parameter, const std::string& modifier
) {
    const Found* found = sample(type, parameter);
    return found == nullptr ? std::string() : value_of(parameter, modifier, *found);
}

std::string
QueryMaker::value_of(const Parameter& parameter, const std::string& modifier, const Found& found) {
    if (modifier == "in" || modifier == "not-in") {
        return parameter.code == "gender" ? "http://hl7.org/fhir/ValueSet/administrative-gender"
                                          : "";
    }
    if (parameter.type == "token" && (modifier == "below" || modifier == "above")) {
        return std::string(act_codes) + dice_.pick({"|IMP", "|ACUTE"});
    }
    if (parameter.code == "near") {
        return dice_.pick({"53.8008", "53.9", "-17", "89.95"}) + "|" +
               dice_.pick({"-1.5491", "-180", "179.9", "-1"}) +
               dice_.pick({"", "|5|km", "|14|km", "|40|km", "|20000|m", "|300"});
    }
    if (parameter.type == "token" && modifier == "text") {
        return escape(start_of(random_text(dice_), 3 + dice_.below(9)));
    }
    if (parameter.type == "token" && modifier == "of-type") {
        if (found.element == nullptr || records_.type_name(*found.element) != "Identifier") {
            return {};
        }
        const std::string_view value = found.element->child_value("value");
        return value.empty() ? std::string()
                             : "http://terminology.hl7.org/CodeSystem/v2-0203|" +
                                   dice_.pick({"NH", "MR"}) + "|" + escape(value);
    }
    if (parameter.type == "token") {
        return token(found);
    }
    if (parameter.type == "string") {
        return string(modifier, found);
    }
    if (parameter.type == "date") {
        return date(found);
    }
    if (parameter.type == "number") {
        return number(found.element == nullptr ? std::string_view() : found.element->value);
    }
    if (parameter.type == "quantity") {
        return quantity(found);
    }
    if (parameter.type == "uri") {
        std::string held(found.element == nullptr ? std::string_view() : found.element->value);
        if (modifier == "below" && dice_.percent(70)) {
            held = held.substr(0, held.rfind('/') + (dice_.percent(50) ? 1U : 0U));
        } else if (modifier == "above" && dice_.percent(70)) {
            held += dice_.pick({"/x", "/x/y", "x"});
        }
        return escape(held);
    }
    if (parameter.type == "reference") {
        return reference(modifier, found);
    }
    return parameter.type == "composite" ? composite(parameter, found) : std::string();
}

std::string QueryMaker::token(const Found& found) {
    const std::vector<Token> tokens = matcher_.tokens(found);
    if (tokens.empty()) {
        return {};
    }
    const Token& token = dice_.pick(tokens);
    const std::size_t form = dice_.below(100);
    if (token.code.empty() || form < 8) {
        return token.system ? escape(*token.system) + "|" : std::string();
    }
    if (form < 45) {
        return escape(token.code);
    }
    if (form < 55) {
        return "|" + escape(token.code);
    }
    if (form < 60) {
        return "http://wrong.example|" + escape(token.code);
    }
    return (token.system ? escape(*token.system) : std::string()) + "|" + escape(token.code);
}

std::string QueryMaker::string(const std::string& modifier, const Found& found) {
    const std::vector<std::string> strings = matcher_.strings(found);
    if (strings.empty()) {
        return {};
    }
    std::string text = dice_.percent(80) ? dice_.pick(strings) : random_text(dice_);
    if (modifier == "exact") {
        return escape(text);
    }
    if (modifier == "contains") {
        std::size_t begin = dice_.below(text.size());
        while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0U) == 0x80U) {
            --begin;
        }
        text = text.substr(begin);
    }
    text = start_of(text, 1 + dice_.below(12));
    if (dice_.percent(40)) {
        std::ranges::transform(text, text.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
    }
    return plain(text).empty() ? std::string() : escape(text);
}

std::string QueryMaker::prefix() {
    return dice_.percent(35) ? ""
                             : dice_.pick({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"});
}

std::string QueryMaker::date(const Found& found) {
    std::string text;
    if (found.element != nullptr && dice_.percent(75)) {
        std::vector<std::string> held;
        const auto collect = [&](const auto& self, const Element& element) -> void {
            if (element.has_value() && read_moment(element.value)) {
                held.emplace_back(element.value);
            }
            for (const Element& child : element.children()) {
                self(self, child);
            }
        };
        collect(collect, *found.element);
        if (!held.empty()) {
            text = dice_.pick(held);
            if (dice_.percent(40)) {
                text = text.substr(0, dice_.pick(std::array<std::size_t, 3>{4, 7, 10}));
            }
        }
    }
    return prefix() + (text.empty() ? random_date(dice_) : text);
}

std::string QueryMaker::number(std::string_view held) {
    return prefix() +
           (held.empty() || dice_.percent(40) ? random_decimal(dice_) : std::string(held));
}

std::string QueryMaker::quantity(const Found& found) {
    if (found.element == nullptr) {
        return {};
    }
    const Element* element = found.element;
    if (const Element* low = element->child("low")) {
        element = low;
    } else if (const Element* high = element->child("high")) {
        element = high;
    }
    const std::string_view system = element->child_value("system");
    const std::string_view code = element->child_value("code");
    std::string text = number(element->child_value("value"));
    const std::size_t form = dice_.below(100);
    if (form < 20) {
        return text;
    }
    if (form < 40) {
        const std::string_view unit = dice_.percent(50) ? element->child_value("unit") : code;
        return unit.empty() ? text : text + "||" + escape(unit);
    }
    if (system.empty()) {
        return text;
    }
    const auto unit = ucum_unit(code);
    std::string wanted(code);
    if (form < 70 && unit && unit->kind == "mass") {
        wanted = dice_.pick({"mg", "g", "kg", "ug"});
    } else if (form < 70 && unit && unit->kind == "length") {
        wanted = dice_.pick({"m", "cm", "mm", "[in_i]"});
    } else if (form < 70 && unit && unit->kind == "pressure") {
        wanted = dice_.pick({"mm[Hg]", "kPa", "Pa"});
    } else if (form < 70 && unit && unit->kind == "amount") {
        wanted = dice_.pick({"mmol/L", "umol/L"});
    }
    if (wanted != code && dice_.percent(60)) {
        // The same amount in the other unit, as a number with few digits.
        const auto held = read_decimal(element->child_value("value"));
        const Fraction same = held->value * unit->factor / ucum_unit(wanted)->factor;
        const Fraction thousandths = same * 100000;
        if (boost::multiprecision::denominator(thousandths) == 1) {
            std::string digits =
                boost::multiprecision::numerator(thousandths).convert_to<std::string>();
            text = prefix() + digits + "e-5";
        }
    }
    return text + "|" + escape(system) + "|" + escape(wanted);
}

std::string QueryMaker::reference(const std::string& modifier, const Found& found) {
    if (found.element == nullptr) {
        return {};
    }
    if (modifier == "identifier") {
        return dice_.pick(
            {"https://fhir.nhs.uk/Id/nhs-number|9990000001",
             "9990000018",
             "urn:local:mrn|MRN\\,7",
             "|x",
             "urn:local:mrn|"}
        );
    }
    const Element& element = *found.element;
    const std::string text(
        records_.is_a(element, "Reference") ? element.child_value("reference")
        : element.is_resource               ? std::string_view()
                                            : std::string_view(element.value)
    );
    if (text.empty() || text.starts_with('#')) {
        return {};
    }
    const Literal literal = Matcher(records_, std::string(our_base), 0).read_literal(text);
    if (literal.type.empty()) {
        return modifier.empty() ? escape(text) : std::string();
    }
    const std::string relative = literal.type + "/" + literal.id;
    if (modifier == "above" || modifier == "below") {
        return is_part(literal.type) ? dice_.pick({relative, literal.id}) : std::string();
    }
    const std::size_t form = dice_.below(100);
    return escape(
        form < 35   ? literal.id
        : form < 75 ? relative
        : form < 90 ? std::string(our_base) + "/" + relative
                    : std::string(elsewhere) + "/" + relative
    );
}

std::string QueryMaker::composite(const Parameter& parameter, const Found& found) {
    std::string values;
    for (const Parameter::Component& component : parameter.components) {
        const Parameter* definition = records_.definitions().by_url(component.definition);
        const std::vector<Found> items =
            records_.evaluate(component.operands, *found.element, *sampled_);
        if (items.empty()) {
            return {};
        }
        const std::string part = value_of(*definition, {}, dice_.pick(items));
        if (part.empty()) {
            return {};
        }
        values += (values.empty() ? "" : "$") + part;
    }
    return values;
}

QueryMaker::Pair QueryMaker::sort(const std::string& type) {
    std::string keys;
    const std::size_t count = 1 + dice_.below(2);
    for (std::size_t i = 0; i < count; ++i) {
        std::string key = dice_.percent(20) ? "_lastUpdated" : dice_.percent(10) ? "_id" : "";
        for (int attempt = 0; key.empty() && attempt < 30; ++attempt) {
            const Parameter* parameter = random_parameter(type);
            if (parameter != nullptr &&
                (parameter->type == "date" || parameter->type == "string" ||
                 parameter->type == "token" || parameter->type == "reference" ||
                 parameter->type == "uri")) {
                key = parameter->code;
            }
        }
        key = key.empty() ? "_id" : key;
        keys += (keys.empty() ? "" : ",") + std::string(dice_.percent(50) ? "-" : "") + key;
    }
    return {"_sort", keys};
}

}  // namespace gatehouse::search_reference
