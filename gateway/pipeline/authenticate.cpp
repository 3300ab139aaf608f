// SPDX-License-Identifier: Apache-2.0
//
// Stage 2: who is calling, and for which organisation. Whether the claim holds is the guard's
// business.
#include <algorithm>

#include "gateway/pipeline/pipeline.hpp"
#include "gateway/policy/acting.hpp"

namespace gatehouse::gateway {

namespace {

// A client of HL7's validator server sends no credential, so the operator may say who that is. One
// that is sent must be good.
std::shared_ptr<const Partner>
open_caller(const Envelope& envelope, const Identity& identity, std::string_view id) {
    const Request& request = envelope.request;
    if (!envelope.call.validator_door || id.empty() || request.headers.has("Authorization") ||
        !request.peer.certificate_fingerprint.empty()) {
        return nullptr;
    }
    for (auto& partner : identity.partners()) {
        if (partner->id == id) {
            return partner;
        }
    }
    return nullptr;
}

}  // namespace

Refused authenticate(Envelope& envelope, const Identity& identity, std::string_view open_partner) {
    auto credential = identity.authenticate(envelope.request);
    if (!credential) {
        if (auto partner = open_caller(envelope, identity, open_partner)) {
            credential = Credential{std::move(partner), "open", {}};
        }
    }
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
