#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A file from a registry, for `gatehouse packages add`. Runs curl, so that proxies and trusted
// certificates are those of the machine; nothing else in the program makes such a call, and nothing
// makes it unasked.

#include <filesystem>
#include <string>

#include "fhir/base/result.hpp"

namespace gatehouse::cli {

// Downloads `url` (http or https) to `file`. Blocks, at most five minutes. Errc::io says what curl
// said; Errc::unsupported: curl is not installed.
Result<void> fetch(const std::string& url, const std::filesystem::path& file);

}  // namespace gatehouse::cli
