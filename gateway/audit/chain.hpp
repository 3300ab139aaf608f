#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The chain itself. A record is one line of JSON that ends in
//
//   ,"after":A,"seq":N,"prev":"<64 hex>","hash":"<64 hex>"}
//
// where hash is the SHA-256 of the line up to (not including) `,"hash"`, prev is the hash of record
// N-1 (64 zeros before the first), and A is the last record that was durable when this one was
// written: it tells damage from a batch that power loss tore. Anyone can check it with sha256sum.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "fhir/base/result.hpp"
#include "gateway/audit/audit.hpp"

namespace gatehouse::gateway {

inline constexpr std::uint32_t audit_format_version = 1;
inline constexpr std::string_view audit_genesis =
    "0000000000000000000000000000000000000000000000000000000000000000";

// The record's own members, open at the end: `{"at":"...",...`. Reads nothing but `event`.
std::string open_line(const AuditEvent& event);

struct ChainLink {
    std::uint64_t after = 0;
    std::uint64_t seq = 0;
    std::string_view prev;
    std::string_view hash;
};

// Closes `line` with its place in the chain; gives the new hash and leaves the line ending in '\n'.
std::string
close_line(std::string& line, std::uint64_t after, std::uint64_t seq, std::string_view prev);

// Reads the end of a line (without '\n') and checks the line's own hash. False if it is not a
// record.
bool read_link(std::string_view line, ChainLink& link);

// How the chain of a folder stands.
struct ChainVerdict {
    bool sound = false;
    std::uint64_t files = 0;
    std::uint64_t records = 0;
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::string last_hash;
    std::uint64_t torn_bytes =
        0;  // unfinished bytes after the last record, which nobody was answered on
    // The first record that does not fit: "audit-….jsonl:12: ..." and its sequence number.
    std::string problem;
    std::uint64_t problem_seq = 0;
};

// Reads every file of the chain in order. A chain may begin after 1 when older files were archived.
// The head file (audit.head) tells of records removed from the end. Errc::io or not_found when the
// folder cannot be read.
Result<ChainVerdict> verify_chain(const std::filesystem::path& folder);

// Files of the chain, oldest first.
Result<std::vector<std::filesystem::path>> chain_files(const std::filesystem::path& folder);

// One file's lines.
struct FileScan {
    std::uint64_t good_bytes = 0;  // end of the last record that fits
    std::uint64_t lines = 0;
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;  // 0: none
    std::string last_hash;
    std::uint64_t torn_bytes = 0;
    std::string problem;  // empty: sound
    std::uint64_t problem_line = 0;
    std::uint64_t problem_seq = 0;
};
// `expected_seq` 0: whatever the first record says.
FileScan
scan_chain_file(std::string_view bytes, std::uint64_t expected_seq, std::string_view expected_prev);

// The sentence of a head file: "seq hash\n".
bool read_head(const std::filesystem::path& folder, std::uint64_t& seq, std::string& hash);

}  // namespace gatehouse::gateway
