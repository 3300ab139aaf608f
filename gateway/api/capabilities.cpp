// SPDX-License-Identifier: Apache-2.0
//
// CapabilityStatement (FHIR R4 §2.1): what this gateway offers to this caller, written from the
// tables that route and search use (offers.hpp), so that it cannot promise more.
#include <algorithm>

#include "fhir/json/value.hpp"
#include "gateway/api/compartments.hpp"
#include "gateway/api/includes.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/offers.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_parameters.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonWriter;

void write_interactions(JsonWriter& json, const std::vector<std::string_view>& codes) {
    if (codes.empty()) {
        return;
    }
    json.key("interaction").begin_array();
    for (const std::string_view code : codes) {
        json.begin_object().key("code").string(code).end_object();
    }
    json.end_array();
}

void write_operations(
    JsonWriter& json, const std::vector<const OperationOffer*>& operations, bool validator_door
) {
    if (operations.empty() && !validator_door) {
        return;
    }
    json.key("operation").begin_array();
    for (const OperationOffer* operation : operations) {
        json.begin_object();
        json.key("name").string(operation->name);
        json.key("definition").string(operation->definition);
        json.end_object();
    }
    if (validator_door) {
        // Not a FHIR operation, so it is told in words.
        json.begin_object();
        json.key("name").string("validateResource");
        json.key("definition")
            .string("https://gatehouse.example/OperationDefinition/validateResource");
        json.key("documentation")
            .string(
                "POST /validateResource (no $), as HL7's validator server offers it: the resource "
                "is the body, the answer 200 with an OperationOutcome."
            );
        json.end_object();
    }
    json.end_array();
}

void write_profiles(JsonWriter& json, const fhir::TypeInfo& type, const fhir::Engine& engine) {
    std::vector<std::string> profiles;
    for (const fhir::Definition* definition : engine.definitions().all("StructureDefinition")) {
        const fhir::Element* root = definition->root();
        if (root != nullptr && root->child_value("derivation") == "constraint" &&
            root->child_value("type") == type.name &&
            definition->url.substr(0, 20) != "http://hl7.org/fhir/") {
            profiles.emplace_back(definition->url);
        }
    }
    if (profiles.empty()) {
        return;
    }
    std::sort(profiles.begin(), profiles.end());
    json.key("supportedProfile").begin_array();
    for (const std::string& profile : profiles) {
        json.string(profile);
    }
    json.end_array();
}

void write_search(JsonWriter& json, const fhir::TypeInfo& type, const fhir::Engine& engine) {
    json.key("searchParam").begin_array();
    json.begin_object().key("name").string("_lastUpdated").key("type").string("date").end_object();
    json.begin_object().key("name").string("_id").key("type").string("token").end_object();
    for (const fhir::SearchParameter* parameter : engine.search()->all(type.name)) {
        if (!parameter->searchable || parameter->code == "_id" ||
            parameter->code == "_lastUpdated") {
            continue;
        }
        json.begin_object();
        json.key("name").string(parameter->code);
        json.key("definition").string(parameter->url);
        json.key("type").string(to_string(parameter->type));
        json.end_object();
    }
    for (const std::string_view name : searched_without_definition) {
        json.begin_object().key("name").string(name).key("type").string("special").end_object();
    }
    json.end_array();
}

// What _include and _revinclude take for a type: its own reference parameters, and those of the
// types offered that can refer to it.
void write_includes(JsonWriter& json, const fhir::TypeInfo& type, const Offers& offers) {
    json.key("searchInclude").begin_array().string("*");
    for (const std::string& code : reference_parameters(offers.engine(), type.name)) {
        json.string(type.name + ":" + code);
    }
    json.end_array();
    json.key("searchRevInclude").begin_array().string("*");
    for (const fhir::TypeInfo* other : offers.types()) {
        for (const fhir::SearchParameter* parameter : offers.engine().search()->all(other->name)) {
            if (parameter->type == fhir::SearchType::reference &&
                (parameter->targets.empty() || is_among(parameter->targets, type.name))) {
                json.string(other->name + ":" + parameter->code);
            }
        }
    }
    json.end_array();
}

