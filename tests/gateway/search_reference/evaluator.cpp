// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/evaluator.hpp"

#include <algorithm>

#include "tests/gateway/search_reference/words.hpp"

namespace gatehouse::search_reference {

using fhir::Element;

std::string Query::text() const {
    std::string out = type;
    char mark = '?';
    for (const auto& [name, value] : parameters) {
        out += mark + name + "=" + value;
        mark = '&';
    }
    return out;
}

std::string Query::value(std::string_view name) const {
    const auto found =
        std::ranges::find(parameters, name, [](const auto& pair) { return pair.first; });
    return found == parameters.end() ? std::string() : found->second;
}

std::vector<std::string> Query::types() const {
    for (const auto& [name, value] : parameters) {
        if (name == "_type" && type.empty()) {
            return split(value, ',');
        }
    }
    return {type};
}

namespace {

std::string text_of(const auto& key) {
    return std::visit(
        [](const auto& held) -> std::string {
            using Held = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<Held, std::monostate>) {
                return "nothing";
            } else if constexpr (std::is_same_v<Held, std::string>) {
                return held;
            } else if constexpr (std::is_same_v<Held, Fraction>) {
                return held.str();
            } else {
                return std::to_string(held);
            }
        },
        key
    );
}

// What says how to answer, not what to find.
bool is_control(std::string_view name) {
    return name == "_sort" || name == "_count" || name == "_summary" || name == "_total" ||
           name == "_type" || name == "_contained" || name == "_containedType" ||
           name.starts_with("_include") || name.starts_with("_revinclude");
}

std::pair<std::string, std::string> cut(const std::string& text, char at) {
    const auto found = text.find(at);
    return found == std::string::npos ? std::pair{text, std::string()}
                                      : std::pair{text.substr(0, found), text.substr(found + 1)};
}

}  // namespace

Truth Evaluator::matches(const Query& query, const Subject& subject) const {
    Truth result = Truth::yes;
    for (const auto& [name, value] : query.parameters) {
        if (!is_control(name) && result != Truth::no) {
            result = both(result, clause(subject, name, value));
        }
    }
    return result;
}

// FHIR R4 "Searching contained resources".
std::vector<std::pair<std::string, Truth>>
Evaluator::answers(const Query& query, const Record& record) const {
    const std::string contained = query.value("_contained");
    const bool alone = query.value("_containedType") == "contained";
    const std::vector<std::string> types = query.types();
    const auto wanted = [&](std::string_view type) {
        return std::ranges::find(types, type) != types.end();
    };
    const std::string name = record.type + "/" + record.id;
    std::vector<std::pair<std::string, Truth>> out;
    if (contained != "true" && wanted(record.type)) {
        out.emplace_back(name, matches(query, {record.root, &record}));
    }
    if (contained != "true" && contained != "both") {
        return out;
    }
    for (const Subject& inner : contained_in(record)) {
        if (!wanted(inner.root->resource_type())) {
            continue;
        }
        const Truth found = matches(query, inner);
        if (alone) {
            out.emplace_back(name + "#" + std::string(inner.root->child_value("id")), found);
        } else if (out.empty()) {
            out.emplace_back(name, found);
        } else {
            out.front().second = either(out.front().second, found);
        }
    }
    return out;
}

std::vector<Evaluator::Subject> Evaluator::contained_in(const Record& record) {
    std::vector<Subject> out;
    for (const Element& child : record.root->children()) {
        if (child.name == "contained") {
            out.push_back({&child, nullptr});
        }
    }
    return out;
}

std::vector<Evaluator::Subject> Evaluator::subjects(std::string_view type) const {
    std::vector<Subject> out;
    for (const Record& record : records_.all()) {
        if (record.type == type) {
            out.push_back({record.root, &record});
        }
        for (const Subject& inner : contained_in(record)) {
            if (inner.root->resource_type() == type) {
                out.push_back(inner);
            }
        }
    }
    return out;
}

bool Evaluator::leads(const Subject& from, const Parameter& parameter, const Subject& to) const {
    const auto& found = records_.values(*from.root, parameter);
    return std::ranges::any_of(found, [&](const Found& item) {
        const auto there = targets(item, parameter, to.root->resource_type());
        return std::ranges::find(there, to.root, &Subject::root) != there.end();
    });
}

