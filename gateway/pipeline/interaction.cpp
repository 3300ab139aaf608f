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
    case Interaction::history_type: return "history-type";
    case Interaction::history_system: return "history-system";
    case Interaction::create: return "create";
    case Interaction::update: return "update";
    case Interaction::patch: return "patch";
    case Interaction::remove: return "delete";
    case Interaction::transaction: return "transaction";
    case Interaction::meta: return "meta";
    case Interaction::meta_add: return "meta-add";
    case Interaction::meta_delete: return "meta-delete";
    case Interaction::document: return "document";
    case Interaction::everything: return "everything";
    case Interaction::lastn: return "lastn";
    case Interaction::match: return "match";
    case Interaction::process_message: return "process-message";
    case Interaction::validate: return "validate";
    case Interaction::expand: return "expand";
    case Interaction::validate_code: return "validate-code";
    case Interaction::lookup: return "lookup";
    case Interaction::subsumes: return "subsumes";
    case Interaction::translate: return "translate";
    case Interaction::options: return "options";
    case Interaction::openapi: return "openapi";
    case Interaction::smart: return "smart-configuration";
    case Interaction::cancel: return "cancel";
    case Interaction::receipt: return "receipt";
    case Interaction::status: return "status";
    }
    return "unknown";
}

Interaction interaction_named(std::string_view name) noexcept {
    for (auto each = Interaction::capabilities; each <= Interaction::status;
         each = static_cast<Interaction>(static_cast<std::uint8_t>(each) + 1)) {
        if (name == to_string(each)) {
            return each;
        }
    }
    return Interaction::unknown;
}

bool is_write(Interaction interaction) noexcept {
    switch (interaction) {
    case Interaction::create:
    case Interaction::update:
    case Interaction::patch:
    case Interaction::remove:
    case Interaction::transaction:
    case Interaction::meta_add:
    case Interaction::meta_delete:
    case Interaction::process_message: return true;
    default: return false;
    }
}

bool is_terminology(Interaction interaction) noexcept {
    return interaction >= Interaction::expand && interaction <= Interaction::translate;
}

bool may_ask_by_body(Interaction interaction) noexcept {
    return is_terminology(interaction) || interaction == Interaction::everything ||
           interaction == Interaction::lastn || interaction == Interaction::match ||
           interaction == Interaction::meta || interaction == Interaction::document;
}

bool is_open(Interaction interaction) noexcept {
    return interaction == Interaction::capabilities || interaction == Interaction::options ||
           interaction == Interaction::openapi || interaction == Interaction::smart;
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
