#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Stage 9: the outbox goes out. The applier writes one row per message and destination into the
// transaction that applies the message; one thread delivers them, in order for each destination and
// at least once. A delivery that fails is tried again after a pause that doubles; after the last
// attempt it is a dead letter, and the next one goes. Nothing of this is on a request's path, and
// without destinations there is no thread.

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/base/clock.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/pipeline/sink.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

struct NotifyOptions {
    std::uint32_t attempts_max = 12;
    std::chrono::milliseconds pause_first{1'000};
    std::chrono::milliseconds pause_max{300'000};
    std::uint32_t batch_max = 64;  // deliveries between two commits; after a crash so many may come
                                   // again
};

// The JSON that a destination gets.
struct NotificationFacts {
    const std::string& message_id;
    const std::string& partner;
    const std::string& organisation;
    const char* interaction;
    Micros accepted_at;
    const std::vector<std::string>& resources;  // "Patient/1/_history/1"
};
std::string notification_text(const NotificationFacts& facts, const std::string& destination);

class Notifier {
public:
    // `metrics` may be null.
    Notifier(Store& store, const Clock& clock, const NotifyOptions& options, Metrics* metrics);
    ~Notifier() { stop(); }
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    // Destinations from now on. What waits for one that is gone stays in the outbox.
    void set_sinks(Sinks sinks);
    // There is something new in the outbox. Quick; from any thread.
    void wake();
    // Ends after the delivery in hand; the rest waits for the next start.
    void stop();

private:
    struct Peer {
        std::shared_ptr<Sink> sink;
        std::uint32_t failures = 0;  // in a row: the pause
        Counter delivered, failed, deferred, dead;
    };
    using Moment = std::chrono::steady_clock::time_point;

    void loop();
    // Due rows of one destination; the time until there is more to do (max: nothing waits).
    std::chrono::microseconds deliver_due(const std::string& destination, Peer& peer);
    Result<void> keep(const std::vector<OutboxOutcome>& outcomes);
    [[nodiscard]] std::chrono::milliseconds pause_after(std::uint32_t failures) const;
    void count(bool now);
    [[nodiscard]] bool stopping();

    Store& store_;
    const Clock& clock_;
    const NotifyOptions options_;
    Metrics* const metrics_;

    std::map<std::string, Peer> peers_;                      // the thread's own, once it runs
    std::map<std::string, std::pair<Gauge, Gauge>> gauges_;  // backlog, dead letters
    Moment counted_{};

    std::mutex mutex_;
    std::condition_variable wake_;
    bool woken_ = false;
    bool stopping_ = false;
    bool changed_ = false;
    Sinks next_sinks_;
    std::thread thread_;
};

}  // namespace gatehouse::gateway
