#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Stage 8: the single writer. One thread takes what the journal has made durable, in the journal's
// order, and applies it in one store transaction for many messages: resources, receipt and applied
// position together, so a crash leaves either all of a message or none. When the store fails it
// waits and tries again; what was accepted is never dropped.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/api/write_plan.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/pipeline/envelope.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

// What is needed to apply one journal record, whether it has just been accepted or is recovered.
struct Work {
    RecordKind kind = RecordKind::accepted;
    std::uint64_t position = 0;
    Micros accepted_at = 0;
    Receipt receipt;  // keys, digest, times, rules, decision; the rest comes from applying
    std::shared_ptr<const WritePlan>
        plan;  // accepted, and null only if it could not be prepared again
    std::vector<std::string> destinations;  // `record` first
    std::string organisation;               // what notifications say beside the receipt
    Interaction interaction = Interaction::unknown;
    std::shared_ptr<const Rulebook> rulebook;  // the plan points into its definitions
    Applied applied;                           // outcome
};

// About what the work holds in memory: the resources and, often far more, their index entries.
std::uint64_t bytes_of(const Work& work);

// A message between accept and its settled state: the journal reports to it, the applier settles
// it, and the request that brought it waits on it. Thread-safe.
class Ticket final : public JournalWaiter, public std::enable_shared_from_this<Ticket> {
public:
    Ticket(Work work, class Applier& applier);
    ~Ticket() override;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    void durable(std::uint64_t position, Micros accepted_at) noexcept override;
    void failed(const Fault& fault) noexcept override;

    // Calls `wake` once when settled, from any thread; false if it already is (then it is not
    // called).
    bool wake_when_settled(std::function<void()> wake);
    void forget_wake();
    // Called once on whichever thread settles it, before `wake`.
    void set_release(std::function<void()> release) { release_ = std::move(release); }
    [[nodiscard]] bool settled() const;
    // Durable, so accepted. 0: not yet.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_.load(); }
    // Only once settled: the outcome, or the fault that kept it from being accepted.
    [[nodiscard]] Result<Applied> take_outcome();
    Work& work() noexcept { return work_; }
    void settle(std::optional<Fault> fault);

private:
    Work work_;
    Applier& applier_;
    const std::uint64_t bytes_;
    const std::shared_ptr<std::atomic<std::uint64_t>> held_bytes_;
    std::atomic<std::uint64_t> position_{0};
    mutable std::mutex mutex_;
    bool settled_ = false;
    std::optional<Fault> fault_;
    std::function<void()> wake_;
    std::function<void()> release_;
};

class Applier {
public:
    Applier(Store& store, const Clock& clock);
    ~Applier() { stop(); }

    // A write is on the road (or no longer): while others are, the applier gives them a moment to
    // join its next transaction. A lone message waits for nobody.
    void write_began() noexcept { on_road_.fetch_add(1); }
    void write_ended() noexcept { on_road_.fetch_sub(1); }
    // In the order of positions (the journal's commit thread calls it).
    void enqueue(std::shared_ptr<Ticket> ticket);
    // Applies `batch` now, on this thread: recovery. Retries nothing; what is applied is taken out
    // of `batch`.
    Result<void> apply_now(std::vector<Work>& batch);
    // Told after a commit that put something into the outbox. Set before the first message.
    void set_outbox_filled(std::function<void()> told) { outbox_filled_ = std::move(told); }
    // The store cannot be written at present (recovery on a full disk); true again once it can.
    void set_unhealthy() noexcept { healthy_ = false; }
    [[nodiscard]] std::size_t backlog() const noexcept { return backlog_.load(); }
    [[nodiscard]] bool healthy() const noexcept { return healthy_.load(); }
    // bytes_of all tickets there are. Shared, since a ticket may outlive the applier.
    [[nodiscard]] std::uint64_t held_bytes() const noexcept { return held_bytes_->load(); }
    // Applies what is queued (unless the store stays broken), then ends the thread.
    void stop();

private:
    using Batch = std::vector<std::shared_ptr<Ticket>>;
    void loop();
    // False: stopping while the store stays broken, so part of the batch is not applied.
    bool apply_until_done(Batch& batch);
    void give_up(Batch& batch);
    // One transaction; `alone`: a fault that is no matter of the disk makes the message held.
    Result<void> apply_all(const std::vector<Work*>& works, bool alone);
    Result<void> apply_one(Work& work, StoreWriter& writer, bool alone);
    Result<void> fill_outbox(const Work& work, StoreWriter& writer);

    Store& store_;
    const Clock& clock_;
    std::function<void()> outbox_filled_;
    friend class Ticket;
    const std::shared_ptr<std::atomic<std::uint64_t>> held_bytes_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    std::atomic<std::size_t> backlog_{0};
    std::atomic<std::size_t> on_road_{0};
    std::atomic<bool> healthy_{true};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Ticket>> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace gatehouse::gateway
