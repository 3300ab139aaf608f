#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Audit: one hash-chained record for every exit, durable before the first byte of the answer (G14). Each
// record holds the SHA-256 of the one before; `gatehouse audit verify` names the first that does not
// fit. May hold identifiers; never log it.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

struct AuditEvent {
    std::string message_id;
    Micros at = 0;
    std::string interaction;     // "create"
    std::string partner;         // empty: not authenticated
    std::string credential;      // "bearer:abc123" (token id), "mtls:<fingerprint>"
    std::string organisation;    // acting ODS
    std::string request_id;
    std::string address;
    std::string method;
    std::string target;          // identifiers allowed here
    int status = 0;
    std::string outcome;         // "0" success, "4" minor, "8" serious failure (DICOM)
    std::string decision_id;
    std::string policy_digest;
    std::string rules;           // "G05:observe:national:reason; ..." as JSON array text
    std::string definitions_digest;
    std::vector<std::string> disclosed;  // "Patient/1/_history/2" read or written
    std::string body_digest;     // SHA-256 of the request body
};

class Audit {
public:
    virtual ~Audit() = default;
    // Resumes when durable. A fault means: do not answer as if nothing happened, answer 503.
    virtual boost::asio::awaitable<Result<void>> append(AuditEvent event) = 0;
    virtual void close() = 0;
};

}  // namespace gatehouse::gateway
