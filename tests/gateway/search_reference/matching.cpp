// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/matching.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tests/gateway/search_reference/words.hpp"

namespace gatehouse::search_reference {

using fhir::Element;

namespace {

std::optional<std::string> present(const Element& element, std::string_view name) {
    const Element* child = element.child(name);
    if (child == nullptr || !child->has_value()) {
        return std::nullopt;
    }
    return std::string(child->value);
}

Truth any(const auto& items, auto&& test) {
    Truth result = Truth::no;
    for (const auto& item : items) {
        result = either(result, test(item));
    }
    return result;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == separator) {
            parts.emplace_back();
            continue;
        }
        parts.back() += text[i];
        if (text[i] == '\\' && i + 1 < text.size()) {
            parts.back() += text[++i];
        }
    }
    return parts;
}

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        i += text[i] == '\\' && i + 1 < text.size() ? 1U : 0U;
        out += text[i];
    }
    return out;
}

Prefix take_prefix(std::string_view& text) {
    static constexpr std::array<std::string_view, 9> words{
        "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"};
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (text.starts_with(words[i])) {
            text.remove_prefix(2);
            return static_cast<Prefix>(i);
        }
    }
    return Prefix::eq;
}

std::vector<Token> Matcher::identifier_tokens(const Element& identifier) const {
    return {{present(identifier, "system"), std::string(identifier.child_value("value"))}};
}

// FHIR R4 search §token: what each data type offers.
std::vector<Token> Matcher::tokens(const Found& found) const {
    if (found.element == nullptr) {
        return {{std::nullopt, found.computed}};
    }
    const Element& element = *found.element;
    const std::string_view type = records_.type_name(element);
    if (type == "Coding") {
        return {{present(element, "system"), std::string(element.child_value("code"))}};
    }
    if (type == "CodeableConcept") {
        std::vector<Token> tokens;
        for (const Element& child : element.children()) {
            if (child.name == "coding") {
                tokens.push_back({present(child, "system"), std::string(child.child_value("code"))}
                );
            }
        }
        return tokens;
    }
    if (type == "Identifier") {
        return identifier_tokens(element);
    }
    if (type == "ContactPoint") {
        // The system is used as one, and spaces do not tell telephone numbers apart (READINGS 5).
        std::string joined(element.child_value("value"));
        std::vector<Token> tokens{{present(element, "system"), joined}};
        std::erase(joined, ' ');
        tokens.push_back({present(element, "system"), joined});
        return tokens;
    }
    if (type == "code") {
        const std::string path =
            std::string(records_.type_name(*element.parent)) + "." + std::string(element.name);
        const std::string_view system = records_.definitions().code_system(path);
        return {
            {system.empty() ? std::nullopt : std::optional<std::string>(system),
             std::string(element.value)}};
    }
    if (element.has_value() && !element.is_resource) {
        return {{std::nullopt, std::string(element.value)}};
    }
    return {};
}

// "[code]", "[system]|[code]", "|[code]", "[system]|".
Truth Matcher::token_of(const std::vector<Token>& tokens, std::string_view text) {
    const std::vector<std::string> parts = split(text, '|');
    return any(tokens, [&](const Token& token) {
        if (parts.size() == 1) {
            return truth(!token.code.empty() && token.code == unescape(parts[0]));
        }
        const std::string system = unescape(parts[0]);
        const std::string code = unescape(parts[1]);
        if (!code.empty() && token.code != code) {
            return Truth::no;
        }
        return truth(system.empty() ? !token.system : token.system == system);
    });
}

Truth Matcher::token(const Found& found, std::string_view text) const {
    return token_of(tokens(found), text);
}

// ":text": "CodeableConcept.text, Coding.display, or Identifier.type.text", as a string.
Truth Matcher::token_text(const Found& found, std::string_view text) const {
    if (found.element == nullptr) {
        return Truth::no;
    }
    const Element& element = *found.element;
    std::vector<std::string> texts;
    const std::string_view type = records_.type_name(element);
    if (type == "CodeableConcept") {
        texts.emplace_back(element.child_value("text"));
        for (const Element& child : element.children()) {
            if (child.name == "coding") {
                texts.emplace_back(child.child_value("display"));
            }
        }
    } else if (type == "Coding") {
        texts.emplace_back(element.child_value("display"));
    } else if (type == "Identifier") {
        if (const Element* of = element.child("type")) {
            texts.emplace_back(of->child_value("text"));
        }
    }
    const std::string wanted = plain(unescape(text));
    return any(texts, [&](const std::string& each) {
        const std::string held = plain(each);
        // "Processed as a string": starts with it. Some servers find it at the start of any word.
        return held.starts_with(wanted) && !held.empty() ? Truth::yes
               : held.find(wanted) != std::string::npos  ? Truth::free
                                                         : Truth::no;
    });
}

