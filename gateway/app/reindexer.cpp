// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/reindexer.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "gateway/base/log.hpp"
#include "gateway/base/metrics.hpp"

namespace gatehouse::gateway {

namespace {

// Resources of one transaction: some 10 ms of the writer's time.
constexpr std::uint32_t resources_of_a_batch = 64;
constexpr std::chrono::seconds after_failure{5};

class ReindexThread final : public Reindexer {
public:
    ReindexThread(SearchIndex* index, std::string base) : index_(index), base_(std::move(base)) {
        Metrics& all = metrics();
        pending_ = all.gauge(
            "gatehouse_search_index_pending_parts", "Parts of the search index being built"
        );
        done_ = all.counter(
            "gatehouse_search_reindexed_resources_total", "Stored resources indexed anew"
        );
        failures_ =
            all.counter("gatehouse_search_reindex_failures_total", "Failed steps of indexing anew");
        if (index_ != nullptr) {
            thread_ = std::thread([this] { run(); });
        }
    }
    ~ReindexThread() override { ReindexThread::stop(); }
    ReindexThread(const ReindexThread&) = delete;
    ReindexThread& operator=(const ReindexThread&) = delete;

    Result<void>
    use(std::shared_ptr<const fhir::Engine> engine, std::chrono::milliseconds delay) override {
        if (index_ == nullptr || engine->search() == nullptr) {
            return {};
        }
        const std::lock_guard lock(mutex_);
        GH_TRY(index_->use(engine->search()->index_units()));
        engine_ = std::move(engine);
        due_ = std::chrono::steady_clock::now() + delay;
        const auto state = index_->state();
        const std::size_t parts = state ? state->pending.size() : 0;
        working_ = parts > 0;
        pending_.set(static_cast<double>(parts));
        if (working_) {
            log::info(
                "search.reindex",
                log::with("parts", parts),
                log::with("versions", state->versions_last),
                log::with("from", state->versions)
            );
            wake_.notify_all();
        }
        return {};
    }

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

private:
    void run() {
        std::unique_lock lock(mutex_);
        std::chrono::nanoseconds pause{0};
        while (!stopping_) {
            if (!working_) {
                wake_.wait(lock);
                continue;
            }
            const auto until = std::max(due_, std::chrono::steady_clock::now() + pause);
            if (wake_.wait_until(lock, until, [this] { return stopping_; })) {
                return;
            }
            if (std::chrono::steady_clock::now() < due_) {
                continue;
            }
            // Under the lock: use() waits for one batch.
            const auto began = std::chrono::steady_clock::now();
            step();
            // As long as the work itself: others get half of the writer at least.
            pause = std::chrono::steady_clock::now() - began;
        }
    }

    void step() {
        const auto done =
            index_->rebuild(resources_of_a_batch, [this](const StoredVersion& version) {
                return entries_of(version);
            });
        if (!done) {
            failures_.add();
            log::warn("search.reindex_failed", log::with("why", log::fault(done.error())));
            due_ = std::chrono::steady_clock::now() + after_failure;
            return;
        }
        if (*done > 0) {
            done_.add(static_cast<double>(*done));
            return;
        }
        working_ = false;
        pending_.set(0);
        log::info("search.reindexed");
    }

    std::vector<fhir::IndexEntry> entries_of(const StoredVersion& version) {
        std::vector<fhir::IndexEntry> entries;
        arena_.reset();
        const fhir::Decoded decoded = engine_->read(version.json, fhir::Format::json, arena_);
        if (decoded.root != nullptr) {
            engine_->search()->extract(*decoded.root, arena_, entries, base_);
        }
        return entries;
    }

    SearchIndex* index_;
    const std::string base_;
    Arena arena_;
    Gauge pending_;
    Counter done_;
    Counter failures_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::shared_ptr<const fhir::Engine> engine_;
    std::chrono::steady_clock::time_point due_{};
    bool working_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Reindexer> Reindexer::start(SearchIndex* index, std::string base) {
    return std::make_unique<ReindexThread>(index, std::move(base));
}

}  // namespace gatehouse::gateway
