// SPDX-License-Identifier: Apache-2.0
//
// CapabilityStatement (FHIR R4 §2.1): what this gateway offers, built from the same tables that
// route and search use, so that it cannot promise more.
#include <algorithm>

#include "fhir/json/value.hpp"
#include "gateway/api/operations.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonWriter;
using fhir::SearchType;

void write_interactions(JsonWriter& json, std::initializer_list<const char*> codes) {
    json.key("interaction").begin_array();
    for (const char* code : codes) {
        json.begin_object().key("code").string(code).end_object();
    }
    json.end_array();
}

void write_type(JsonWriter& json, const fhir::TypeInfo& type, const fhir::Engine& engine) {
    json.begin_object();
    json.key("type").string(type.name);
    json.key("profile").string(type.url);
    std::vector<std::string> profiles;
    for (const fhir::Definition* definition : engine.definitions().all("StructureDefinition")) {
        const fhir::Element* root = definition->root();
        if (root != nullptr && root->child_value("derivation") == "constraint" &&
            root->child_value("type") == type.name &&
            definition->url.substr(0, 20) != "http://hl7.org/fhir/") {
            profiles.emplace_back(definition->url);
        }
    }
    if (!profiles.empty()) {
        std::sort(profiles.begin(), profiles.end());
        json.key("supportedProfile").begin_array();
        for (const std::string& profile : profiles) {
            json.string(profile);
        }
        json.end_array();
    }
    write_interactions(
        json, {"read", "vread", "update", "delete", "history-instance", "create", "search-type"}
    );
    json.key("versioning").string("versioned-update");
    json.key("readHistory").boolean(true);
    json.key("updateCreate").boolean(true);
    json.key("conditionalCreate").boolean(true);
    json.key("conditionalRead").string("not-match");
    json.key("conditionalUpdate").boolean(false);
    json.key("conditionalDelete").string("not-supported");
    json.key("referencePolicy").begin_array().string("literal").string("logical").end_array();
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
    json.end_array();
    json.key("operation").begin_array().begin_object();
    json.key("name").string("validate");
    json.key("definition").string("http://hl7.org/fhir/OperationDefinition/Resource-validate");
    json.end_object().end_array();
    json.end_object();
}

}  // namespace

Response answer_capabilities(Envelope& envelope, const ApiContext& context) {
    const fhir::Engine& engine = *envelope.rulebook->engine;
    const fhir::TypeModel& types = engine.types();
    JsonWriter json;
    json.begin_object();
    json.key("resourceType").string("CapabilityStatement");
    json.key("status").string("active");
    json.key("date").string(to_instant(envelope.received_at));
    json.key("kind").string("instance");
    json.key("software").begin_object();
    json.key("name").string("Gatehouse");
    json.key("version").string(context.software_version);
    json.end_object();
    json.key("implementation").begin_object();
    json.key("description").string("Gatehouse shared care record gateway");
    json.key("url").string(context.base);
    json.end_object();
    json.key("fhirVersion").string("4.0.1");
    json.key("format").begin_array();
    json.string("application/fhir+json")
        .string("application/fhir+xml")
        .string("json")
        .string("xml");
    json.end_array();
    json.key("rest").begin_array().begin_object();
    json.key("mode").string("server");
    json.key("security").begin_object();
    json.key("cors").boolean(false);
    json.key("description").string("Bearer token or client certificate of a registered partner.");
    json.end_object();
    std::vector<const fhir::TypeInfo*> resources;
    for (fhir::TypeId id = 1; id < types.type_count(); ++id) {
        const fhir::TypeInfo& type = types.type(id);
        if (type.kind == fhir::TypeKind::resource && !type.abstract) {
            resources.push_back(&type);
        }
    }
    std::sort(resources.begin(), resources.end(), [](const auto* a, const auto* b) {
        return a->name < b->name;
    });
    json.key("resource").begin_array();
    for (const fhir::TypeInfo* type : resources) {
        write_type(json, *type, engine);
    }
    json.end_array();
    write_interactions(json, {"transaction", "batch"});
    json.key("operation").begin_array();
    json.begin_object();
    json.key("name").string("validate");
    json.key("definition").string("http://hl7.org/fhir/OperationDefinition/Resource-validate");
    json.end_object();
    json.begin_object();
    json.key("name").string("receipt");
    json.key("definition").string("https://gatehouse.example/OperationDefinition/receipt");
    json.end_object();
    if (context.validator_door.enabled) {
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
    json.end_object().end_array();
    json.end_object();
    Response response;
    response.body = json.take();
    return response;
}

}  // namespace gatehouse::gateway
