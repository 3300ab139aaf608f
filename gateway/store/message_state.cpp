// SPDX-License-Identifier: Apache-2.0
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

const char* to_string(MessageState state) noexcept {
    switch (state) {
    case MessageState::received: return "received";
    case MessageState::stored: return "stored";
    case MessageState::rejected: return "rejected";
    case MessageState::held: return "held";
    case MessageState::duplicate: return "duplicate";
    case MessageState::superseded: return "superseded";
    }
    return "received";
}

}  // namespace gatehouse::gateway
