// SPDX-License-Identifier: Apache-2.0

#include "adapters/sqlite/writer.hpp"

#include <cmath>
#include <tuple>

#include "gateway/store/split_json.hpp"

namespace gatehouse::adapters::sqlite {
namespace {

using gateway::IndexTable;
using gateway::NewVersion;
using gateway::VersionMethod;

// Bounds of the memories: beyond them they start anew. A name is about 100 bytes, so 8 MB each at
// most.
constexpr std::size_t names_max = 65536;
constexpr std::size_t mentioned_max = 65536;

// resource.kinds: a bit for each index table with rows of the record, then one for each with rows
// of what it contains, and one for table `contained`.
constexpr int contained_kinds_shift = gateway::index_table_count;

// After these nothing of the transaction can be trusted to be whole.
bool is_fatal(Errc code) {
    return code == Errc::io || code == Errc::no_space || code == Errc::corrupt ||
           code == Errc::internal || code == Errc::busy;
}

}  // namespace

Result<void> Writer::begin() {
    broken_.reset();
    position_.reset();
    savepoints_.clear();
    Query query(database_, "store.begin", "BEGIN IMMEDIATE");
    GH_TRY(query.run());
    GH_TRY_ASSIGN(
        counters_.rid_last, database_.integer("SELECT coalesce(max(rid), 0) FROM resource")
    );
    GH_TRY_ASSIGN(
        counters_.vid_last, database_.integer("SELECT coalesce(max(vid), 0) FROM version")
    );
    GH_TRY_ASSIGN(const std::uint64_t live, read_meta_number(database_, "live"));
    counters_.live = static_cast<std::int64_t>(live);
    live_committed_ = counters_.live;
    return {};
}

Result<void> Writer::commit() {
    GH_TRY(usable());
    if (position_) {
        GH_TRY(write_meta(database_, "applied", std::to_string(*position_)));
    }
    if (counters_.live != live_committed_) {
        GH_TRY(write_meta(database_, "live", std::to_string(counters_.live)));
    }
    Query query(database_, "store.commit", "COMMIT");
    return query.run();
}

void Writer::abandon() {
    if (database_.in_transaction()) {
        Query query(database_, "store.rollback", "ROLLBACK");
        static_cast<void>(query.run());
    }
    forget();
}

void Writer::forget() {
    names_.clear();
    mentioned_.clear();
}

Result<void> Writer::usable() const {
    if (broken_) {
        return *broken_;
    }
    if (!database_.in_transaction()) {
        return Fault(Errc::io, "store.write", "the transaction is no longer open");
    }
    return {};
}

// Remembers a fault after which the transaction must not be committed.
template <class T> Result<T> Writer::noted(Result<T> result) {
    if (!result && is_fatal(result.error().code)) {
        broken_ = result.error();
    }
    return result;
}

Result<StoredVersion> Writer::read(std::string_view type, std::string_view id) {
    GH_TRY(usable());
    return noted(read_current(database_, type, id));
}

Result<StoredVersion>
Writer::read_version(std::string_view type, std::string_view id, std::uint64_t version) {
    GH_TRY(usable());
    return noted(sqlite::read_version(database_, type, id, version));
}

Result<HistoryPage> Writer::history(const gateway::HistoryQuery& query) {
    GH_TRY(usable());
    return noted(read_history(database_, query, limits_));
}

Result<SearchPage> Writer::search(const SearchQuery& query) {
    GH_TRY(usable());
    return noted(sqlite::search(database_, query, limits_));
}

Result<std::vector<std::string>> Writer::match(const SearchQuery& query, std::uint32_t limit) {
    GH_TRY(usable());
    return noted(sqlite::match(database_, query, limit, limits_));
}

Result<gateway::LinkPage> Writer::linked(const gateway::LinkQuery& query) {
    GH_TRY(usable());
    return noted(read_linked(database_, query, limits_));
}

Result<gateway::StoredLabels>
Writer::labels(const std::vector<std::string>& types, std::uint32_t limit) {
    GH_TRY(usable());
    return noted(read_labels(database_, types, limit, limits_));
}

Result<std::optional<Receipt>> Writer::receipt_by_message(std::string_view message_id) {
    GH_TRY(usable());
    return noted(sqlite::receipt_by_message(database_, message_id));
}

Result<std::optional<Receipt>>
Writer::receipt_by_request(std::string_view partner, std::string_view request_id) {
    GH_TRY(usable());
    return noted(sqlite::receipt_by_request(database_, partner, request_id));
}

Result<std::optional<Receipt>>
Writer::receipt_by_bundle(std::string_view partner, std::string_view bundle_identifier) {
    GH_TRY(usable());
    return noted(sqlite::receipt_by_bundle(database_, partner, bundle_identifier));
}

Result<std::uint64_t> Writer::put(const NewVersion& resource, std::uint64_t expected) {
    GH_TRY(usable());
    return noted(put_version(resource, expected));
}

Result<std::uint64_t> Writer::remove(
    std::string_view type,
    std::string_view id,
    gateway::Micros at,
    std::string_view message_id,
    std::string_view source,
    std::uint64_t expected
) {
    GH_TRY(usable());
    return noted(remove_version(type, id, at, message_id, source, expected));
}

Result<void> Writer::amend(const gateway::NewVersion& resource, std::uint64_t version) {
    GH_TRY(usable());
    return noted(amend_version(resource, version));
}

Result<void> Writer::put_receipt(const Receipt& receipt) {
    GH_TRY(usable());
    return noted(write_receipt(database_, receipt));
}

Result<void> Writer::put_outbox(const gateway::OutboxEntry& entry) {
    GH_TRY(usable());
    return noted(write_outbox(database_, entry));
}

Result<void> Writer::settle_outbox(const gateway::OutboxOutcome& outcome) {
    GH_TRY(usable());
    return noted(sqlite::settle_outbox(database_, outcome));
}

Result<void> Writer::savepoint() {
    GH_TRY(usable());
    Query query(database_, "store.savepoint", "SAVEPOINT step");
    GH_TRY(noted(query.run()));
    savepoints_.push_back(counters_);
    return {};
}

Result<void> Writer::release() {
    GH_TRY(usable());
    GH_ASSERT(!savepoints_.empty());
    savepoints_.pop_back();
    Query query(database_, "store.release", "RELEASE step");
    return noted(query.run());
}

Result<void> Writer::rollback() {
    GH_TRY(usable());
    GH_ASSERT(!savepoints_.empty());
    counters_ = savepoints_.back();
    savepoints_.pop_back();
    forget();
    {
        Query query(database_, "store.rollback", "ROLLBACK TO step");
        GH_TRY(noted(query.run()));
    }
    Query query(database_, "store.release", "RELEASE step");
    return noted(query.run());
}

Result<void> Writer::set_applied_position(std::uint64_t position) {
    GH_TRY(usable());
    position_ = position;
    return {};
}

Result<std::int64_t> Writer::name_id(std::string_view text) {
    if (text.empty()) {
        return std::int64_t{0};
    }
    key_ = text;
    if (const auto found = names_.find(key_); found != names_.end()) {
        return found->second;
    }
    std::int64_t id = 0;
    {
        Query query(database_, "store.name", "SELECT id FROM name WHERE text = ?");
        query.bind(text);
        GH_TRY_ASSIGN(const bool row, query.step());
        id = row ? query.integer(0) : 0;
    }
    if (id == 0) {
        Query query(database_, "store.name", "INSERT INTO name (text) VALUES (?) RETURNING id");
        query.bind(text);
        GH_TRY_ASSIGN(const bool row, query.step());
        GH_ASSERT(row);
        id = query.integer(0);
    }
    if (names_.size() >= names_max) {
        names_.clear();
    }
    names_.emplace(text, id);
    return id;
}

Result<Writer::Row> Writer::find_row(std::int64_t type, std::string_view id) {
    Query query(
        database_,
        "store.find",
        "SELECT rid, patient, version, live, kinds FROM resource WHERE type = ? AND id = ?"
    );
    query.bind(type).bind(id);
    GH_TRY_ASSIGN(const bool found, query.step());
    Row row;
    if (found) {
        row.rid = query.integer(0);
        row.patient = query.integer(1);
        row.version = query.number(2);
        row.live = query.integer(3) != 0;
        row.kinds = query.integer(4);
    }
    return row;
}

namespace {

std::string identity(std::string_view type, std::string_view id) {
    std::string key;
    key.reserve(type.size() + id.size() + 1);
    return key.append(type).append("/").append(id);
}

}  // namespace

Result<std::int64_t> Writer::mention(std::string_view type, std::string_view id) {
    if (const auto found = mentioned_.find(identity(type, id)); found != mentioned_.end()) {
        return found->second;
    }
    GH_TRY_ASSIGN(const std::int64_t type_id, name_id(type));
    GH_TRY_ASSIGN(Row row, find_row(type_id, id));
    if (row.rid == 0) {
        row.rid = ++counters_.rid_last;
        Query query(
            database_, "store.mention", "INSERT INTO resource (rid, type, id) VALUES (?, ?, ?)"
        );
        query.bind(row.rid).bind(type_id).bind(id);
        GH_TRY(query.run());
    }
    remember(type, id, row.rid);
    return row.rid;
}

void Writer::remember(std::string_view type, std::string_view id, std::int64_t rid) {
    if (mentioned_.size() >= mentioned_max) {
        mentioned_.clear();
    }
    mentioned_.emplace(identity(type, id), rid);
}

Result<std::int64_t> Writer::append_version(
    const Row& row,
    std::uint64_t version,
    gateway::Micros at,
    VersionMethod method,
    std::string_view source,
    std::string_view message_id,
    std::string_view json
) {
    GH_TRY_ASSIGN(const std::int64_t source_id, name_id(source));
    const std::int64_t vid = ++counters_.vid_last;
    Query query(
        database_,
        "store.append",
        "INSERT INTO version (vid, rid, version, last_updated, method, patient, source, "
        "message_id, "
        "json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    query.bind(vid)
        .bind(row.rid)
        .bind(version)
        .bind(at)
        .bind(static_cast<std::int64_t>(method))
        .bind(row.patient)
        .bind(source_id)
        .bind(message_id)
        .bind(json);
    GH_TRY(query.run());
    return vid;
}

Result<std::uint64_t> Writer::put_version(const NewVersion& resource, std::uint64_t expected) {
    GH_TRY_ASSIGN(const std::int64_t type, name_id(resource.type));
    GH_TRY_ASSIGN(Row row, find_row(type, resource.id));
    if (expected != 0 && (!row.live || row.version != expected)) {
        return Fault(Errc::conflict, "store.put", "the current version is another one");
    }
    const bool known = row.rid != 0;
    const bool was_live = row.live;
    if (!known) {
        row.rid = ++counters_.rid_last;
        // Its row comes last; a reference to itself must find it before.
        remember(resource.type, resource.id, row.rid);
    }
    row.patient = 0;
    if (resource.type == "Patient") {
        row.patient = row.rid;
    } else if (!resource.patient.empty()) {
        GH_TRY_ASSIGN(row.patient, mention("Patient", resource.patient));
    }
    const std::uint64_t version = row.version + 1;
    const std::string json = gateway::assemble_json(
        resource.json.head, resource.json.tail, version, resource.last_updated
    );
    GH_TRY_ASSIGN(
        const std::int64_t vid,
        append_version(
            row,
            version,
            resource.last_updated,
            was_live          ? VersionMethod::update
            : resource.placed ? VersionMethod::placed
                              : VersionMethod::create,
            resource.source,
            resource.message_id,
            json
        )
    );
    GH_TRY(drop_index(row));
    GH_TRY_ASSIGN(const std::int64_t kinds, write_index(resource, row));
    Query query(
        database_,
        "store.put",
        known
            ? "UPDATE resource SET patient = ?, version = ?, vid = ?, last_updated = ?, live = 1, "
              "kinds = ? WHERE rid = ?"
            : "INSERT INTO resource (patient, version, vid, last_updated, live, kinds, rid, type, "
              "id) "
              "VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)"
    );
    query.bind(row.patient)
        .bind(version)
        .bind(vid)
        .bind(resource.last_updated)
        .bind(kinds)
        .bind(row.rid);
    if (!known) {
        query.bind(type).bind(resource.id);
    }
    GH_TRY(query.run());
    counters_.live += was_live ? 0 : 1;
    return version;
}

Result<std::uint64_t> Writer::remove_version(
    std::string_view type,
    std::string_view id,
    gateway::Micros at,
    std::string_view message_id,
    std::string_view source,
    std::uint64_t expected
) {
    GH_TRY_ASSIGN(const std::int64_t type_id, name_id(type));
    GH_TRY_ASSIGN(const Row row, find_row(type_id, id));
    if (expected != 0 && (!row.live || row.version != expected)) {
        return Fault(Errc::conflict, "store.remove", "the current version is another one");
    }
    if (!row.live) {
        return std::uint64_t{0};
    }
    GH_TRY_ASSIGN(
        const std::int64_t vid,
        append_version(row, row.version + 1, at, VersionMethod::remove, source, message_id, {})
    );
    GH_TRY(drop_index(row));
    Query query(
        database_,
        "store.remove",
        "UPDATE resource SET version = ?, vid = ?, last_updated = ?, live = 0, kinds = 0 WHERE rid "
        "= ?"
    );
    query.bind(row.version + 1).bind(vid).bind(at).bind(row.rid);
    GH_TRY(query.run());
    --counters_.live;
    return row.version + 1;
}

Result<void> Writer::amend_version(const gateway::NewVersion& resource, std::uint64_t version) {
    GH_TRY_ASSIGN(const std::int64_t type, name_id(resource.type));
    GH_TRY_ASSIGN(Row row, find_row(type, resource.id));
    gateway::Micros last_updated = 0;
    std::int64_t vid = 0;
    {
        Query query(
            database_,
            "store.amend",
            "SELECT vid, last_updated, method FROM version WHERE rid = ? AND version = ?"
        );
        query.bind(row.rid).bind(version);
        GH_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return Fault(Errc::not_found, "store.amend");
        }
        if (static_cast<VersionMethod>(query.integer(2)) == VersionMethod::remove) {
            return Fault(Errc::gone, "store.amend");
        }
        vid = query.integer(0);
        last_updated = query.integer(1);
    }
    const std::string json =
        gateway::assemble_json(resource.json.head, resource.json.tail, version, last_updated);
    {
        Query query(database_, "store.amend", "UPDATE version SET json = ? WHERE vid = ?");
        query.bind(json).bind(vid);
        GH_TRY(query.run());
    }
    if (!row.live || row.version != version) {
        return {};
    }
    GH_TRY(drop_index(row));
    GH_TRY_ASSIGN(const std::int64_t kinds, write_index(resource, row));
    Query query(database_, "store.amend", "UPDATE resource SET kinds = ? WHERE rid = ?");
    query.bind(kinds).bind(row.rid);
    return query.run();
}

Result<void> Writer::reindex(const RebuildItem& item, std::vector<fhir::IndexEntry> entries) {
    GH_TRY(usable());
    Row row;
    {
        Query query(
            database_,
            "store.reindex",
            "SELECT patient, kinds FROM resource WHERE rid = ? AND vid = ? AND live = 1"
        );
        query.bind(item.rid).bind(item.vid);
        GH_TRY_ASSIGN(const bool found, noted(query.step()));
        if (!found) {
            return {};
        }
        row.rid = item.rid;
        row.patient = query.integer(0);
        row.kinds = query.integer(1);
    }
    NewVersion resource;
    resource.type = item.version.type;
    resource.index = std::move(entries);
    GH_TRY(noted(drop_index(row)));
    GH_TRY_ASSIGN(const std::int64_t kinds, noted(write_index(resource, row)));
    Query query(database_, "store.reindex", "UPDATE resource SET kinds = ? WHERE rid = ?");
    query.bind(kinds).bind(row.rid);
    return noted(query.run());
}

Result<void> Writer::drop_index(const Row& row) {
    static constexpr std::array<std::string_view, gateway::index_table_count> statements{
        "DELETE FROM ix_token WHERE rid = ?",
        "DELETE FROM ix_string WHERE rid = ?",
        "DELETE FROM ix_reference WHERE rid = ?",
        "DELETE FROM ix_date WHERE rid = ?",
        "DELETE FROM ix_number WHERE rid = ?",
        "DELETE FROM ix_quantity WHERE rid = ?",
        "DELETE FROM ix_uri WHERE rid = ?",
        "DELETE FROM ix_composite WHERE rid = ?"};
    for (std::size_t table = 0; table < statements.size(); ++table) {
        if (((row.kinds >> table) & 1) != 0) {
            Query query(database_, "store.unindex", statements[table]);
            query.bind(row.rid);
            GH_TRY(query.run());
        }
    }
    if ((row.kinds >> contained_kinds_shift) == 0) {
        return {};
    }
    for (std::size_t table = 0; table <= statements.size(); ++table) {
        const bool itself = table == statements.size();
        if (!itself && ((row.kinds >> (contained_kinds_shift + table)) & 1) == 0) {
            continue;
        }
        const char* name =
            itself ? "contained" : gateway::table_name(static_cast<IndexTable>(table));
        Query query(
            database_,
            "store.unindex",
            std::string("DELETE FROM ") + name + " WHERE rid BETWEEN ? AND ?"
        );
        query.bind(gateway::contained_rid(row.rid, fhir::contained_max))
            .bind(gateway::contained_rid(row.rid, 1));
        GH_TRY(query.run());
    }
    return {};
}

Result<std::int64_t> Writer::write_index(const NewVersion& resource, const Row& row) {
    std::int64_t kinds = 0;
    // Whose values these are: the record's own, then those of what it contains.
    Row of = row;
    std::string_view type = resource.type;
    int shift = 0;
    for (const fhir::IndexEntry& entry : resource.index) {
        if (entry.kind == fhir::EntryKind::contained) {
            of.rid = gateway::contained_rid(row.rid, entry.holder);
            type = entry.system;
            shift = contained_kinds_shift;
            GH_TRY(write_contained(of, entry));
            kinds |= std::int64_t{1} << (shift + gateway::index_table_count);
            continue;
        }
        IndexTable table{};
        if (entry.parameter == nullptr || !gateway::index_table(*entry.parameter, table)) {
            continue;
        }
        if (table == IndexTable::composite) {
            GH_TRY(write_item(of, type, entry));
            kinds |= std::int64_t{1} << (shift + static_cast<int>(table));
            continue;
        }
        if (entry.kind == fhir::EntryKind::identifier) {
            table = IndexTable::token;
        } else if (entry.kind == fhir::EntryKind::text) {
            table = IndexTable::string;
        }
        GH_TRY(write_entry(of, type, entry, table));
        kinds |= std::int64_t{1} << (shift + static_cast<int>(table));
    }
    return kinds;
}

Result<void> Writer::write_contained(const Row& row, const fhir::IndexEntry& entry) {
    GH_TRY_ASSIGN(const std::int64_t type, name_id(entry.system));
    const std::string id = gateway::index_key(entry.value);
    Query query(database_, "store.index", "INSERT INTO contained (rid, type, id) VALUES (?, ?, ?)");
    query.bind(row.rid).bind(type).bind(id);
    return query.run();
}

Result<std::int64_t> Writer::target_of(const Row& row, const fhir::IndexEntry& entry) {
    if (entry.local < 0) {
        return mention(entry.system, gateway::index_key(entry.value));
    }
    const std::int64_t holder = gateway::holder_of(row.rid);
    return entry.local == 0
               ? holder
               : gateway::contained_rid(holder, static_cast<std::uint32_t>(entry.local));
}

namespace {

// Ends of a number's range; an end that is not there, or is no number, is open.
std::pair<double, double> ends_of(const fhir::IndexEntry& entry) {
    constexpr double open = 1e300;
    double value = 0;
    double low = 0;
    double high = 0;
    const bool has_low = fhir::number_range(entry.number, value, low, high);
    std::pair<double, double> ends{has_low ? value : -open, has_low ? value : open};
    if (entry.is_range) {
        ends.second = fhir::number_range(entry.number_high, value, low, high) ? value : open;
    }
    if (entry.is_beyond) {
        // The next number there is: "> 5" does not reach 5.
        ends.first = ends.first == -open ? ends.first : std::nextafter(ends.first, open);
        ends.second = ends.second == open ? ends.second : std::nextafter(ends.second, -open);
    }
    return ends;
}

}  // namespace

Result<void> Writer::write_entry(
    const Row& row, std::string_view type, const fhir::IndexEntry& entry, IndexTable table
) {
    GH_TRY_ASSIGN(
        const std::int64_t param,
        name_id(gateway::parameter_key(type, entry.parameter->code, entry.kind))
    );
    // The same value twice in one resource is one row.
    static constexpr std::array<std::string_view, gateway::index_table_count - 1> statements{
        "INSERT INTO ix_token (rid, param, patient, code, system) VALUES (?, ?, ?, ?, ?) ON "
        "CONFLICT DO NOTHING",
        "INSERT INTO ix_string (rid, param, patient, folded, exact) VALUES (?, ?, ?, ?, ?) ON "
        "CONFLICT DO NOTHING",
        "INSERT INTO ix_reference (rid, param, patient, target) VALUES (?, ?, ?, ?) ON CONFLICT DO "
        "NOTHING",
        "INSERT INTO ix_date (rid, param, patient, low, high) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
        "DO NOTHING",
        "INSERT INTO ix_number (rid, param, patient, low, high) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
        "DO NOTHING",
        "INSERT INTO ix_quantity (rid, param, patient, low, high, system, code) VALUES (?, ?, ?, "
        "?, ?, ?, ?) ON CONFLICT DO NOTHING",
        "INSERT INTO ix_uri (rid, param, patient, value) VALUES (?, ?, ?, ?) ON CONFLICT DO "
        "NOTHING"};
    std::int64_t word = 0;  // system, or the reference's target
    if (table == IndexTable::token || table == IndexTable::quantity) {
        GH_TRY_ASSIGN(word, name_id(gateway::index_key(entry.system)));
    } else if (table == IndexTable::reference) {
        GH_TRY_ASSIGN(word, target_of(row, entry));
    }
    const std::string value = gateway::index_key(entry.value);
    const std::string folded = gateway::index_folded(entry.folded);
    Query query(database_, "store.index", statements[static_cast<std::size_t>(table)]);
    query.bind(row.rid).bind(param).bind(row.patient);
    switch (table) {
    case IndexTable::token: query.bind(value).bind(word); break;
    case IndexTable::string: query.bind(folded).bind(value); break;
    case IndexTable::reference: query.bind(word); break;
    case IndexTable::date: query.bind(entry.low).bind(entry.high); break;
    case IndexTable::uri: query.bind(value); break;
    case IndexTable::composite: GH_ASSERT(false);
    case IndexTable::number:
    case IndexTable::quantity: {
        const auto [low, high] = ends_of(entry);
        query.bind(low).bind(high);
        if (table == IndexTable::quantity) {
            query.bind(word).bind(value);
        }
        break;
    }
    }
    return query.run();
}

// One value of an element that a composite is about, or a position.
Result<void>
Writer::write_item(const Row& row, std::string_view type, const fhir::IndexEntry& entry) {
    using fhir::SearchType;
    std::string key = gateway::parameter_key(type, entry.parameter->code, fhir::EntryKind::value);
    SearchType kind = SearchType::number;  // a position
    if (entry.component != 0) {
        key = gateway::composite_key(type, entry.part->rows, entry.component, entry.kind);
        kind = entry.parameter->components[entry.component - 1].type;
    }
    GH_TRY_ASSIGN(const std::int64_t param, name_id(key));
    std::int64_t word = 0;
    if (kind == SearchType::reference) {
        GH_TRY_ASSIGN(word, target_of(row, entry));
    } else if (kind == SearchType::token || kind == SearchType::quantity) {
        GH_TRY_ASSIGN(word, name_id(gateway::index_key(entry.system)));
    }
    std::string text;
    std::pair<double, double> ends{0, 0};
    switch (kind) {
    case SearchType::reference: break;
    case SearchType::string: text = gateway::index_folded(entry.folded); break;
    case SearchType::date:
        ends = {static_cast<double>(entry.low), static_cast<double>(entry.high)};
        break;
    case SearchType::quantity:
        text = gateway::index_key(entry.value);
        ends = ends_of(entry);
        break;
    case SearchType::number: ends = ends_of(entry); break;
    default: text = gateway::index_key(entry.value); break;
    }
    Query query(
        database_,
        "store.index",
        "INSERT INTO ix_composite (rid, param, item, text, word, low, high, patient) VALUES (?, ?, "
        "?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    );
    query.bind(row.rid)
        .bind(param)
        .bind(static_cast<std::int64_t>(entry.item))
        .bind(text)
        .bind(word)
        .bind(ends.first)
        .bind(ends.second)
        .bind(row.patient);
    return query.run();
}

}  // namespace gatehouse::adapters::sqlite
