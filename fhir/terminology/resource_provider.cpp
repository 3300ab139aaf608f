// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/resource_provider.hpp"

#include <algorithm>

#include "fhir/terminology/filters.hpp"

namespace gatehouse::fhir {
namespace {

bool starts_folded(std::string_view text, std::string_view start) noexcept {
    return text.size() >= start.size() && equal_folded(text.substr(0, start.size()), start);
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
        collect_additions(
            *supplement, [this](std::string_view code) { return find(code); }, additions_
        );
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
    add_designations(*entry.node, out);
    if (const auto found = additions_.find(number); found != additions_.end()) {
        for (const Element* node : found->second) {
            add_supplement_names(*node, entry.display, out);
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
        ConceptProperty one = property_of(property);
        if (one.type == PropertyType::code) {
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

Result<ConceptSet>
ResourceProvider::filter(const ConceptFilter& filter, ConceptBudget& budget) const {
    const FilterSource source{
        *this,
        [this](std::string_view property) { return has_property(property); },
        [this](ConceptNumber number, std::string_view property, const SeeValue& see) {
            const Concept& entry = at(number);
            if (property == "code") {
                see(entry.code);
            } else if (property == "display" || property == "definition") {
                const auto words = property == "display" ? entry.display : definition(number);
                if (!words.empty()) {
                    see(words);
                }
            } else {
                // The system's own: a supplement never changes what a value set means.
                for (const Element& child : entry.node->children()) {
                    if (child.name == "property" && child.child_value("code") == property) {
                        see(property_text(child));
                    }
                }
            }
        }};
    return filter_concepts(source, filter, budget);
}

bool ResourceProvider::has_property(std::string_view property) const {
    for (const Element& child : resource_.children()) {
        if ((child.name == "property" || child.name == "filter") &&
            child.child_value("code") == property) {
            return true;
        }
    }
    for (const Concept& entry : index_.concepts()) {
        for (const Element& child : entry.node->children()) {
            if (child.name == "property" && child.child_value("code") == property) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace gatehouse::fhir
