#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Advisor: data that takes findings out of a verdict or makes them less severe, by rule id (ours or
// HL7's message id), place, type and profile. What it did is always said: one information issue a
// message, and counts. The format is config/advisor.schema.json; HL7's own advisor files
// ({"suppress": ["ID", "ID@path"]}) are the short form of it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

// What an advisor did to one message's findings.
struct Advised {
    std::uint32_t suppressed = 0;
    std::uint32_t demoted = 0;
    std::uint32_t kept = 0;  // errors that entries fitted, out of the advisor's reach
    [[nodiscard]] bool any() const noexcept { return suppressed + demoted + kept != 0; }
};

class Advisor {
public:
    // Where errors belong to somebody else (a gateway, whose national policy refuses by them), an
    // advisor reaches warnings and hints alone.
    enum class Reach : std::uint8_t { errors_too, lesser_only };

    // Errc::invalid: every problem, one a line as NAME:LINE: words. Pure.
    static Result<std::shared_ptr<const Advisor>>
    parse(std::string_view text, const std::string& name, Reach reach);

    // What becomes of a finding: its severity, or nothing where it is suppressed. `type` is that of
    // the innermost resource around its element, `inner` the element's path from there
    // ("Observation.code"). Counts into `out`. Linear in the entries.
    [[nodiscard]] std::optional<Severity>
    judge(const Issue& issue, std::string_view type, std::string_view inner, Advised& out) const;

    // "sha256-..." of the text; it is part of the digest in every verdict.
    [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    // HL7 message ids of the short form that no rule here has: they can have no effect.
    [[nodiscard]] const std::vector<std::string>& unknown() const noexcept { return unknown_; }

    struct Entry {
        std::string rule;     // id of ours, HL7's message id, or either with '*' for any run
        std::string path;     // '*' for any run; indices may be left out; empty: anywhere
        std::string type;     // resource type; empty: any
        std::string profile;  // canonical that asked, '*' for any run; empty: any
        std::optional<Severity> severity;  // the most it may be; none: suppressed
    };

private:
    std::vector<Entry> entries_;
    std::vector<std::string> unknown_;
    std::string digest_;
    Reach reach_ = Reach::errors_too;
};

}  // namespace gatehouse::fhir
