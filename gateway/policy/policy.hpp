#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Guardrails as data. A PolicySet is the compiled sum of the layers national → region → ICB →
// organisation (config/policies); decide() is a pure function of request facts and policy set. A lower
// layer may tighten a rule and never loosen it: a set that loosens does not load.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/model/element.hpp"
#include "fhir/outcome/issue.hpp"
#include "gateway/base/clock.hpp"
#include "gateway/identity/identity.hpp"
#include "gateway/pipeline/interaction.hpp"

namespace gatehouse::gateway {

enum class Mode : std::uint8_t { off, observe, warn, enforce };  // in order of strictness
const char* to_string(Mode mode) noexcept;

enum class Effect : std::uint8_t { permit, permit_with_findings, deny };

// What one rule said.
struct RuleResult {
    std::string rule;        // "G05"
    std::string layer;       // "national", "region:…", "icb:…", "organisation:RCB"
    Mode mode = Mode::off;
    Effect effect = Effect::permit;
    std::string reason;      // for people; no patient values
    fhir::Issue issue;       // outward form; severity error when denied, warning when warned
    int status = 0;          // HTTP status when denied
};

struct Decision {
    std::string id;              // ULID
    std::string policy_digest;   // sha256 of the set
    Effect effect = Effect::permit;
    std::vector<RuleResult> results;  // rules that were looked at and are not plain permits, plus denials
};

// The facts a decision may rest on; nothing else is looked at.
struct GuardFacts {
    const Partner* partner = nullptr;
    RestCall call;
    std::string asserted_organisation;   // NHSD-End-User-Organisation(-ODS) or empty
    const fhir::Element* root = nullptr; // decoded body, or null
    std::uint64_t body_bytes = 0;
    Micros now = 0;
    // A current patient other than this id that holds the NHS number; "" if none. May be null.
    std::string (*other_patient)(void* user, std::string_view nhs_number, std::string_view own_id) = nullptr;
    void* user = nullptr;
    // Set after validation (rule G01); null before.
    const fhir::Issues* findings = nullptr;
    std::span<const std::string> profiles;  // canonicals the findings were judged against
};

class PolicySet {
public:
    // Loads every layer of `folder`. All problems are listed in the fault's detail with file, line and
    // column; a set with any problem does not load.
    static Result<std::shared_ptr<const PolicySet>> load(const std::filesystem::path& folder);
    virtual ~PolicySet() = default;

    [[nodiscard]] virtual const std::string& digest() const = 0;
    // Before validation: G03, G04, G05, G16. Pure. `decision` gets what was found.
    virtual void decide(const GuardFacts& facts, Decision& decision) const = 0;
    // After validation: G01 on facts.findings.
    virtual void decide_findings(const GuardFacts& facts, Decision& decision) const = 0;
};

}  // namespace gatehouse::gateway
