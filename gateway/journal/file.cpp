// SPDX-License-Identifier: Apache-2.0
#include "gateway/journal/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

namespace gatehouse::gateway {

ssize_t FileSeam::write_at(int fd, const char* bytes, std::size_t size, std::int64_t offset) {
    return ::pwrite(fd, bytes, size, offset);
}
int FileSeam::sync_data(int fd) {
    return ::fdatasync(fd);
}
int FileSeam::sync_all(int fd) {
    return ::fsync(fd);
}
int FileSeam::truncate(int fd, std::int64_t size) {
    return ::ftruncate(fd, size);
}
int FileSeam::open(const std::filesystem::path& path, int flags, unsigned mode) {
    return ::open(path.c_str(), flags, mode);
}
int FileSeam::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    return ::rename(from.c_str(), to.c_str());
}
int FileSeam::remove(const std::filesystem::path& path) {
    return ::unlink(path.c_str());
}

FileSeam& real_files() noexcept {
    static FileSeam seam;
    return seam;
}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void FileHandle::reset() noexcept {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

Fault file_fault(const char* where, const std::filesystem::path& path, int error_number) {
    Errc code = Errc::io;
    if (error_number == ENOSPC || error_number == EDQUOT) {
        code = Errc::no_space;
    } else if (error_number == ENOENT) {
        code = Errc::not_found;
    }
    return Fault(code, where, path.string() + ": " + std::generic_category().message(error_number));
}

Result<FileHandle> open_file(FileSeam& seam, const std::filesystem::path& path, int flags) {
    // Records of people: readable by the service's own user alone.
    const int fd = seam.open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        return file_fault("file.open", path, errno);
    }
    return FileHandle(fd);
}

Result<void> write_fully(
    FileSeam& seam,
    const FileHandle& file,
    const std::filesystem::path& path,
    std::string_view bytes,
    std::uint64_t offset
) {
    while (!bytes.empty()) {
        const ssize_t written =
            seam.write_at(file.fd(), bytes.data(), bytes.size(), static_cast<std::int64_t>(offset));
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return file_fault("file.write", path, errno);
        }
        if (written == 0) {
            return file_fault("file.write", path, ENOSPC);
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

Result<std::string> read_whole(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return file_fault("file.read", path, errno == 0 ? ENOENT : errno);
    }
    std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (in.bad()) {
        return file_fault("file.read", path, EIO);
    }
    return bytes;
}

Result<void> sync_folder(FileSeam& seam, const std::filesystem::path& folder) {
    GH_TRY_ASSIGN(const FileHandle handle, open_file(seam, folder, O_RDONLY | O_DIRECTORY));
    if (seam.sync_all(handle.fd()) != 0) {
        return file_fault("file.sync_folder", folder, errno);
    }
    return {};
}

Result<void> write_zeros(
    FileSeam& seam,
    const FileHandle& file,
    const std::filesystem::path& path,
    std::uint64_t from,
    std::uint64_t to
) {
    static const std::string zeros(256 * 1024, '\0');
    while (from < to) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), to - from));
        GH_TRY(write_fully(seam, file, path, std::string_view(zeros.data(), size), from));
        from += size;
    }
    return {};
}

}  // namespace gatehouse::gateway
