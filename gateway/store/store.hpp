#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Store: the port behind which resources, their history, their search index and the receipts live.
// One relational design (gateway/store/schema) serves SQLite and, once there is an adapter for it,
// PostgreSQL; adapters implement this. The journal is the promise: a store may sync lazily as long
// as applied_position() never claims more than it holds, because recovery replays the journal from
// there.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/search/search.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/store/links.hpp"
#include "gateway/store/query.hpp"

namespace gatehouse::gateway {

// A resource as JSON in two pieces around the place where `"versionId":"3","lastUpdated":"…"`
// belongs (inside meta). Versions are thus numbered by the store without parsing the body again.
struct SplitJson {
    std::string head;  // ends just after `"meta":{`
    std::string tail;  // begins with `,` or `}`
};

// What a write stores.
struct NewVersion {
    std::string type;
    std::string id;
    SplitJson json;
    std::string patient;  // compartment key: patient id this belongs to ("" if none)
    Micros last_updated = 0;
    std::string message_id;
    std::string source;  // partner id
    std::vector<fhir::IndexEntry> index;
    bool placed = false;  // by an update: a version that begins a life is VersionMethod::placed
};

// How a version came about. `placed`: an update that made, or brought back, a resource at the id
// it names (FHIR R4 §3.1.0.4.1). Numbers are stored.
enum class VersionMethod : std::uint8_t { create, update, remove, placed };

struct StoredVersion {
    std::string type;
    std::string id;
    std::uint64_t version = 0;
    Micros last_updated = 0;
    VersionMethod method = VersionMethod::create;
    std::string json;  // complete; empty for a tombstone
    // A search that yields contained resources (SearchQuery::contained_alone): the id of the one
    // that matches; `json` is still all of the record that holds it.
    std::string contained;
    [[nodiscard]] bool deleted() const noexcept { return method == VersionMethod::remove; }
};

struct SearchPage {
    std::vector<StoredVersion> matches;
    std::optional<std::uint64_t> total;
    // Opaque, for SearchQuery::after. `next` is empty on the last page, `previous` on the first; a
    // page that one of them led to has the other, although what is there may be gone by then.
    std::string next;
    std::string previous;
    bool back = false;  // reached by a `previous`
};

// Tags, security labels (system, code) and profiles in use, each once, in order.
struct StoredLabels {
    std::vector<std::pair<std::string, std::string>> tags;
    std::vector<std::pair<std::string, std::string>> security;
    std::vector<std::string> profiles;
};

// What history is asked for (FHIR R4 §3.1.0.10): an instance, a type, or (both empty) everything.
struct HistoryQuery {
    std::string type;
    std::string id;
    Micros since = 0;  // written at this moment or later; 0: from the beginning
    // Versions that were current at some moment in [at_low, at_high); both 0: no matter.
    Micros at_low = 0;
    Micros at_high = 0;
    // Only these identities (type, id), if it is set.
    std::optional<std::vector<std::pair<std::string, std::string>>> among;
    std::string page;  // HistoryPage::next or previous of a page; empty: the newest
    std::uint32_t count = 20;
};

struct HistoryPage {
    std::vector<StoredVersion> versions;  // newest first
    std::optional<std::uint64_t> total;   // where counting is cheap
    // As those of SearchPage: sealed, so that they do not tell how much was written between them.
    std::string next;
    std::string previous;
    bool back = false;
};

// Where a message ended (ARCHITECTURE: exactly one state).
enum class MessageState : std::uint8_t { received, stored, rejected, held, duplicate, superseded };
const char* to_string(MessageState state) noexcept;

// The answer and fate of one message; the answer is given again to a duplicate delivery.
struct Receipt {
    std::string message_id;
    std::string partner;
    std::string request_id;         // the partner's X-Request-ID, or empty
    std::string bundle_identifier;  // "system|value" of a message Bundle, or empty
    std::string body_digest;        // SHA-256 hex of method, target and body
    MessageState state = MessageState::received;
    Micros received_at = 0;
    Micros settled_at = 0;
    int status = 0;       // HTTP status of the answer
    std::string headers;  // answer's headers, "Name: value\n" lines
    std::string body;     // answer's body when it cannot be rebuilt from resources[0], else empty
    std::vector<std::string> rules;      // rule ids that decided
    std::vector<std::string> resources;  // "Patient/1/_history/1" written
    std::string decision_id;
};

// One notification that waits for delivery (stage 9). Rows of a destination are delivered in the
// order of `sequence`.
struct OutboxEntry {
    std::uint64_t sequence = 0;  // set by the store
    std::string destination;     // id in config/routes
    std::string message_id;
    std::string body;            // what the destination gets
    std::uint32_t attempts = 0;  // that failed
    Micros created_at = 0;
    Micros due_at = 0;
};

// What became of a delivery.
struct OutboxOutcome {
    enum class Kind : std::uint8_t { delivered, again, dead };
    std::uint64_t sequence = 0;
    Kind kind = Kind::delivered;
    std::uint32_t attempts = 0;
    Micros due_at = 0;  // again
};

struct OutboxCount {
    std::string destination;
    std::uint64_t waiting = 0;
    std::uint64_t dead = 0;
};

// Reads see one consistent snapshot per call. Thread-safe. not_found: never existed; gone: deleted.
class StoreReader {
public:
    virtual ~StoreReader() = default;
    virtual Result<StoredVersion> read(std::string_view type, std::string_view id) = 0;
    virtual Result<StoredVersion>
    read_version(std::string_view type, std::string_view id, std::uint64_t version) = 0;
    // Stable while others write: pages go from newer to older in the order of writing. not_found
    // for an instance that never was; invalid for a page that belongs to another history.
    virtual Result<HistoryPage> history(const HistoryQuery& query) = 0;
    // Errc::too_many / timeout when the query is over its budget.
    virtual Result<SearchPage> search(const SearchQuery& query) = 0;
    // Ids of at most `limit` current matches: conditional create, update, delete, conditional
    // references.
    virtual Result<std::vector<std::string>>
    match(const SearchQuery& query, std::uint32_t limit) = 0;
    // One step along references. Only what is held and not deleted is found.
    virtual Result<LinkPage> linked(const LinkQuery& query) = 0;
    // What the current records of these types are labelled with ($meta), read from the index: a few
    // probes for each label, not for each record. Errc::too_many for more than `limit`.
    virtual Result<StoredLabels>
    labels(const std::vector<std::string>& types, std::uint32_t limit) = 0;
    virtual Result<std::optional<Receipt>> receipt_by_message(std::string_view message_id) = 0;
    virtual Result<std::optional<Receipt>>
    receipt_by_request(std::string_view partner, std::string_view request_id) = 0;
    virtual Result<std::optional<Receipt>>
    receipt_by_bundle(std::string_view partner, std::string_view bundle_identifier) = 0;
};

// Inside the single writer's transaction; reads see its own writes. Not thread-safe.
class StoreWriter : public StoreReader {
public:
    // Stores the next version and makes it current. `expected` (If-Match): 0 = any; otherwise
    // Errc::conflict if the current version differs (the caller says 412). Returns the new version
    // number.
    virtual Result<std::uint64_t> put(const NewVersion& resource, std::uint64_t expected = 0) = 0;
    // Writes a tombstone; idempotent (0 if there was nothing to delete).
    virtual Result<std::uint64_t> remove(
        std::string_view type,
        std::string_view id,
        Micros at,
        std::string_view message_id,
        std::string_view source,
        std::uint64_t expected = 0
    ) = 0;
    // Changes the body of a version that there is, without making a new one: labels of a record,
    // which follow it through its history ($meta-add). Its time stays. not_found, gone (a
    // deletion).
    virtual Result<void> amend(const NewVersion& resource, std::uint64_t version) = 0;
    virtual Result<void> put_receipt(const Receipt& receipt) = 0;
    // Nothing happens if the message is there already for this destination.
    virtual Result<void> put_outbox(const OutboxEntry& entry) = 0;
    // Delivered rows go, dead ones stay for the operator.
    virtual Result<void> settle_outbox(const OutboxOutcome& outcome) = 0;
    // Everything since the last savepoint() is undone; the transaction goes on.
    virtual Result<void> savepoint() = 0;
    virtual Result<void> release() = 0;
    virtual Result<void> rollback() = 0;
    virtual Result<void> set_applied_position(std::uint64_t position) = 0;
};

struct StoreStats {
    std::uint64_t bytes = 0;
    std::uint64_t log_bytes = 0;  // committed and not yet moved to its place by checkpoint()
    std::uint64_t resources = 0;
    std::uint64_t versions = 0;
};

// The search index as it is built anew beside the service, when the set of search parameters has
// changed since the resources were written. Thread-safe; one caller of rebuild() at a time.
class SearchIndex {
public:
    virtual ~SearchIndex() = default;
    // The parts that resources are indexed by from now on (SearchParameters::index_units()). Those
    // that the store's resources lack are pending: until rebuild() is through, a search that needs
    // one is refused with Errc::busy (inside a write: Errc::unsupported). Goes on where a kill or
    // stop left it.
    virtual Result<void> use(const std::vector<fhir::IndexUnit>& units) = 0;
    struct State {
        std::vector<std::string> pending;  // parts, in order of their names
        std::uint64_t versions = 0;        // looked at, of
        std::uint64_t versions_last = 0;
    };
    virtual Result<State> state() = 0;
    // The index entries of a stored resource.
    using Extract = std::function<std::vector<fhir::IndexEntry>(const StoredVersion&)>;
    // Indexes the next resources anew, `limit` at most, in one transaction: how many; 0: nothing is
    // pending any more.
    virtual Result<std::uint64_t> rebuild(std::uint32_t limit, const Extract& extract) = 0;
};

class Store : public StoreReader {
public:
    // Runs `work` in one write transaction and commits if it returns no fault. Callers
    // take turns: the applier, and now and then the notifier.
    virtual Result<void> transact(const std::function<Result<void>(StoreWriter&)>& work) = 0;
    // Journal position up to which everything is applied.
    virtual Result<std::uint64_t> applied_position() = 0;
    // Makes everything applied so far survive power loss; returns the position that then is safe,
    // so that older journal segments may go. Off the request path.
    virtual Result<std::uint64_t> checkpoint() = 0;
    // A consistent copy while writes go on.
    virtual Result<void> backup(const std::filesystem::path& target) = 0;
    // Forgets receipts settled before `before` (deduplication window).
    virtual Result<std::uint64_t> prune_receipts(Micros before) = 0;
    virtual Result<StoreStats> stats() = 0;
    // The first `limit` rows of a destination that wait, due or not, in order.
    virtual Result<std::vector<OutboxEntry>>
    outbox_waiting(std::string_view destination, std::uint32_t limit) = 0;
    // By destination; only those with rows.
    virtual Result<std::vector<OutboxCount>> outbox_counts() = 0;
    // Null where there is nothing to rebuild.
    virtual SearchIndex* search_index() { return nullptr; }
};

}  // namespace gatehouse::gateway
