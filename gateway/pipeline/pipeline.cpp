// SPDX-License-Identifier: Apache-2.0
//
// The road itself: every branch and every exit of it is in this file. Read run(), then travel().

#include "gateway/pipeline/pipeline.hpp"

#include <atomic>
#include <mutex>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "gateway/api/cors.hpp"
#include "gateway/api/view.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/base/log.hpp"
#include "gateway/pipeline/apply.hpp"
#include "gateway/pipeline/async_reads.hpp"
#include "gateway/pipeline/in_flight.hpp"
#include "gateway/pipeline/record.hpp"
#include "gateway/pipeline/stages.hpp"
#include "gateway/pipeline/telemetry.hpp"

namespace gatehouse::gateway {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A journal that hangs past the deadline may still make the message durable; waited for so long
// before the caller is told that nobody knows.
constexpr auto journal_grace = std::chrono::seconds(5);
constexpr auto refusal_wait = std::chrono::seconds(2);
constexpr auto repeat_pause = std::chrono::milliseconds(5);
constexpr std::size_t recovery_batch = 256;

// What stages 3 to 5 came to.
struct Judged {
    enum class Kind : std::uint8_t { sound, refused, repeated, still_in_flight };
    Kind kind = Kind::sound;
    Response response;
    std::string payload;  // sound: the journal's record
};

class Road final : public Pipeline {
public:
    explicit Road(PipelineDeps deps);
    ~Road() override { drain(); }

    asio::awaitable<Response> run(Request request) override;
    Result<std::uint64_t> recover() override;
    void set_rulebook(std::shared_ptr<const Rulebook> rulebook) override;
    void set_sinks(Sinks sinks) override { notifier_.set_sinks(std::move(sinks)); }
    void set_writes_refused(bool refused) override { writes_refused_ = refused; }
    [[nodiscard]] bool applying() const override { return applier_.healthy(); }
    [[nodiscard]] std::size_t backlog() const override { return applier_.backlog(); }
    void drain() override;

    // On the pools, by the jobs below.
    Judged judge(Envelope& envelope);
    Response look(Envelope& envelope);

private:
    asio::awaitable<Response> travel(Envelope& envelope);
    asio::awaitable<Response> look_where_it_belongs(Envelope& envelope);
    Response look_later(const Envelope& envelope);
    asio::awaitable<Judged> judge_until_known(Envelope& envelope);
    asio::awaitable<Response> accept_and_apply(Envelope& envelope, std::string payload);
    asio::awaitable<void> keep_refusal(Envelope& envelope, int status);
    asio::awaitable<Response> leave(Envelope& envelope, Response response);

    void apply_later(std::vector<Work>& batch);
    Refused writes_held_up(const Envelope& envelope) const;
    static Response store_behind(const Envelope& envelope);
    std::optional<Judged> repeat_of(
        Envelope& envelope,
        const std::string& key,
        Result<std::optional<Receipt>> (Road::*known)(const Envelope&)
    );
    Result<std::optional<Receipt>> known_request(const Envelope& envelope);
    Result<std::optional<Receipt>> known_bundle(const Envelope& envelope);
    std::shared_ptr<const Rulebook> rulebook() const;

