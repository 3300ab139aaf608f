#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Starts the writing of files' dirty pages early. A sync of tens of megabytes keeps the disk for
// that long, and a sync of another file (the journal's, for which senders wait) stands behind it;
// what is on its way already costs neither. It promises nothing: who needs durability syncs.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

namespace gatehouse::adapters::sqlite {

class Writeback {
public:
    // Files that do not exist yet are opened when they do. Any thread may call the rest.
    explicit Writeback(std::vector<std::filesystem::path> files);
    ~Writeback();
    Writeback(const Writeback&) = delete;
    Writeback& operator=(const Writeback&) = delete;

    // So many bytes were written; after enough of them the thread wakes.
    void wrote(std::uint64_t bytes);

    // While one lives, pages are sent off every few milliseconds.
    class Steady {
    public:
        explicit Steady(Writeback& owner) : owner_(owner) { owner_.set_steady(true); }
        ~Steady() { owner_.set_steady(false); }
        Steady(const Steady&) = delete;
        Steady& operator=(const Steady&) = delete;

    private:
        Writeback& owner_;
    };

private:
    struct File {
        std::filesystem::path path;
        int descriptor = -1;
    };
    void set_steady(bool on);
    void run();
    void send_off();

    std::vector<File> files_;  // the thread's own
    std::atomic<std::uint64_t> unsent_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    bool due_ = false;
    bool steady_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace gatehouse::adapters::sqlite
