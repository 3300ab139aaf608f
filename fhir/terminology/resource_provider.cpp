// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/resource_provider.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

namespace gatehouse::fhir {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) {
        return {};
    }
    return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

// The items of a comma separated list, without the spaces around them.
std::vector<std::string_view> list_items(std::string_view list) {
    std::vector<std::string_view> out;
    while (true) {
        const std::size_t comma = list.find(',');
        out.push_back(trimmed(list.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return out;
        }
        list.remove_prefix(comma + 1);
    }
}

// A property's value as filters compare it: a Coding by its code.
std::string_view filter_value(const Element& property) noexcept {
    for (const Element& child : property.children()) {
        if (child.name == "valueCoding") {
            return child.child_value("code");
        }
        if (child.name.starts_with("value")) {
            return child.value;
        }
    }
    return {};
}

PropertyType property_type(const Element& property) noexcept {
    for (const Element& child : property.children()) {
        if (child.name == "valueCode") {
            return PropertyType::code;
        }
        if (child.name == "valueCoding") {
            return PropertyType::coding;
        }
        if (child.name == "valueInteger") {
            return PropertyType::integer;
        }
        if (child.name == "valueBoolean") {
            return PropertyType::boolean;
        }
        if (child.name == "valueDateTime") {
            return PropertyType::date_time;
        }
        if (child.name == "valueDecimal") {
            return PropertyType::decimal;
        }
    }
    return PropertyType::string;
}

ConceptDesignation designation_of(const Element& node) {
    ConceptDesignation out;
    out.language = node.child_value("language");
    if (const Element* use = node.child("use")) {
        out.use_system = use->child_value("system");
        out.use_code = use->child_value("code");
    }
    out.value = node.child_value("value");
    return out;
}

void collect_additions(
    const Element& list_parent,
    const CodeSystemIndex& index,
    std::unordered_map<ConceptNumber, std::vector<const Element*>>& out
) {
    for (const Element& node : list_parent.children()) {
        if (node.name != "concept") {
            continue;
        }
        if (const Concept* entry = index.find(node.child_value("code"))) {
            out[static_cast<ConceptNumber>(entry - index.concepts().data())].push_back(&node);
        }
        collect_additions(node, index, out);
    }
}

bool starts_folded(std::string_view text, std::string_view start) noexcept {
    return text.size() >= start.size() && equal_folded(text.substr(0, start.size()), start);
}

Fault unknown_code(const ConceptFilter& filter, std::string_view system) {
    return {
        Errc::invalid,
        "filter",
        "filter " + std::string(filter.property) + " " + std::string(filter.op) + " names code '" +
            std::string(filter.value.substr(0, 64)) + "', which " + std::string(system) +
            " does not have"};
}

Fault spent() {
    return {Errc::too_large, "filter", "the filters cost more work than one question may"};
}

}  // namespace

bool language_serves(std::string_view language, std::string_view wanted) noexcept {
    if (wanted.empty()) {
        return true;
    }
    while (!wanted.empty()) {
        const std::size_t comma = wanted.find(',');
        std::string_view one = wanted.substr(0, comma);
        one = trimmed(one.substr(0, one.find(';')));
        if (one == "*" || (!one.empty() && starts_folded(language, one) &&
                           (language.size() == one.size() || language[one.size()] == '-'))) {
            return true;
        }
        wanted = comma == std::string_view::npos ? std::string_view{} : wanted.substr(comma + 1);
    }
    return false;
}

ResourceProvider::ResourceProvider(
    const CodeSystemIndex& index,
    const Element& resource,
    const std::vector<const Element*>& supplements
)
    : index_(index), resource_(resource), language_(resource.child_value("language")),
      children_(index.concepts().size()) {
    const std::string_view title = resource.child_value("title");
    title_ = title.empty() ? resource.child_value("name") : title;
    const auto& concepts = index.concepts();
    for (ConceptNumber i = 0; i < concepts.size(); ++i) {
        for (const ConceptNumber parent : concepts[i].parents) {
            hierarchy_ = true;
            auto& siblings = children_[parent];
            // Nested and named as a property: still one child.
            if (siblings.empty() || siblings.back() != i) {
                siblings.push_back(i);
            }
        }
    }
    for (const Element* supplement : supplements) {
        collect_additions(*supplement, index, additions_);
        std::string name(supplement->child_value("url"));
        if (const auto version = supplement->child_value("version"); !version.empty()) {
            name.append("|").append(version);
        }
        supplement_names_.push_back(std::move(name));
    }
}