    PipelineDeps deps_;
    Helpers helpers_;
    mutable std::mutex rulebook_mutex_;
    std::shared_ptr<const Rulebook> rulebook_;
    std::atomic<bool> writes_refused_{false};
    RateLimiter rates_;
    InFlight in_flight_;
    Telemetry telemetry_;
    Notifier notifier_;
    Applier applier_;
    AsyncReads async_reads_;
};

// Jobs for offload(): named types, because a capturing lambda in a co_await statement is freed
// twice by GCC 12 (STYLE C1). A job must not throw.
struct JudgeJob {
    Road* road;
    Envelope* envelope;
    Result<Judged> operator()() const {
        try {
            return road->judge(*envelope);
        } catch (...) {
            return Fault(Errc::internal, "judge", "an exception");
        }
    }
};

struct LookJob {
    Road* road;
    Envelope* envelope;
    Result<Response> operator()() const {
        try {
            return road->look(*envelope);
        } catch (...) {
            return Fault(Errc::internal, "look", "an exception");
        }
    }
};

// Counts a write for as long as it is on the road.
class OnRoad {
public:
    explicit OnRoad(Applier& applier) : applier_(applier) { applier_.write_began(); }
    OnRoad(const OnRoad&) = delete;
    OnRoad& operator=(const OnRoad&) = delete;
    ~OnRoad() { applier_.write_ended(); }

private:
    Applier& applier_;
};

class StageTimer {
public:
    StageTimer(const Telemetry& telemetry, Envelope& envelope, Stage stage)
        : telemetry_(telemetry), stage_(stage), began_(SteadyClock::now()) {
        envelope.stage = stage;
    }
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;
    ~StageTimer() { telemetry_.stage_took(stage_, SteadyClock::now() - began_); }

private:
    const Telemetry& telemetry_;
    Stage stage_;
    SteadyClock::time_point began_;
};

// Waits until the ticket is settled, at most to `deadline`. Resumes on the caller's executor.
asio::awaitable<bool> settled_by(std::shared_ptr<Ticket> ticket, SteadyClock::time_point deadline) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    auto timer = std::make_shared<asio::steady_timer>(executor, deadline);
    const auto tracked = asio::prefer(executor, asio::execution::outstanding_work.tracked);
    std::function<void()> wake = [tracked, timer] {
        asio::post(tracked, [timer] { timer->cancel(); });
    };
    if (!ticket->wake_when_settled(std::move(wake))) {
        co_return true;
    }
    while (!ticket->settled() && SteadyClock::now() < deadline) {
        constexpr auto token = asio::as_tuple(asio::use_awaitable);
        co_await timer->async_wait(token);
    }
    // Nobody waits any more: the executor may be gone when the ticket settles.
    ticket->forget_wake();
    co_return ticket->settled();
}

asio::awaitable<void> pause_for(SteadyClock::duration time) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    co_await timer.async_wait(token);
}

// Reads that may take long; the others are answered at once, whatever is preferred.
bool may_be_late(Interaction interaction) {
    switch (interaction) {
    case Interaction::receipt:
    case Interaction::status:
    case Interaction::cancel:
    case Interaction::validate: return false;
    default: return !is_open(interaction);
    }
}

Response unexpected(const Envelope& envelope) {
    log::error(
        "pipeline.broke",
        log::with("id", log::ulid(envelope.id)),
        log::with("stage", envelope.stage)
    );
    return refusal(Fault(Errc::internal, "pipeline"), envelope);
}

Response conflict(const Envelope& envelope) {
    fhir::Issue issue;
    issue.type = fhir::IssueType::duplicate;
    issue.rule = "duplicate";
    issue.spine_code = "DUPLICATE_REJECTED";
    issue.diagnostics =
        "Another message with the same id (X-Request-ID, or the identifier of a message "
        "Bundle) and other content has been accepted. Send new content under a new id.";
    return refusal(409, {issue}, envelope);
}

Road::Road(PipelineDeps deps)
    : deps_(std::move(deps)), helpers_(pool_helpers(deps_.cpu_pool, deps_.cpu_helpers)),
      telemetry_(deps_.metrics), notifier_(deps_.store, deps_.clock, deps_.notify, deps_.metrics),
      applier_(deps_.store, deps_.clock) {
    applier_.set_outbox_filled([this] { notifier_.wake(); });
    deps_.api.late_answer = [this](const std::string& partner, const std::string& id) {
        return async_reads_.fetch(partner, id, deps_.clock.now());
    };
    deps_.api.give_up = [this](const std::string& partner, const std::string& id) {
        return async_reads_.give_up(partner, id);
    };
    deps_.api.pending = [this](const std::string& partner, const std::string& id) {
        return in_flight_.pending(partner, id);
    };
}

