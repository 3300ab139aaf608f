// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/writeback.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace gatehouse::adapters::sqlite {

namespace {

// About what a disk takes in a few milliseconds: no sync beside it waits longer for one part.
constexpr std::uint64_t part_bytes = 1ULL << 20U;
constexpr std::chrono::milliseconds steady_turn{5};

}  // namespace

Writeback::Writeback(std::vector<std::filesystem::path> files) {
    for (std::filesystem::path& path : files) {
        files_.push_back({std::move(path)});
    }
    thread_ = std::thread([this] { run(); });
}

Writeback::~Writeback() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    for (const File& file : files_) {
        if (file.descriptor >= 0) {
            ::close(file.descriptor);
        }
    }
}

void Writeback::wrote(std::uint64_t bytes) {
    if (unsent_.fetch_add(bytes, std::memory_order_relaxed) + bytes < part_bytes) {
        return;
    }
    unsent_.store(0, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        due_ = true;
    }
    wake_.notify_one();
}

void Writeback::set_steady(bool on) {
    {
        const std::lock_guard lock(mutex_);
        steady_ = on;
    }
    wake_.notify_one();
}

void Writeback::run() {
    ::pthread_setname_np(::pthread_self(), "gh-writeback");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (steady_) {
            wake_.wait_for(lock, steady_turn, [this] { return stopping_ || !steady_; });
        } else {
            wake_.wait(lock, [this] { return stopping_ || steady_ || due_; });
        }
        due_ = false;
        lock.unlock();
        send_off();
        lock.lock();
    }
}

void Writeback::send_off() {
    for (File& file : files_) {
        if (file.descriptor < 0) {
            file.descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
        }
        if (file.descriptor >= 0) {
            // A failure shows in the sync that matters.
            static_cast<void>(::sync_file_range(file.descriptor, 0, 0, SYNC_FILE_RANGE_WRITE));
        }
    }
}

}  // namespace gatehouse::adapters::sqlite