bool ResourceProvider::answers_version(std::string_view asked) const noexcept {
    const std::string_view own = version();
    return asked.empty() || asked == own ||
           (own.size() > asked.size() && own.starts_with(asked) && own[asked.size()] == '.');
}

std::optional<ConceptNumber> ResourceProvider::find(std::string_view code) const noexcept {
    const Concept* entry = index_.find(code);
    if (entry == nullptr) {
        return std::nullopt;
    }
    return static_cast<ConceptNumber>(entry - index_.concepts().data());
}

std::string ResourceProvider::code(ConceptNumber number) const {
    return std::string(at(number).code);
}

bool ResourceProvider::inactive(ConceptNumber number) const noexcept {
    return at(number).inactive;
}

bool ResourceProvider::abstract(ConceptNumber number) const noexcept {
    return at(number).abstract;
}

std::string_view ResourceProvider::definition(ConceptNumber number) const {
    return at(number).node->child_value("definition");
}

std::string_view ResourceProvider::display(ConceptNumber number, std::string_view language) const {
    const Concept& entry = at(number);
    if (language.empty() || language_serves(language_, language)) {
        if (!entry.display.empty()) {
            return entry.display;
        }
    }
    if (!language.empty()) {
        std::vector<ConceptDesignation> names;
        designations(number, names);
        for (const ConceptDesignation& name : names) {
            if (!name.language.empty() && language_serves(name.language, language)) {
                return name.value;
            }
        }
    }
    return entry.display;
}

void ResourceProvider::designations(ConceptNumber number, std::vector<ConceptDesignation>& out)
    const {
    const Concept& entry = at(number);
    if (!entry.display.empty()) {
        ConceptDesignation own;
        own.language = language_;
        own.value = entry.display;
        own.preferred = true;
        out.push_back(own);
    }
    const auto add = [&](const Element& node) {
        for (const Element& child : node.children()) {
            if (child.name == "designation" && !child.child_value("value").empty()) {
                out.push_back(designation_of(child));
            }
        }
    };
    add(*entry.node);
    if (const auto found = additions_.find(number); found != additions_.end()) {
        for (const Element* node : found->second) {
            const std::string_view display = node->child_value("display");
            if (!display.empty() && display != entry.display) {
                ConceptDesignation name;
                name.language = root_resource(*node).child_value("language");
                name.value = display;
                out.push_back(name);
            }
            add(*node);
        }
    }
}

template <class Visit>
void ResourceProvider::for_properties(ConceptNumber number, Visit&& visit) const {
    const auto all = [&](const Element& node) {
        for (const Element& child : node.children()) {
            if (child.name == "property") {
                visit(child);
            }
        }
    };
    all(*at(number).node);
    if (const auto found = additions_.find(number); found != additions_.end()) {
        for (const Element* node : found->second) {
            all(*node);
        }
    }
}

void ResourceProvider::properties(ConceptNumber number, std::vector<ConceptProperty>& out) const {
    bool told_inactive = false;
    for_properties(number, [&](const Element& property) {
        const std::string_view name = property.child_value("code");
        if (name == "parent" || name == "child" || name == "subsumedBy") {
            return;  // below, from the hierarchy
        }
        told_inactive = told_inactive || name == "inactive";
        ConceptProperty one;
        one.code = name;
        one.type = property_type(property);
        one.value = filter_value(property);
        if (const Element* coding = property.child("valueCoding")) {
            one.description = coding->child_value("display");
        } else if (one.type == PropertyType::code) {
            if (const Concept* other = index_.find(one.value)) {
                one.description = other->display;
            }
        }
        out.push_back(std::move(one));
    });
    if (!told_inactive) {
        out.push_back(
            {"inactive", PropertyType::boolean, at(number).inactive ? "true" : "false", {}, {}}
        );
    }
    const auto relation = [&](const char* name, ConceptNumber other) {
        out.push_back({name, PropertyType::code, code(other), std::string(at(other).display), {}});
    };
    std::vector<ConceptNumber> others;
    parents(number, others);
    for (const ConceptNumber parent : others) {
        relation("parent", parent);
    }
    for (const ConceptNumber child : children_[number]) {
        relation("child", child);
    }
}