asio::awaitable<Response> Road::run(Request request) {
    // A caller that goes away must not leave an accepted message without its audit record.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    const auto now = SteadyClock::now();
    if (request.received == SteadyClock::time_point{}) {
        request.received = now;
    }
    if (request.deadline == SteadyClock::time_point{}) {
        request.deadline = now + std::chrono::seconds(10);
    }
    Envelope envelope = receive(std::move(request), rulebook(), deps_.clock.now());  // 1
    Response response;
    bool broke = false;
    try {
        response = co_await travel(envelope);
    } catch (...) {
        broke = true;  // never what(): it may hold a value
    }
    if (broke) {
        in_flight_.release(envelope.id);
        response = unexpected(envelope);
    }
    co_return co_await leave(envelope, std::move(response));
}

asio::awaitable<Response> Road::travel(Envelope& envelope) {
    if (auto refused = route(envelope, deps_.api)) {
        co_return std::move(*refused);
    }
    if (!is_open(envelope.call.interaction)) {
        const StageTimer timer(telemetry_, envelope, Stage::authenticate);
        const std::string& open = deps_.api.validator_door.open_partner;
        if (auto refused = authenticate(envelope, deps_.identity, open)) {  // 2
            co_return std::move(*refused);
        }
    } else if (envelope.request.headers.has("Authorization") ||
               !envelope.request.peer.certificate_fingerprint.empty()) {
        // Who is known is told what is offered to him; a credential that is none changes nothing.
        static_cast<void>(authenticate(envelope, deps_.identity));
    }
    envelope.viewer = viewer_of(envelope, deps_.clock.now());
    if (!is_write(envelope.call.interaction)) {
        co_return co_await look_where_it_belongs(envelope);
    }
    if (auto refused = writes_held_up(envelope)) {
        co_return std::move(*refused);
    }
    const OnRoad counted(applier_);
    Judged judged = co_await judge_until_known(envelope);  // 3 decode, 4 guard, 5 validate
    if (judged.kind == Judged::Kind::refused) {
        co_await keep_refusal(envelope, judged.response.status);
        co_return std::move(judged.response);
    }
    if (judged.kind != Judged::Kind::sound) {
        co_return std::move(judged.response);
    }
    // 6 accept: the promise, which holds what 7 route chose. 8 apply: store and outbox in one
    // transaction. 9 notify: the outbox goes out by itself (notify.cpp), and nobody waits for it.
    co_return co_await accept_and_apply(envelope, std::move(judged.payload));
}

Refused Road::writes_held_up(const Envelope& envelope) const {
    if (writes_refused_) {
        return refusal(
            Fault(
                Errc::no_space,
                "accept",
                "The gateway's disk is nearly full: it takes no writes until there "
                "is space again. Reads go on."
            ),
            envelope
        );
    }
    if (applier_.backlog() >= deps_.backlog_max || !applier_.healthy() ||
        applier_.held_bytes() >= deps_.backlog_bytes_max) {
        return store_behind(envelope);
    }
    return std::nullopt;
}

Response Road::store_behind(const Envelope& envelope) {
    return refusal(
        Fault(
            Errc::busy,
            "accept",
            "The store is behind; nothing was accepted. Send again after the time in "
            "Retry-After."
        ),
        envelope
    );
}

// Reads. What takes microseconds is done where the request is; the rest goes to a pool.
asio::awaitable<Response> Road::look_where_it_belongs(Envelope& envelope) {
    if (envelope.prefer.async && may_be_late(envelope.call.interaction)) {
        co_return look_later(envelope);
    }
    const LookJob job{this, &envelope};
    Result<Response> answer;
    switch (envelope.call.interaction) {
    case Interaction::read:
    case Interaction::vread:
    case Interaction::receipt:
    case Interaction::options:
    case Interaction::cancel:
    case Interaction::status: answer = job(); break;
    case Interaction::validate:
    case Interaction::expand:
    case Interaction::validate_code:
    case Interaction::lookup:
    case Interaction::subsumes:
    case Interaction::translate: answer = co_await offload(deps_.cpu_pool, job); break;
    default: answer = co_await offload(deps_.read_pool, job); break;
    }
    if (!answer) {
        if (answer.error().code == Errc::internal) {
            co_return unexpected(envelope);
        }
        co_return refusal(answer.error(), envelope);
    }
    co_return std::move(*answer);
}

