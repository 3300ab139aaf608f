// SPDX-License-Identifier: Apache-2.0
//
// The tables.
//
//   meta       format version, applied journal position, secrets of the cursor.
//   name       every word that repeats (resource types, "Patient.birthdate", code systems,
//   partners) as
//              a small integer; 0 stands for "no word".
//   resource   one row per identity that we hold, held, or have only seen in a reference, so that a
//              reference is an integer and a chained search a join of integers. rid never changes
//              and orders search results; version 0: only mentioned; live 0: mentioned or deleted.
//   version    every version ever written, in order of writing (vid); the body is complete JSON.
//   ix_*       search index of the current versions, one table per kind of value, clustered by
//   resource
//              (rid, param, ...): a write appends in one place, an update deletes in one place and
//              a clause beside a better one is a probe of that cluster. The second index of each
//              table (param, value, rid) finds resources by value in order of rid.
//   contained  the resources that records contain, each with its type and its id in the record. Its
//   rid
//              (schema.hpp) says whose it is; its values stand in ix_* beside the others.
//   receipt    the fate and the answer of every message.
//   outbox     notifications on their way to other destinations, in order (seq); state 0 waits, 1
//   is
//              a dead letter. What is delivered goes.
//
// Every table with a record's content or its index carries `patient`, the rid of the Patient whose
// compartment it is in (0: none): the distribution key where the tables are spread over machines.

#include "gateway/store/schema.hpp"

#include <array>
#include <cstdio>

namespace gatehouse::gateway {
namespace schema_detail {

// Words in capitals with a leading $ differ between the dialects.
constexpr std::string_view tables = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)$CLUSTERED;
CREATE TABLE name (id $SERIAL, text TEXT NOT NULL UNIQUE);
CREATE TABLE resource (
    rid $SERIAL,
    type $INT NOT NULL,
    id TEXT NOT NULL,
    patient $INT NOT NULL DEFAULT 0,
    version $INT NOT NULL DEFAULT 0,
    vid $INT NOT NULL DEFAULT 0,
    last_updated $INT NOT NULL DEFAULT 0,
    live $INT NOT NULL DEFAULT 0,
    kinds $INT NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX resource_identity ON resource (type, id);
CREATE INDEX resource_live ON resource (type, rid) WHERE live = 1;
CREATE INDEX resource_updated ON resource (type, last_updated, rid) WHERE live = 1;
CREATE TABLE version (
    vid $SERIAL,
    rid $INT NOT NULL,
    version $INT NOT NULL,
    last_updated $INT NOT NULL,
    method $INT NOT NULL,
    patient $INT NOT NULL,
    source $INT NOT NULL,
    message_id TEXT NOT NULL,
    json TEXT NOT NULL);
CREATE UNIQUE INDEX version_number ON version (rid, version);
CREATE TABLE ix_token (
    rid $INT NOT NULL, param $INT NOT NULL, code TEXT NOT NULL, system $INT NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, code, system))$CLUSTERED;
CREATE INDEX ix_token_value ON ix_token (param, code, system, rid);
CREATE TABLE ix_string (
    rid $INT NOT NULL, param $INT NOT NULL, folded TEXT NOT NULL, exact TEXT NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, folded, exact))$CLUSTERED;
CREATE INDEX ix_string_value ON ix_string (param, folded, exact, rid);
CREATE TABLE ix_reference (
    rid $INT NOT NULL, param $INT NOT NULL, target $INT NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, target))$CLUSTERED;
CREATE INDEX ix_reference_value ON ix_reference (param, target, rid);
CREATE TABLE ix_date (
    rid $INT NOT NULL, param $INT NOT NULL, low $INT NOT NULL, high $INT NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, low, high))$CLUSTERED;
CREATE INDEX ix_date_value ON ix_date (param, low, high, rid);
CREATE TABLE ix_number (
    rid $INT NOT NULL, param $INT NOT NULL, low $REAL NOT NULL, high $REAL NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, low, high))$CLUSTERED;
CREATE INDEX ix_number_value ON ix_number (param, low, high, rid);
CREATE TABLE ix_quantity (
    rid $INT NOT NULL, param $INT NOT NULL, low $REAL NOT NULL, high $REAL NOT NULL,
    system $INT NOT NULL, code TEXT NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, low, high, system, code))$CLUSTERED;
