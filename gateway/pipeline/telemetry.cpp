// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/telemetry.hpp"

#include "gateway/api/definitions.hpp"
#include "gateway/base/log.hpp"

namespace gatehouse::gateway {
namespace {

enum class Outcome : std::uint8_t { accepted, refused, failed, duplicate };

Outcome outcome_of(const Envelope& envelope, const Response& response) {
    if (envelope.repeated) {
        return Outcome::duplicate;
    }
    return response.status < 400   ? Outcome::accepted
           : response.status < 500 ? Outcome::refused
                                   : Outcome::failed;
}

const char* to_string(Outcome outcome) noexcept {
    switch (outcome) {
    case Outcome::accepted: return "accepted";
    case Outcome::refused: return "refused";
    case Outcome::failed: return "failed";
    case Outcome::duplicate: return "duplicate";
    }
    return "failed";
}

}  // namespace

const char* to_string(Stage stage) noexcept {
    switch (stage) {
    case Stage::receive: return "receive";
    case Stage::authenticate: return "authenticate";
    case Stage::decode: return "decode";
    case Stage::guard: return "guard";
    case Stage::validate: return "validate";
    case Stage::accept: return "accept";
    case Stage::apply: return "apply";
    case Stage::answer: return "answer";
    }
    return "receive";
}

AuditEvent audit_event(const Envelope& envelope, const Response& response) {
    AuditEvent event;
    event.message_id = envelope.id;
    event.at = envelope.received_at;
    event.interaction = to_string(envelope.call.interaction);
    if (envelope.credential.partner != nullptr) {
        event.partner = envelope.credential.partner->id;
        event.credential = envelope.credential.kind + ":" + envelope.credential.proof;
    }
    event.organisation = envelope.organisation;
    if (envelope.asserted_organisation != envelope.organisation) {
        event.asserted_organisation = envelope.asserted_organisation;
    }
    event.request_id = envelope.request_id;
    event.address = envelope.request.peer.address;
    event.method = envelope.request.method;
    event.target = envelope.request.target;
    event.status = response.status;
    event.outcome = response.status < 400 ? "0" : response.status < 500 ? "4" : "8";
    event.decision_id = envelope.decision.id;
    event.policy_digest = envelope.decision.policy_digest;
    event.rules = rules_json(envelope.decision);
    if (!envelope.definitions.empty()) {
        event.definitions_digest = envelope.definitions;
    } else if (envelope.rulebook != nullptr && envelope.rulebook->engine != nullptr && envelope.stage >= Stage::validate) {
        event.definitions_digest = envelope.rulebook->engine->digest();
    }
    event.disclosed = envelope.disclosed;
    if (envelope.stage >= Stage::accept && envelope.destinations.size() > 1) {
        event.destinations.assign(envelope.destinations.begin() + 1, envelope.destinations.end());
    }
    event.body_digest = envelope.body_digest;
    return event;
}

void log_message(const Envelope& envelope, const Response& response) {
    if (!log::enabled(log::Level::info)) {
        return;
    }
    const auto took = std::chrono::steady_clock::now() - envelope.request.received;
    const auto rules = deciding_rules(envelope.decision);
    log::message(
        "message.answered",
        log::with("id", log::ulid(envelope.id)),
        log::with("interaction", envelope.call.interaction),
        log::with("type", log::name(envelope.call.type)),
        log::with("status", response.status),
        log::with(
            "partner",
            envelope.credential.partner == nullptr
                ? log::Value("-")
                : log::Value(log::name(envelope.credential.partner->id))
        ),
        log::with("organisation", log::name(envelope.organisation)),
        log::with("stage", envelope.stage),
        log::with("outcome", outcome_of(envelope, response)),
        log::with("rule", rules.empty() ? log::name("-") : log::name(rules.front())),
        log::with("ms", took)
    );
}

Telemetry::Telemetry(Metrics* metrics) : metrics_(metrics) {
    if (metrics_ == nullptr) {
        return;
    }
    for (std::size_t i = 0; i < stages; ++i) {
        const std::string stage = to_string(static_cast<Stage>(i));
        seconds_[i] = metrics_->histogram(
            "gatehouse_pipeline_stage_seconds", "Time a stage took", {{"stage", stage}}
        );
        for (std::size_t k = 0; k < outcomes; ++k) {
            messages_[i][k] = metrics_->counter(
                "gatehouse_pipeline_messages_total",
                "Messages by how far they came and what became of them",
                {{"stage", stage}, {"outcome", to_string(static_cast<Outcome>(k))}}
            );
        }
    }
    for (std::size_t i = 0; i < issues_.size(); ++i) {
        issues_[i] = metrics_->counter(
            "gatehouse_validate_issues_total",
            "Findings in messages by severity",
            {{"severity", fhir::to_string(static_cast<fhir::Severity>(i))}}
        );
    }
    constexpr std::array<const char*, 3> changes = {"suppressed", "demoted", "kept"};
    for (std::size_t i = 0; i < advised_.size(); ++i) {
        advised_[i] = metrics_->counter(
            "gatehouse_validate_advised_findings_total",
            "Findings that the advisor left out or made less severe, and errors it named and could "
            "not change",
            {{"change", changes[i]}}
        );
    }
}

void Telemetry::stage_took(Stage stage, std::chrono::steady_clock::duration time) const {
    if (metrics_ != nullptr) {
        seconds_[static_cast<std::size_t>(stage)].observe(std::chrono::duration<double>(time).count(
        ));
    }
}

// The registry finds a series by copying and hashing its labels, under a lock: far too much for
// every message of a sender whose rules are in observe.
Counter Telemetry::decided(const RuleResult& result, bool staged, std::string_view partner) const {
    std::string key = result.rule;
    key.append(1, '\n').append(to_string(result.mode)).append(1, '\n').append(partner);
    key.append(1, staged ? '+' : '-');
    const std::lock_guard lock(decided_mutex_);
    const auto [place, added] = decided_.try_emplace(std::move(key));
    if (added) {
        place->second = metrics_->counter(
            staged ? "gatehouse_policy_would_refuse_total" : "gatehouse_policy_refused_total",
            staged ? "What a rule in observe or warn would have refused, by sender"
                   : "What an enforced rule refused, by sender",
            {{"rule", result.rule},
             {"mode", to_string(result.mode)},
             {"partner", std::string(partner)}}
        );
    }
    return place->second;
}

// One series a system; the names are a closed set (Envelope::unchecked).
Counter Telemetry::unchecked(const std::string& system) const {
    const std::lock_guard lock(decided_mutex_);
    const auto [place, added] = unchecked_.try_emplace(system);
    if (added) {
        place->second = unchecked_counter(*metrics_, system);
    }
    return place->second;
}

void Telemetry::left(const Envelope& envelope, const Response& response) const {
    if (metrics_ == nullptr) {
        return;
    }
    messages_[static_cast<std::size_t>(envelope.stage)]
             [static_cast<std::size_t>(outcome_of(envelope, response))]
                 .add();
    stage_took(Stage::receive, std::chrono::steady_clock::now() - envelope.request.received);
    for (const fhir::Issue& issue : envelope.issues) {
        issues_[static_cast<std::size_t>(issue.severity)].add();
    }
    advised_[0].add(envelope.advised.suppressed);
    advised_[1].add(envelope.advised.demoted);
    advised_[2].add(envelope.advised.kept);
    for (const auto& [system, codes] : envelope.unchecked) {
        unchecked(system).add(codes);
    }
    for (const RuleResult& result : envelope.decision.results) {
        const bool staged = result.mode == Mode::observe || result.mode == Mode::warn;
        if (!staged && result.effect != Effect::deny) {
            continue;
        }
        const std::string_view partner = envelope.credential.partner == nullptr
                                             ? std::string_view("-")
                                             : envelope.credential.partner->id;
        decided(result, staged, partner).add();
    }
}

}  // namespace gatehouse::gateway