void write_type(JsonWriter& json, const fhir::TypeInfo& type, const Offers& offers) {
    const ApiContext& context = offers.context();
    const bool updates = offers.allows(Interaction::update);
    const bool creates = offers.allows(Interaction::create);
    json.begin_object();
    json.key("type").string(type.name);
    json.key("profile").string(type.url);
    write_profiles(json, type, offers.engine());
    write_interactions(json, offers.type_interactions());
    json.key("versioning").string("versioned-update");
    json.key("readHistory").boolean(offers.allows(Interaction::vread));
    json.key("updateCreate").boolean(updates && context.update_create);
    json.key("conditionalCreate").boolean(creates);
    json.key("conditionalRead")
        .string(offers.allows(Interaction::read) ? "full-support" : "not-supported");
    json.key("conditionalUpdate").boolean(updates);
    json.key("conditionalDelete")
        .string(
            !offers.allows(Interaction::remove) ? "not-supported"
            : context.delete_max > 1            ? "multiple"
                                                : "single"
        );
    json.key("referencePolicy").begin_array().string("literal").string("logical");
    if (context.check_references) {
        json.string("enforced");
    }
    json.end_array();
    if (offers.allows(Interaction::search)) {
        write_includes(json, type, offers);
        write_search(json, type, offers.engine());
    }
    write_operations(json, offers.operations(at_type | at_instance, type.name), false);
    json.end_object();
}

// Those that can be searched in.
void write_compartments(JsonWriter& json, const Offers& offers) {
    std::vector<std::string> canonicals;
    for (const fhir::TypeInfo* type : offers.types()) {
        if (offers.allows(Interaction::search) && compartment_of(type->name, offers.engine())) {
            canonicals.push_back(compartment_canonical(type->name));
        }
    }
    if (canonicals.empty()) {
        return;
    }
    json.key("compartment").begin_array();
    for (const std::string& canonical : canonicals) {
        json.string(canonical);
    }
    json.end_array();
}

void write_security(JsonWriter& json, const ApiContext& context) {
    json.key("security").begin_object();
    if (!context.smart.token_endpoint.empty()) {
        json.key("extension").begin_array().begin_object();
        json.key("url").string(
            "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
        );
        json.key("extension").begin_array();
        json.begin_object().key("url").string("token");
        json.key("valueUri").string(context.smart.token_endpoint).end_object();
        if (!context.smart.authorization_endpoint.empty()) {
            json.begin_object().key("url").string("authorize");
            json.key("valueUri").string(context.smart.authorization_endpoint).end_object();
        }
        json.end_array().end_object().end_array();
    }
    json.key("cors").boolean(!context.cors_origins.empty());
    if (!context.smart.token_endpoint.empty()) {
        json.key("service").begin_array().begin_object().key("coding").begin_array().begin_object();
        json.key("system").string("http://terminology.hl7.org/CodeSystem/restful-security-service");
        json.key("code").string("SMART-on-FHIR");
        json.end_object().end_array().end_object().end_array();
    }
    json.key("description").string("Bearer token or client certificate of a registered partner.");
    json.end_object();
}

}  // namespace

Response answer_capabilities(Envelope& envelope, const ApiContext& context) {
    const auto mode = envelope.call.parameter("mode");
    if (mode == "terminology") {
        return answer_terminology_capabilities(envelope, context);
    }
    if (!mode.empty() && mode != "full" && mode != "normative") {
        return refusal(
            400,
            {request_issue(
                fhir::IssueType::not_supported,
                "http-parameter",
                "mode takes full, normative or terminology.",
                {},
                "INVALID_PARAMETER"
            )},
            envelope
        );
    }
    const Offers offers(envelope, context);
    JsonWriter json;
    begin_statement(json, "CapabilityStatement", envelope, context);
    json.key("fhirVersion").string("4.0.1");
    json.key("format").begin_array();
    json.string("application/fhir+json").string("application/fhir+xml");
    json.end_array();
    if (offers.allows(Interaction::patch)) {
        json.key("patchFormat").begin_array();
        json.string("application/json-patch+json")
            .string("application/fhir+json")
            .string("application/fhir+xml");
        json.end_array();
    }
    json.key("rest").begin_array().begin_object();
    json.key("mode").string("server");
    write_security(json, context);
    if (!offers.types().empty()) {
        json.key("resource").begin_array();
        for (const fhir::TypeInfo* type : offers.types()) {
            write_type(json, *type, offers);
        }
        json.end_array();
    }
    write_interactions(json, offers.system_interactions());
    write_operations(json, offers.operations(at_system, {}), context.validator_door.enabled);
    write_compartments(json, offers);
    json.end_object().end_array();
    json.end_object();
    Response response;
    response.body = json.take();
    return response;
}

}  // namespace gatehouse::gateway
