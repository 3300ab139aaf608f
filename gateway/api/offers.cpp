// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/offers.hpp"

#include <algorithm>

namespace gatehouse::gateway {
namespace {

constexpr OperationOffer offered[] = {
    {"validate",
     Interaction::validate,
     "http://hl7.org/fhir/OperationDefinition/Resource-validate",
     "",
     at_system | at_type | at_instance,
     false,
     true},
    {"meta",
     Interaction::meta,
     "http://hl7.org/fhir/OperationDefinition/Resource-meta",
     "",
     at_system | at_type | at_instance | at_version,
     true,
     true},
    {"meta-add",
     Interaction::meta_add,
     "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
     "",
     at_instance | at_version,
     false,
     true},
    {"meta-delete",
     Interaction::meta_delete,
     "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
     "",
     at_instance | at_version,
     false,
     true},
    {"document",
     Interaction::document,
     "http://hl7.org/fhir/OperationDefinition/Composition-document",
     "Composition",
     at_type | at_instance,
     true,
     true},
    {"everything",
     Interaction::everything,
     "http://hl7.org/fhir/OperationDefinition/Patient-everything",
     "Patient",
     at_instance,
     true,
     true},
    {"everything",
     Interaction::everything,
     "http://hl7.org/fhir/OperationDefinition/Encounter-everything",
     "Encounter",
     at_instance,
     true,
     true},
    {"lastn",
     Interaction::lastn,
     "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
     "Observation",
     at_type,
     true,
     true},
    {"match",
     Interaction::match,
     "http://hl7.org/fhir/OperationDefinition/Patient-match",
     "Patient",
     at_type,
     false,
     true},
    {"process-message",
     Interaction::process_message,
     "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
     "",
     at_system,
     false,
     true},
    {"expand",
     Interaction::expand,
     "http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
     "ValueSet",
     at_type | at_instance,
     true,
     true},
    {"validate-code",
     Interaction::validate_code,
     "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
     "ValueSet",
     at_type | at_instance,
     true,
     true},
    {"validate-code",
     Interaction::validate_code,
     "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code",
     "CodeSystem",
     at_type | at_instance,
     true,
     true},
    {"lookup",
     Interaction::lookup,
     "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
     "CodeSystem",
     at_type,
     true,
     true},
    {"subsumes",
     Interaction::subsumes,
     "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
     "CodeSystem",
     at_type | at_instance,
     true,
     true},
    {"translate",
     Interaction::translate,
     "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
     "ConceptMap",
     at_type | at_instance,
     true,
     true},
    {"receipt",
     Interaction::receipt,
     "https://gatehouse.example/OperationDefinition/receipt",
     "",
     at_system,
     true,
     false},
};

struct InteractionOffer {
    Interaction interaction;
    std::string_view code;  // http://hl7.org/fhir/restful-interaction
};

constexpr InteractionOffer of_types[] = {
    {Interaction::read, "read"},
    {Interaction::vread, "vread"},
    {Interaction::update, "update"},
    {Interaction::patch, "patch"},
    {Interaction::remove, "delete"},
    {Interaction::history_instance, "history-instance"},
    {Interaction::history_type, "history-type"},
    {Interaction::create, "create"},
    {Interaction::search, "search-type"}};

constexpr InteractionOffer of_system[] = {
    {Interaction::search, "search-system"},
    {Interaction::transaction, "transaction"},
    {Interaction::transaction, "batch"},
    {Interaction::history_system, "history-system"}};

std::vector<std::string_view>
codes_allowed(const Offers& offers, std::span<const InteractionOffer> all) {
    std::vector<std::string_view> codes;
    for (const InteractionOffer& offer : all) {
        if (offers.allows(offer.interaction)) {
            codes.push_back(offer.code);
        }
    }
    return codes;
}

}  // namespace

std::span<const OperationOffer> operation_offers() noexcept {
    return offered;
}

const OperationOffer*
find_operation(std::string_view name, unsigned level, std::string_view type) noexcept {
    for (const OperationOffer& offer : offered) {
        if (offer.name == name && (offer.levels & level) != 0 &&
            (offer.type.empty() || offer.type == type)) {
            return &offer;
        }
    }
    return nullptr;
}

Offers::Offers(const Envelope& envelope, const ApiContext& context)
    : context_(context), engine_(*envelope.rulebook->engine) {
    std::vector<std::string> wanted;
    const Partner* partner = envelope.credential.partner.get();
    if (partner != nullptr && !partner->all_rights && envelope.rulebook->policy != nullptr) {
        PartnerLimits limits = envelope.rulebook->policy->limits(*partner, envelope.organisation);
        wanted = std::move(limits.types);
        interactions_ = std::move(limits.interactions);
    }
    const fhir::TypeModel& types = engine_.types();
    for (fhir::TypeId id = 1; id < types.type_count(); ++id) {
        const fhir::TypeInfo& type = types.type(id);
        const bool allowed =
            wanted.empty() || std::find(wanted.begin(), wanted.end(), type.name) != wanted.end();
        if (type.kind == fhir::TypeKind::resource && !type.abstract && allowed) {
            types_.push_back(&type);
        }
    }
    std::sort(types_.begin(), types_.end(), [](const auto* a, const auto* b) {
        return a->name < b->name;
    });
}

bool Offers::allows(Interaction interaction) const {
    return interactions_.empty() ||
           std::find(interactions_.begin(), interactions_.end(), to_string(interaction)) !=
               interactions_.end();
}

std::vector<std::string_view> Offers::type_interactions() const {
    return codes_allowed(*this, of_types);
}

std::vector<std::string_view> Offers::system_interactions() const {
    return codes_allowed(*this, of_system);
}

std::vector<const OperationOffer*>
Offers::operations(unsigned levels, std::string_view type) const {
    std::vector<const OperationOffer*> out;
    for (const OperationOffer& offer : offered) {
        const bool fits =
            (offer.levels & levels) != 0 && (offer.type.empty() || offer.type == type);
        if (fits && allows(offer.interaction)) {
            out.push_back(&offer);
        }
    }
    return out;
}

void begin_statement(
    fhir::JsonWriter& json,
    std::string_view resource_type,
    const Envelope& envelope,
    const ApiContext& context
) {
    json.begin_object();
    json.key("resourceType").string(resource_type);
    json.key("status").string("active");
    // Of what it states, which is as old as the rules: the same statement has the same date.
    const Micros since = envelope.rulebook->loaded_at;
    json.key("date").string(to_instant(since != 0 ? since : envelope.received_at));
    json.key("kind").string("instance");
    json.key("software").begin_object();
    json.key("name").string("Gatehouse");
    json.key("version").string(context.software_version);
    json.end_object();
    json.key("implementation").begin_object();
    json.key("description").string("Gatehouse shared care record gateway");
    json.key("url").string(context.base);
    json.end_object();
}

}  // namespace gatehouse::gateway