Truth Matcher::of_type(const Found& found, std::string_view text) const {
    const std::vector<std::string> parts = split(text, '|');
    if (found.element == nullptr || parts.size() != 3) {
        return Truth::no;
    }
    const Element* type = found.element->child("type");
    if (type == nullptr || found.element->child_value("value") != unescape(parts[2])) {
        return Truth::no;
    }
    for (const Element& coding : type->children()) {
        if (coding.name == "coding" && coding.child_value("system") == unescape(parts[0]) &&
            coding.child_value("code") == unescape(parts[1])) {
            return Truth::yes;
        }
    }
    return Truth::no;
}

namespace {

// The sets of codes that searches of the test name, from the published definitions.
std::vector<std::pair<std::string, std::string>>
code_set(std::string_view text, std::string_view modifier) {
    static const std::string act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    static const std::string gender = "http://hl7.org/fhir/administrative-gender";
    if (text == "http://hl7.org/fhir/ValueSet/administrative-gender") {
        return {{gender, "male"}, {gender, "female"}, {gender, "other"}, {gender, "unknown"}};
    }
    if (text == act + "|IMP" && modifier == "below") {
        return {{act, "IMP"}, {act, "ACUTE"}, {act, "NONAC"}};
    }
    if (text == act + "|ACUTE" && modifier == "above") {
        return {{act, "ACUTE"}, {act, "IMP"}, {act, "_ActEncounterCode"}};
    }
    return {{act, std::string(text.substr(text.rfind('|') + 1))}};  // a leaf, or a top
}

}  // namespace

Truth Matcher::in_set(const Found& found, std::string_view text, std::string_view modifier) const {
    const auto set = code_set(text, modifier);
    return any(tokens(found), [&](const Token& token) {
        return truth(std::ranges::any_of(set, [&](const auto& member) {
            return token.system == member.first && token.code == member.second;
        }));
    });
}

// "latitude|longitude|distance|units", great circles on a globe; at the edge of the distance a
// server's globe may be another.
Truth Matcher::near(const Found& found, std::string_view text) {
    const std::vector<std::string> parts = split(text, '|');
    if (found.element == nullptr || found.element->child("latitude") == nullptr ||
        found.element->child("longitude") == nullptr) {
        return Truth::no;
    }
    const auto radians = [](std::string_view degrees) {
        return std::stod(std::string(degrees)) * std::numbers::pi / 180;
    };
    const double a = radians(parts[0]);
    const double b = radians(found.element->child_value("latitude"));
    const double turn = radians(parts[1]) - radians(found.element->child_value("longitude"));
    const double half = std::pow(std::sin((a - b) / 2), 2) +
                        std::cos(a) * std::cos(b) * std::pow(std::sin(turn / 2), 2);
    const double kilometres = 2 * 6371.0 * std::asin(std::min(1.0, std::sqrt(half)));
    if (parts.size() < 3) {
        return Truth::free;  // how near is near is the server's
    }
    const double wanted = std::stod(parts[2]) * (parts.size() > 3 && parts[3] == "m" ? 0.001 : 1.0);
    return kilometres < wanted * 0.99 - 0.001   ? Truth::yes
           : kilometres > wanted * 1.01 + 0.001 ? Truth::no
                                                : Truth::free;
}

// FHIR R4 search §string: "any of the string fields" of HumanName and Address.
std::vector<std::string> Matcher::strings(const Found& found) const {
    if (found.element == nullptr) {
        return {found.computed};
    }
    static constexpr std::array<std::string_view, 12> fields{
        "text",
        "family",
        "given",
        "prefix",
        "suffix",
        "line",
        "city",
        "district",
        "state",
        "country",
        "postalCode",
        "value"};
    const Element& element = *found.element;
    const std::string_view type = records_.type_name(element);
    if (type == "HumanName" || type == "Address" || type == "CodeableConcept" ||
        type == "ContactPoint") {
        std::vector<std::string> texts;
        for (const Element& child : element.children()) {
            if (std::ranges::find(fields, child.name) != fields.end() && child.has_value()) {
                texts.emplace_back(child.value);
            }
        }
        return texts;
    }
    if (element.has_value() && !element.is_resource) {
        return {std::string(element.value)};
    }
    return {};
}

