#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The one way out. Every resource that leaves in an answer (read, version read, search, history,
// transaction answer, write echo) passes disclose(), which records it for the audit and is where
// consent, sensitivity and minimum views will drop, redact and mark. No door sends a stored
// resource without it.

#include <string>
#include <vector>

#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

// False: to the caller this resource does not exist. Otherwise `version` is what may leave, and
// `disclosed` names it ("Patient/1/_history/2").
bool disclose(StoredVersion& version, std::vector<std::string>& disclosed);

// "Patient/1/_history/2".
std::string version_path(std::string_view type, std::string_view id, std::uint64_t version);

}  // namespace gatehouse::gateway
