// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/pool_helpers.hpp"

#include <condition_variable>
#include <mutex>

namespace gatehouse::gateway {
namespace {

// One run: who is inside, and whether it is over.
struct Gathering {
    const std::function<void()>* task = nullptr;  // the caller's; not touched once closed
    std::mutex mutex;
    std::condition_variable left;
    unsigned inside = 0;
    bool closed = false;

    void join_in() {
        {
            const std::lock_guard lock(mutex);
            if (closed) {
                return;
            }
            ++inside;
        }
        (*task)();
        const std::lock_guard lock(mutex);
        --inside;
        left.notify_one();
    }
};

}  // namespace

Helpers pool_helpers(Pool& pool, unsigned count) {
    return {count, [&pool, count](const std::function<void()>& task) {
                const auto gathering = std::make_shared<Gathering>();
                gathering->task = &task;
                // Only where nobody waits: messages of their own come before help with one.
                for (unsigned i = 0; i < count && pool.queued() <= i; ++i) {
                    if (!pool.try_post([gathering] { gathering->join_in(); })) {
                        break;
                    }
                }
                task();
                std::unique_lock lock(gathering->mutex);
                gathering->closed = true;
                gathering->left.wait(lock, [&] { return gathering->inside == 0; });
            }};
}

}  // namespace gatehouse::gateway
