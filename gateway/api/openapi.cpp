// SPDX-License-Identifier: Apache-2.0
//
// The OpenAPI 3.1 document and the SMART configuration, from the same tables as the capability
// statement. What is alike for every type stands once, in components.
#include "fhir/json/value.hpp"
#include "gateway/api/compartments.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/offers.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_parameters.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonWriter;

class OpenApi {
public:
    explicit OpenApi(const Offers& offers) : offers_(offers) {}

    std::string write() {
        json_.begin_object();
        json_.key("openapi").string("3.1.0");
        json_.key("info").begin_object();
        json_.key("title").string("Gatehouse record API");
        json_.key("description")
            .string("FHIR R4 (4.0.1) REST API of this gateway, as it is offered to the caller.");
        json_.key("version").string(offers_.context().software_version);
        json_.end_object();
        json_.key("servers").begin_array().begin_object();
        json_.key("url").string(offers_.context().base);
        json_.end_object().end_array();
        json_.key("security").begin_array();
        json_.begin_object().key("bearer").begin_array().end_array().end_object();
        json_.begin_object().key("certificate").begin_array().end_array().end_object();
        json_.end_array();
        json_.key("paths").begin_object();
        system_paths();
        for (const fhir::TypeInfo* type : offers_.types()) {
            type_paths(*type);
        }
        json_.end_object();
        components();
        json_.end_object();
        return json_.take();
    }

private:
    static constexpr const char* search_parameters[] = {
        "_id",
        "_lastUpdated",
        "_count",
        "_sort",
        "_total",
        "_include",
        "_revinclude",
        "_contained",
        "_containedType",
        "_format",
        "_pretty",
        "_summary",
        "_elements"};

    struct Call {
        const char* method;
        Interaction interaction;
        const char* summary;
        const char* body;  // component requestBody, or null
    };

    void parameter(std::string_view name, std::string_view where, std::string_view description) {
        json_.begin_object();
        json_.key("name").string(name);
        json_.key("in").string(where);
        if (where == "path") {
            json_.key("required").boolean(true);
        }
        if (!description.empty()) {
            json_.key("description").string(description);
        }
        json_.key("schema").begin_object().key("type").string("string").end_object();
        json_.end_object();
    }
    void reference(std::string_view kind, std::string_view name) {
        json_.begin_object();
        json_.key("$ref").string("#/components/" + std::string(kind) + "/" + std::string(name));
        json_.end_object();
    }
    // `shown`: the response that a success is.
    void responses(const char* shown = "Resource") {
        json_.key("responses").begin_object();
        json_.key("204");
        reference("responses", "Nothing");
        json_.key("304");
        reference("responses", "Nothing");
        json_.key("2XX");
        reference("responses", shown);
        json_.key("4XX");
        reference("responses", "Refusal");
        json_.key("5XX");
        reference("responses", "Refusal");
        json_.end_object();
    }
    void operation(const Call& call, const char* shown = "Resource") {
        if (!offers_.allows(call.interaction)) {
            return;
        }
        json_.key(call.method).begin_object();
        json_.key("summary").string(call.summary);
        if (call.body != nullptr) {
            json_.key("requestBody");
            reference("requestBodies", call.body);
        }
        responses(shown);
        json_.end_object();
    }
    void general_parameters(std::initializer_list<const char*> path) {
        json_.key("parameters").begin_array();
        for (const char* name : path) {
            reference("parameters", name);
        }
        for (const char* name : {"_format", "_pretty", "_summary", "_elements"}) {
            reference("parameters", name);
        }
        json_.end_array();
    }
    void offered_operation(const OperationOffer& offer, bool instance = false) {
        // Reading is also how $validate judges what is stored.
        if (offer.get || (offer.interaction == Interaction::validate && instance)) {
            operation({"get", offer.interaction, offer.definition.data(), nullptr});
        }
        if (offer.post) {
            operation({"post", offer.interaction, offer.definition.data(), "Resource"});
        }
    }

