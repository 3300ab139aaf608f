#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The embedded store: gateway's Store port over one SQLite file in WAL mode. One writer connection,
// a pool of reader connections that never wait for it, and a checkpoint that happens only when
// asked. Commits do not sync (the journal is the promise); a commit always carries the journal
// position it stands for, so after any crash the file says truly how far it got.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "gateway/store/store.hpp"

namespace gatehouse::adapters {

struct SqliteOptions {
    std::filesystem::path file;             // "<data>/store.db"; created if absent
    std::uint32_t readers_max = 8;          // connections; further readers wait for one
    std::uint32_t reader_cache_kib = 4096;  // page cache of each
    std::uint32_t writer_cache_kib = 32768;
    std::uint32_t search_budget_ms = 5000;         // then Errc::timeout
    std::uint64_t search_steps_max = 100'000'000;  // of one search; then Errc::too_many
    std::uint64_t bytes_max = 0;  // hard size of the file, then Errc::no_space; 0: the disk's
};

// Errc::invalid if the file is of another format or not ours, Errc::corrupt if damaged, Errc::io if
// it cannot be opened or written.
Result<std::unique_ptr<gateway::Store>> open_sqlite_store(const SqliteOptions& options);

// Reads a backup through: format, SQLite's own integrity check, that every current version exists.
// Returns the journal position it stands for.
Result<std::uint64_t> check_sqlite_file(const std::filesystem::path& file);

}  // namespace gatehouse::adapters
