// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/async_reads.hpp"

#include <algorithm>

namespace gatehouse::gateway {

Result<void> AsyncReads::start(
    Pool& pool, const std::string& partner, const std::string& id, Micros now, Work work
) {
    {
        const std::lock_guard lock(mutex_);
        forget_old(now);
        const auto own = std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& job) {
            return job.second.partner == partner;
        });
        if (jobs_.size() >= limits_.jobs_max ||
            static_cast<std::size_t>(own) >= limits_.jobs_of_partner_max ||
            bytes_ >= limits_.bytes_max) {
            return Fault(
                Errc::busy,
                "respond-async",
                "Too many answers wait to be fetched. Fetch or cancel some (DELETE of their status "
                "URL), or ask without respond-async."
            );
        }
        jobs_[id].partner = partner;
        ++going_;
    }
    const bool posted = pool.try_post([this, id, now, work = std::move(work)] {
        LateAnswer answer = work();
        answer.ready = true;
        finished(id, std::move(answer), now);
    });
    if (!posted) {
        const std::lock_guard lock(mutex_);
        jobs_.erase(id);
        --going_;
        return Fault(Errc::busy, "respond-async", "its queue is full");
    }
    return {};
}

void AsyncReads::finished(const std::string& id, LateAnswer answer, Micros now) {
    const std::lock_guard lock(mutex_);
    --going_;
    const auto found = jobs_.find(id);
    if (found != jobs_.end()) {  // else it was given up
        bytes_ += answer.response.body.size();
        found->second.ready = true;
        found->second.ready_at = now;
        found->second.answer = std::move(answer);
    }
    idle_.notify_all();
}

std::optional<LateAnswer>
AsyncReads::fetch(const std::string& partner, const std::string& id, Micros now) {
    const std::lock_guard lock(mutex_);
    forget_old(now);
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second.partner != partner) {
        return std::nullopt;
    }
    return found->second.ready ? found->second.answer : LateAnswer{};
}

bool AsyncReads::give_up(const std::string& partner, const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second.partner != partner) {
        return false;
    }
    bytes_ -= found->second.answer.response.body.size();
    jobs_.erase(found);
    return true;
}

void AsyncReads::forget_old(Micros now) {
    std::erase_if(jobs_, [&](const auto& job) {
        const bool old = job.second.ready && job.second.ready_at + limits_.kept < now;
        if (old) {
            bytes_ -= job.second.answer.response.body.size();
        }
        return old;
    });
}

void AsyncReads::wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return going_ == 0; });
}

}  // namespace gatehouse::gateway
