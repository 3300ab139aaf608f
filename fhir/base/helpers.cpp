// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/helpers.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace gatehouse {
namespace {

class WaitingThreads {
public:
    explicit WaitingThreads(unsigned count) {
        threads_.reserve(count);
        for (unsigned i = 0; i < count; ++i) {
            threads_.emplace_back([this] { wait_and_help(); });
        }
    }
    WaitingThreads(const WaitingThreads&) = delete;
    WaitingThreads& operator=(const WaitingThreads&) = delete;
    ~WaitingThreads() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }

    void run(const std::function<void()>& task) {
        {
            const std::lock_guard lock(mutex_);
            task_ = &task;
            ++runs_;
        }
        wake_.notify_all();
        task();
        std::unique_lock lock(mutex_);
        task_ = nullptr;  // who comes now is too late
        left_.wait(lock, [&] { return inside_ == 0; });
    }

private:
    void wait_and_help() {
        std::uint64_t seen = 0;
        std::unique_lock lock(mutex_);
        while (true) {
            wake_.wait(lock, [&] { return over_ || (task_ != nullptr && runs_ != seen); });
            if (over_) {
                return;
            }
            seen = runs_;
            const std::function<void()>& task = *task_;
            ++inside_;
            lock.unlock();
            task();
            lock.lock();
            if (--inside_ == 0) {
                left_.notify_one();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable left_;
    const std::function<void()>* task_ = nullptr;  // the caller's, during its run
    std::uint64_t runs_ = 0;
    unsigned inside_ = 0;
    bool over_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

Helpers helper_threads(unsigned count) {
    if (count == 0) {
        return {0, [](const std::function<void()>& task) { task(); }};
    }
    auto threads = std::make_shared<WaitingThreads>(count);
    return {count, [threads](const std::function<void()>& task) { threads->run(task); }};
}

}  // namespace gatehouse
