#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The data folder as a whole: one process at a time, and a format version that a binary which does
// not know it refuses by name. <data>/format holds "gatehouse-data N"; <data>/lock is locked by the
// process that serves from it.

#include <filesystem>
#include <string>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway {

inline constexpr int data_format_version = 1;

class DataFolder {
public:
    // Makes the folder if it is new, checks its format, takes its lock. Errc::unsupported names
    // both formats; Errc::busy names the process that holds it; Errc::io what the system said.
    static Result<DataFolder> open(const std::filesystem::path& dir);
    DataFolder(DataFolder&& other) noexcept;
    DataFolder& operator=(DataFolder&& other) noexcept;
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;
    ~DataFolder();

private:
    explicit DataFolder(int lock) : lock_(lock) {}
    int lock_ = -1;
};

// The format alone, without the lock: for commands beside a running gateway. Errc::not_found when
// the folder holds no data.
Result<void> check_data_format(const std::filesystem::path& dir);
// Writes the format file of a new folder (restore).
Result<void> write_data_format(const std::filesystem::path& dir);

// A folder inside the data folder, mode 0700; may exist already.
Result<void> make_data_part(const std::filesystem::path& folder);

struct DiskSpace {
    std::uint64_t free_bytes = 0;  // to this user
    std::uint64_t total_bytes = 0;
};
Result<DiskSpace> disk_space(const std::filesystem::path& dir);

// Space put by in <data>/reserve while there is plenty, and given back when the gateway starts on a
// full disk: opening journal, audit and store needs a few megabytes even if only reads follow.
void keep_reserve(const std::filesystem::path& dir) noexcept;
void release_reserve_if_full(const std::filesystem::path& dir) noexcept;

}  // namespace gatehouse::gateway