    void system_paths() {
        json_.key("/").begin_object();
        searching({}, "Search over several types", {"_type"});
        operation({"post", Interaction::transaction, "Batch or transaction", "Resource"});
        json_.end_object();
        json_.key("/_search");
        reference("pathItems", "PostedSearch");
        open_path("/metadata", "Capability statement", "Resource");
        open_path("/openapi.json", "This document", "Document");
        json_.key("/_history").begin_object();
        general_parameters({"_count", "_since", "_at", "_list"});
        operation({"get", Interaction::history_system, "History of everything", nullptr});
        json_.end_object();
        for (const OperationOffer* offer : offers_.operations(at_system, {})) {
            json_.key("/$" + std::string(offer->name)).begin_object();
            if (offer->interaction == Interaction::receipt) {
                json_.key("parameters").begin_array();
                parameter("id", "query", "Message id, or your X-Request-ID");
                json_.end_array();
            }
            offered_operation(*offer);
            json_.end_object();
        }
    }
    // GET as a search, with what every search takes, and what a type's does.
    void searching(
        const fhir::TypeInfo* type,
        const std::string& summary,
        std::initializer_list<const char*> more,
        std::initializer_list<const char*> path = {}
    ) {
        if (!offers_.allows(Interaction::search)) {
            return;
        }
        json_.key("get").begin_object();
        json_.key("summary").string(summary);
        json_.key("parameters").begin_array();
        for (const char* name : path) {
            reference("parameters", name);
        }
        for (const char* name : more) {
            reference("parameters", name);
        }
        for (const char* name : search_parameters) {
            reference("parameters", name);
        }
        if (type != nullptr) {
            for (const fhir::SearchParameter* search : offers_.engine().search()->all(type->name)) {
                if (search->searchable && search->code != "_id" && search->code != "_lastUpdated") {
                    parameter(search->code, "query", to_string(search->type));
                }
            }
            for (const std::string_view name : searched_without_definition) {
                parameter(name, "query", "special");
            }
        }
        json_.end_array();
        responses();
        json_.end_object();
    }
    void open_path(const char* path, const char* summary, const char* response) {
        json_.key(path).begin_object().key("get").begin_object();
        json_.key("summary").string(summary);
        json_.key("security").begin_array().end_array();
        json_.key("responses").begin_object();
        json_.key("200");
        reference("responses", response);
        json_.key("4XX");
        reference("responses", "Refusal");
        json_.end_object().end_object().end_object();
    }

    void type_paths(const fhir::TypeInfo& type) {
        const std::string path = "/" + type.name;
        json_.key(path).begin_object();
        searching(&type, "Search " + type.name, {});
        operation(
            {"post", Interaction::create, "Create; conditional with If-None-Exist", "Resource"}
        );
        operation({"put", Interaction::update, "Conditional update", "Resource"});
        operation({"patch", Interaction::patch, "Conditional patch", "Patch"});
        operation({"delete", Interaction::remove, "Conditional delete", nullptr});
        json_.end_object();
        json_.key(path + "/{id}");
        reference("pathItems", type.name == "Binary" ? "Content" : "Instance");
        json_.key(path + "/_history");
        reference("pathItems", "TypeHistory");
        json_.key(path + "/{id}/_history");
        reference("pathItems", "InstanceHistory");
        json_.key(path + "/{id}/_history/{vid}");
        reference("pathItems", type.name == "Binary" ? "ContentVersion" : "Version");
        json_.key(path + "/_search");
        reference("pathItems", "PostedSearch");
        if (compartment_of(type.name, offers_.engine())) {
            json_.key(path + "/{id}/{type}");
            reference("pathItems", "Compartment");
        }
        for (const OperationOffer* offer : offers_.operations(at_type, type.name)) {
            json_.key(path + "/$" + std::string(offer->name)).begin_object();
            if (offer->interaction == Interaction::lastn) {
                json_.key("parameters").begin_array();
                for (const char* name : {"max", "patient", "category", "code"}) {
                    parameter(name, "query", {});
                }
                json_.end_array();
            }
            offered_operation(*offer);
            json_.end_object();
        }
        for (const OperationOffer* offer : offers_.operations(at_instance, type.name)) {
            json_.key(path + "/{id}/$" + std::string(offer->name)).begin_object();
            if (offer->interaction == Interaction::everything) {
                general_parameters({"id", "_since", "_type", "_count"});
            } else {
                general_parameters({"id"});
            }
            offered_operation(*offer, true);
            json_.end_object();
        }
    }

