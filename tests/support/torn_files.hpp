#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A FileSeam that can run out of space, fail a write or a sync, write half and end the process.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "gateway/journal/file.hpp"

namespace gatehouse::tests {

class TornFiles : public gateway::FileSeam {
public:
    ssize_t write_at(int fd, const char* bytes, std::size_t size, std::int64_t offset) override {
        const int number = ++writes;
        if (number == die_before_write) {
            ::_exit(9);
        }
        if (number == die_in_write) {
            // NOLINTNEXTLINE(bugprone-unused-return-value): the process ends here
            const auto ignored = FileSeam::write_at(fd, bytes, size / 2, offset);
            ::_exit(ignored < 0 ? 8 : 9);
        }
        if (space_left >= 0) {
            if (space_left == 0) {
                errno = ENOSPC;
                return -1;
            }
            if (static_cast<std::int64_t>(size) > space_left) {
                size = static_cast<std::size_t>(space_left);
            }
            space_left -= static_cast<std::int64_t>(size);
        }
        if (fail_write_errno != 0) {
            errno = fail_write_errno;
            return -1;
        }
        const auto written = FileSeam::write_at(fd, bytes, size, offset);
        if (number == die_after_write) {
            ::_exit(9);
        }
        return written;
    }
    int sync_data(int fd) override {
        const int number = ++syncs;
        if (number == die_before_sync) {
            ::_exit(9);
        }
        if (fail_sync) {
            errno = EIO;
            return -1;
        }
        const int result = FileSeam::sync_data(fd);
        if (number == die_after_sync) {
            ::_exit(9);
        }
        return result;
    }
    int truncate(int fd, std::int64_t size) override {
        if (fail_truncate) {
            errno = EIO;
            return -1;
        }
        return FileSeam::truncate(fd, size);
    }

    std::atomic<int> writes{0};
    std::atomic<int> syncs{0};
    std::atomic<std::int64_t> space_left{-1};  // bytes until ENOSPC; -1: endless
    std::atomic<int> fail_write_errno{0};
    std::atomic<bool> fail_sync{false};
    std::atomic<bool> fail_truncate{false};
    int die_before_write = 0;  // the n-th, from 1
    int die_in_write = 0;
    int die_after_write = 0;
    int die_before_sync = 0;
    int die_after_sync = 0;
};

}  // namespace gatehouse::tests
