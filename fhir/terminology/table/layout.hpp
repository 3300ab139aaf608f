#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The sections of a compiled code table (dm+d, LOINC, ICD-10, any list of codes) and their rows.
// Concepts stand in the order of their codes, so a code is found by halving. Every text is kept
// once and named by its number. A concept is deeper than each of its parents, so the hierarchy has
// no cycle by the look of its rows.

#include <cstdint>

namespace gatehouse::fhir::table {

enum class TableSection : std::uint32_t {
    info = 1,           // "key=value" lines: see TableInfo
    concepts = 2,       // ConceptRow by number, codes rising
    text_starts = 3,    // u32: where each text begins; one more than texts
    texts = 4,          // text
    parent_starts = 5,  // u32, n + 1
    parents = 6,        // u32, rising within a concept
    child_starts = 7,   // u32, n + 1
    children = 8,       // u32, rising within a concept
    properties = 9,     // PropertyRow
    value_starts = 10,  // u32, n + 1
    values = 11,        // ValueRow by concept
    name_starts = 12,   // u32, n + 1
    names = 13,         // NameRow by concept, beside the display
};

inline constexpr std::uint32_t no_text = UINT32_MAX;
inline constexpr std::uint16_t flag_inactive = 1;
inline constexpr std::uint16_t flag_abstract = 2;

struct ConceptRow {
    std::uint32_t code;        // text
    std::uint32_t display;     // text or none
    std::uint32_t definition;  // text or none
    std::uint16_t flags;
    std::uint16_t depth;  // longest way up
};
struct PropertyRow {
    std::uint32_t name;  // text
    std::uint32_t type;  // PropertyType
};
struct ValueRow {
    std::uint32_t property;     // in properties
    std::uint32_t value;        // text
    std::uint32_t description;  // text or none
};
struct NameRow {
    std::uint32_t value;     // text
    std::uint32_t language;  // text or none
    std::uint32_t use;       // text or none: what kind of name, as the table calls it
};
static_assert(sizeof(ConceptRow) == 16 && sizeof(ValueRow) == 12 && sizeof(NameRow) == 12);

}  // namespace gatehouse::fhir::table