    // A resource and its versions, which are read as `shown`.
    void instance(const char* name, const char* version, const char* shown) {
        json_.key(name).begin_object();
        general_parameters({"id"});
        operation({"get", Interaction::read, "Read", nullptr}, shown);
        operation({"put", Interaction::update, "Update, with If-Match", "Resource"});
        operation({"patch", Interaction::patch, "Patch, with If-Match", "Patch"});
        operation({"delete", Interaction::remove, "Delete", nullptr});
        json_.end_object();
        json_.key(version).begin_object();
        general_parameters({"id", "vid"});
        operation({"get", Interaction::vread, "Read a version", nullptr}, shown);
        json_.end_object();
    }

    void path_items() {
        json_.key("pathItems").begin_object();
        instance("Instance", "Version", "Resource");
        instance("Content", "ContentVersion", "Content");  // of a Binary
        json_.key("PostedSearch").begin_object();
        operation({"post", Interaction::search, "Search, parameters as a form", "Form"});
        json_.end_object();
        json_.key("Compartment").begin_object();
        searching(nullptr, "Search in a compartment; * for all types", {"_type"}, {"id", "type"});
        json_.end_object();
        json_.key("InstanceHistory").begin_object();
        general_parameters({"id", "_count", "_since", "_at"});
        operation({"get", Interaction::history_instance, "History of a resource", nullptr});
        json_.end_object();
        json_.key("TypeHistory").begin_object();
        general_parameters({"_count", "_since", "_at", "_list"});
        operation({"get", Interaction::history_type, "History of a type", nullptr});
        json_.end_object();
        json_.end_object();
    }

    void content(std::initializer_list<const char*> types, const char* schema) {
        json_.key("content").begin_object();
        for (const char* type : types) {
            json_.key(type).begin_object().key("schema");
            reference("schemas", schema);
            json_.end_object();
        }
        json_.end_object();
    }