// The request again, on an envelope of its own, whose answer waits to be fetched. What it discloses
// is accounted for when it is.
Response Road::look_later(const Envelope& envelope) {
    auto later = std::make_shared<Envelope>(
        receive(envelope.request, envelope.rulebook, envelope.received_at)
    );
    later->id = envelope.id;
    later->credential = envelope.credential;
    later->viewer = envelope.viewer;
    later->organisation = envelope.organisation;
    later->asserted_organisation = envelope.asserted_organisation;
    later->assertion_problem = envelope.assertion_problem;
    later->request.headers.set("Accept", "application/fhir+json");  // it is put into a Bundle
    auto work = [this, later] {
        LateAnswer late;
        try {
            if (auto refused = route(*later, deps_.api)) {
                late.response = std::move(*refused);
            } else {
                late.response = look(*later);
            }
            if (!later->view.whole() && late.response.status == 200) {
                apply_view(late.response.body, later->view, *later->rulebook->engine);
            }
            late.disclosed = std::move(later->disclosed);
        } catch (...) {
            late.response = unexpected(*later);
        }
        return late;
    };
    const auto started = async_reads_.start(
        deps_.read_pool, envelope.credential.partner->id, envelope.id, deps_.clock.now(), work
    );
    return started ? accepted_answer(envelope, deps_.api) : refusal(started.error(), envelope);
}

Response Road::look(Envelope& envelope) {
    const Micros now = deps_.clock.now();
    const bool asked_by_body =
        may_ask_by_body(envelope.call.interaction) && !envelope.request.body.empty();
    if (envelope.call.interaction == Interaction::validate || asked_by_body) {
        const StageTimer timer(telemetry_, envelope, Stage::decode);
        if (auto refused = decode(envelope, deps_.decode, &helpers_)) {
            return std::move(*refused);
        }
    }
    if (!is_open(envelope.call.interaction)) {
        const StageTimer timer(telemetry_, envelope, Stage::guard);
        if (auto refused = guard(envelope, deps_.store, rates_, now)) {
            return std::move(*refused);
        }
    }
    const StageTimer timer(telemetry_, envelope, Stage::answer);
    return answer(envelope, deps_.api, deps_.store);
}

// A repeat that comes while the first is on its way waits for the first's answer.
asio::awaitable<Judged> Road::judge_until_known(Envelope& envelope) {
    const JudgeJob job{this, &envelope};
    for (;;) {
        Result<Judged> judged = co_await offload(deps_.cpu_pool, job);
        Judged out;
        if (!judged) {
            in_flight_.release(envelope.id);
            out.kind = Judged::Kind::repeated;  // nothing to keep: it may be sent again as it is
            out.response = judged.error().code == Errc::internal
                               ? unexpected(envelope)
                               : refusal(judged.error(), envelope);
            co_return out;
        }
        if (judged->kind != Judged::Kind::still_in_flight) {
            co_return std::move(*judged);
        }
        if (SteadyClock::now() + repeat_pause >= envelope.request.deadline) {
            in_flight_.release(envelope.id);
            out.kind = Judged::Kind::repeated;
            out.response = refusal(
                Fault(Errc::busy, "accept", "The same message is still being worked on."), envelope
            );
            co_return out;
        }
        co_await pause_for(repeat_pause);
    }
}