Truth Matcher::string(const Found& found, std::string_view text, std::string_view modifier) const {
    const std::string wanted = unescape(text);
    return any(strings(found), [&](const std::string& held) {
        if (modifier == "exact") {
            return truth(held == wanted);
        }
        const std::string folded = plain(held);
        if (modifier == "equals" || modifier == "ends") {  // of _filter
            return truth(
                modifier == "equals" ? folded == plain(wanted) : folded.ends_with(plain(wanted))
            );
        }
        return truth(
            modifier == "contains" ? folded.find(plain(wanted)) != std::string::npos
                                   : folded.starts_with(plain(wanted))
        );
    });
}

std::optional<Span> Matcher::span(const Found& found) const {
    if (found.element == nullptr) {
        return read_moment(found.computed);
    }
    const Element& element = *found.element;
    const std::string_view type = records_.type_name(element);
    const auto period = [](const Element& of) -> std::optional<Span> {
        const auto start = read_moment(of.child_value("start"));
        const auto end = read_moment(of.child_value("end"));
        if (!start && !end) {
            return std::nullopt;
        }
        return Span{start ? start->begin : before_all, end ? end->end : after_all};
    };
    if (type == "Period") {
        return period(element);
    }
    if (type == "Timing") {
        // "Only the outer limits matter": of its events and its bounds.
        std::optional<Span> outer;
        const auto widen = [&](const std::optional<Span>& with) {
            if (with) {
                outer =
                    outer
                        ? Span{std::min(outer->begin, with->begin), std::max(outer->end, with->end)}
                        : *with;
            }
        };
        for (const Element& child : element.children()) {
            if (child.name == "event") {
                widen(read_moment(child.value));
            } else if (const Element* bounds = child.child("boundsPeriod");
                       child.name == "repeat" && bounds != nullptr) {
                widen(period(*bounds));
            }
        }
        return outer;
    }
    if (type == "date" || type == "dateTime" || type == "instant") {
        return read_moment(element.value);
    }
    return std::nullopt;
}

Truth Matcher::date(const Found& found, std::string_view text) const {
    const Prefix prefix = take_prefix(text);
    const auto searched = read_moment(unescape(text));
    const auto held = span(found);
    return searched && held ? compare_spans(prefix, *searched, *held, now_) : Truth::no;
}

Truth Matcher::number(const Found& found, std::string_view text) const {
    const Prefix prefix = take_prefix(text);
    const auto searched = read_decimal(unescape(text));
    Extent extent;
    if (found.element != nullptr && records_.is_a(*found.element, "Range")) {
        const Element* low = found.element->child("low");
        const Element* high = found.element->child("high");
        if (low == nullptr && high == nullptr) {
            return Truth::no;
        }
        if (low != nullptr) {
            extent.low = read_decimal(low->child_value("value"))->value;
        }
        if (high != nullptr) {
            extent.high = read_decimal(high->child_value("value"))->value;
        }
        return compare_amounts(prefix, *searched, extent);
    }
    const auto held = read_decimal(
        found.element == nullptr ? std::string_view(found.computed) : found.element->value
    );
    if (!searched || !held) {
        return Truth::no;
    }
    extent.low = extent.high = held->value;  // "the number in the resource is exact"
    return compare_amounts(prefix, *searched, extent);
}

