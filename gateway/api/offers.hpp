#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What this gateway offers, in one table: routing looks operations up in it, and the capability
// statement, the OpenAPI document and the SMART configuration are written from it, so none of them
// can promise what a route does not do.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "fhir/json/value.hpp"
#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// Where an operation is called.
inline constexpr unsigned at_system = 1;
inline constexpr unsigned at_type = 2;
inline constexpr unsigned at_instance = 4;
inline constexpr unsigned at_version = 8;

struct OperationOffer {
    std::string_view name;  // without "$"
    Interaction interaction = Interaction::unknown;
    std::string_view definition;  // canonical of its OperationDefinition
    std::string_view type;        // the one resource type it is for; empty: every type
    unsigned levels = 0;
    bool get = false;
    bool post = false;
};

std::span<const OperationOffer> operation_offers() noexcept;
// The operation of that name ("meta-add") at a level of a type, or nullptr.
const OperationOffer*
find_operation(std::string_view name, unsigned level, std::string_view type) noexcept;

// What one caller is offered: everything, or what the limits of its partner leave (guardrail G16).
class Offers {
public:
    // A caller without a credential is told what there is in general.
    Offers(const Envelope& envelope, const ApiContext& context);

    [[nodiscard]] const std::vector<const fhir::TypeInfo*>& types() const noexcept {
        return types_;
    }
    [[nodiscard]] bool allows(Interaction interaction) const;
    // Interactions with a type or an instance, and with the whole system, as the capability
    // statement spells them ("search-type").
    [[nodiscard]] std::vector<std::string_view> type_interactions() const;
    [[nodiscard]] std::vector<std::string_view> system_interactions() const;
    // Operations at a level, for a type (at_type and deeper) or the system.
    [[nodiscard]] std::vector<const OperationOffer*>
    operations(unsigned levels, std::string_view type) const;
    [[nodiscard]] const ApiContext& context() const noexcept { return context_; }
    [[nodiscard]] const fhir::Engine& engine() const noexcept { return engine_; }

private:
    const ApiContext& context_;
    const fhir::Engine& engine_;
    std::vector<std::string> interactions_;  // allowed; empty: all
    std::vector<const fhir::TypeInfo*> types_;
};

// Opens a CapabilityStatement or TerminologyCapabilities: all that is said before what is offered.
void begin_statement(
    fhir::JsonWriter& json,
    std::string_view resource_type,
    const Envelope& envelope,
    const ApiContext& context
);

}  // namespace gatehouse::gateway