Truth Evaluator::clause(const Subject& subject, const std::string& name, const std::string& value)
    const {
    if (name.starts_with("_has:")) {
        return reverse(subject, name.substr(5), value);
    }
    const auto [first, rest] = cut(name, '.');
    const auto [code, modifier] = cut(first, ':');
    const std::vector<std::string> alternatives = split(value, ',');
    Truth result = Truth::no;
    if (code == "_id") {
        for (const std::string& each : alternatives) {
            result = either(
                result, truth(subject.record != nullptr && subject.record->id == unescape(each))
            );
        }
        return result;
    }
    if (code == "_lastUpdated") {
        if (subject.record == nullptr) {
            return Truth::no;
        }
        for (const std::string& each : alternatives) {
            std::string_view text = each;
            const Prefix prefix = take_prefix(text);
            const Span held{subject.record->last_updated, subject.record->last_updated + 1};
            result =
                either(result, compare_spans(prefix, *read_moment(text), held, matcher_.now()));
        }
        return result;
    }
    if (code == "_list") {
        return listed(subject, alternatives);
    }
    if (code == "_filter") {
        return filter(subject, value);
    }
    const Parameter* parameter = records_.definitions().find(subject.root->resource_type(), code);
    if (parameter == nullptr) {
        return Truth::no;
    }
    if (!rest.empty()) {
        return chain(subject, *parameter, modifier, rest, value);
    }
    const std::vector<Found>& found = records_.values(*subject.root, *parameter);
    if (modifier == "missing") {
        for (const Found& item : found) {
            result = either(result, is_value(*parameter, item, subject));
        }
        return value == "true" ? opposite(result) : result;
    }
    for (const std::string& each : alternatives) {
        for (const Found& item : found) {
            result = either(
                result,
                one(*parameter,
                    modifier == "not"      ? ""
                    : modifier == "not-in" ? "in"
                                           : modifier,
                    item,
                    subject,
                    each)
            );
        }
    }
    // ":not": "includes resources that have no value for the parameter".
    return modifier == "not" || modifier == "not-in" ? opposite(result) : result;
}

Truth Evaluator::is_value(const Parameter& parameter, const Found& found, const Subject& subject)
    const {
    if (parameter.type != "composite") {
        return matcher_.is_value(found, parameter.type);
    }
    // All of its components.
    Truth result = truth(found.element != nullptr);
    for (const Parameter::Component& component : parameter.components) {
        const Parameter* definition = records_.definitions().by_url(component.definition);
        Truth here = Truth::no;
        for (const Found& item :
             records_.evaluate(component.operands, *found.element, *subject.root)) {
            const bool by_identifier = definition->type == "reference" && item.element != nullptr &&
                                       item.element->child("identifier") != nullptr &&
                                       item.element->child("reference") == nullptr;
            // What names no resource can be no part of a composite's value, or can.
            here = either(
                here, by_identifier ? Truth::free : matcher_.is_value(item, definition->type)
            );
        }
        result = both(result, here);
    }
    return result;
}

Truth Evaluator::one(
    const Parameter& parameter,
    std::string_view modifier,
    const Found& found,
    const Subject& subject,
    std::string_view text
) const {
    if (parameter.type == "token") {
        return modifier == "text"      ? matcher_.token_text(found, text)
               : modifier == "of-type" ? matcher_.of_type(found, text)
               : modifier.empty()      ? matcher_.token(found, text)
                                       : matcher_.in_set(found, text, modifier);
    }
    if (parameter.type == "string") {
        return matcher_.string(found, text, modifier);
    }
    if (parameter.type == "date") {
        return matcher_.date(found, text);
    }
    if (parameter.type == "number") {
        return matcher_.number(found, text);
    }
    if (parameter.type == "quantity") {
        return matcher_.quantity(found, text);
    }
    if (parameter.type == "uri") {
        return matcher_.uri(found, text, modifier);
    }
    if (parameter.code == "near") {
        return Matcher::near(found, text);
    }
    if (parameter.type == "composite") {
        return composite(parameter, found, subject, text);
    }
    if (parameter.type == "reference" && modifier == "identifier") {
        // The reference's own identifier, or that of the resource it points at (READINGS 7).
        Truth result = matcher_.identifier(found, text);
        for (const Subject& target : targets(found, parameter, {})) {
            result = either(result, clause(target, "identifier", std::string(text)));
        }
        return result;
    }
    if (parameter.type == "reference" && (modifier == "above" || modifier == "below")) {
        return in_hierarchy(parameter, modifier == "below", found, text);
    }
    return parameter.type == "reference"
               ? matcher_.reference(found, text, modifier, parameter.targets)
               : Truth::no;
}

