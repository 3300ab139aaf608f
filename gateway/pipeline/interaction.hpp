#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Interaction: what a request asks for in FHIR's RESTful terms (FHIR R4 §3.1.0), read from method
// and target alone. gateway/api/routes.cpp makes it.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::gateway {

enum class Interaction : std::uint8_t {
    unknown,
    capabilities,
    read,
    vread,
    search,
    history_instance,
    history_type,
    history_system,
    create,
    update,  // by id, or (without one) conditional on the query; so are patch and remove
    patch,
    remove,
    transaction,  // batch or transaction: decided by Bundle.type
    meta,         // $meta, $meta-add, $meta-delete
    meta_add,
    meta_delete,
    document,         // Composition/$document
    everything,       // Patient/1/$everything, Encounter/1/$everything
    lastn,            // Observation/$lastn
    match,            // Patient/$match
    process_message,  // $process-message
    validate,
    expand,  // the terminology operations, until translate
    validate_code,
    lookup,
    subsumes,
    translate,
    options,
    openapi,
    smart,   // .well-known/smart-configuration
    cancel,  // DELETE of a status URL
    receipt,
    status,  // $receipt, the status URL of a 202
};

const char* to_string(Interaction interaction) noexcept;  // "read"
// The one of that name; unknown if there is none.
Interaction interaction_named(std::string_view name) noexcept;
bool is_write(Interaction interaction) noexcept;
bool is_terminology(Interaction interaction) noexcept;
// Reads whose parameters may come as a posted Parameters resource.
bool may_ask_by_body(Interaction interaction) noexcept;
// About the gateway itself, not about records: answered without a credential.
bool is_open(Interaction interaction) noexcept;

struct RestCall {
    Interaction interaction = Interaction::unknown;
    std::string type;  // "Patient"; empty at system level
    std::string id;
    // Search within a compartment: "Patient" and its id; `type` is empty for all types in it.
    std::string compartment;
    std::string compartment_id;
    std::string version;
    bool validator_door = false;  // `validate`, spoken as HL7's validator server does
    std::vector<std::pair<std::string, std::string>>
        parameters;  // decoded query (and form), in order

    // First value of a parameter, or empty.
    [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;
};

}  // namespace gatehouse::gateway
