#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The Parameters that a FHIR terminology server answers $validate-code with, read as a verdict.
// Bytes from outside: whatever is not understood decides nothing.

#include <string>
#include <string_view>

#include "fhir/terminology/remote.hpp"

namespace gatehouse::gateway {

// `status` is HTTP's. A "no" that the server gives because it does not know the code system or
// value set is no "no": not_checkable, with the reason.
fhir::RemoteAnswer read_remote_answer(int status, std::string_view body);

// An answer that decides nothing, and why.
fhir::RemoteAnswer undecided_answer(std::string reason);

}  // namespace gatehouse::gateway
