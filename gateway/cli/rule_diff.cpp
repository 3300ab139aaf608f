// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/rule_diff.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace gatehouse::cli {
namespace {

// One rule's statements by name, as text that says the same when it means the same.
using Statements = std::map<std::string, std::string, std::less<>>;

std::string count_text(std::uint32_t count) {
    return count == UINT32_MAX ? "*" : std::to_string(count);
}

void append_value(std::string& out, const fhir::Element& value) {
    out.append(value.name);
    if (value.has_value()) {
        out.append("=").append(value.value);
    }
    if (value.first_child != nullptr) {
        out += '{';
        const char* before = "";
        for (const fhir::Element& child : value.children()) {
            out += before;
            append_value(out, child);
            before = ", ";
        }
        out += '}';
    }
}

std::string value_text(const fhir::Element* value) {
    std::string out;
    if (value != nullptr) {
        append_value(out, *value);
    }
    return out;
}

std::string joined(std::vector<std::string> parts) {
    std::sort(parts.begin(), parts.end());
    std::string out;
    for (const std::string& part : parts) {
        out.append(out.empty() ? "" : ", ").append(part);
    }
    return out;
}

std::string types_text(const fhir::Rule& rule) {
    std::vector<std::string> types;
    for (const fhir::TypeRule& type : rule.types) {
        std::string text = type.code;
        if (!type.profiles.empty()) {
            text += "[" + joined(type.profiles) + "]";
        }
        if (!type.target_profiles.empty()) {
            text += "(" + joined(type.target_profiles) + ")";
        }
        if (!type.aggregation.empty()) {
            text += " " + type.aggregation;
        }
        types.push_back(std::move(text));
    }
    return joined(std::move(types));
}

std::string slicing_text(const fhir::Rule& rule) {
    if (!rule.has_slicing) {
        return {};
    }
    static constexpr const char* kinds[] = {"value", "exists", "pattern", "type", "profile"};
    static constexpr const char* rules[] = {"open", "closed", "openAtEnd"};
    std::string out = rules[static_cast<std::size_t>(rule.slicing)];
    out += rule.ordered ? " ordered by" : " by";
    for (const fhir::Discriminator& discriminator : rule.discriminators) {
        out.append(" ").append(kinds[static_cast<std::size_t>(discriminator.type)]);
        out.append(" ").append(discriminator.path);
    }
    return out;
}

constexpr const char* strength_names[] = {"none", "example", "preferred", "extensible", "required"};

Statements statements_of(const fhir::Profile& profile, const fhir::Rule& rule) {
    Statements out;
    const auto say = [&](const char* name, std::string text) {
        if (!text.empty()) {
            out.emplace(name, std::move(text));
        }
    };
    say("min", count_text(rule.min));
    say("max", count_text(rule.max));
    say("types", types_text(rule));
    say("slicing", slicing_text(rule));
    say("fixed", value_text(rule.fixed));
    say("pattern", value_text(rule.pattern));
    say("minValue", value_text(rule.min_value));
    say("maxValue", value_text(rule.max_value));
    say("maxLength", rule.max_length == 0 ? "" : std::to_string(rule.max_length));
    if (rule.strength != fhir::BindingStrength::none) {
        say("binding",
            std::string(strength_names[static_cast<std::size_t>(rule.strength)]) + " " +
                rule.value_set);
    }
    say("maxValueSet", rule.max_value_set);
    say("mustSupport", rule.must_support ? "true" : "");
    say("isModifier", rule.is_modifier ? "true" : "");
    say("regex", rule.regex);
    for (const std::uint32_t index : rule.invariants) {
        const fhir::Invariant& invariant = profile.invariants[index];
        out.emplace(
            "invariant " + invariant.key,
            std::string(to_string(invariant.severity)) + ": " + invariant.human
        );
    }
    return out;
}

std::uint32_t number_of(std::string_view text) {
    std::uint32_t number = UINT32_MAX;  // "*"
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::size_t strength_of(std::string_view binding) {
    const std::string_view word = binding.substr(0, binding.find(' '));
    const auto* at = std::find(std::begin(strength_names), std::end(strength_names), word);
    return static_cast<std::size_t>(at - std::begin(strength_names));
}

Effect effect_of(const RuleChange& change) {
    if (change.what == "min") {
        return number_of(change.after) > number_of(change.before) ? Effect::tightens
                                                                  : Effect::loosens;
    }
    if (change.what == "max" || change.what == "maxLength") {
        const bool tighter =
            !change.after.empty() &&
            (change.before.empty() || number_of(change.after) < number_of(change.before));
        return tighter ? Effect::tightens : Effect::loosens;
    }
    if (change.what == "binding" && !change.before.empty() && !change.after.empty()) {
        const std::size_t before = strength_of(change.before);
        const std::size_t after = strength_of(change.after);
        return before == after ? Effect::changes
                               : (after > before ? Effect::tightens : Effect::loosens);
    }
    if (change.what == "mustSupport" || change.what == "isModifier" || change.what == "types" ||
        change.what == "slicing") {
        return Effect::changes;
    }
    if (change.before.empty()) {
        return Effect::tightens;
    }
    return change.after.empty() ? Effect::loosens : Effect::changes;
}

void compare_statements(
    const std::string& element,
    const Statements& before,
    const Statements& after,
    std::vector<RuleChange>& out
) {
    std::set<std::string, std::less<>> names;
    for (const auto& [name, text] : before) {
        names.insert(name);
    }
    for (const auto& [name, text] : after) {
        names.insert(name);
    }
    for (const std::string& name : names) {
        const auto old = before.find(name);
        const auto now = after.find(name);
        RuleChange change;
        change.element = element;
        change.what = name;
        change.before = old == before.end() ? "" : old->second;
        change.after = now == after.end() ? "" : now->second;
        if (change.before != change.after) {
            change.effect = effect_of(change);
            out.push_back(std::move(change));
        }
    }
}

// A slice or element of one side alone: said in one line with what it asks.
RuleChange lone_rule(const fhir::Profile& profile, const fhir::Rule& rule, bool added) {
    RuleChange change;
    change.element = rule.id;
    change.what = rule.slice.empty() ? "element" : "slice";
    std::string words = count_text(rule.min) + ".." + count_text(rule.max);
    if (const std::string types = types_text(rule); !types.empty()) {
        words += " " + types;
    }
    for (const auto& [name, text] : statements_of(profile, rule)) {
        if (name == "fixed" || name == "pattern" || name == "binding") {
            words.append(", ").append(name).append(" ").append(text);
        }
    }
    (added ? change.after : change.before) = std::move(words);
    change.effect = added ? Effect::tightens : Effect::loosens;
    return change;
}

std::string contexts_text(const fhir::Profile& profile) {
    std::vector<std::string> parts;
    for (const fhir::Profile::Context& context : profile.contexts) {
        parts.push_back(context.type + " " + context.expression);
    }
    return joined(std::move(parts));
}

void compare_profiles(
    const fhir::Profile& before, const fhir::Profile& after, std::vector<RuleChange>& out
) {
    const auto whole = [&](const char* what, const std::string& old, const std::string& now) {
        if (old != now) {
            out.push_back({"", what, old, now, Effect::changes});
        }
    };
    whole("base", before.base, after.base);
    whole("context", contexts_text(before), contexts_text(after));
    std::map<std::string_view, const fhir::Rule*> old;
    for (std::size_t i = 1; i < before.rules.size(); ++i) {
        old.emplace(before.rules[i].id, &before.rules[i]);
    }
    for (std::size_t i = 1; i < after.rules.size(); ++i) {
        const fhir::Rule& rule = after.rules[i];
        const auto at = old.find(rule.id);
        if (at == old.end()) {
            out.push_back(lone_rule(after, rule, true));
            continue;
        }
        compare_statements(
            rule.id, statements_of(before, *at->second), statements_of(after, rule), out
        );
        old.erase(at);
    }
    for (std::size_t i = 1; i < before.rules.size(); ++i) {
        if (old.contains(before.rules[i].id)) {
            out.push_back(lone_rule(before, before.rules[i], false));
        }
    }
}

// ---- Value sets and code systems: by what they list ----

using Lines = std::set<std::pair<std::string, std::string>>;  // system, what it says of it

void add_concepts(const fhir::Element& parent, const std::string& system, Lines& out) {
    for (const fhir::Element& child : parent.children()) {
        if (child.name == "concept" || child.name == "contains") {
            const auto own = child.child_value("system");
            if (const auto code = child.child_value("code"); !code.empty()) {
                out.emplace(own.empty() ? system : std::string(own), "code " + std::string(code));
            }
            add_concepts(child, system, out);
        }
    }
}

Lines value_set_lines(const fhir::Element& root) {
    Lines out;
    const fhir::Element* compose = root.child("compose");
    if (compose == nullptr) {
        if (const fhir::Element* expansion = root.child("expansion")) {
            add_concepts(*expansion, {}, out);
        }
        return out;
    }
    for (const fhir::Element& part : compose->children()) {
        if (part.name != "include" && part.name != "exclude") {
            continue;
        }
        const std::string prefix = part.name == "exclude" ? "exclude " : "";
        const std::string system(part.child_value("system"));
        Lines concepts;
        add_concepts(part, system, concepts);
        for (const auto& [of, line] : concepts) {
            out.emplace(of, prefix + line);
        }
        bool narrowed = !concepts.empty();
        for (const fhir::Element& child : part.children()) {
            if (child.name == "filter") {
                std::string words = prefix + "filter ";
                words.append(child.child_value("property")).append(" ");
                words.append(child.child_value("op"))
                    .append(" ")
                    .append(child.child_value("value"));
                out.emplace(system, std::move(words));
                narrowed = true;
            } else if (child.name == "valueSet") {
                out.emplace(system, prefix + "value set " + std::string(child.value));
                narrowed = true;
            }
        }
        if (!narrowed) {
            out.emplace(system, prefix + "all codes");
        }
    }
    return out;
}

void compare_lines(const Lines& before, const Lines& after, std::vector<RuleChange>& out) {
    for (const auto& line : after) {
        if (!before.contains(line)) {
            const bool excludes = line.second.starts_with("exclude ");
            out.push_back(
                {line.first,
                 "content",
                 "",
                 line.second,
                 excludes ? Effect::tightens : Effect::loosens}
            );
        }
    }
    for (const auto& line : before) {
        if (!after.contains(line)) {
            const bool excludes = line.second.starts_with("exclude ");
            out.push_back(
                {line.first,
                 "content",
                 line.second,
                 "",
                 excludes ? Effect::loosens : Effect::tightens}
            );
        }
    }
}

// ---- All of one type ----

std::map<std::string, const fhir::Definition*>
by_url(const fhir::Engine& engine, std::string_view type) {
    std::map<std::string, const fhir::Definition*> out;
    for (const fhir::Definition* definition : engine.definitions().all(type)) {
        if (!definition->url.empty()) {
            out.emplace(definition->url, definition);
        }
    }
    return out;
}

const std::string& package_digest(const fhir::Engine& engine, const fhir::Definition& definition) {
    return engine.definitions().packages()[definition.package].digest;
}

class Differ {
public:
    Differ(const fhir::Engine& before, const fhir::Engine& after)
        : before_(before), after_(after) {}

    void compare(std::string_view type) {
        const auto old = by_url(before_, type);
        const auto now = by_url(after_, type);
        for (const auto& [url, definition] : old) {
            const auto at = now.find(url);
            one(type, url, definition, at == now.end() ? nullptr : at->second);
        }
        for (const auto& [url, definition] : now) {
            if (!old.contains(url)) {
                one(type, url, nullptr, definition);
            }
        }
    }
    std::vector<DefinitionChange> take() { return std::move(changes_); }

private:
    void
    one(std::string_view type,
        const std::string& url,
        const fhir::Definition* old,
        const fhir::Definition* now) {
        // The same package on both sides, core above all, has nothing to say.
        if (old != nullptr && now != nullptr &&
            package_digest(before_, *old) == package_digest(after_, *now)) {
            return;
        }
        DefinitionChange change;
        change.type = type;
        change.url = url;
        change.version_before = old == nullptr ? "" : old->version;
        change.version_after = now == nullptr ? "" : now->version;
        if (old == nullptr || now == nullptr) {
            change.kind =
                old == nullptr ? DefinitionChange::Kind::added : DefinitionChange::Kind::removed;
            changes_.push_back(std::move(change));
            return;
        }
        if (type == "StructureDefinition") {
            structures(url, change);
        } else if (old->root() != nullptr && now->root() != nullptr) {
            lines(type, *old->root(), *now->root(), change.rules);
        }
        if (!change.rules.empty() || change.kind == DefinitionChange::Kind::broken) {
            changes_.push_back(std::move(change));
        }
    }

    void structures(const std::string& url, DefinitionChange& change) const {
        std::string problem;
        const fhir::Profile* old = before_.schema().profile(url, &problem);
        if (old == nullptr) {
            change.problem = "before: " + problem;
        }
        const fhir::Profile* now = after_.schema().profile(url, &problem);
        if (now == nullptr) {
            change.problem += (change.problem.empty() ? "after: " : "; after: ") + problem;
        }
        if (old == nullptr || now == nullptr) {
            change.kind = DefinitionChange::Kind::broken;
            return;
        }
        compare_profiles(*old, *now, change.rules);
    }

    static void lines(
        std::string_view type,
        const fhir::Element& old,
        const fhir::Element& now,
        std::vector<RuleChange>& out
    ) {
        if (type == "ValueSet") {
            compare_lines(value_set_lines(old), value_set_lines(now), out);
            return;
        }
        Lines codes_before;
        Lines codes_after;
        add_concepts(old, {}, codes_before);
        add_concepts(now, {}, codes_after);
        compare_lines(codes_before, codes_after, out);
        if (old.child_value("content") != now.child_value("content")) {
            out.push_back(
                {"",
                 "completeness",
                 std::string(old.child_value("content")),
                 std::string(now.child_value("content")),
                 Effect::changes}
            );
        }
    }

    const fhir::Engine& before_;
    const fhir::Engine& after_;
    std::vector<DefinitionChange> changes_;
};

}  // namespace

const char* to_string(Effect effect) noexcept {
    switch (effect) {
    case Effect::tightens: return "tightens";
    case Effect::loosens: return "loosens";
    case Effect::changes: return "changes";
    }
    return "changes";
}

const char* to_string(DefinitionChange::Kind kind) noexcept {
    switch (kind) {
    case DefinitionChange::Kind::added: return "added";
    case DefinitionChange::Kind::removed: return "removed";
    case DefinitionChange::Kind::changed: return "changed";
    case DefinitionChange::Kind::broken: return "broken";
    }
    return "changed";
}

std::vector<DefinitionChange> diff_rules(const fhir::Engine& before, const fhir::Engine& after) {
    Differ differ(before, after);
    for (const char* type : {"StructureDefinition", "ValueSet", "CodeSystem"}) {
        differ.compare(type);
    }
    return differ.take();
}

}  // namespace gatehouse::cli
