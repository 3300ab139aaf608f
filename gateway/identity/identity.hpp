#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Who is calling: partners from config/partners, their bearer tokens (kept hashed) and mTLS subjects.
// authenticate() answers with an immutable Partner; what the partner may do is the guard's business.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/http/message.hpp"

namespace gatehouse::gateway {

// Who answers for a partner, route or policy (guardrail G03). All members are required.
struct Owner {
    std::string role;
    std::string organisation;   // ODS code
    std::string contact;
    std::string review;         // YYYY-MM-DD
};

// Limits of one partner (guardrail G16); 0: the gateway's own limit applies.
struct PartnerLimits {
    double requests_per_second = 0;
    std::uint32_t burst = 0;
    std::uint64_t body_bytes_max = 0;
    std::uint32_t depth_max = 0;
    std::vector<std::string> types;         // allowed resource types; empty: all
    std::vector<std::string> interactions;  // "read", "create", ...; empty: all
};

struct Partner {
    std::string id;                           // "aa-development"
    std::string name;
    Owner owner;
    std::vector<std::string> organisations;   // ODS codes it may act for; the first is its own
    std::vector<std::string> subjects;        // mTLS certificate subjects or SAN names
    PartnerLimits limits;
    bool sample = false;                      // development only; refused in the production profile
    bool all_rights = false;                  // sees every message, no limits (development, operators)
    std::string file;                         // where it was declared
    std::uint32_t line = 0;
};

// How the caller was proven, for the audit.
struct Credential {
    std::shared_ptr<const Partner> partner;
    std::string kind;   // "bearer" or "mtls"
    std::string proof;  // token id or certificate fingerprint; never the secret
};

// An immutable set of partners and token hashes, swapped whole at reload.
class Identity {
public:
    virtual ~Identity() = default;
    // Errc::unauthorised with words for the caller when there is no usable credential. Thread-safe; sees
    // `gatehouse partner add|rotate|revoke` without a restart.
    virtual Result<Credential> authenticate(const Request& request) const = 0;
    [[nodiscard]] virtual std::vector<std::shared_ptr<const Partner>> partners() const = 0;
};

}  // namespace gatehouse::gateway