    void components() {
        json_.key("components").begin_object();
        json_.key("securitySchemes").begin_object();
        json_.key("bearer").begin_object().key("type").string("http").key("scheme").string("bearer"
        );
        json_.end_object();
        json_.key("certificate").begin_object().key("type").string("mutualTLS").end_object();
        json_.end_object();
        json_.key("schemas").begin_object();
        json_.key("Resource")
            .raw(
                R"({"type":"object","required":["resourceType"],"properties":{"resourceType":{"type":"string"}}})"
            );
        json_.key("OperationOutcome")
            .raw(
                R"({"type":"object","required":["resourceType","issue"],"properties":{"resourceType":{"const":"OperationOutcome"},"issue":{"type":"array","minItems":1}}})"
            );
        json_.key("Form").raw(R"({"type":"object","additionalProperties":{"type":"string"}})");
        json_.key("JsonPatch")
            .raw(R"({"type":"array","items":{"type":"object","required":["op","path"]}})");
        json_.end_object();
        json_.key("parameters").begin_object();
        for (const char* name : {"id", "vid", "type"}) {
            json_.key(name);
            parameter(name, "path", {});
        }
        for (const char* name :
             {"_id",
              "_lastUpdated",
              "_count",
              "_sort",
              "_total",
              "_type",
              "_include",
              "_revinclude",
              "_contained",
              "_containedType",
              "_format",
              "_pretty",
              "_summary",
              "_elements",
              "_since",
              "_at",
              "_list"}) {
            json_.key(name);
            parameter(name, "query", {});
        }
        json_.end_object();
        json_.key("requestBodies").begin_object();
        json_.key("Resource").begin_object();
        content({"application/fhir+json", "application/fhir+xml"}, "Resource");
        json_.end_object();
        json_.key("Form").begin_object();
        content({"application/x-www-form-urlencoded"}, "Form");
        json_.end_object();
        json_.key("Patch").begin_object();
        json_.key("content").begin_object();
        json_.key("application/json-patch+json").begin_object().key("schema");
        reference("schemas", "JsonPatch");
        json_.end_object();
        json_.key("application/fhir+json").begin_object().key("schema");
        reference("schemas", "Resource");
        json_.end_object();
        json_.end_object().end_object();
        json_.end_object();
        json_.key("responses").begin_object();
        json_.key("Nothing")
            .begin_object()
            .key("description")
            .string("Nothing to show: deleted, or what the caller holds is current");
        json_.end_object();
        json_.key("Document").begin_object().key("description").string("A JSON document");
        json_.key("content").raw(R"({"application/json":{"schema":{"type":"object"}}})");
        json_.end_object();
        json_.key("Resource")
            .begin_object()
            .key("description")
            .string("What was asked for; without a body where there is nothing to show");
        content({"application/fhir+json", "application/fhir+xml"}, "Resource");
        json_.end_object();
        json_.key("Content")
            .begin_object()
            .key("description")
            .string("The content as it is, or the Binary where a format of FHIR is asked for");
        json_.key("content").raw(R"({"*/*":{}})");
        json_.end_object();
        json_.key("Refusal").begin_object().key("description").string("Why not, in words");
        content({"application/fhir+json", "application/fhir+xml"}, "OperationOutcome");
        json_.end_object();
        json_.end_object();
        path_items();
        json_.end_object();
    }

    const Offers& offers_;
    JsonWriter json_;
};

void write_strings(JsonWriter& json, const char* name, const std::vector<std::string>& values) {
    json.key(name).begin_array();
    for (const std::string& value : values) {
        json.string(value);
    }
    json.end_array();
}

}  // namespace

Response answer_openapi(Envelope& envelope, const ApiContext& context) {
    const Offers offers(envelope, context);
    envelope.raw_answer = true;
    Response response;
    response.headers.set("Content-Type", "application/json; charset=utf-8");
    response.body = OpenApi(offers).write();
    return response;
}

// SMART App Launch, .well-known/smart-configuration: where tokens come from, if an authorization
// server is configured; this gateway is none itself.
Response answer_smart(Envelope& envelope, const ApiContext& context) {
    const SmartEndpoints& smart = context.smart;
    if (smart.token_endpoint.empty()) {
        return refusal(
            404,
            {request_issue(
                fhir::IssueType::not_found,
                "smart-configuration",
                "No authorization server is configured here: partners use the bearer tokens or "
                "client certificates they were registered with.",
                {},
                "NO_RECORD_FOUND"
            )},
            envelope
        );
    }
    const Offers offers(envelope, context);
    envelope.raw_answer = true;
    JsonWriter json;
    json.begin_object();
    if (!smart.issuer.empty()) {
        json.key("issuer").string(smart.issuer);
    }
    if (!smart.jwks_uri.empty()) {
        json.key("jwks_uri").string(smart.jwks_uri);
    }
    std::vector<std::string> grants{"client_credentials"};
    std::vector<std::string> capabilities{"client-confidential-asymmetric", "permission-v1"};
    if (!smart.authorization_endpoint.empty()) {
        json.key("authorization_endpoint").string(smart.authorization_endpoint);
        grants.insert(grants.begin(), "authorization_code");
    }
    json.key("token_endpoint").string(smart.token_endpoint);
    write_strings(json, "token_endpoint_auth_methods_supported", {"private_key_jwt"});
    write_strings(json, "grant_types_supported", grants);
    std::vector<std::string> scopes;
    for (const fhir::TypeInfo* type : offers.types()) {
        if (offers.allows(Interaction::read)) {
            scopes.push_back("system/" + type->name + ".read");
        }
        if (offers.allows(Interaction::update)) {
            scopes.push_back("system/" + type->name + ".write");
        }
    }
    write_strings(json, "scopes_supported", scopes);
    write_strings(json, "response_types_supported", {"code"});
    write_strings(json, "code_challenge_methods_supported", {"S256"});
    write_strings(json, "capabilities", capabilities);
    json.end_object();
    Response response;
    response.headers.set("Content-Type", "application/json; charset=utf-8");
    response.body = json.take();
    return response;
}

}  // namespace gatehouse::gateway
