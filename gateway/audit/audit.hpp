#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Audit: one hash-chained record for every exit, durable before the first byte of the answer (G14).
// Each record holds the SHA-256 of the one before; `gatehouse audit verify` names the first that
// does not fit. May hold identifiers; never log it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

class FileSeam;  // gateway/journal/file.hpp

struct AuditEvent {
    std::string message_id;
    Micros at = 0;
    std::string interaction;            // "create"
    std::string partner;                // empty: not authenticated
    std::string credential;             // "bearer:abc123" (token id), "mtls:<fingerprint>"
    std::string organisation;           // acting ODS
    std::string asserted_organisation;  // what the caller claimed, where that was refused
    std::string request_id;
    std::string address;
    std::string method;
    std::string target;  // identifiers allowed here
    int status = 0;
    std::string outcome;  // "0" success, "4" minor, "8" serious failure (DICOM)
    std::string decision_id;
    std::string policy_digest;
    std::string rules;  // JSON array text of the rules that said something, or empty
    std::string definitions_digest;
    std::vector<std::string> disclosed;     // "Patient/1/_history/2" read or written
    std::vector<std::string> destinations;  // where an accepted write went, beside the store
    std::string body_digest;                // SHA-256 of the request body
};

struct AuditOptions {
    std::filesystem::path folder;
    std::uint64_t file_bytes = 64ULL << 20;  // a new file at this size, and every day (UTC)
    std::size_t queue_max = 16384;           // waiting appends; past it Errc::busy
    std::uint64_t zero_ahead_bytes = 1ULL << 20;
    FileSeam* files = nullptr;           // null: the real ones
    const Clock* clock = nullptr;        // null: the system's
    std::function<void(double)> synced;  // seconds each fdatasync took (metrics)
};

class Audit {
public:
    // Opens or creates the chain; cuts a torn last record, which nobody was answered on.
    // Errc::corrupt names file and line when a record of the newest file does not fit.
    static Result<std::unique_ptr<Audit>> open(const AuditOptions& options);
    virtual ~Audit() = default;
    // Resumes when durable. A fault means: do not answer as if nothing happened, answer 503.
    virtual boost::asio::awaitable<Result<void>> append(AuditEvent event) = 0;
    // Bytes of all files of the chain.
    [[nodiscard]] virtual std::uint64_t bytes() const { return 0; }
    virtual void close() = 0;
};

}  // namespace gatehouse::gateway