// Whether what is found is the resource asked for or part of it, near or far (`below`), or that is
// part of what is found. A type's own parts are told by its parameter partof or part-of.
Truth Evaluator::in_hierarchy(
    const Parameter& parameter, bool below, const Found& found, std::string_view text
) const {
    const std::string plain = unescape(text);
    if (plain.find(':') != std::string::npos && !matcher_.read_literal(plain).url.empty()) {
        // A canonical and the start of its version.
        const std::string held(found.element == nullptr ? found.computed : found.element->value);
        return truth(
            held == plain || held.substr(0, held.find('|')) == plain ||
            (plain.find('|') != std::string::npos && held.starts_with(plain + "."))
        );
    }
    const auto wanted = matcher_.read_literal(plain);
    // Type and id; of what is elsewhere no type, and its URL.
    using Name = std::pair<std::string, std::string>;
    const auto name_of = [](const Literal& literal) {
        return Name{literal.type, literal.type.empty() ? literal.url : literal.id};
    };
    const auto parents = [&](const fhir::Element& root) {
        std::set<Name> names;
        for (const char* code : {"partof", "part-of"}) {
            const Parameter* up = records_.definitions().find(root.resource_type(), code);
            const bool fits = up != nullptr &&
                              std::ranges::find(up->targets, std::string(root.resource_type())) !=
                                  up->targets.end();
            for (const Found& item : fits ? records_.values(root, *up) : std::vector<Found>{}) {
                if (const auto literal = matcher_.literal(item)) {
                    names.insert(name_of(*literal));
                }
            }
            if (fits) {
                break;
            }
        }
        return names;
    };
    const auto climb = [&](std::set<Name> from) {
        std::vector<Name> open(from.begin(), from.end());
        while (!open.empty()) {
            const Record* record = records_.find(open.back().first, open.back().second);
            open.pop_back();
            for (const Name& name : record == nullptr ? std::set<Name>{} : parents(*record->root)) {
                if (from.insert(name).second) {
                    open.push_back(name);
                }
            }
        }
        return from;
    };
    std::set<Name> asked;
    for (const std::string& type :
         wanted.type.empty() ? parameter.targets : std::vector<std::string>{wanted.type}) {
        asked.emplace(type, wanted.type.empty() ? plain : wanted.id);
    }
    const auto meet = [](const std::set<Name>& one, const std::set<Name>& other) {
        return std::ranges::any_of(one, [&](const Name& name) { return other.contains(name); });
    };
    std::set<Name> held;
    if (const auto literal = matcher_.literal(found)) {
        held.insert(name_of(*literal));
    } else {
        for (const Subject& inner : targets(found, parameter, {})) {
            held = parents(*inner.root);
        }
        return truth(below && meet(climb(held), asked));
    }
    return truth(below ? meet(climb(held), asked) : meet(climb(asked), held));
}

// "Each of the components must be true of the same element."
Truth Evaluator::composite(
    const Parameter& parameter, const Found& found, const Subject& subject, std::string_view text
) const {
    const std::vector<std::string> parts = split(text, '$');
    if (parts.size() != parameter.components.size() || found.element == nullptr) {
        return Truth::no;
    }
    Truth result = Truth::yes;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Parameter::Component& component = parameter.components[i];
        const Parameter* definition = records_.definitions().by_url(component.definition);
        Truth here = Truth::no;
        for (const Found& item :
             records_.evaluate(component.operands, *found.element, *subject.root)) {
            here = either(here, one(*definition, {}, item, subject, parts[i]));
        }
        result = both(result, here);
    }
    return result;
}