CREATE INDEX ix_quantity_value ON ix_quantity (param, code, system, low, high, rid);
CREATE TABLE ix_uri (
    rid $INT NOT NULL, param $INT NOT NULL, value TEXT NOT NULL,
    patient $INT NOT NULL, PRIMARY KEY (rid, param, value))$CLUSTERED;
CREATE INDEX ix_uri_value ON ix_uri (param, value, rid);
CREATE TABLE receipt (
    message_id TEXT PRIMARY KEY,
    partner TEXT NOT NULL,
    request_id TEXT NOT NULL,
    bundle_identifier TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    state $INT NOT NULL,
    rank $INT NOT NULL,
    received_at $INT NOT NULL,
    settled_at $INT NOT NULL,
    status $INT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    rules TEXT NOT NULL,
    resources TEXT NOT NULL,
    decision_id TEXT NOT NULL);
CREATE INDEX receipt_request ON receipt (partner, request_id, rank, received_at) WHERE request_id <> '';
CREATE INDEX receipt_bundle ON receipt (partner, $START(bundle_identifier), rank, received_at)
    WHERE bundle_identifier <> '';
CREATE INDEX receipt_settled ON receipt (settled_at) WHERE settled_at > 0;
)sql";

// Since format 2.
constexpr std::string_view outbox_table = R"sql(
CREATE TABLE outbox (
    seq $SERIAL,
    destination TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state $INT NOT NULL DEFAULT 0,
    attempts $INT NOT NULL DEFAULT 0,
    created_at $INT NOT NULL,
    due_at $INT NOT NULL,
    body TEXT NOT NULL);
CREATE UNIQUE INDEX outbox_message ON outbox (message_id, destination);
CREATE INDEX outbox_order ON outbox (destination, state, seq);
)sql";

// Since format 3. `item` numbers the elements that a composite of a resource is about; text, word,
// low and high are what the component's own table would hold (near: latitude and longitude).
constexpr std::string_view composite_table = R"sql(
CREATE TABLE ix_composite (
    rid $INT NOT NULL, param $INT NOT NULL, item $INT NOT NULL, text TEXT NOT NULL,
    word $INT NOT NULL, low $REAL NOT NULL, high $REAL NOT NULL, patient $INT NOT NULL,
    PRIMARY KEY (rid, param, item, text, word, low, high))$CLUSTERED;
CREATE INDEX ix_composite_value ON ix_composite (param, text, word, low, high, rid, item);
)sql";

// Since format 4.
constexpr std::string_view contained_table = R"sql(
CREATE TABLE contained (rid $INT NOT NULL PRIMARY KEY, type $INT NOT NULL, id TEXT NOT NULL);
CREATE INDEX contained_type ON contained (type, rid);
)sql";

struct Word {
    std::string_view word;
    std::string_view sqlite;
    std::string_view postgresql;
};
constexpr std::array words{
    Word{"$CLUSTERED", " WITHOUT ROWID", ""},
    Word{"$SERIAL", "INTEGER PRIMARY KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    Word{"$INT", "INTEGER", "BIGINT"},
    Word{"$REAL", "REAL", "DOUBLE PRECISION"},
    // Of a text without bound: PostgreSQL refuses an index entry of more than a third of a page.
    Word{"$START(bundle_identifier)", "bundle_identifier", "left(bundle_identifier, 255)"},
    // Order and prefix ranges are those of the bytes, in both.
    Word{"TEXT", "TEXT", "TEXT COLLATE \"C\""},
};

// Cuts at a code point's start.
std::string_view cut(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) {
        return text;
    }
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0U) == 0x80U) {
        --bytes;
    }
    return text.substr(0, bytes);
}

