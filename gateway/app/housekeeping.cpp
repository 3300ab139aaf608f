// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/housekeeping.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "gateway/base/log.hpp"
#include "gateway/base/metrics.hpp"

namespace gatehouse::gateway {

namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds turn{100};
constexpr std::chrono::seconds disk_interval{1};
// A busy store is checkpointed before its time: its log starts anew and is written over, in memory
// that is there already.
constexpr std::uint64_t checkpoint_log_bytes = 32ULL << 20U;
constexpr std::chrono::minutes receipts_interval{10};

std::uint64_t smaller(std::uint64_t bytes, double percent, std::uint64_t total) {
    return std::min(bytes, static_cast<std::uint64_t>(static_cast<double>(total) * percent / 100));
}

Micros micros(std::chrono::hours hours) {
    return std::chrono::duration_cast<std::chrono::microseconds>(hours).count();
}

class Thread final : public Housekeeping {
public:
    explicit Thread(Parts parts) : parts_(parts) {
        Metrics& all = metrics();
        free_ = all.gauge("gatehouse_data_free_bytes", "Free space on the data folder's disk");
        mark_gauge_ = all.gauge(
            "gatehouse_data_watermark", "0: enough space, 1: warned, 2: writes are refused"
        );
        journal_bytes_ = all.gauge("gatehouse_journal_bytes", "Size of the journal's segments");
        backlog_ = all.gauge(
            "gatehouse_journal_backlog_messages", "Accepted and not yet applied to the store"
        );
        store_bytes_ = all.gauge("gatehouse_store_bytes", "Size of the store");
        checkpoint_ = all.histogram("gatehouse_store_checkpoint_seconds", "Time of a checkpoint");
        failures_ = all.counter("gatehouse_housekeeping_failures_total", "Chores that failed");
        pruned_ = all.counter("gatehouse_journal_segments_pruned_total", "Journal segments let go");
        check_disk();
        thread_ = std::thread([this] { run(); });
    }
    ~Thread() override { Thread::stop(); }
    void stop() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    [[nodiscard]] Watermark mark() const override { return mark_.load(); }

private:
    void run() {
        const auto began = Steady::now();
        Steady::time_point disk_due = began + disk_interval;
        Steady::time_point checkpoint_due = began + parts_.config.store.checkpoint_interval;
        Steady::time_point receipts_due = began + std::chrono::seconds(30);
        while (wait()) {
            const auto now = Steady::now();
            if (now >= disk_due) {
                backlog_.set(static_cast<double>(parts_.pipeline.backlog()));
                check_disk();
                disk_due = now + disk_interval;
                if (log_is_long()) {
                    checkpoint_due = now;
                }
            }
            if (now >= checkpoint_due) {
                checkpoint();
                checkpoint_due = Steady::now() + parts_.config.store.checkpoint_interval;
            }
            if (now >= receipts_due) {
                forget_receipts();
                receipts_due = now + receipts_interval;
            }
        }
    }

    bool wait() {
        std::unique_lock lock(mutex_);
        return !wake_.wait_for(lock, turn, [this] { return stopping_; });
    }

    void failed(const Fault& fault) {
        failures_.add();
        log::warn("chore.failed", log::with("why", log::fault(fault)));
    }

    bool log_is_long() {
        const auto stats = parts_.store.stats();
        return stats && stats->log_bytes > checkpoint_log_bytes;
    }

    void check_disk() {
        const auto space = disk_space(parts_.config.data.dir);
        if (!space) {
            failed(space.error());
            return;
        }
        free_.set(static_cast<double>(space->free_bytes));
        const Watermark before = mark_.load();
        const Watermark now = watermark(parts_.config.data, *space, before);
        mark_gauge_.set(static_cast<double>(now));
        if (now == Watermark::fine) {
            keep_reserve(parts_.config.data.dir);
        }
        if (now == before) {
            return;
        }
        mark_.store(now);
        parts_.pipeline.set_writes_refused(now == Watermark::refused);
        const auto free = log::with("free_bytes", space->free_bytes);
        switch (now) {
        case Watermark::fine: log::info("disk.recovered", free); break;
        case Watermark::warned: log::warn("disk.warned", free); break;
        case Watermark::refused: log::error("disk.refused_writes", free); break;
        }
    }

    void checkpoint() {
        const auto began = Steady::now();
        const auto safe = parts_.store.checkpoint();
        if (!safe) {
            failed(safe.error());
            return;
        }
        checkpoint_.observe(std::chrono::duration<double>(Steady::now() - began).count());
        const Micros before = parts_.clock.now() - micros(parts_.config.journal.retention);
        const auto gone = parts_.journal.prune(*safe, before, parts_.config.journal.archive_folder);
        if (!gone) {
            failed(gone.error());
        } else if (*gone > 0) {
            pruned_.add(static_cast<double>(*gone));
            log::info("journal.pruned", log::with("segments", *gone));
        }
        journal_bytes_.set(static_cast<double>(parts_.journal.bytes()));
        const auto stats = parts_.store.stats();
        if (stats) {
            store_bytes_.set(static_cast<double>(stats->bytes));
        }
    }

    void forget_receipts() {
        const Micros before = parts_.clock.now() - micros(parts_.config.deduplication.window);
        const auto gone = parts_.store.prune_receipts(before);
        if (!gone) {
            failed(gone.error());
        }
    }

    Parts parts_;
    std::atomic<Watermark> mark_{Watermark::fine};
    Gauge free_;
    Gauge mark_gauge_;
    Gauge journal_bytes_;
    Gauge store_bytes_;
    Gauge backlog_;
    Histogram checkpoint_;
    Counter failures_;
    Counter pruned_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace

const char* to_string(Watermark mark) noexcept {
    switch (mark) {
    case Watermark::fine: return "fine";
    case Watermark::warned: return "warned";
    case Watermark::refused: return "refused";
    }
    return "fine";
}

Watermark watermark(const Config::Data& limits, const DiskSpace& space, Watermark before) noexcept {
    const std::uint64_t total = space.total_bytes;
    std::uint64_t refuse = smaller(limits.refuse_free_bytes, limits.refuse_free_percent, total);
    std::uint64_t warn = smaller(limits.warn_free_bytes, limits.warn_free_percent, total);
    // A tenth more before it is called better.
    refuse += before == Watermark::refused ? refuse / 10 : 0;
    warn += before != Watermark::fine ? warn / 10 : 0;
    if (space.free_bytes < refuse) {
        return Watermark::refused;
    }
    return space.free_bytes < warn ? Watermark::warned : Watermark::fine;
}

std::unique_ptr<Housekeeping> Housekeeping::start(Parts parts) {
    return std::make_unique<Thread>(parts);
}

}  // namespace gatehouse::gateway
