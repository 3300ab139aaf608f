#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What an exit leaves behind beside the answer: the audit record, the log line, the metrics. Inside
// gateway/pipeline only.

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/audit/audit.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/pipeline/envelope.hpp"

namespace gatehouse::gateway {

AuditEvent audit_event(const Envelope& envelope, const Response& response);
void log_message(const Envelope& envelope, const Response& response);

// Handles taken once. Without a registry nothing is kept.
class Telemetry {
public:
    explicit Telemetry(Metrics* metrics);

    void stage_took(Stage stage, std::chrono::steady_clock::duration time) const;
    void left(const Envelope& envelope, const Response& response) const;

private:
    Counter decided(const RuleResult& result, bool staged, std::string_view partner) const;

    Counter unchecked(const std::string& system) const;

    static constexpr std::size_t stages = 8;
    static constexpr std::size_t outcomes = 4;
    Metrics* metrics_;
    std::array<Histogram, stages> seconds_;
    std::array<std::array<Counter, outcomes>, stages> messages_;
    std::array<Counter, 4> issues_;
    std::array<Counter, 3> advised_;  // suppressed, demoted, kept
    mutable std::mutex decided_mutex_;
    mutable std::unordered_map<std::string, Counter> decided_;    // rules x modes x partners
    mutable std::unordered_map<std::string, Counter> unchecked_;  // by code system
};

}  // namespace gatehouse::gateway
