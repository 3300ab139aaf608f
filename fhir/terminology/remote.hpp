#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// RemoteTerminology: a terminology server that is asked where the loaded content decides nothing.
// The port that validation and operations see; gateway/terminology implements it. A message's
// questions are answered from what is already known, so a slow or dead server makes things "not
// checkable here" and nobody waits for it; operations wait for a bounded time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir {

struct RemoteAnswer {
    Verdict verdict = Verdict::not_checkable;
    std::string display;  // what the server calls the code, if it says so
    std::string reason;   // for people, when not_checkable: "no answer yet", "server unreachable"
    bool inactive = false;
    // What the server says of a display that was sent along.
    bool display_wrong = false;
};

class RemoteTerminology {
public:
    virtual ~RemoteTerminology() = default;

    // Where it is, without credentials: verdicts name it, and a digest of definitions differs by
    // it.
    [[nodiscard]] virtual std::string_view url() const noexcept = 0;
    // Whether this server is to be asked about codes of `system` (configuration; costs nothing).
    [[nodiscard]] virtual bool covers(std::string_view system) const noexcept = 0;
    // Existence of a code; `version` may be empty.
    [[nodiscard]] virtual RemoteAnswer code(
        std::string_view system, std::string_view version, std::string_view code, Waiting waiting
    ) = 0;
    // Membership in a value set by canonical.
    [[nodiscard]] virtual RemoteAnswer member(
        std::string_view value_set, std::string_view system, std::string_view code, Waiting waiting
    ) = 0;

    // For $expand, $lookup and $subsumes: asks and waits, at most the configured time. `path` is
    // "ValueSet/$expand", `query` an encoded query string. Errc::timeout, io, busy (breaker open);
    // the server's own refusal is a status beside the body.
    struct Passed {
        int status = 0;
        std::string body;  // FHIR JSON
    };
    [[nodiscard]] virtual Result<Passed> ask(std::string_view path, std::string_view query) = 0;
};

}  // namespace gatehouse::fhir
