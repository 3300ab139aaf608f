#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SNOMED CT Expression Constraint Language, brief syntax (SNOMED International, ECL 2.2): text ->
// tree. What a tree selects is decided over an index (fhir/terminology/snomed). Not read, and
// refused by name: alternate identifiers, member filters ({{ M ... }}), selected refset fields
// (^ [field]), boolean values, and the long syntax.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/terminology/ecl/sctid.hpp"

namespace gatehouse::fhir::ecl {

using snomed::Sctid;

inline constexpr std::uint32_t no_node = UINT32_MAX;
inline constexpr std::uint32_t unbounded = UINT32_MAX;

enum class Hierarchy : std::uint8_t {
    self,
    descendants,          // <
    descendants_or_self,  // <<
    children,             // <!
    children_or_self,     // <<!
    ancestors,            // >
    ancestors_or_self,    // >>
    parents,              // >!
    parents_or_self,      // >>!
    top,                  // !!>
    bottom,               // !!<
};

enum class Compare : std::uint8_t {
    equal,
    not_equal,
    less,
    less_or_equal,
    greater,
    greater_or_equal
};

// A search text: words that begin words of the term in any order, or a pattern with '*'.
struct SearchText {
    bool wild = false;
    std::string text;
};

enum class FilterField : std::uint8_t {
    term,
    language,
    type,
    dialect,
    active,
    module,
    effective_time,
    definition_status,
};

struct FilterTerm {
    FilterField field = FilterField::term;
    Compare compare = Compare::equal;
    std::vector<SearchText> texts;       // term
    std::vector<std::string> words;      // language codes, type tokens, dialect aliases, dates
    std::uint32_t expression = no_node;  // module, or ids as a constraint
    bool flag = false;                   // active
    std::size_t at = 0;
};

// {{ D ... }} or {{ C ... }}: all terms of one description filter hold for one description.
struct Filter {
    bool on_concept = false;
    std::vector<FilterTerm> terms;
    std::size_t at = 0;
};

enum class History : std::uint8_t { none, minimum, moderate, maximum, subset };

enum class NodeKind : std::uint8_t { single, any, all_of, any_of, minus, refined, dotted };

struct Node {
    NodeKind kind = NodeKind::single;
    Hierarchy hierarchy = Hierarchy::self;
    bool member_of = false;
    Sctid id = 0;                         // single
    std::vector<std::uint32_t> operands;  // refined: the focus; dotted: the focus, then names
    std::uint32_t refinement = no_node;
    std::vector<Filter> filters;
    History history = History::none;
    std::uint32_t history_subset = no_node;  // node
    std::size_t at = 0;                      // where it begins in the text
};

enum class RefinementKind : std::uint8_t { attribute, group, all_of, any_of };
enum class ValueKind : std::uint8_t { expression, number, text };

struct Refinement {
    RefinementKind kind = RefinementKind::attribute;
    std::uint32_t at_least = 1;
    std::uint32_t at_most = unbounded;
    std::vector<std::uint32_t> items;  // group: one; all_of, any_of: several
    bool reverse = false;
    std::uint32_t name = no_node;  // node
    Compare compare = Compare::equal;
    ValueKind value_kind = ValueKind::expression;
    std::uint32_t value = no_node;  // node
    std::string number;             // without '#'
    std::vector<SearchText> texts;  // any of them
    std::size_t at = 0;
};

struct Constraint {
    std::vector<Node> nodes;
    std::vector<Refinement> refinements;
    std::uint32_t root = no_node;
    // Whether it says only which concepts by id (joined by OR): no content is needed to decide it.
    [[nodiscard]] bool lists_ids(std::vector<Sctid>& ids) const;
};

// Errc::invalid: "character 17: expected ..."; Errc::unsupported names what is not offered.
Result<Constraint> parse(std::string_view text);

}  // namespace gatehouse::fhir::ecl
