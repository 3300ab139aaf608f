// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/notify.hpp"

#include <pthread.h>

#include <algorithm>
#include <set>

#include "fhir/json/value.hpp"
#include "gateway/base/log.hpp"

namespace gatehouse::gateway {
namespace notify_detail {

using std::chrono::microseconds;

constexpr auto count_interval = std::chrono::seconds(1);
// Longest sleep while something waits: a clock that was set must not keep it for hours.
constexpr auto look_again = std::chrono::seconds(5);

// No room is no fault of the message.
bool is_want_of_room(Errc code) noexcept {
    return code == Errc::busy || code == Errc::no_space;
}

}  // namespace notify_detail

std::string notification_text(const NotificationFacts& facts, const std::string& destination) {
    fhir::JsonWriter out;
    out.begin_object();
    out.key("message").string(facts.message_id);
    out.key("destination").string(destination);
    out.key("partner").string(facts.partner);
    out.key("organisation").string(facts.organisation);
    out.key("time").string(to_instant(facts.accepted_at));
    out.key("interaction").string(facts.interaction);
    out.key("resources").begin_array();
    for (const std::string& resource : facts.resources) {
        out.string(resource);
    }
    out.end_array().end_object();
    return out.take();
}

Notifier::Notifier(Store& store, const Clock& clock, const NotifyOptions& options, Metrics* metrics)
    : store_(store), clock_(clock), options_(options), metrics_(metrics) {}

void Notifier::set_sinks(Sinks sinks) {
    // Rows of a destination that is gone: said once, at start and reload.
    if (const auto counts = store_.outbox_counts()) {
        for (const OutboxCount& count : *counts) {
            if (count.waiting > 0 && !sinks.contains(count.destination)) {
                log::warn(
                    "outbox.destination_missing",
                    log::with("destination", log::name(count.destination)),
                    log::with("waiting", count.waiting)
                );
            }
        }
    }
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || (sinks.empty() && !thread_.joinable())) {
            return;
        }
        next_sinks_ = std::move(sinks);
        changed_ = true;
        woken_ = true;
        if (!thread_.joinable()) {
            thread_ = std::thread([this] { loop(); });
        }
    }
    wake_.notify_one();
}

void Notifier::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    wake_.notify_one();
}

void Notifier::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool Notifier::stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void Notifier::loop() {
    using notify_detail::microseconds;
    ::pthread_setname_np(::pthread_self(), "gh-notify");  // for top -H
    auto pause = microseconds::max();
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            const auto called = [this] { return stopping_ || woken_; };
            if (pause == microseconds::max()) {
                wake_.wait(lock, called);
            } else {
                wake_.wait_for(
                    lock, std::min<microseconds>(pause, notify_detail::look_again), called
                );
            }
            if (stopping_) {
                return;
            }
            woken_ = false;
            if (std::exchange(changed_, false)) {
                std::map<std::string, Peer> peers;
                for (auto& [id, sink] : next_sinks_) {
                    peers[id].sink = std::move(sink);
                }
                peers_ = std::move(peers);
                next_sinks_.clear();
            }
        }
        pause = microseconds::max();
        for (auto& [destination, peer] : peers_) {
            pause = std::min(pause, deliver_due(destination, peer));
        }
        count(pause == microseconds::max());
    }
}