bool ResourceProvider::is_a(ConceptNumber below, ConceptNumber above) const noexcept {
    return index_.is_a(at(below), at(above).code);
}

void ResourceProvider::parents(ConceptNumber number, std::vector<ConceptNumber>& out) const {
    const std::size_t from = out.size();
    for (const ConceptNumber parent : at(number).parents) {
        if (std::find(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), parent) ==
            out.end()) {
            out.push_back(parent);
        }
    }
}

void ResourceProvider::children(ConceptNumber number, std::vector<ConceptNumber>& out) const {
    out.insert(out.end(), children_[number].begin(), children_[number].end());
}

ConceptSet ResourceProvider::active() const {
    ConceptSet out = everything();
    for (ConceptNumber i = 0; i < concept_count(); ++i) {
        if (at(i).inactive) {
            out.remove(i);
        }
    }
    return out;
}

void ResourceProvider::descend(ConceptNumber top, bool with_top, ConceptSet& out) const {
    ConceptSet seen(concept_count());
    std::vector<ConceptNumber> open{top};
    seen.add(top);
    while (!open.empty()) {
        const ConceptNumber number = open.back();
        open.pop_back();
        if (number != top || with_top) {
            out.add(number);
        }
        for (const ConceptNumber child : children_[number]) {
            if (!seen.contains(child)) {
                seen.add(child);
                open.push_back(child);
            }
        }
    }
}

void ResourceProvider::ascend(ConceptNumber bottom, ConceptSet& out) const {
    std::vector<ConceptNumber> open{bottom};
    out.add(bottom);
    while (!open.empty()) {
        const ConceptNumber number = open.back();
        open.pop_back();
        for (const ConceptNumber parent : at(number).parents) {
            if (!out.contains(parent)) {
                out.add(parent);
                open.push_back(parent);
            }
        }
    }
}

// is-a, descendent-of, is-not-a, generalizes, child-of, descendent-leaf: on the concept itself.
Result<ConceptSet>
ResourceProvider::filter_hierarchy(const ConceptFilter& filter, ConceptBudget& budget) const {
    const auto number = find(trimmed(filter.value));
    if (!number) {
        return unknown_code(filter, system());
    }
    if (!budget.spend(concept_count())) {
        return spent();
    }
    ConceptSet out(concept_count());
    if (filter.op == "generalizes") {
        ascend(*number, out);
        return out;
    }
    if (filter.op == "child-of") {
        for (const ConceptNumber child : children_[*number]) {
            out.add(child);
        }
        return out;
    }
    descend(*number, filter.op != "descendent-of" && filter.op != "descendent-leaf", out);
    if (filter.op == "descendent-leaf") {
        ConceptSet leaves(concept_count());
        out.for_each([&](ConceptNumber one) {
            if (children_[one].empty()) {
                leaves.add(one);
            }
        });
        return leaves;
    }
    if (filter.op == "is-not-a") {
        ConceptSet others = everything();
        others -= out;
        return others;
    }
    return out;
}

