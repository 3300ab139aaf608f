#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Terminology: is this code in that value set, does that system know it, is that its display. Offline
// and deterministic: only what the loaded definitions can decide is decided, everything else is "not
// checkable here" with the reason (ARCHITECTURE: three-valued honesty).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir {

struct Coding {
    std::string_view system;
    std::string_view version;
    std::string_view code;
    std::string_view display;
};

enum class Verdict : std::uint8_t { yes, no, not_checkable };

struct CodeAnswer {
    Verdict verdict = Verdict::not_checkable;
    std::string reason;              // for people: "not in value set …", "needs SNOMED CT content"
    Verdict display = Verdict::yes;  // given display fits the code
    std::vector<std::string> displays;  // what the system calls it, when display is `no`
    bool inactive = false;
};

// Built once from definitions; immutable and thread-safe afterwards. Value sets compile on first use
// behind a once-flag, so a start-up does not pay for the thousand it never meets.
class Terminology {
public:
    explicit Terminology(const Definitions& definitions);
    Terminology(Terminology&&) noexcept;
    ~Terminology();

    // Membership of a coding (system may be empty for `code` elements: then the value set's systems are
    // searched). `value_set` is a canonical, with or without |version.
    [[nodiscard]] CodeAnswer in_value_set(const Coding& coding, std::string_view value_set) const;
    // Existence and display of a code in its own system.
    [[nodiscard]] CodeAnswer in_code_system(const Coding& coding) const;
    // True if the value set is known at all.
    [[nodiscard]] bool knows_value_set(std::string_view value_set) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::fhir