// FNV-1a, twice with different starts: 128 bits against accidents; the start of the key is kept
// too.
std::string fingerprint(std::string_view text) {
    std::uint64_t a = 0xcbf29ce484222325U;
    std::uint64_t b = 0x9e3779b97f4a7c15U;
    for (const char c : text) {
        a = (a ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        b = (b ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        b ^= b >> 29U;
    }
    std::array<char, 36> out{};
    std::snprintf(
        out.data(),
        out.size(),
        "#%016llx%016llx",
        static_cast<unsigned long long>(a),
        static_cast<unsigned long long>(b)
    );
    return out.data();
}

}  // namespace schema_detail

namespace schema_detail {

std::string translated(std::string_view rest, Dialect dialect) {
    std::string out;
    while (!rest.empty()) {
        bool found = false;
        for (const schema_detail::Word& word : schema_detail::words) {
            if (rest.starts_with(word.word)) {
                out += dialect == Dialect::sqlite ? word.sqlite : word.postgresql;
                rest.remove_prefix(word.word.size());
                found = true;
                break;
            }
        }
        if (!found) {
            out += rest.front();
            rest.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace schema_detail

std::string schema_sql(Dialect dialect) {
    return schema_detail::translated(schema_detail::tables, dialect) +
           schema_detail::translated(schema_detail::outbox_table, dialect) +
           schema_detail::translated(schema_detail::composite_table, dialect) +
           schema_detail::translated(schema_detail::contained_table, dialect);
}

std::string upgrade_sql(Dialect dialect, int from) {
    std::string sql;
    if (from < 2) {
        sql += schema_detail::translated(schema_detail::outbox_table, dialect);
    }
    if (from < 3) {
        sql += schema_detail::translated(schema_detail::composite_table, dialect);
    }
    if (from < 4) {
        sql += schema_detail::translated(schema_detail::contained_table, dialect);
    }
    return sql;
}

const char* table_name(IndexTable table) noexcept {
    switch (table) {
    case IndexTable::token: return "ix_token";
    case IndexTable::string: return "ix_string";
    case IndexTable::reference: return "ix_reference";
    case IndexTable::date: return "ix_date";
    case IndexTable::number: return "ix_number";
    case IndexTable::quantity: return "ix_quantity";
    case IndexTable::uri: return "ix_uri";
    case IndexTable::composite: return "ix_composite";
    }
    return "";
}

bool index_table(const fhir::SearchParameter& parameter, IndexTable& table) noexcept {
    switch (parameter.type) {
    case fhir::SearchType::number: table = IndexTable::number; return true;
    case fhir::SearchType::date: table = IndexTable::date; return true;
    case fhir::SearchType::string: table = IndexTable::string; return true;
    case fhir::SearchType::token: table = IndexTable::token; return true;
    case fhir::SearchType::reference: table = IndexTable::reference; return true;
    case fhir::SearchType::quantity: table = IndexTable::quantity; return true;
    case fhir::SearchType::uri: table = IndexTable::uri; return true;
    case fhir::SearchType::composite: table = IndexTable::composite; return true;
    case fhir::SearchType::special: table = IndexTable::composite; return parameter.code == "near";
    }
    return false;
}

std::string parameter_key(std::string_view type, std::string_view code, fhir::EntryKind kind) {
    std::string key;
    key.reserve(type.size() + code.size() + 9);
    key.append(type).append(".").append(code).append(key_suffix(kind));
    return key;
}

const char* key_suffix(fhir::EntryKind kind) noexcept {
    switch (kind) {
    case fhir::EntryKind::of_type: return ":of-type";
    case fhir::EntryKind::text: return ":text";
    case fhir::EntryKind::base: return ":base";
    case fhir::EntryKind::member: return ":member";
    case fhir::EntryKind::value:
    case fhir::EntryKind::identifier:
    case fhir::EntryKind::contained: break;
    }
    return "";
}

std::string composite_key(
    std::string_view type, std::string_view rows, std::uint32_t component, fhir::EntryKind kind
) {
    std::string key(type);
    key.append(".").append(rows).append("$").append(std::to_string(component));
    return key.append(key_suffix(kind));
}

std::string holder_sql(std::string_view rid) {
    std::string sql("CASE WHEN ");
    sql.append(rid).append(" < 0 THEN -").append(rid).append(" / ");
    return sql.append(std::to_string(contained_places)).append(" ELSE ").append(rid) + " END";
}

std::string_view index_unit(std::string_view key) noexcept {
    if (const std::size_t dollar = key.find('$'); dollar != std::string_view::npos) {
        return key.substr(0, dollar);
    }
    const std::string_view of_type = key_suffix(fhir::EntryKind::of_type);
    return key.ends_with(of_type) ? key.substr(0, key.size() - of_type.size()) : key;
}

std::string index_key(std::string_view text) {
    if (text.size() <= index_key_bytes_max) {
        return std::string(text);
    }
    std::string out(schema_detail::cut(text, index_key_bytes_max - 33));
    return out += schema_detail::fingerprint(text);
}

std::string index_folded(std::string_view folded) {
    return std::string(schema_detail::cut(folded, index_key_bytes_max));
}

}  // namespace gatehouse::gateway
