#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SNOMED CT identifiers: 6 to 18 digits without leading zero, the last a Verhoeff check digit, the
// two before it the partition (Release File Specification §6). And the concepts whose meaning is
// part of the format.

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::fhir::snomed {

using Sctid = std::uint64_t;

inline constexpr Sctid root_concept = 138875005;
inline constexpr Sctid is_a_type = 116680003;
inline constexpr Sctid fully_specified_name = 900000000000003001;
inline constexpr Sctid synonym_type = 900000000000013009;
inline constexpr Sctid text_definition = 900000000000550004;
inline constexpr Sctid inferred_relationship = 900000000000011006;
inline constexpr Sctid fully_defined = 900000000000073002;
inline constexpr Sctid primitive_concept = 900000000000074008;
inline constexpr Sctid preferred_term = 900000000000548007;
inline constexpr Sctid acceptable_term = 900000000000549004;
inline constexpr Sctid international_module = 900000000000207008;
// Historical association reference sets (Technical Implementation Guide; ECL 2.0 §6.11).
inline constexpr Sctid same_as_refset = 900000000000527005;
inline constexpr Sctid replaced_by_refset = 900000000000526001;
inline constexpr Sctid was_a_refset = 900000000000528000;
inline constexpr Sctid partially_equivalent_refset = 1186924009;

enum class Partition : std::uint8_t { concept_id, description_id, relationship_id, other };

// A well-formed identifier with its right check digit; empty otherwise.
std::optional<Sctid> parse_sctid(std::string_view text) noexcept;
// What kind of component an identifier names.
Partition partition_of(Sctid id) noexcept;
// Whether the last digit is the right one.
bool check_digit_holds(std::string_view digits) noexcept;

}  // namespace gatehouse::fhir::snomed
