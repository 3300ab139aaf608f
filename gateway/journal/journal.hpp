#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Journal: the promise point. Append-only segments of checksummed records, group commit with one
// fdatasync for everything that waits, torn tails cut at open. A message is accepted when append()
// returns, and only then. Recovery, replay and reconciliation read it back.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

enum class RecordKind : std::uint8_t { accepted = 1, refused = 2 };

// Everything needed to apply the message again, byte for byte, with the same result.
struct JournalRecord {
    std::uint64_t position = 0;   // dense sequence number, from 1; set by append
    RecordKind kind = RecordKind::accepted;
    std::string message_id;       // ULID
    Micros received_at = 0;
    Micros accepted_at = 0;       // becomes meta.lastUpdated
    std::string partner;
    std::string organisation;     // acting ODS code
    std::string request_id;
    std::string bundle_identifier;
    std::string decision_id;
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers;  // those that change the result
    std::vector<std::string> tags;    // "system|code" to add to meta.tag (warned findings)
    std::vector<std::string> rules;   // rule ids that decided
    int status = 0;               // refused: the status answered
    std::string body;             // original bytes (refused: empty)
};

std::string encode_record(const JournalRecord& record);
// Errc::corrupt if the bytes are not a record.
Result<JournalRecord> decode_record(std::string_view bytes);

struct JournalOptions {
    std::filesystem::path folder;
    std::uint64_t segment_bytes = 64ULL << 20;
    std::size_t queue_max = 4096;             // waiting appends; past it Errc::busy
    std::uint64_t record_bytes_max = 80ULL << 20;
};

class Journal {
public:
    // Opens or creates; cuts a torn last record; Errc::corrupt if the damage is not at the tail, with
    // segment and offset.
    static Result<std::unique_ptr<Journal>> open(const JournalOptions& options);
    virtual ~Journal() = default;

    // Resumes when the record is durable; gives its position. Errc::busy, no_space or io: nothing was
    // accepted.
    virtual boost::asio::awaitable<Result<std::uint64_t>> append(JournalRecord record) = 0;
    // Records from `from` (inclusive) in order until `visit` returns false. Blocking.
    virtual Result<void> read(std::uint64_t from, const std::function<bool(const JournalRecord&)>& visit) = 0;
    // Removes (or moves to `archive` if not empty) whole segments below `position` and older than `before`.
    virtual Result<std::uint64_t> prune(std::uint64_t position, Micros before, const std::filesystem::path& archive) = 0;
    [[nodiscard]] virtual std::uint64_t last_position() const = 0;
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
    // Writes what is queued, then refuses more.
    virtual void close() = 0;
};

}  // namespace gatehouse::gateway
