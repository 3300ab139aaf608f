// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/async.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace gatehouse::gateway {

// One intrusive list under one mutex. Tasks here cost tens of microseconds at least, so the lock is
// not what limits them; threads that sleep are woken one at a time.
struct Pool::Impl {
    std::size_t queue_max;
    std::atomic<std::size_t> waiting{0};
    std::atomic<bool> closed{false};

    std::mutex mutex;
    std::condition_variable wake;
    std::unique_ptr<TaskBase> first;
    TaskBase* last = nullptr;
    std::size_t idle = 0;
    bool stopping = false;
    std::vector<std::thread> threads;

    explicit Impl(std::size_t limit) : queue_max(limit) {}

    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            if (first != nullptr) {
                std::unique_ptr<TaskBase> task = std::move(first);
                first = std::move(task->next);
                if (first == nullptr) {
                    last = nullptr;
                }
                lock.unlock();
                waiting.fetch_sub(1, std::memory_order_relaxed);
                task->run();
                task.reset();
                lock.lock();
                continue;
            }
            // A place that was reserved is always used, so wait for it even while stopping.
            if (stopping && waiting.load() == 0) {
                return;
            }
            ++idle;
            wake.wait(lock);
            --idle;
        }
    }
};

Pool::Pool(std::size_t threads, std::size_t queue_max) : impl_(std::make_unique<Impl>(queue_max)) {
    impl_->threads.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        impl_->threads.emplace_back([impl = impl_.get()] { impl->run(); });
    }
}

Pool::~Pool() {
    join();
}

bool Pool::try_reserve() noexcept {
    if (impl_->waiting.fetch_add(1) >= impl_->queue_max || impl_->closed.load()) {
        impl_->waiting.fetch_sub(1);
        return false;
    }
    return true;
}

void Pool::post_task(std::unique_ptr<TaskBase> task) {
    bool sleeper = false;
    {
        const std::lock_guard lock(impl_->mutex);
        TaskBase* added = task.get();
        if (impl_->last == nullptr) {
            impl_->first = std::move(task);
        } else {
            impl_->last->next = std::move(task);
        }
        impl_->last = added;
        sleeper = impl_->idle > 0;
    }
    if (sleeper) {
        impl_->wake.notify_one();
    }
}

void Pool::join() {
    impl_->closed.store(true);
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->wake.notify_all();
    for (std::thread& thread : impl_->threads) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

std::size_t Pool::queued() const noexcept {
    return impl_->waiting.load(std::memory_order_relaxed);
}

}  // namespace gatehouse::gateway
