// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/data_folder.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/identity/tokens.hpp"

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view format_word = "gatehouse-data ";
// Journal and audit write a megabyte of zeros ahead each, the store's log needs some: twice that.
constexpr std::uint64_t reserve_bytes = 4ULL << 20U;

Fault system_fault(const char* what, const fs::path& path, int error) {
    std::string text =
        std::string(what) + " " + path.string() + ": " + std::generic_category().message(error);
    if (error == EROFS) {
        text += "; the data folder must be writable: remount it, or set data.dir to another folder";
    } else if (error == EACCES || error == EPERM) {
        text += "; give the folder to the user the gateway runs as";
    }
    const Errc code = error == ENOSPC || error == EDQUOT ? Errc::no_space : Errc::io;
    return {code, "data folder", text};
}

// 0 when there is no format file.
Result<int> read_format(const fs::path& dir) {
    const fs::path file = dir / "format";
    std::ifstream in(file);
    std::string line;
    if (!in || !std::getline(in, line)) {
        return 0;
    }
    int version = 0;
    const std::string_view text = line;
    const bool known_word = text.starts_with(format_word);
    const char* digits = text.data() + format_word.size();
    if (!known_word ||
        std::from_chars(digits, text.data() + text.size(), version).ec != std::errc() ||
        version < 1) {
        return Fault(
            Errc::corrupt,
            "data folder",
            file.string() + " does not say 'gatehouse-data N'; is data.dir right?"
        );
    }
    if (version != data_format_version) {
        return Fault(
            Errc::unsupported,
            "data folder",
            dir.string() + " has data format " + std::to_string(version) +
                ", this binary reads and writes format " + std::to_string(data_format_version) +
                ". Run the version that wrote it, or restore a backup of the right format"
        );
    }
    return version;
}

bool has_data(const fs::path& dir) {
    std::error_code ignored;
    return fs::exists(dir / "journal", ignored) || fs::exists(dir / "store", ignored) ||
           fs::exists(dir / "audit", ignored);
}

Result<int> take_lock(const fs::path& dir) {
    const fs::path file = dir / "lock";
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return system_fault("cannot open", file, errno);
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 32> holder{};
        const ssize_t size = ::read(fd, holder.data(), holder.size() - 1);
        ::close(fd);
        std::string who =
            size > 0 ? std::string(holder.data(), static_cast<std::size_t>(size)) : "unknown";
        while (!who.empty() && who.back() == '\n') {
            who.pop_back();
        }
        return Fault(
            Errc::busy,
            "data folder",
            dir.string() + " is in use by another gatehouse process (" + who +
                "). Stop it, or give this one a data.dir of its own"
        );
    }
    const std::string me = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, me.data(), me.size(), 0) < 0) {
        const int error = errno;
        ::close(fd);
        return system_fault("cannot write", file, error);
    }
    return fd;
}

}  // namespace

Result<DataFolder> DataFolder::open(const fs::path& dir) {
    std::error_code error;
    const bool made = fs::create_directories(dir, error);
    if (error) {
        return system_fault("cannot make", dir, error.value());
    }
    if (made) {
        fs::permissions(dir, fs::perms::owner_all, error);
    }
    GH_TRY_ASSIGN(const int version, read_format(dir));
    if (version == 0 && has_data(dir)) {
        return Fault(
            Errc::corrupt,
            "data folder",
            dir.string() + " holds data but no format file; restore the folder from a backup"
        );
    }
    GH_TRY_ASSIGN(const int lock, take_lock(dir));
    DataFolder out(lock);
    release_reserve_if_full(dir);
    if (version == 0) {
        GH_TRY(write_data_format(dir));
    }
    return out;
}

DataFolder::DataFolder(DataFolder&& other) noexcept : lock_(std::exchange(other.lock_, -1)) {}

DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
    std::swap(lock_, other.lock_);
    return *this;
}

DataFolder::~DataFolder() {
    if (lock_ >= 0) {
        ::close(lock_);  // lets go of the lock
    }
}

Result<void> check_data_format(const fs::path& dir) {
    GH_TRY_ASSIGN(const int version, read_format(dir));
    if (version == 0) {
        return Fault(
            Errc::not_found,
            "data folder",
            dir.string() + " holds no gateway's data; is data.dir right?"
        );
    }
    return {};
}

Result<void> write_data_format(const fs::path& dir) {
    return write_private_file(
        dir / "format", std::string(format_word) + std::to_string(data_format_version) + "\n"
    );
}

Result<void> make_data_part(const fs::path& folder) {
    std::error_code error;
    if (fs::create_directories(folder, error)) {
        fs::permissions(folder, fs::perms::owner_all, error);
    }
    return error ? Result<void>(system_fault("cannot make", folder, error.value()))
                 : Result<void>();
}

Result<DiskSpace> disk_space(const fs::path& dir) {
    struct statvfs info {};
    if (::statvfs(dir.c_str(), &info) != 0) {
        return system_fault("cannot measure the disk of", dir, errno);
    }
    DiskSpace out;
    out.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    out.total_bytes = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
    return out;
}

void keep_reserve(const fs::path& dir) noexcept {
    const auto space = disk_space(dir);
    const fs::path file = dir / "reserve";
    std::error_code ignored;
    if (!space || space->free_bytes < reserve_bytes * 4 || fs::exists(file, ignored)) {
        return;
    }
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;  // a comfort, not a need
    }
    const int failed = ::posix_fallocate(fd, 0, static_cast<off_t>(reserve_bytes));
    ::close(fd);
    if (failed != 0) {
        fs::remove(file, ignored);
    }
}

void release_reserve_if_full(const fs::path& dir) noexcept {
    const auto space = disk_space(dir);
    std::error_code ignored;
    if (space && space->free_bytes < reserve_bytes) {
        fs::remove(dir / "reserve", ignored);
    }
}

}  // namespace gatehouse::gateway