std::vector<Evaluator::Subject>
Evaluator::targets(const Found& found, const Parameter& parameter, std::string_view type) const {
    std::vector<Subject> subjects;
    const auto fits = [&](const std::string& name) {
        return type.empty()
                   ? parameter.targets.empty() ||
                         std::ranges::find(parameter.targets, name) != parameter.targets.end()
                   : name == type;
    };
    if (const auto literal = matcher_.literal(found)) {
        const Record* record = records_.find(literal->type, literal->id);
        if (record != nullptr && fits(record->type)) {
            subjects.push_back({record->root, record});
        }
    } else if (found.element != nullptr && found.element->child_value("reference").starts_with('#')) {
        // "A chained condition will be evaluated inside contained resources."
        const Element* root = found.element;
        while (root->parent != nullptr) {
            root = root->parent;
        }
        const Record* holder = records_.find(root->resource_type(), root->child_value("id"));
        if (found.element->child_value("reference") == "#" && fits(holder->type)) {
            subjects.push_back({root, holder});
        }
        for (const Element& child : root->children()) {
            if (child.name == "contained" && fits(std::string(child.resource_type())) &&
                child.child_value("id") == found.element->child_value("reference").substr(1)) {
                subjects.push_back({&child, nullptr});
            }
        }
    }
    return subjects;
}

Truth Evaluator::chain(
    const Subject& subject,
    const Parameter& parameter,
    std::string_view type,
    const std::string& rest,
    const std::string& value
) const {
    Truth result = Truth::no;
    for (const Found& found : records_.values(*subject.root, parameter)) {
        for (const Subject& target : targets(found, parameter, type)) {
            result = either(result, clause(target, rest, value));
        }
    }
    return result;
}

// "_has:Observation:patient:code=1234-5": resources that an Observation with this code refers to as
// its patient.
Truth Evaluator::reverse(const Subject& subject, const std::string& rest, const std::string& value)
    const {
    const auto [type, after_type] = cut(rest, ':');
    const auto [code, inner] = cut(after_type, ':');
    const Parameter* parameter = records_.definitions().find(type, code);
    if (parameter == nullptr) {
        return Truth::no;
    }
    Truth result = Truth::no;
    for (const Subject& from : subjects(type)) {
        if (leads(from, *parameter, subject)) {
            result = either(result, clause(from, inner, value));
        }
    }
    return result;
}

// "_list": what the list's items point at.
Truth Evaluator::listed(const Subject& subject, const std::vector<std::string>& lists) const {
    const Parameter* item = records_.definitions().find("List", "item");
    Truth result = Truth::no;
    for (const std::string& id : lists) {
        const Record* list = records_.find("List", unescape(id));
        if (list != nullptr) {
            for (const Found& found : records_.values(*list->root, *item)) {
                // "Deleted": the entry says what is no member any more.
                const auto there = targets(found, *item, subject.root->resource_type());
                const bool member =
                    found.element->parent->child_value("deleted") != "true" &&
                    std::ranges::find(there, subject.root, &Subject::root) != there.end();
                result = either(result, truth(member));
            }
        }
    }
    return result;
}

std::string Evaluator::explain(const Query& query, const Record& record) const {
    std::string out;
    for (const auto& [named, found] : answers(query, record)) {
        out += named + ": " + word(found) + "\n";
    }
    std::vector<Subject> all{{record.root, &record}};
    if (!query.value("_contained").empty()) {
        const std::vector<Subject> inner = contained_in(record);
        all.insert(all.end(), inner.begin(), inner.end());
    }
    for (const Subject& subject : all) {
        for (const auto& [name, value] : query.parameters) {
            if (!is_control(name)) {
                out += explain(subject, name, value, 4);
            }
        }
    }
    return out;
}

