#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Group commit: any thread submits, one thread commits everything that waits as one piece. While it
// syncs, the next batch gathers, and under load a moment longer (company.hpp); a lone item waits
// for nobody.

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/journal/company.hpp"

namespace gatehouse::gateway {

// `Item` is movable and knows whom to tell. Every item that submit() takes is given to `commit`
// once, in order of submission, also those that wait when close() comes.
template <class Item> class GroupCommit {
public:
    using Batch = std::vector<Item>;
    using Commit = std::function<void(Batch&)>;  // on the commit thread

    // `name`: what failures call it ("journal"); `queue_max`: items that may wait.
    GroupCommit(const char* name, std::size_t queue_max) : name_(name), queue_max_(queue_max) {}
    ~GroupCommit() { close(); }
    GroupCommit(const GroupCommit&) = delete;
    GroupCommit& operator=(const GroupCommit&) = delete;

    // Once, before the first submit(). `thread_name`: for top -H, 15 characters at most.
    void start(const char* thread_name, Commit commit) {
        commit_ = std::move(commit);
        thread_ = std::thread([this, thread_name] {
            ::pthread_setname_np(::pthread_self(), thread_name);
            run();
        });
    }

    // Any thread. `item` is moved from only when it is taken. Errors: cancelled (closed), busy (the
    // queue is full), or what fail() was given.
    Result<void> submit(Item&& item) {
        {
            const std::lock_guard lock(mutex_);
            if (failed_) {
                return *failed_;
            }
            if (closed_) {
                return Fault(Errc::cancelled, name_, "closed");
            }
            if (queue_.size() >= queue_max_) {
                return Fault(Errc::busy, name_, "its queue is full");
            }
            queue_.push_back(std::move(item));
            if (queue_.size() != 1 && queue_.size() != wanted_) {
                return {};  // already woken
            }
        }
        wake_.notify_one();
        return {};
    }

    // After this nothing more is taken: after a failed sync nothing more can be promised.
    void fail(const Fault& fault) {
        const std::lock_guard lock(mutex_);
        failed_ = fault;
    }
    [[nodiscard]] std::optional<Fault> failure() const {
        const std::lock_guard lock(mutex_);
        return failed_;
    }

    // Commits what waits and ends the thread. True for the call that closed it.
    bool close() {
        {
            const std::lock_guard lock(mutex_);
            if (closed_) {
                return false;
            }
            closed_ = true;
        }
        wake_.notify_one();
        if (thread_.joinable()) {
            thread_.join();
        }
        return true;
    }

private:
    void run() {
        Batch batch;
        while (gather(batch)) {
            commit_(batch);
            {
                const std::lock_guard lock(mutex_);
                company_.came(batch.size() + queue_.size());
            }
            batch.clear();
        }
    }

    bool gather(Batch& batch) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        if (queue_.empty()) {
            return false;
        }
        wanted_ = company_.expected();
        wake_.wait_for(lock, Company::wait_max, [this] {
            return closed_ || queue_.size() >= wanted_;
        });
        wanted_ = 0;
        batch.swap(queue_);
        return true;
    }

    const char* name_;
    std::size_t queue_max_;
    Commit commit_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    Batch queue_;
    std::optional<Fault> failed_;
    Company company_;
    std::size_t wanted_ = 0;  // the commit thread waits for so many; 0: for any
    bool closed_ = false;
    std::thread thread_;
};

}  // namespace gatehouse::gateway
