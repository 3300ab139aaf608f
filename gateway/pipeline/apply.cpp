// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/apply.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "gateway/base/log.hpp"
#include "gateway/pipeline/notify.hpp"
#include "gateway/pipeline/route_table.hpp"

namespace gatehouse::gateway {
namespace {

// Large enough that a commit's cost is shared by all that wait, small enough that the first of them
// does not wait long.
constexpr std::size_t batch_max = 256;
// How long the first of a batch waits for others that are on the road. A transaction costs about as
// much as two messages in it (tests/bench/road_bench), so company pays.
constexpr auto gather_pause = std::chrono::microseconds(500);
constexpr auto pause_first = std::chrono::milliseconds(20);
constexpr auto pause_max = std::chrono::milliseconds(2000);

// The store could not do it now, and may later.
bool may_pass(Errc code) noexcept {
    return code == Errc::io || code == Errc::no_space || code == Errc::busy ||
           code == Errc::timeout || code == Errc::corrupt;
}

// A message that our own fault keeps from being applied: kept in the journal, told to its sender.
void hold(Work& work) {
    work.applied = Applied{};
    work.applied.state = MessageState::held;
    work.applied.response.status = 500;
    work.applied.response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
    fhir::Issue issue;
    issue.severity = fhir::Severity::fatal;
    issue.type = fhir::IssueType::exception;
    issue.rule = "message-held";
    issue.spine_code = "INTERNAL_SERVER_ERROR";
    issue.diagnostics =
        "The message is accepted and safe, but a fault of the gateway's own keeps it from "
        "being applied. Quote message " +
        work.receipt.message_id + " to its operator; do not send it again.";
    const Envelope plain;
    work.applied.response = refusal(500, {issue}, plain);
}

}  // namespace

std::uint64_t bytes_of(const Work& work) {
    std::uint64_t sum = sizeof(Ticket);
    if (work.plan != nullptr) {
        for (const PlannedEntry& entry : work.plan->entries) {
            const SplitJson& json = entry.resource.json;
            sum += sizeof(PlannedEntry) + json.head.size() + json.tail.size() +
                   entry.resource.index.capacity() * sizeof(fhir::IndexEntry);
        }
    }
    return sum;
}

Ticket::Ticket(Work work, Applier& applier)
    : work_(std::move(work)), applier_(applier), bytes_(bytes_of(work_)),
      held_bytes_(applier.held_bytes_) {
    held_bytes_->fetch_add(bytes_);
}

Ticket::~Ticket() {
    held_bytes_->fetch_sub(bytes_);
}

void Ticket::durable(std::uint64_t position, Micros accepted_at) noexcept {
    work_.position = position;
    work_.accepted_at = accepted_at;
    position_.store(position);
    applier_.enqueue(shared_from_this());
}

void Ticket::failed(const Fault& fault) noexcept {
    settle(fault);
}

void Ticket::settle(std::optional<Fault> fault) {
    std::function<void()> wake;
    {
        // Released before anybody is woken: a repeat that comes after the answer finds the receipt.
        if (release_) {
            release_();
        }
        const std::lock_guard lock(mutex_);
        settled_ = true;
        fault_ = std::move(fault);
        wake = std::move(wake_);
    }
    if (wake) {
        wake();
    }
}

bool Ticket::wake_when_settled(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    if (settled_) {
        return false;
    }
    wake_ = std::move(wake);
    return true;
}

void Ticket::forget_wake() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
}

bool Ticket::settled() const {
    const std::lock_guard lock(mutex_);
    return settled_;
}

Result<Applied> Ticket::take_outcome() {
    const std::lock_guard lock(mutex_);
    GH_ASSERT(settled_);
    if (fault_) {
        return *fault_;
    }
    return std::move(work_.applied);
}

Applier::Applier(Store& store, const Clock& clock)
    : store_(store), clock_(clock), thread_([this] { loop(); }) {}

void Applier::enqueue(std::shared_ptr<Ticket> ticket) {
    backlog_.fetch_add(1);
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(ticket));
    }
    wake_.notify_one();
}

void Applier::loop() {
    ::pthread_setname_np(::pthread_self(), "gh-apply");  // for top -H
    for (;;) {
        Batch batch;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) {
                return;
            }
            wake_.wait_for(lock, gather_pause, [this] {
                return stopping_ || queue_.size() >= std::min(batch_max, on_road_.load());
            });
            const std::size_t count = std::min(batch_max, queue_.size());
            batch.assign(
                std::make_move_iterator(queue_.begin()),
                std::make_move_iterator(queue_.begin() + static_cast<std::ptrdiff_t>(count))
            );
            queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
        }
        if (!apply_until_done(batch)) {
            // Nothing after it may be applied: the applied position would pass over what is not.
            // The journal has it all, recovery applies it.
            give_up(batch);
            return;
        }
        backlog_.fetch_sub(batch.size());
        for (const auto& ticket : batch) {
            ticket->settle(std::nullopt);
        }
    }
}

// Those that still wait hear that it is accepted and not known to be applied.
void Applier::give_up(Batch& batch) {
    {
        const std::lock_guard lock(mutex_);
        batch.insert(
            batch.end(),
            std::make_move_iterator(queue_.begin()),
            std::make_move_iterator(queue_.end())
        );
        queue_.clear();
    }
    for (const auto& ticket : batch) {
        ticket->settle(Fault(Errc::cancelled, "apply", "stopping; it is applied at the next start")
        );
    }
}