namespace {

// A Quantity, Money or Range as an extent in one unit.
struct Amount {
    Extent extent;
    std::string system;
    std::string code;
    std::string unit;
};

std::optional<Amount> read_amount(const Element& element, std::string_view type) {
    Amount amount;
    const Element* named = &element;
    if (type == "Range") {
        const Element* low = element.child("low");
        const Element* high = element.child("high");
        named = low != nullptr ? low : high;
        if (named == nullptr) {
            return std::nullopt;
        }
        if (low != nullptr) {
            amount.extent.low = read_decimal(low->child_value("value"))->value;
        }
        if (high != nullptr) {
            amount.extent.high = read_decimal(high->child_value("value"))->value;
        }
    } else {
        const auto value = read_decimal(element.child_value("value"));
        if (!value) {
            return std::nullopt;
        }
        // "< 5" says: something below five (READINGS 6).
        const std::string_view comparator = element.child_value("comparator");
        if (!comparator.starts_with('<')) {
            amount.extent.low = value->value;
            amount.extent.low_open = comparator == ">";
        }
        if (!comparator.starts_with('>')) {
            amount.extent.high = value->value;
            amount.extent.high_open = comparator == "<";
        }
    }
    if (type == "Money") {
        amount.system = "urn:iso:std:iso:4217";
        amount.code = element.child_value("currency");
    } else {
        amount.system = named->child_value("system");
        amount.code = named->child_value("code");
        amount.unit = named->child_value("unit");
    }
    return amount;
}

constexpr std::string_view ucum = "http://unitsofmeasure.org";

Extent scaled(Extent extent, const Fraction& factor) {
    if (extent.low) {
        *extent.low *= factor;
    }
    if (extent.high) {
        *extent.high *= factor;
    }
    return extent;
}

}  // namespace

// "[prefix][number]|[system]|[code]", "[number]", "[number]||[code]".
Truth Matcher::quantity(const Found& found, std::string_view text) const {
    if (found.element == nullptr) {
        return Truth::no;
    }
    const std::string_view type = records_.is_a(*found.element, "Quantity") ? "Quantity"
                                  : records_.is_a(*found.element, "Range")  ? "Range"
                                  : records_.is_a(*found.element, "Money")  ? "Money"
                                                                            : "";
    if (type.empty()) {
        return Truth::no;
    }
    const auto held = read_amount(*found.element, type);
    const std::vector<std::string> parts = split(text, '|');
    std::string_view number = parts[0];
    const Prefix prefix = take_prefix(number);
    const auto searched = read_decimal(number);
    if (!held || !searched) {
        return Truth::no;
    }
    const std::string system = parts.size() == 3 ? unescape(parts[1]) : "";
    const std::string code = parts.size() == 3 ? unescape(parts[2]) : "";
    if (code.empty() || (system.empty() ? held->code == code || held->unit == code
                                        : held->system == system && held->code == code)) {
        return compare_amounts(prefix, *searched, held->extent);
    }
    if (system == ucum && held->system == ucum) {
        const auto wanted = ucum_unit(code);
        const auto given = ucum_unit(held->code);
        if (wanted && given && wanted->kind == given->kind) {
            return compare_amounts(
                prefix, *searched, scaled(held->extent, given->factor / wanted->factor)
            );
        }
    }
    return Truth::no;
}

Truth Matcher::uri(const Found& found, std::string_view text, std::string_view modifier) const {
    const std::string held(found.element == nullptr ? found.computed : found.element->value);
    const std::string wanted = unescape(text);
    if (modifier.empty()) {
        // "Exact"; yet a canonical's version may be left out where the element is one.
        return held == wanted                   ? Truth::yes
               : held.starts_with(wanted + "|") ? Truth::free
                                                : Truth::no;
    }
    // ":below" the value searched for, in the hierarchy of the path; ":above" the other way round.
    std::string root = modifier == "below" ? wanted : held;
    const std::string& leaf = modifier == "below" ? held : wanted;
    if (root == leaf) {
        return Truth::yes;
    }
    // A URN has no hierarchy; whether a canonical's version counts is not said.
    bool said = !root.starts_with("urn:");
    if (const auto bar = root.find('|'); bar != std::string::npos) {
        root.resize(bar);
        said = false;
    }
    if (root.empty() || !leaf.starts_with(root)) {
        return Truth::no;
    }
    const bool at_segment = root.back() == '/' || leaf[root.size()] == '/';
    return at_segment && said ? Truth::yes : Truth::free;
}

