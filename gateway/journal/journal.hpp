#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Journal: the promise point. Append-only segments of checksummed records, group commit with one
// fdatasync for everything that waits, torn tails cut at open. A message is accepted when its
// record is durable, and only then. Recovery, replay and reconciliation read it back.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

class FileSeam;  // gateway/journal/file.hpp

enum class RecordKind : std::uint8_t { accepted = 1, refused = 2 };

// Everything needed to apply the message again, byte for byte, with the same result.
struct JournalRecord {
    std::uint64_t position = 0;  // dense sequence number, from 1; set by the journal
    RecordKind kind = RecordKind::accepted;
    std::string message_id;  // ULID
    Micros received_at = 0;
    Micros accepted_at = 0;  // becomes meta.lastUpdated; set by the journal, strictly increasing
    std::string partner;
    std::string organisation;  // acting ODS code
    std::string request_id;
    std::string bundle_identifier;
    std::string body_digest;  // as in the receipt
    std::string decision_id;
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers;  // those that change the result
    std::vector<std::string> tags;  // "system|code" to add to meta.tag (warned findings)
    std::string findings;  // what the answer must tell beside the acceptance (pipeline/record.cpp)
    std::vector<std::string> rules;  // rule ids that decided
    // Where it goes, `record` first. Records from before there were routes say `record` alone.
    std::vector<std::string> destinations;
    int status = 0;    // refused: the status answered
    std::string body;  // original bytes (refused: empty)
};

// The payload of a frame: everything but position and accepted_at, which the journal itself keeps.
std::string encode_record(const JournalRecord& record);
// Errc::corrupt if the bytes are not a record.
Result<JournalRecord> decode_record(std::string_view bytes);

struct JournalOptions {
    std::filesystem::path folder;
    std::uint64_t segment_bytes = 64ULL << 20;
    std::size_t queue_max = 4096;  // waiting appends; past it Errc::busy
    std::uint64_t record_bytes_max = 80ULL << 20;
    std::uint64_t zero_ahead_bytes = 1ULL << 20;  // space prepared before it is needed
    FileSeam* files = nullptr;                    // null: the real ones
    const Clock* clock = nullptr;                 // null: the system's
    // Seconds each fdatasync took, on the commit thread (metrics). May be empty.
    std::function<void(double)> synced;
};

// Told what became of one submitted record. Called on the journal's commit thread, in the order of
// positions, so an implementation must be quick and must not throw.
class JournalWaiter {
public:
    virtual ~JournalWaiter() = default;
    virtual void durable(std::uint64_t position, Micros accepted_at) noexcept = 0;
    // Nothing was accepted (Errc::no_space, io), or, after a failed sync, nothing is known to be.
    virtual void failed(const Fault& fault) noexcept = 0;
};

class Journal {
public:
    // Opens or creates; cuts a torn last record. Errc::corrupt names segment and offset when bytes
    // that had been acknowledged are damaged; Errc::unsupported when the format is of another
    // version.
    static Result<std::unique_ptr<Journal>> open(const JournalOptions& options);
    virtual ~Journal() = default;

    // Queues `payload` (encode_record) for the next commit. A fault (busy, too_large, io after a
    // failed sync, cancelled after close) means that the waiter will hear nothing. Thread-safe.
    virtual Result<void> submit(std::string payload, std::shared_ptr<JournalWaiter> waiter) = 0;
    // Resumes when the record is durable; gives its position. Errc::busy, no_space or io: nothing
    // was accepted.
    boost::asio::awaitable<Result<std::uint64_t>> append(JournalRecord record);
    // Durable records from `from` (inclusive) in order until `visit` returns false. Blocking.
    virtual Result<void>
    read(std::uint64_t from, const std::function<bool(const JournalRecord&)>& visit) = 0;
    // Removes (or moves to `archive` if not empty) whole segments below `position` and older than
    // `before`; gives how many.
    virtual Result<std::uint64_t>
    prune(std::uint64_t position, Micros before, const std::filesystem::path& archive) = 0;
    [[nodiscard]] virtual std::uint64_t last_position() const = 0;
    // Oldest position still held; last_position() + 1 when there is none.
    [[nodiscard]] virtual std::uint64_t first_position() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
    // Writes what is queued, then refuses more.
    virtual void close() = 0;
};

}  // namespace gatehouse::gateway