Judged Road::judge(Envelope& envelope) {
    const Micros now = deps_.clock.now();
    Judged out;
    const auto refuse = [&](Response response) {
        out.kind = Judged::Kind::refused;
        out.response = std::move(response);
        return std::move(out);
    };
    const std::string& partner = envelope.credential.partner->id;
    envelope.body_digest = sha256_hex(
        envelope.request.method + "\n" + envelope.request.target + "\n" + envelope.request.body
    );
    if (!envelope.request_id.empty()) {
        const auto key = InFlight::request_key(partner, envelope.request_id);
        if (auto repeat = repeat_of(envelope, key, &Road::known_request)) {
            return std::move(*repeat);
        }
    }
    {
        const StageTimer timer(telemetry_, envelope, Stage::decode);
        if (auto refused = decode(envelope, deps_.decode, &helpers_)) {  // 3
            return refuse(std::move(*refused));
        }
        if (auto refused = check_names(envelope)) {
            envelope.issues = std::move(refused->issues);
            return refuse(std::move(refused->response));
        }
    }
    if (!envelope.bundle_identifier.empty()) {
        const auto key = InFlight::bundle_key(partner, envelope.bundle_identifier);
        if (auto repeat = repeat_of(envelope, key, &Road::known_bundle)) {
            return std::move(*repeat);
        }
    }
    {
        const StageTimer timer(telemetry_, envelope, Stage::guard);
        if (auto refused = guard(envelope, deps_.store, rates_, now)) {  // 4
            return refuse(std::move(*refused));
        }
    }
    {
        const StageTimer timer(telemetry_, envelope, Stage::validate);
        if (auto refused = validate(envelope, now, &helpers_)) {  // 5
            return refuse(std::move(*refused));
        }
    }
    // Copied first: planning changes the tree, and the journal keeps what was sent.
    JournalRecord record = record_of(envelope, RecordKind::accepted, 0);
    if (auto refused = prepare_plan(envelope, deps_.api, envelope.plan)) {
        envelope.issues = std::move(refused->issues);
        return refuse(std::move(refused->response));
    }
    route(envelope);  // 7, from the plan; 8 and 9 follow it after the promise
    record.destinations = envelope.destinations;
    out.payload = encode_record(record);
    return out;
}

// Claims `key` for this message, or says what a repeat gets.
std::optional<Judged> Road::repeat_of(
    Envelope& envelope,
    const std::string& key,
    Result<std::optional<Receipt>> (Road::*known)(const Envelope&)
) {
    Judged out;
    out.kind = Judged::Kind::repeated;
    switch (in_flight_.claim(key, envelope.body_digest, envelope.id)) {
    case InFlight::Claim::same:
        in_flight_.release(envelope.id);  // what it holds by another key
        out.kind = Judged::Kind::still_in_flight;
        return out;
    case InFlight::Claim::different:
        in_flight_.release(envelope.id);
        out.response = conflict(envelope);
        return out;
    case InFlight::Claim::mine: break;
    }
    auto receipt = (this->*known)(envelope);
    if (!receipt) {
        in_flight_.release(envelope.id);
        out.response = refusal(receipt.error(), envelope);
        return out;
    }
    const Micros window_begin =
        envelope.received_at -
        std::chrono::duration_cast<std::chrono::microseconds>(deps_.deduplication_window).count();
    if (!receipt->has_value() || (*receipt)->state == MessageState::rejected ||
        (*receipt)->settled_at < window_begin) {
        return std::nullopt;
    }
    in_flight_.release(envelope.id);
    if ((*receipt)->body_digest != envelope.body_digest) {
        out.response = conflict(envelope);
        return out;
    }
    envelope.repeated = true;
    out.response = answer_again(**receipt, deps_.api, deps_.store, envelope);
    return out;
}

Result<std::optional<Receipt>> Road::known_request(const Envelope& envelope) {
    return deps_.store.receipt_by_request(envelope.credential.partner->id, envelope.request_id);
}

Result<std::optional<Receipt>> Road::known_bundle(const Envelope& envelope) {
    return deps_.store.receipt_by_bundle(
        envelope.credential.partner->id, envelope.bundle_identifier
    );
}

