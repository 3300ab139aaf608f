#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Guardrails as data. A PolicySet is the compiled sum of the layers national → region → ICB →
// organisation (config/policies); decide() is a pure function of request facts and policy set. A
// lower layer may tighten a rule and never loosen it: a set that loosens does not load.
//
// A rule runs off, observe (only the record knows), warn (the sender is told, nothing is refused)
// or enforce. `enforceFrom` belongs to enforce: before that day (00:00 UTC) the rule warns.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
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
const char* to_string(Effect effect) noexcept;
// What a rule that found something does in this mode.
Effect effect_of(Mode mode) noexcept;

// The entry of a Bundle (0-based) that an issue's expression lies in ("Bundle.entry[3].resource").
std::optional<std::uint32_t> entry_in(std::string_view expression) noexcept;

// What one rule said.
struct RuleResult {
    std::string rule;   // "G05"
    std::string layer;  // "national", "region:…", "icb:…", "organisation:RCB"
    Mode mode = Mode::off;
    Effect effect = Effect::permit;
    std::string reason;  // for people; no patient values
    fhir::Issue issue;   // outward form; severity error when denied, warning when warned
    int status = 0;      // HTTP status when denied
    // In a Bundle of type batch: the entry (0-based) that this is about, so that the others may go
    // on; -1: the whole message.
    std::int32_t entry = -1;
};

struct Decision {
    std::string id;             // ULID
    std::string policy_digest;  // sha256 of the set
    // Of the whole message; a denied entry of a batch leaves this at permit_with_findings.
    Effect effect = Effect::permit;
    std::vector<RuleResult> results;  // rules that had something to say, in the order of the rules
    double retry_after_seconds = 0;   // denied for its rate: when to come again
};

// The rules that decided, for receipts and journal: those that denied, or all that spoke.
std::vector<std::string> deciding_rules(const Decision& decision);
// `results` as the JSON array of the audit record; empty when there are none.
std::string rules_json(const Decision& decision);

// The facts a decision may rest on; nothing else is looked at.
struct GuardFacts {
    const Partner* partner = nullptr;
    const RestCall* call = nullptr;
    std::string_view organisation;        // the acting one, proven by the credential
    std::string asserted_organisation;    // NHSD-End-User-Organisation(-ODS) or empty
    std::string assertion_problem;        // such a header that cannot be read
    const fhir::Element* root = nullptr;  // decoded body, or null
    std::string_view source;              // the body's text, for lines and columns
    std::uint64_t body_bytes = 0;
    Micros now = 0;
    double retry_after_seconds = 0;  // > 0: over the partner's rate (gateway/policy/rate.hpp)
    // A current patient other than this id that holds the NHS number; "" if none. May be null.
    std::string (*other_patient)(void* user, std::string_view nhs_number, std::string_view own_id) =
        nullptr;
    void* user = nullptr;
    // Set after validation (rule G01); null before.
    const fhir::Issues* findings = nullptr;
    bool errors_left_out = false;  // there are more than `findings` lists
};

class PolicySet {
public:
    // Loads every layer of `folder`, with the owners of its sister folder `owners`. All problems
    // are listed in the fault's detail, one a line, with file, line and column; a set with any
    // problem does not load (Errc::invalid).
    static Result<std::shared_ptr<const PolicySet>> load(const std::filesystem::path& folder);
    virtual ~PolicySet() = default;

    [[nodiscard]] virtual const std::string& digest() const = 0;
    // Layers by name with their owners, for people: "organisation:RZZ99".
    [[nodiscard]] virtual std::vector<std::string> layers() const = 0;
    // What rule G16 allows this partner when it acts for this organisation: the smallest of its own
    // and the layers' limits; nothing for a partner with all rights.
    [[nodiscard]] virtual PartnerLimits
    limits(const Partner& partner, std::string_view organisation) const = 0;
    // The resource types that this partner may be shown: those of its limits where G16 is enforced
    // at `now`. Empty: every type.
    [[nodiscard]] virtual std::vector<std::string>
    visible_types(const Partner& partner, std::string_view organisation, Micros now) const = 0;
    // Before validation: G03, G04, G05, G16. Pure. `decision` gets what was found.
    virtual void decide(const GuardFacts& facts, Decision& decision) const = 0;
    // After validation: G01 on facts.findings.
    virtual void decide_findings(const GuardFacts& facts, Decision& decision) const = 0;
};

}  // namespace gatehouse::gateway
