#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The sections of a SNOMED CT index and their rows. Concepts are numbered by a walk over one
// spanning tree of the is-a hierarchy (preorder), so that a concept's descendants are few runs of
// numbers: subsumption is a search in a handful of intervals and "<< x" a fill of ranges (R.
// Agrawal, A. Borgida, H. Jagadish: Efficient management of transitive relationships, SIGMOD 1989).
// Inactive concepts, which have no place in the hierarchy, come after the active ones.

#include <cstdint>

namespace gatehouse::fhir::snomed {

enum class SnomedSection : std::uint32_t {
    info = 1,             // "key=value" lines: version, title, active (count), language refsets
    concepts = 2,         // ConceptRow by number
    sorted_ids = 3,       // IdRow by id
    parent_starts = 4,    // u32, n + 1
    parents = 5,          // u32
    child_starts = 6,     // u32, n + 1
    children = 7,         // u32
    interval_starts = 8,  // u32, n + 1
    intervals = 9,        // IntervalRow
    attribute_starts = 10,
    attributes = 11,        // AttributeRow by source; group, type, kind, value rise
    value_starts = 12,      // u32: where each concrete value's text begins; one more than values
    values = 13,            // text: "#0.5" numbers, "\"...\"" strings, as RF2 spells them
    term_starts = 14,       // u32, n + 1
    terms = 15,             // TermRow by concept
    term_text = 16,         // text
    displays = 17,          // u32 by number: the term to show (index in terms) or none
    refsets = 18,           // RefsetRow by concept number
    members = 19,           // u32, rising within a refset
    associations = 20,      // AssociationRow by (refset, target, source)
    modules = 21,           // u64 ids
    languages = 22,         // LanguageRow
    language_refsets = 23,  // u64 ids, the order of preference
};

inline constexpr std::uint32_t no_number = UINT32_MAX;

struct ConceptRow {
    std::uint64_t id;
    std::uint32_t time;
    std::uint16_t module;  // in modules
    std::uint8_t active;
    std::uint8_t defined;  // sufficiently defined, not primitive
};
struct IdRow {
    std::uint64_t id;
    std::uint32_t number;
    std::uint32_t spare;
};
struct IntervalRow {  // both inclusive
    std::uint32_t first;
    std::uint32_t last;
};
enum class AttributeKind : std::uint16_t { concept_value, number_value, string_value };
struct AttributeRow {
    std::uint32_t type;   // concept number
    std::uint32_t value;  // concept number, or index in values
    std::uint16_t group;
    std::uint16_t kind;  // AttributeKind
};
enum class TermType : std::uint8_t { fully_specified, synonym, definition, other };
struct TermRow {
    std::uint64_t id;
    std::uint32_t offset;  // in term_text
    std::uint32_t time;
    std::uint32_t preferred;   // bit i: preferred in language refset i
    std::uint32_t acceptable;  // bit i: acceptable in it
    std::uint16_t length;
    std::uint16_t module;
    std::uint8_t type;      // TermType
    std::uint8_t language;  // in languages
    std::uint16_t spare;
};
struct RefsetRow {
    std::uint32_t refset;  // concept number
    std::uint32_t start;   // in members
    std::uint32_t count;
};
struct AssociationRow {
    std::uint32_t refset;
    std::uint32_t target;
    std::uint32_t source;
};
struct LanguageRow {
    char code[8];  // "en", zero-padded
};
static_assert(sizeof(ConceptRow) == 16 && sizeof(IdRow) == 16 && sizeof(AttributeRow) == 12);
static_assert(sizeof(TermRow) == 32 && sizeof(RefsetRow) == 12 && sizeof(AssociationRow) == 12);

inline constexpr std::size_t language_refsets_max = 32;

}  // namespace gatehouse::fhir::snomed