bool Applier::apply_until_done(Batch& batch) {
    std::vector<Work*> works;
    for (const auto& ticket : batch) {
        works.push_back(&ticket->work());
    }
    auto pause = pause_first;
    std::size_t done = 0;
    bool one_by_one = false;
    while (done < works.size()) {
        const auto first = works.begin() + static_cast<std::ptrdiff_t>(done);
        const std::vector<Work*> part(first, one_by_one ? first + 1 : works.end());
        const auto applied = apply_all(part, one_by_one);
        if (applied) {
            done += part.size();
            healthy_ = true;
            pause = pause_first;
            continue;
        }
        if (!may_pass(applied.error().code)) {
            // One of them is at fault: find it by applying each for itself.
            one_by_one = true;
            continue;
        }
        if (healthy_.exchange(false)) {
            log::error("store.write_failed", log::with("fault", log::fault(applied.error())));
        }
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, pause, [this] { return stopping_; }) && pause == pause_max) {
            return false;
        }
        pause = std::min(pause * 2, std::chrono::duration_cast<decltype(pause)>(pause_max));
    }
    return true;
}

Result<void> Applier::apply_all(const std::vector<Work*>& works, bool alone) {
    try {
        auto applied = store_.transact([&](StoreWriter& writer) -> Result<void> {
            for (Work* work : works) {
                GH_TRY(apply_one(*work, writer, alone));
            }
            return writer.set_applied_position(works.back()->position);
        });
        const auto has_others = [](const Work* work) { return work->destinations.size() > 1; };
        if (applied && outbox_filled_ && std::any_of(works.begin(), works.end(), has_others)) {
            outbox_filled_();
        }
        return applied;
    } catch (...) {
        return Fault(Errc::internal, "apply", "an exception");
    }
}

Result<void> Applier::apply_one(Work& work, StoreWriter& writer, bool alone) {
    Receipt& receipt = work.receipt;
    receipt.settled_at = clock_.now();
    if (work.kind == RecordKind::refused) {
        receipt.state = MessageState::rejected;
        return writer.put_receipt(receipt);
    }
    if (work.plan == nullptr) {
        hold(work);
    } else {
        // Only a message for itself is taken back by itself: a fault among others undoes them all.
        // Savepoints are not free, every page changed inside is copied first.
        if (alone) {
            GH_TRY(writer.savepoint());
        }
        Result<Applied> applied = Fault(Errc::internal, "apply");
        try {
            applied = apply_plan(
                *work.plan, writer, work.accepted_at, receipt.message_id, receipt.partner
            );
        } catch (...) {
            applied = Fault(Errc::internal, "apply", "an exception");
        }
        if (!applied && (may_pass(applied.error().code) || !alone)) {
            return applied.error();
        }
        if (!applied) {
            GH_TRY(writer.rollback());
            log::error(
                "message.held",
                log::with("id", log::ulid(receipt.message_id)),
                log::with("fault", log::fault(applied.error()))
            );
            hold(work);
        } else {
            if (alone) {
                GH_TRY(writer.release());
            }
            work.applied = std::move(*applied);
        }
    }
    Applied& applied = work.applied;
    for (const RuleResult& result : applied.rules) {
        if (result.effect != Effect::permit) {
            receipt.rules.push_back(result.rule);
        }
    }
    if (work.plan != nullptr && work.plan->prefer.async) {
        applied.response.headers.set("Preference-Applied", "respond-async");
    }
    applied.response.headers.set("Guardrail-Decision", receipt.decision_id);
    applied.response.headers.set("X-Message-ID", receipt.message_id);
    if (const auto definitions = definitions_of(receipt); !definitions.empty()) {
        applied.response.headers.set(definitions_header, std::string(definitions));
    }
    receipt.state = applied.state;
    receipt.status = applied.response.status;
    receipt.headers = headers_text(applied.response);
    receipt.body = applied.body_is_first_resource ? std::string() : applied.response.body;
    receipt.resources = applied.resources;
    GH_TRY(fill_outbox(work, writer));
    return writer.put_receipt(receipt);
}

// Whoever else is to know of it, in the transaction that makes it so. What wrote nothing is no
// news.
Result<void> Applier::fill_outbox(const Work& work, StoreWriter& writer) {
    if (work.destinations.size() < 2 || work.applied.resources.empty()) {
        return {};
    }
    const NotificationFacts facts{
        work.receipt.message_id,
        work.receipt.partner,
        work.organisation,
        to_string(work.interaction),
        work.accepted_at,
        work.applied.resources};
    for (const std::string& destination : work.destinations) {
        if (destination != record_destination) {
            OutboxEntry entry;
            entry.destination = destination;
            entry.message_id = work.receipt.message_id;
            entry.body = notification_text(facts, destination);
            entry.created_at = work.receipt.settled_at;
            entry.due_at = work.receipt.settled_at;
            GH_TRY(writer.put_outbox(entry));
        }
    }
    return {};
}

Result<void> Applier::apply_now(std::vector<Work>& batch) {
    std::vector<Work*> works;
    for (Work& work : batch) {
        works.push_back(&work);
    }
    if (works.empty()) {
        return {};
    }
    Result<void> applied = apply_all(works, false);
    if (applied) {
        batch.clear();
    }
    if (applied || may_pass(applied.error().code)) {
        return applied;
    }
    std::size_t done = 0;
    for (applied = {}; applied && done < works.size(); done += applied ? 1 : 0) {
        applied = apply_all({works[done]}, true);
    }
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(done));
    return applied;
}

void Applier::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

}  // namespace gatehouse::gateway