asio::awaitable<Response> Road::accept_and_apply(Envelope& envelope, std::string payload) {
    const StageTimer timer(telemetry_, envelope, Stage::accept);
    auto ticket = std::make_shared<Ticket>(work_of(envelope, RecordKind::accepted, 0), applier_);
    // Asked again: many large messages may have passed the first look together.
    const std::uint64_t held = applier_.held_bytes();
    const std::uint64_t own = bytes_of(ticket->work());
    if (held > own && held > deps_.backlog_bytes_max) {
        in_flight_.release(envelope.id);
        co_return store_behind(envelope);
    }
    ticket->set_release([this, id = envelope.id] { in_flight_.release(id); });
    in_flight_.accepted(ticket->work().receipt);
    if (auto queued = deps_.journal.submit(std::move(payload), ticket); !queued) {  // 6
        in_flight_.release(envelope.id);
        co_return refusal(queued.error(), envelope);
    }
    if (envelope.prefer.async) {
        // Accepted is all that is waited for; the rest is told at the status URL.
        while (ticket->position() == 0 && !ticket->settled() &&
               SteadyClock::now() < envelope.request.deadline) {
            const auto moment = SteadyClock::now() + repeat_pause;
            co_await settled_by(ticket, moment);
        }
        envelope.position = ticket->position();
        if (envelope.position != 0) {
            co_return accepted_answer(envelope, deps_.api);
        }
    }
    bool settled = co_await settled_by(ticket, envelope.request.deadline);
    if (!settled && ticket->position() == 0) {
        const auto grace = SteadyClock::now() + journal_grace;
        settled = co_await settled_by(ticket, grace);
    }
    envelope.position = ticket->position();
    if (!settled) {
        if (envelope.position == 0) {
            co_return refusal(
                Fault(
                    Errc::timeout,
                    "accept",
                    "The journal does not answer: it is not known whether the message was "
                    "accepted. Send it again with the same X-Request-ID, or ask $receipt."
                ),
                envelope
            );
        }
        co_return accepted_answer(envelope, deps_.api);
    }
    Result<Applied> applied = ticket->take_outcome();
    if (!applied && envelope.position != 0) {
        co_return accepted_answer(envelope, deps_.api);  // stopping: applied at the next start
    }
    if (!applied) {
        co_return refusal(applied.error(), envelope);
    }
    envelope.stage = Stage::apply;
    envelope.disclosed.insert(
        envelope.disclosed.end(),
        std::make_move_iterator(applied->disclosed.begin()),
        std::make_move_iterator(applied->disclosed.end())
    );
    // What the rules said of an outcome that only the store could know belongs to the decision.
    envelope.decision.results.insert(
        envelope.decision.results.end(), applied->rules.begin(), applied->rules.end()
    );
    for (const auto& resource : applied->resources) {
        if (std::find(envelope.disclosed.begin(), envelope.disclosed.end(), resource) ==
            envelope.disclosed.end()) {
            envelope.disclosed.push_back(resource);
        }
    }
    co_return std::move(applied->response);
}

// A refused write is recorded too, so that its sender can ask for it. What is over its rate is not:
// the record would cost more than the refusal.
asio::awaitable<void> Road::keep_refusal(Envelope& envelope, int status) {
    if (status == 429 || status >= 500) {
        in_flight_.release(envelope.id);
        co_return;
    }
    std::string payload = encode_record(record_of(envelope, RecordKind::refused, status));
    auto ticket =
        std::make_shared<Ticket>(work_of(envelope, RecordKind::refused, status), applier_);
    ticket->set_release([this, id = envelope.id] { in_flight_.release(id); });
    if (auto queued = deps_.journal.submit(std::move(payload), ticket); !queued) {
        in_flight_.release(envelope.id
        );  // the refusal stands without its receipt; the audit has it
        co_return;
    }
    const auto until = std::min(envelope.request.deadline, SteadyClock::now() + refusal_wait);
    co_await settled_by(ticket, until);
}

// The one exit: nothing leaves before its audit record is durable (G14).
asio::awaitable<Response> Road::leave(Envelope& envelope, Response response) {
    if (!envelope.decision.id.empty() && !response.headers.has("Guardrail-Decision")) {
        response.headers.set("Guardrail-Decision", envelope.decision.id);
    }
    if (!response.headers.has("X-Message-ID")) {
        response.headers.set("X-Message-ID", envelope.id);
    }
    if (!envelope.definitions.empty()) {
        response.headers.set(definitions_header, envelope.definitions);
    }
    if (!envelope.unchecked.empty()) {
        std::string words;
        for (const auto& [system, codes] : envelope.unchecked) {
            words += (words.empty() ? "" : " ") + system + "=" + std::to_string(codes);
        }
        response.headers.set(unchecked_header, std::move(words));
    }
    bool broke = false;
    try {
        finish(response, envelope);
        allow_origin(response, envelope, deps_.api);
    } catch (...) {
        broke = true;
    }
    if (broke) {
        response = unexpected(envelope);
    }
    AuditEvent event = audit_event(envelope, response);
    auto auditing = deps_.audit.append(std::move(event));
    const Result<void> audited = co_await std::move(auditing);
    if (!audited) {
        log::error("audit.write_failed", log::with("fault", log::fault(audited.error())));
        response = refusal(
            Fault(
                Errc::busy,
                "audit",
                "The audit cannot be written, so nothing is answered. A write may have been "
                "accepted: send it again with the same X-Request-ID."
            ),
            envelope
        );
    }
    telemetry_.left(envelope, response);
    log_message(envelope, response);
    co_return response;
}