std::string Evaluator::explain(
    const Subject& subject, const std::string& name, const std::string& value, std::size_t indent
) const {
    const std::string margin(indent, ' ');
    std::string out =
        margin + name + "=" + value + ": " + word(clause(subject, name, value)) + "\n";
    const auto [first, rest] = cut(name, '.');
    const auto [code, modifier] = cut(first, ':');
    if (name.starts_with("_has:")) {
        const auto [type, after] = cut(name.substr(5), ':');
        const auto [by, inner] = cut(after, ':');
        const Parameter* parameter = records_.definitions().find(type, by);
        for (const Subject& from : subjects(type)) {
            if (parameter != nullptr && leads(from, *parameter, subject)) {
                out += margin + "  from " + brief(*from.root) + "\n";
                out += explain(from, inner, value, indent + 4);
            }
        }
        return out;
    }
    if (code == "_filter") {
        for (const Parameter* named : records_.definitions().all(subject.root->resource_type())) {
            if (value.find(named->code + " ") != std::string::npos) {
                out += explain(subject, named->code + ":missing", "true", indent + 4);
            }
        }
        return out;
    }
    const Parameter* parameter = records_.definitions().find(subject.root->resource_type(), code);
    if (parameter == nullptr || code == "_id") {
        return out;
    }
    out += margin + "  " + parameter->expression.substr(0, 160) + "\n";
    for (const Found& found : records_.values(*subject.root, *parameter)) {
        out += margin + "  found " +
               (found.element == nullptr ? found.computed : brief(*found.element)) + "\n";
        if (!rest.empty()) {
            for (const Subject& target : targets(found, *parameter, modifier)) {
                out += explain(target, rest, value, indent + 4);
            }
        }
    }
    return out;
}

// Resources here that a reference parameter ("*": any) leads to.
std::vector<const Record*>
Evaluator::pointed_at(const Record& from, const std::string& code) const {
    std::vector<const Record*> found;
    for (const Parameter* parameter : records_.definitions().all(from.type)) {
        if (parameter->type != "reference" || (code != "*" && parameter->code != code)) {
            continue;
        }
        const std::vector<Found> items = records_.values(*from.root, *parameter);
        // The URL is named with a version too: then only that is meant (READINGS 13).
        const auto versioned = [&](const std::string& url) {
            return std::ranges::any_of(items, [&](const Found& item) {
                const auto literal = matcher_.literal(item);
                return literal && literal->url.starts_with(url + "|");
            });
        };
        for (const Found& item : items) {
            const auto literal = matcher_.literal(item);
            const Record* record = literal ? records_.find(literal->type, literal->id) : nullptr;
            if (record != nullptr) {
                found.push_back(record);
            } else if (literal && literal->type.empty() && !versioned(literal->url)) {
                for (const Record* named :
                     named_by(literal->url, code == "*" ? nullptr : parameter)) {
                    found.push_back(named);
                }
            }
        }
    }
    return found;
}

// A canonical: what has the URL and, if one is named, the business version; of the types that the
// parameter is for, if one is given.

std::vector<const Record*>
Evaluator::named_by(const std::string& canonical, const Parameter* parameter) const {
    const auto [url, version] = cut(canonical, '|');
    std::vector<const Record*> found;
    for (const Record& record : records_.all()) {
        const bool may_be =
            parameter == nullptr || parameter->targets.empty() ||
            std::ranges::find(parameter->targets, record.type) != parameter->targets.end() ||
            std::ranges::find(parameter->targets, "Resource") != parameter->targets.end();
        // Subscription's `url` is that of its channel, not its own.
        if (may_be && record.type != "Subscription" &&
            records_.definitions().find(record.type, "url") != nullptr &&
            record.root->child_value("url") == url &&
            (version.empty() || record.root->child_value("version") == version)) {
            found.push_back(&record);
        }
    }
    return found;
}

// "Type:parameter", "Type:parameter:TargetType", "Type:*", "*".
std::vector<const Record*>
Evaluator::follow(const std::string& name, const std::string& value, const Record& from) const {
    const std::vector<std::string> parts = split(value, ':');
    const std::string code = parts.size() > 1 ? parts[1] : "*";
    const std::string target = parts.size() > 2 ? parts[2] : "";
    const auto holds = [&](const Record& record) {
        return parts[0] == "*" || parts[0] == record.type;
    };
    std::vector<const Record*> found;
    if (name.starts_with("_include")) {
        if (holds(from)) {
            for (const Record* record : pointed_at(from, code)) {
                if (target.empty() || record->type == target) {
                    found.push_back(record);
                }
            }
        }
        return found;
    }
    if (!target.empty() && from.type != target) {
        return found;
    }
    for (const Record& record : records_.all()) {
        if (holds(record)) {
            const std::vector<const Record*> there = pointed_at(record, code);
            if (std::ranges::find(there, &from) != there.end()) {
                found.push_back(&record);
            }
        }
    }
    return found;
}

