// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/interaction.hpp"

namespace gatehouse::gateway {

const char* to_string(Interaction interaction) noexcept {
    switch (interaction) {
    case Interaction::unknown: return "unknown";
    case Interaction::capabilities: return "capabilities";
    case Interaction::read: return "read";
    case Interaction::vread: return "vread";
    case Interaction::search: return "search";
    case Interaction::history_instance: return "history";
    case Interaction::create: return "create";
    case Interaction::update: return "update";
    case Interaction::remove: return "delete";
    case Interaction::transaction: return "transaction";
    case Interaction::validate: return "validate";
    case Interaction::receipt: return "receipt";
    case Interaction::status: return "status";
    }
    return "unknown";
}

bool is_write(Interaction interaction) noexcept {
    return interaction == Interaction::create || interaction == Interaction::update ||
           interaction == Interaction::remove || interaction == Interaction::transaction;
}

std::string_view RestCall::parameter(std::string_view name) const noexcept {
    for (const auto& [key, value] : parameters) {
        if (key == name) {
            return value;
        }
    }
    return {};
}

}  // namespace gatehouse::gateway
