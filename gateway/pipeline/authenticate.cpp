// SPDX-License-Identifier: Apache-2.0
//
// Stage 2: who is calling, and for which organisation. Whether the claim holds is the guard's
// business.
#include <algorithm>

#include "gateway/pipeline/pipeline.hpp"
#include "gateway/policy/acting.hpp"

namespace gatehouse::gateway {

Refused authenticate(Envelope& envelope, const Identity& identity) {
    auto credential = identity.authenticate(envelope.request);
    if (!credential) {
        Response response = refusal(credential.error(), envelope);
        if (response.status == 401) {
            response.headers.set("WWW-Authenticate", "Bearer realm=\"gatehouse\"");
        }
        return response;
    }
    envelope.credential = std::move(*credential);
    const auto& own = envelope.credential.partner->organisations;
    const ActingClaim claim = read_acting_claim(envelope.request.headers);
    envelope.asserted_organisation = claim.organisation;
    envelope.assertion_problem = claim.problem;
    const bool proven = std::find(own.begin(), own.end(), claim.organisation) != own.end();
    // An unproven claim never acts, whatever the mode of the rule about it.
    envelope.organisation = proven ? claim.organisation : own.empty() ? std::string() : own.front();
    return std::nullopt;
}

}  // namespace gatehouse::gateway
