#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Bearer tokens: 256 random bits each, kept as SHA-256 (a password hash would add nothing to a
// secret that cannot be guessed, and cost a core per request). The token file
// <data>/identity/tokens.json is replaced whole by rename under a lock, so `gatehouse partner` and
// a running gateway never meet half a file.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

struct TokenRecord {
    std::string partner;
    std::string id;    // first 12 characters of the hash: in lists and audit records
    std::string hash;  // SHA-256, lower-case hex
    Micros created = 0;
    Micros expires = 0;  // 0: does not
    bool revoked =
        false;  // kept, so that a sample partner's token is not minted again at the next start
};

struct FreshToken {
    std::string
        secret;  // "gh1_" and 64 hex characters; shown once, never stored by us except for samples
    TokenRecord record;
};
FreshToken make_token(std::string partner, Micros now);
std::string token_hash(std::string_view secret);

// Errc::not_found if there is none yet, Errc::corrupt if it cannot be understood.
Result<std::vector<TokenRecord>> read_tokens(const std::filesystem::path& file);

// Reads, lets `change` edit, and replaces the file durably (mode 0600), all under the file's lock.
// A fault of `change` leaves everything as it was.
Result<void> update_tokens(
    const std::filesystem::path& file,
    const std::function<Result<void>(std::vector<TokenRecord>&)>& change
);

// A file that appears whole or not at all, with mode 0600, in a folder made with mode 0700.
Result<void> write_private_file(const std::filesystem::path& file, std::string_view text);

}  // namespace gatehouse::gateway
