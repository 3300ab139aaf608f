#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The road, in order. Every door (REST today; MLLP, MESH, files and replay later) hands its
// messages to Pipeline::run, and no door skips a stage. The order is the safety argument; it is
// fixed in run().
//
//   1 receive       envelope, message id, rulebook
//   2 authenticate  partner, acting organisation               no → 401
//   3 decode        arena, tree                                bad form → 400 with line and column
//   4 guard         decision (rule, layer, mode, why)          deny → 403/422/429
//   5 validate      issues                                     errors, enforced → 422
//   6 accept        journal append, group commit               ═══ THE PROMISE ═══
//   7 route         destinations, written down with the promise
//   8 apply         store transaction                          200/201, or 202 at the deadline
//   9 notify        outbox → other destinations, off the request path
//   exit            audit record durable, then the answer

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "gateway/api/api.hpp"
#include "gateway/api/write_plan.hpp"
#include "gateway/audit/audit.hpp"
#include "gateway/base/async.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/base/pool_helpers.hpp"
#include "gateway/identity/identity.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/pipeline/envelope.hpp"
#include "gateway/pipeline/notify.hpp"
#include "gateway/policy/rate.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

// Stages 1 to 5 share one shape: they add facts to the envelope or give the refusal. Plain
// functions, one file each; they never call one another.
using Refused = std::optional<Response>;
Envelope receive(Request request, std::shared_ptr<const Rulebook> rulebook, Micros now);
// `open_partner`: who a caller of the validator's door is without a credential; empty: nobody.
Refused
authenticate(Envelope& envelope, const Identity& identity, std::string_view open_partner = {});
Refused decode(Envelope& envelope, const fhir::DecodeLimits& limits, const Helpers* helpers);
Refused guard(Envelope& envelope, StoreReader& store, RateLimiter& rates, Micros now);
// `helpers` may be null: they share the entries of a large Bundle.
Refused validate(Envelope& envelope, Micros now, const Helpers* helpers);
// Stage 7 refuses nothing. It needs the plan, and its outcome is part of what is promised: the
// destinations are chosen just before stage 6 writes them down.
void route(Envelope& envelope);

struct PipelineDeps {
    const Identity& identity;
    Journal& journal;
    Audit& audit;
    Store& store;
    Pool& cpu_pool;
    Pool& read_pool;
    const Clock& clock;
    ApiContext api;  // `pending` is filled in by the pipeline
    fhir::DecodeLimits decode;
    std::chrono::hours deduplication_window{168};
    Metrics* metrics = nullptr;      // null: none are kept
    std::size_t backlog_max = 8192;  // accepted and not yet applied; past it writes get 503
    // What those may hold in memory, about; past it writes get 503. A single one is always taken.
    std::uint64_t backlog_bytes_max = 256ULL << 20U;
    NotifyOptions notify{};
    unsigned cpu_helpers = 0;  // threads of cpu_pool that may help with one large message
};

class Pipeline {
public:
    virtual ~Pipeline() = default;
    // Answers every request; never throws. Runs on the caller's executor, which it comes back to.
    virtual boost::asio::awaitable<Response> run(Request request) = 0;
    // Replays the journal into the store; blocking, before the doors open. Messages applied.
    // Errc::corrupt when journal and store do not fit together. When the disk is full, what is left
    // (up to backlog_max messages) waits in the backlog for space, and reads can go on.
    virtual Result<std::uint64_t> recover() = 0;
    // New rulebook for messages from now on.
    virtual void set_rulebook(std::shared_ptr<const Rulebook> rulebook) = 0;
    // Where destinations other than the store lie, by id; from now on. After recover().
    virtual void set_sinks(Sinks sinks) = 0;
    // Disk watermark passed: writes get 503 until it clears; reads go on.
    virtual void set_writes_refused(bool refused) = 0;
    // False while the store cannot be written (retried with back-off; writes get 503).
    [[nodiscard]] virtual bool applying() const = 0;
    // Accepted and not yet applied.
    [[nodiscard]] virtual std::size_t backlog() const = 0;
    // Waits until what was accepted is applied, then stops the writer and the notifier. Safe to
    // call twice.
    virtual void drain() = 0;
};

std::unique_ptr<Pipeline> make_pipeline(PipelineDeps deps);

}  // namespace gatehouse::gateway
