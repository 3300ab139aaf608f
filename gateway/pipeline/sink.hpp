#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Sink: the port behind which a destination other than the store lies. Adapters implement it; the
// composition root makes one for each destination that config/routes declares.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway {

// What a destination is told of one message: ids and references, no clinical content.
struct Notification {
    std::string message_id;   // ULID; the same message may come twice
    std::string destination;  // its id
    std::string body;         // JSON (pipeline/notify.hpp)
    std::uint32_t attempt = 1;
};

class Sink {
public:
    virtual ~Sink() = default;
    // True once the destination has it for good. Errc::busy and no_space: it has no room at
    // present, which counts as no attempt; any other fault does. Blocking; called by one thread.
    virtual Result<void> deliver(const Notification& notification) = 0;
};

using Sinks = std::map<std::string, std::shared_ptr<Sink>>;  // by destination id

}  // namespace gatehouse::gateway
