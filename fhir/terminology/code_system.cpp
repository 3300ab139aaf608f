// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/code_system.hpp"

#include <algorithm>

#include "fhir/base/blanks.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::uint32_t no_parent = UINT32_MAX;

char folded_char(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

SystemKnowledge knowledge_of(std::string_view content) noexcept {
    if (content == "complete") {
        return SystemKnowledge::complete;
    }
    // A supplement alone says nothing about which codes exist.
    if (content == "fragment" || content == "example") {
        return SystemKnowledge::partial;
    }
    return SystemKnowledge::no_content;
}

// The value of a property element: whatever value[x] it has.
std::string_view property_value(const Element& property) noexcept {
    for (const Element& child : property.children()) {
        if (child.name.starts_with("value")) {
            return child.value;
        }
    }
    return {};
}

void add_designations(const Element& node, std::vector<std::string_view>& out) {
    for (const Element& child : node.children()) {
        if (child.name == "designation") {
            if (const std::string_view value = child.child_value("value"); !value.empty()) {
                out.push_back(value);
            }
        }
    }
}

}  // namespace

std::string folded(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), folded_char);
    return out;
}

bool equal_folded(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return folded_char(x) == folded_char(y);
           });
}

bool equal_but_for_spaces(std::string_view a, std::string_view b) noexcept {
    std::size_t i = 0;
    std::size_t j = 0;
    const auto skip = [](std::string_view text, std::size_t& at) {
        const std::size_t from = at;
        while (at < text.size() && is_space(text[at])) {
            ++at;
        }
        return at != from;
    };
    skip(a, i);
    skip(b, j);
    while (i < a.size() && j < b.size()) {
        const bool space_a = skip(a, i);
        const bool space_b = skip(b, j);
        if (i >= a.size() || j >= b.size()) {
            break;
        }
        if (space_a != space_b || folded_char(a[i]) != folded_char(b[j])) {
            return false;
        }
        ++i;
        ++j;
    }
    skip(a, i);
    skip(b, j);
    return i == a.size() && j == b.size();
}

CodeSystemIndex::CodeSystemIndex(const Element& resource)
    : url_(resource.child_value("url")), version_(resource.child_value("version")),
      knowledge_(knowledge_of(resource.child_value("content"))),
      case_sensitive_(resource.child_value("caseSensitive") != "false"),
      supplement_(
          resource.child_value("content") == "supplement" ||
          !resource.child_value("supplements").empty()
      ) {
    add(resource, no_parent);
    by_code_.reserve(concepts_.size());
    for (std::uint32_t i = 0; i < concepts_.size(); ++i) {
        by_code_.emplace(concepts_[i].code, i);
        if (!case_sensitive_) {
            by_folded_.emplace(folded(concepts_[i].code), i);
        }
    }
    // Hierarchies that are written as properties instead of nesting.
    for (std::uint32_t i = 0; i < concepts_.size(); ++i) {
        for (const Element& child : concepts_[i].node->children()) {
            if (child.name != "property") {
                continue;
            }
            const std::string_view code = child.child_value("code");
            const bool up = code == "subsumedBy" || code == "parent";
            if (!up && code != "child") {
                continue;
            }
            const auto other = by_code_.find(property_value(child));
            if (other == by_code_.end()) {
                continue;
            }
            if (up) {
                concepts_[i].parents.push_back(other->second);
            } else {
                concepts_[other->second].parents.push_back(i);
            }
        }
    }
}

void CodeSystemIndex::add(const Element& list_parent, std::uint32_t parent) {
    for (const Element& node : list_parent.children()) {
        if (node.name != "concept") {
            continue;
        }
        Concept concept_entry;
        concept_entry.code = node.child_value("code");
        concept_entry.display = node.child_value("display");
        concept_entry.node = &node;
        if (parent != no_parent) {
            concept_entry.parents.push_back(parent);
        }
        const std::string_view status = property(concept_entry, "status");
        concept_entry.inactive = status == "retired" || status == "inactive" ||
                                 property(concept_entry, "inactive") == "true";
        concept_entry.abstract = property(concept_entry, "notSelectable") == "true" ||
                                 property(concept_entry, "abstract") == "true";
        concepts_.push_back(std::move(concept_entry));
        add(node, static_cast<std::uint32_t>(concepts_.size() - 1));
    }
}

const Concept* CodeSystemIndex::find(std::string_view code) const noexcept {
    if (const auto found = by_code_.find(code); found != by_code_.end()) {
        return &concepts_[found->second];
    }
    if (!case_sensitive_) {
        if (const auto found = by_folded_.find(folded(code)); found != by_folded_.end()) {
            return &concepts_[found->second];
        }
    }
    return nullptr;
}

bool CodeSystemIndex::is_a(const Concept& code, std::string_view ancestor) const {
    const auto target = by_code_.find(ancestor);
    if (target == by_code_.end()) {
        return false;
    }
    const auto start = static_cast<std::uint32_t>(&code - concepts_.data());
    // A tree, mostly: up the only parents without a note of where we were. The step count ends a
    // cycle.
    std::uint32_t at = start;
    std::size_t steps = 0;
    while (at != target->second && concepts_[at].parents.size() == 1 && steps <= concepts_.size()) {
        at = concepts_[at].parents.front();
        ++steps;
    }
    if (at == target->second) {
        return true;
    }
    if (concepts_[at].parents.empty() || steps > concepts_.size()) {
        return false;
    }
    std::vector<std::uint32_t> open{at};
    std::vector<bool> seen(concepts_.size());
    seen[at] = true;
    while (!open.empty()) {
        const std::uint32_t next = open.back();
        open.pop_back();
        if (next == target->second) {
            return true;
        }
        for (const std::uint32_t parent : concepts_[next].parents) {
            if (!seen[parent]) {
                seen[parent] = true;
                open.push_back(parent);
            }
        }
    }
    return false;
}

std::string_view CodeSystemIndex::property(const Concept& code, std::string_view name) noexcept {
    for (const Element& child : code.node->children()) {
        if (child.name == "property" && child.child_value("code") == name) {
            return property_value(child);
        }
    }
    return {};
}

void CodeSystemIndex::displays(const Concept& code, std::vector<std::string_view>& out) const {
    if (!code.display.empty()) {
        out.push_back(code.display);
    }
    add_designations(*code.node, out);
}

void CodeSystemIndex::designations(
    const Element& supplement, std::string_view code, std::vector<std::string_view>& out
) {
    for (const Element& node : supplement.children()) {
        if (node.name != "concept") {
            continue;
        }
        if (node.child_value("code") == code) {
            add_designations(node, out);
        }
        designations(node, code, out);
    }
}

}  // namespace gatehouse::fhir
