#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Putting a stored body together: head + version and time + tail (see SplitJson). One spelling for
// the store, which does it on read, and the API, which does it for the answer of a write.

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

inline std::string assemble_json(
    std::string_view head, std::string_view tail, std::uint64_t version, Micros last_updated
) {
    const std::string number = std::to_string(version);
    const std::string instant = to_instant(last_updated);
    std::string out;
    out.reserve(head.size() + tail.size() + number.size() + instant.size() + 36);
    out.append(head);
    out.append("\"versionId\":\"");
    out.append(number);
    out.append("\",\"lastUpdated\":\"");
    out.append(instant);
    out.append("\"");
    out.append(tail);
    return out;
}

}  // namespace gatehouse::gateway
