#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The organisation that a caller says it acts for (guardrail G04), as the NHS API headers carry it:
// NHSD-End-User-Organisation-ODS holds the ODS code, NHSD-End-User-Organisation a base64 FHIR
// Organization whose identifier of system https://fhir.nhs.uk/Id/ods-organization-code holds it.

#include <string>

#include "gateway/http/message.hpp"

namespace gatehouse::gateway {

struct ActingClaim {
    std::string organisation;  // empty: nothing was said
    std::string problem;       // empty: readable; else words for the caller, without header content
};

ActingClaim read_acting_claim(const Headers& headers);
// Letters and digits, 3 to 10 of them, upper-cased; empty if it is not an ODS code.
std::string normalise_ods(std::string_view code);

}  // namespace gatehouse::gateway