Result<std::uint64_t> Road::recover() {
    GH_TRY_ASSIGN(const std::uint64_t applied, deps_.store.applied_position());
    const std::uint64_t last = deps_.journal.last_position();
    if (applied > last) {
        return Fault(
            Errc::corrupt,
            "recover",
            "the store holds messages up to " + std::to_string(applied) +
                " but the journal ends at " + std::to_string(last) +
                ": they are not of one data folder, or the journal lost its end"
        );
    }
    if (applied + 1 < deps_.journal.first_position()) {
        return Fault(
            Errc::corrupt,
            "recover",
            "the store holds messages up to " + std::to_string(applied) +
                " but the journal begins at " + std::to_string(deps_.journal.first_position()) +
                ": segments between are missing; put them back from the archive"
        );
    }
    std::uint64_t count = 0;
    std::vector<Work> batch;
    Result<void> fault;
    bool no_space = false;
    const auto apply = [&] {
        if (!no_space) {
            fault = applier_.apply_now(batch);
            no_space = !fault && fault.error().code == Errc::no_space &&
                       last - applied <= deps_.backlog_max;
            fault = no_space ? Result<void>() : fault;
        }
        if (no_space) {
            apply_later(batch);
        }
        batch.clear();
    };
    GH_TRY(deps_.journal.read(applied + 1, [&](const JournalRecord& record) {
        batch.push_back(work_of(record, rulebook(), deps_.api, deps_.decode));
        ++count;
        if (batch.size() >= recovery_batch) {
            apply();
        }
        return fault.has_value();
    }));
    GH_TRY(fault);
    apply();
    GH_TRY(fault);
    return count;
}

// A full disk at start: what is left waits for space in the applier's queue as it would have
// without the restart, and is known to be on the road, so a repeat does not become a second
// message.
void Road::apply_later(std::vector<Work>& batch) {
    applier_.set_unhealthy();
    for (Work& work : batch) {
        const std::uint64_t position = work.position;
        const Micros accepted_at = work.accepted_at;
        auto ticket = std::make_shared<Ticket>(std::move(work), applier_);
        const Receipt& receipt = ticket->work().receipt;
        const std::string& id = receipt.message_id;
        if (!receipt.request_id.empty()) {
            const std::string key = InFlight::request_key(receipt.partner, receipt.request_id);
            in_flight_.claim(key, receipt.body_digest, id);
        }
        if (!receipt.bundle_identifier.empty()) {
            const std::string key =
                InFlight::bundle_key(receipt.partner, receipt.bundle_identifier);
            in_flight_.claim(key, receipt.body_digest, id);
        }
        ticket->set_release([this, id] { in_flight_.release(id); });
        in_flight_.accepted(receipt);
        ticket->durable(position, accepted_at);
    }
}

void Road::set_rulebook(std::shared_ptr<const Rulebook> rulebook) {
    const std::lock_guard lock(rulebook_mutex_);
    rulebook_ = std::move(rulebook);
}

std::shared_ptr<const Rulebook> Road::rulebook() const {
    const std::lock_guard lock(rulebook_mutex_);
    return rulebook_;
}

void Road::drain() {
    async_reads_.wait();
    applier_.stop();
    notifier_.stop();
}

}  // namespace

std::unique_ptr<Pipeline> make_pipeline(PipelineDeps deps) {
    return std::make_unique<Road>(std::move(deps));
}

}  // namespace gatehouse::gateway