// "Type/id", with our base before it or a version behind it; all else is a URL.
Literal Matcher::read_literal(std::string_view text) const {
    std::string plain_text(text);
    if (const auto version = plain_text.find("/_history/"); version != std::string::npos) {
        plain_text.resize(version);
    }
    if (plain_text.starts_with(own_base_ + "/")) {
        plain_text.erase(0, own_base_.size() + 1);
    }
    const auto slash = plain_text.find('/');
    if (slash != std::string::npos && plain_text.find('/', slash + 1) == std::string::npos &&
        std::ranges::binary_search(records_.definitions().types(), plain_text.substr(0, slash))) {
        return {plain_text.substr(0, slash), plain_text.substr(slash + 1), {}};
    }
    return {{}, {}, plain_text};
}

std::optional<Literal> Matcher::literal(const Found& found) const {
    if (found.element == nullptr) {
        return std::nullopt;
    }
    const Element& element = *found.element;
    if (element.is_resource) {
        return Literal{
            std::string(element.resource_type()), std::string(element.child_value("id")), {}};
    }
    const std::string_view text = records_.is_a(element, "Reference")
                                      ? element.child_value("reference")
                                      : std::string_view(element.value);
    if (text.empty() || text.starts_with('#')) {
        return std::nullopt;
    }
    return read_literal(text);
}

Truth Matcher::reference(
    const Found& found,
    std::string_view text,
    std::string_view type,
    const std::vector<std::string>& targets
) const {
    const auto held = literal(found);
    if (!held) {
        return Truth::no;
    }
    Literal wanted = read_literal(unescape(text));
    if (wanted.type.empty() && wanted.url.find(':') == std::string::npos) {
        // "[id]": of the modifier's type, or of any that the parameter is for.
        if (held->type.empty() || held->id != wanted.url || (!type.empty() && held->type != type)) {
            return Truth::no;
        }
        const bool meant = targets.empty() || !type.empty() ||
                           std::ranges::find(targets, held->type) != targets.end();
        return meant ? Truth::yes : Truth::free;
    }
    if (!wanted.type.empty()) {
        return truth(
            held->type == wanted.type && held->id == wanted.id &&
            (type.empty() || type == wanted.type)
        );
    }
    // A canonical matches with its version and, asked without one, without.
    return truth(
        held->url == wanted.url ||
        (wanted.url.find('|') == std::string::npos && held->url.starts_with(wanted.url + "|"))
    );
}

// ":missing": "don't have a value for the parameter (which usually equates to not having the
// relevant element)". An element that holds nothing that the parameter could find is none; a coded
// element with a text alone, or a reference with a display alone, is one or not (READINGS 9).
Truth Matcher::is_value(const Found& found, std::string_view parameter_type) const {
    if (parameter_type == "date") {
        return truth(span(found).has_value());
    }
    if (found.element == nullptr) {
        return Truth::yes;
    }
    const Element& element = *found.element;
    const bool has_text = element.child("text") != nullptr || element.child("display") != nullptr;
    if (parameter_type == "token") {
        const bool coded = std::ranges::any_of(tokens(found), [](const Token& token) {
            return token.system || !token.code.empty();
        });
        const Element* coding = element.child("coding");
        const bool shown = has_text || element.child("type") != nullptr ||
                           (coding != nullptr && coding->child("display") != nullptr);
        return coded ? Truth::yes : shown ? Truth::free : Truth::no;
    }
    if (parameter_type == "string") {
        return truth(!strings(found).empty());
    }
    if (parameter_type == "reference" && !element.is_resource && !element.has_value()) {
        const Element* identifier = element.child("identifier");
        const bool named = element.child("reference") != nullptr ||
                           (identifier != nullptr && identifier->child("value") != nullptr);
        return named ? Truth::yes : has_text || identifier != nullptr ? Truth::free : Truth::no;
    }
    if (parameter_type == "special") {
        return truth(element.child("latitude") != nullptr && element.child("longitude") != nullptr);
    }
    if (parameter_type == "quantity") {
        return truth(
            element.child("value") != nullptr || element.child("low") != nullptr ||
            element.child("high") != nullptr
        );
    }
    return truth(element.is_resource || element.has_value() || element.first_child != nullptr);
}

Truth Matcher::identifier(const Found& found, std::string_view text) const {
    const Element* held = found.element != nullptr && !found.element->is_resource
                              ? found.element->child("identifier")
                              : nullptr;
    const Truth result = held == nullptr ? Truth::no : token_of(identifier_tokens(*held), text);
    // A system alone identifies nothing.
    return result == Truth::yes && held->child("value") == nullptr ? Truth::free : result;
}

}  // namespace gatehouse::search_reference