std::chrono::microseconds Notifier::deliver_due(const std::string& destination, Peer& peer) {
    using notify_detail::microseconds;
    const auto rows = store_.outbox_waiting(destination, options_.batch_max);
    if (!rows) {
        log::error("outbox.read_failed", log::with("fault", log::fault(rows.error())));
        return options_.pause_max;
    }
    if (metrics_ != nullptr && !rows->empty()) {
        const auto counter = [&](const char* outcome) {
            return metrics_->counter(
                "gatehouse_peer_deliveries_total",
                "Notifications by destination and what became of the attempt",
                {{"destination", destination}, {"outcome", outcome}}
            );
        };
        peer.delivered = counter("delivered");
        peer.failed = counter("failed");
        peer.deferred = counter("deferred");
        peer.dead = counter("dead");
    }
    std::vector<OutboxOutcome> outcomes;
    auto next = microseconds::max();
    const auto longest = std::chrono::duration_cast<microseconds>(options_.pause_max).count();
    for (const OutboxEntry& row : *rows) {
        const Micros now = clock_.now();
        // Further off than any pause: the clock was set back since.
        if (row.due_at > now && row.due_at - now <= longest) {
            next = microseconds(row.due_at - now);
            break;
        }
        if (stopping()) {
            break;
        }
        Result<void> delivered = Fault(Errc::internal, "notify", "an exception");
        try {
            delivered =
                peer.sink->deliver({row.message_id, destination, row.body, row.attempts + 1});
        } catch (...) {  // never what(): it may hold a value
        }
        OutboxOutcome outcome{row.sequence, OutboxOutcome::Kind::delivered, row.attempts, 0};
        if (delivered) {
            peer.failures = 0;
            peer.delivered.add();
            outcomes.push_back(outcome);
            continue;
        }
        const bool room = notify_detail::is_want_of_room(delivered.error().code);
        if (peer.failures++ == 0) {
            log::warn(
                "notify.failed",
                log::with("destination", log::name(destination)),
                log::with("id", log::ulid(row.message_id)),
                log::with("fault", log::fault(delivered.error()))
            );
        }
        outcome.attempts = row.attempts + (room ? 0 : 1);
        if (outcome.attempts >= options_.attempts_max) {
            outcome.kind = OutboxOutcome::Kind::dead;
            outcomes.push_back(outcome);
            peer.failures = 0;
            peer.dead.add();
            log::error(
                "notify.dead_letter",
                log::with("destination", log::name(destination)),
                log::with("id", log::ulid(row.message_id)),
                log::with("attempts", outcome.attempts)
            );
            continue;
        }
        (room ? peer.deferred : peer.failed).add();
        next = pause_after(peer.failures);
        outcome.kind = OutboxOutcome::Kind::again;
        outcome.due_at = now + next.count();
        outcomes.push_back(outcome);
        break;  // the ones behind it wait: order
    }
    if (next == microseconds::max() && rows->size() >= options_.batch_max) {
        next = microseconds(0);  // more may wait
    }
    if (const auto kept = keep(outcomes); !kept) {
        // They will be delivered again: at least once.
        log::error("outbox.write_failed", log::with("fault", log::fault(kept.error())));
        return options_.pause_first;
    }
    return next;
}

Result<void> Notifier::keep(const std::vector<OutboxOutcome>& outcomes) {
    if (outcomes.empty()) {
        return {};
    }
    return store_.transact([&](StoreWriter& writer) -> Result<void> {
        for (const OutboxOutcome& outcome : outcomes) {
            GH_TRY(writer.settle_outbox(outcome));
        }
        return {};
    });
}

std::chrono::milliseconds Notifier::pause_after(std::uint32_t failures) const {
    auto pause = options_.pause_first;
    for (std::uint32_t i = 1; i < failures && pause < options_.pause_max; ++i) {
        pause *= 2;
    }
    return std::min(pause, options_.pause_max);
}

// Gauges: when nothing is left to do, else once a second at most.
void Notifier::count(bool now) {
    const auto at = std::chrono::steady_clock::now();
    if (metrics_ == nullptr || (!now && at - counted_ < notify_detail::count_interval)) {
        return;
    }
    counted_ = at;
    const auto counts = store_.outbox_counts();
    if (!counts) {
        return;
    }
    for (const auto& [destination, peer] : peers_) {
        gauges_.try_emplace(destination);
    }
    for (const OutboxCount& one : *counts) {
        gauges_.try_emplace(one.destination);
    }
    for (auto& [destination, pair] : gauges_) {
        const Labels labels{{"destination", destination}};
        pair.first = metrics_->gauge(
            "gatehouse_outbox_backlog", "Notifications that wait for delivery", labels
        );
        pair.second = metrics_->gauge(
            "gatehouse_outbox_dead_letters",
            "Notifications set aside after their last attempt",
            labels
        );
        const auto found = std::find_if(counts->begin(), counts->end(), [&](const auto& one) {
            return one.destination == destination;
        });
        const bool any = found != counts->end();
        pair.first.set(any ? static_cast<double>(found->waiting) : 0);
        pair.second.set(any ? static_cast<double>(found->dead) : 0);
    }
}

}  // namespace gatehouse::gateway