Result<ConceptSet>
ResourceProvider::filter_property(const ConceptFilter& filter, ConceptBudget& budget) const {
    const std::string_view op = filter.op;
    const bool wants_exists = op == "exists";
    if (wants_exists && filter.value != "true" && filter.value != "false") {
        return Fault(Errc::invalid, "filter", "the operator exists takes true or false");
    }
    std::unique_ptr<re2::RE2> pattern;
    if (op == "regex") {
        re2::RE2::Options options(re2::RE2::Quiet);
        options.set_max_mem(1 << 20);
        pattern = std::make_unique<re2::RE2>(
            re2::StringPiece(filter.value.data(), filter.value.size()), options
        );
        if (!pattern->ok()) {
            return Fault(
                Errc::invalid,
                "filter",
                "the regular expression cannot be used: " + pattern->error()
            );
        }
    } else if (op != "=" && op != "in" && op != "not-in" && !wants_exists) {
        return Fault(
            Errc::unsupported,
            "filter",
            "operator '" + std::string(op.substr(0, 32)) + "' is not offered on property " +
                std::string(filter.property.substr(0, 64))
        );
    }
    const std::vector<std::string_view> items =
        op == "in" || op == "not-in" ? list_items(filter.value) : std::vector<std::string_view>{};
    const bool fold =
        !case_sensitive() && (filter.property == "code" || filter.property == "concept");
    const auto same = [&](std::string_view a, std::string_view b) {
        return fold ? equal_folded(a, b) : a == b;
    };
    const auto meets = [&](std::string_view value) {
        if (op == "=") {
            return same(value, filter.value);
        }
        if (pattern) {
            return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *pattern);
        }
        return std::any_of(items.begin(), items.end(), [&](std::string_view item) {
            return same(value, item);
        });
    };
    // A text of n bytes costs about n steps of the automaton, a list its items.
    const std::uint64_t cost = 1 + items.size() + (pattern ? filter.value.size() / 8 + 16 : 0);
    ConceptSet out(concept_count());
    for (ConceptNumber i = 0; i < concept_count(); ++i) {
        if (!budget.spend(cost)) {
            return spent();
        }
        bool exists = false;
        bool met = false;
        const auto see = [&](std::string_view value) {
            exists = true;
            met = met || (!wants_exists && meets(value));
        };
        const Concept& entry = at(i);
        if (filter.property == "code" || filter.property == "concept") {
            see(entry.code);
        } else if (filter.property == "display") {
            if (!entry.display.empty()) {
                see(entry.display);
            }
        } else if (filter.property == "definition") {
            if (const auto words = definition(i); !words.empty()) {
                see(words);
            }
        } else if (filter.property == "parent") {
            for (const ConceptNumber parent : entry.parents) {
                see(at(parent).code);
            }
        } else if (filter.property == "child") {
            for (const ConceptNumber child : children_[i]) {
                see(at(child).code);
            }
        } else {
            // The system's own: a supplement never changes what a value set means.
            for (const Element& property : entry.node->children()) {
                if (property.name == "property" &&
                    property.child_value("code") == filter.property) {
                    see(filter_value(property));
                }
            }
            if (!exists && filter.property == "inactive" && !wants_exists) {
                see(entry.inactive ? "true" : "false");
            }
            if (!exists && filter.property == "notSelectable" && !wants_exists) {
                see(entry.abstract ? "true" : "false");
            }
        }
        const bool in = wants_exists     ? exists == (filter.value == "true")
                        : op == "not-in" ? !met
                                         : met;
        if (in) {
            out.add(i);
        }
    }
    return out;
}

Result<ConceptSet>
ResourceProvider::filter(const ConceptFilter& filter, ConceptBudget& budget) const {
    const std::string_view op = filter.op;
    const bool hierarchical = op == "is-a" || op == "descendent-of" || op == "is-not-a" ||
                              op == "generalizes" || op == "child-of" || op == "descendent-leaf";
    if (hierarchical) {
        if (filter.property != "concept" && filter.property != "code") {
            return Fault(
                Errc::unsupported,
                "filter",
                "operator " + std::string(op) + " is offered on 'concept' alone, not on property " +
                    std::string(filter.property.substr(0, 64))
            );
        }
        return filter_hierarchy(filter, budget);
    }
    static constexpr std::string_view own[] = {
        "concept",
        "code",
        "display",
        "definition",
        "parent",
        "child",
        "inactive",
        "notSelectable",
        "status",
        "abstract"};
    if (std::find(std::begin(own), std::end(own), filter.property) == std::end(own)) {
        // A property that the system neither declares nor uses is a mistake, not an empty set.
        bool known = false;
        for (const Element& child : resource_.children()) {
            known = known || ((child.name == "property" || child.name == "filter") &&
                              child.child_value("code") == filter.property);
        }
        for (ConceptNumber i = 0; !known && i < concept_count(); ++i) {
            for (const Element& property : at(i).node->children()) {
                known = known || (property.name == "property" &&
                                  property.child_value("code") == filter.property);
            }
        }
        if (!known) {
            return Fault(
                Errc::unsupported,
                "filter",
                "code system " + std::string(system()) + " has no property '" +
                    std::string(filter.property.substr(0, 64)) + "'"
            );
        }
    }
    return filter_property(filter, budget);
}

}  // namespace gatehouse::fhir