// Rules apply to the matches; those with :iterate to what they bring in too.
std::set<std::string>
Evaluator::included(const Query& query, const std::vector<const Record*>& matches) const {
    std::set<const Record*> known(matches.begin(), matches.end());
    std::set<std::string> names;
    std::vector<const Record*> from = matches;
    for (int level = 0; !from.empty() && level < 8; ++level) {
        std::vector<const Record*> next;
        for (const auto& [name, value] : query.parameters) {
            const bool rule = name.starts_with("_include") || name.starts_with("_revinclude");
            if (!rule || (level > 0 && !name.ends_with(":iterate"))) {
                continue;
            }
            for (const Record* each : from) {
                for (const Record* record : follow(name, value, *each)) {
                    if (known.insert(record).second) {
                        names.insert(record->type + "/" + record->id);
                        next.push_back(record);
                    }
                }
            }
        }
        from = std::move(next);
    }
    return names;
}

Evaluator::Key Evaluator::key(const Record& record, std::string_view code, bool descending) const {
    if (code == "_id") {
        return record.id;
    }
    if (code == "_lastUpdated") {
        return record.last_updated;
    }
    const Parameter* parameter = records_.definitions().find(record.type, code);
    std::vector<Key> keys;
    if (parameter == nullptr) {
        return {};
    }
    for (const Found& found : records_.values(*record.root, *parameter)) {
        if (parameter->type == "date") {
            if (const auto span = matcher_.span(found)) {
                keys.emplace_back(descending ? span->end : span->begin);
            }
        } else if (parameter->type == "string") {
            for (const std::string& text : matcher_.strings(found)) {
                keys.emplace_back(plain(text));
            }
        } else if (parameter->type == "reference") {
            if (const auto literal = matcher_.literal(found)) {
                const std::string held = literal->type.empty() ? literal->url : literal->id;
                keys.emplace_back(held);
                keys.emplace_back(held.substr(0, held.find('|')));  // a canonical's version
            }
        } else if (parameter->type == "uri") {
            std::string uri(found.element == nullptr ? found.computed : found.element->value);
            keys.emplace_back(uri);
            if (found.element != nullptr && records_.type_name(*found.element) == "canonical") {
                keys.emplace_back(uri.substr(0, uri.find('|')));  // its version may be left out
            }
        } else if (parameter->type == "token") {
            for (const Token& token : matcher_.tokens(found)) {
                if (!token.code.empty()) {
                    keys.emplace_back(token.code);
                }
            }
        }
    }
    if (keys.empty()) {
        return {};
    }
    // "The item in the set of multiple parameters that comes earliest in the specified sort order."
    return descending ? *std::ranges::max_element(keys) : *std::ranges::min_element(keys);
}

std::optional<std::string>
Evaluator::misplaced(const Query& query, const Record& first, const Record& second) const {
    for (const auto& [name, value] : query.parameters) {
        if (name != "_sort") {
            continue;
        }
        for (std::string code : split(value, ',')) {
            const bool descending = code.starts_with('-');
            code.erase(0, descending ? 1 : 0);
            const Key a = key(first, code, descending);
            const Key b = key(second, code, descending);
            if (a == b) {
                continue;
            }
            // Those without a value come last (READINGS 8).
            const bool a_lacks = std::holds_alternative<std::monostate>(a);
            const bool b_lacks = std::holds_alternative<std::monostate>(b);
            const bool in_order = a_lacks ? false : b_lacks ? true : descending ? b < a : a < b;
            if (in_order) {
                return std::nullopt;
            }
            return first.type + "/" + first.id + " (" + text_of(a) + ") stands before " +
                   second.type + "/" + second.id + " (" + text_of(b) + ") against " +
                   (descending ? "-" : "") + code;
        }
    }
    return std::nullopt;
}

std::string brief(const Element& element) {
    if (element.is_resource) {
        return std::string(element.resource_type()) + "/" + std::string(element.child_value("id"));
    }
    std::string out(element.name);
    if (element.has_value()) {
        out += "=" + std::string(element.value);
    }
    if (element.first_child != nullptr) {
        out += "{";
        for (const Element& child : element.children()) {
            out += (out.back() == '{' ? "" : " ") + brief(child);
        }
        out += "}";
    }
    return out;
}

}  // namespace gatehouse::search_reference
