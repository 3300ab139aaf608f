#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The one relational design of the store, for every engine. The adapter is SQLite's; what is
// written here for PostgreSQL runs on a server in tests/gateway/search_postgres_test.cpp.
// schema.cpp tells what each table is for; adapters create it with schema_sql(), and refuse a file
// of another format version by name.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "fhir/search/search.hpp"

namespace gatehouse::gateway {

enum class Dialect : std::uint8_t { sqlite, postgresql };

// On-disk format: a change of tables or of what a column means counts. A binary opens this one, and
// those from the oldest on after upgrade_sql(). 2: the outbox. 3: composites, and which parameters
// are indexed. 4: contained resources.
inline constexpr int store_format = 4;
inline constexpr int store_format_oldest = 1;

// A value bound to a statement.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

// Statements that create everything in an empty database, separated by ";\n".
std::string schema_sql(Dialect dialect);
// The same for a database of an older format; brings it to this one.
std::string upgrade_sql(Dialect dialect, int from);

// The index tables, in the order of the bits of resource.kinds.
enum class IndexTable : std::uint8_t {
    token,
    string,
    reference,
    date,
    number,
    quantity,
    uri,
    composite
};
inline constexpr int index_table_count = 8;
const char* table_name(IndexTable table) noexcept;  // "ix_token"

// Contained resources have index rows as others have, with a rid of their own, below zero, made of
// that of the record that holds them and their place in it (from 1, fhir::contained_max at most).
inline constexpr std::int64_t contained_places = std::int64_t{fhir::contained_max} + 1;
inline constexpr std::int64_t contained_rid(std::int64_t holder, std::uint32_t place) noexcept {
    return -(holder * contained_places + std::int64_t{place});
}
inline constexpr std::int64_t holder_of(std::int64_t rid) noexcept {
    return rid < 0 ? -rid / contained_places : rid;
}
// The same of a column.
std::string holder_sql(std::string_view rid);
// The part of the index that searches of contained resources, and through them, need.
inline constexpr std::string_view contained_unit = "contained";

// The table of a parameter's values. What is not indexed (special, but for `near`) has none.
bool index_table(const fhir::SearchParameter& parameter, IndexTable& table) noexcept;

// The name under which a parameter of a resource type is kept in `name`: "Patient.birthdate", or
// "Patient.identifier:of-type".
const char* key_suffix(fhir::EntryKind kind) noexcept;
std::string parameter_key(std::string_view type, std::string_view code, fhir::EntryKind kind);

// The same for a component (from 1) of a composite's elements: "Observation.component(code,...)$1".
std::string composite_key(
    std::string_view type, std::string_view rows, std::uint32_t component, fhir::EntryKind kind
);
// The part of the index (fhir::IndexUnit) that a key belongs to.
std::string_view index_unit(std::string_view key) noexcept;

// Index columns hold at most this many bytes. A longer key (token, uri, exact string) keeps its
// start and a hash of the whole, so equality still decides; a longer folded string is cut.
inline constexpr std::size_t index_key_bytes_max = 255;
std::string index_key(std::string_view text);
std::string index_folded(std::string_view folded);

}  // namespace gatehouse::gateway
