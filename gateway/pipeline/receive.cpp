// SPDX-License-Identifier: Apache-2.0
//
// Stage 1: a request becomes an envelope with our message id and the rulebook it will be judged by.
#include "gateway/base/ids.hpp"
#include "gateway/pipeline/pipeline.hpp"

namespace gatehouse::gateway {

Envelope receive(Request request, std::shared_ptr<const Rulebook> rulebook, Micros now) {
    Envelope envelope;
    envelope.id = make_ulid(now);
    envelope.received_at = now;
    envelope.rulebook = std::move(rulebook);
    // Mirrored in the answer and kept in the receipt: bounded, and nothing that could split a
    // header.
    const std::string_view id = request.headers.get("X-Request-ID");
    for (const char c : id.substr(0, 128)) {
        if (c > 0x20 && c < 0x7F) {
            envelope.request_id.push_back(c);
        }
    }
    envelope.request = std::move(request);
    return envelope;
}

}  // namespace gatehouse::gateway
