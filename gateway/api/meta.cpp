// SPDX-License-Identifier: Apache-2.0
//
// $meta (FHIR R4 Resource-meta): of a resource or one of its versions; of a type or everything, the
// labels that are in use there.
#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/operation_parameters.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_request.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonWriter;

// Labels of one answer; with more the question is too wide.
constexpr std::uint32_t labels_max = 1000;

void write_codings(
    JsonWriter& json, const char* name, const std::vector<std::pair<std::string, std::string>>& all
) {
    if (all.empty()) {
        return;
    }
    json.key(name).begin_array();
    for (const auto& [system, code] : all) {
        json.begin_object();
        if (!system.empty()) {
            json.key("system").string(system);
        }
        if (!code.empty()) {
            json.key("code").string(code);
        }
        json.end_object();
    }
    json.end_array();
}

// Of types whose records are seen or not one by one (Exit::decides) nothing is told: a label could
// be that of a record which is not there for the caller.
Response answer_labels(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const Exit exit(envelope, context, store);
    const fhir::Engine& engine = *envelope.rulebook->engine;
    std::vector<std::string> types;
    for (const std::string& type : engine.search()->types()) {
        const bool asked = envelope.call.type.empty() || envelope.call.type == type;
        if (asked && exit.sees(type) && !exit.decides(type)) {
            types.push_back(type);
        }
    }
    auto labels = store.labels(types, labels_max);
    if (!labels) {
        return search_refusal(labels.error(), envelope);
    }
    JsonWriter json;
    json.begin_object();
    json.key("resourceType").string("Parameters");
    json.key("parameter").begin_array().begin_object();
    json.key("name").string("return");
    json.key("valueMeta").begin_object();
    if (!labels->profiles.empty()) {
        json.key("profile").begin_array();
        for (const std::string& profile : labels->profiles) {
            json.string(profile);
        }
        json.end_array();
    }
    write_codings(json, "security", labels->security);
    write_codings(json, "tag", labels->tags);
    if (labels->profiles.empty() && labels->security.empty() && labels->tags.empty()) {
        // An element is never empty: none are in use.
        json.key("extension").begin_array().begin_object();
        json.key("url").string("http://hl7.org/fhir/StructureDefinition/data-absent-reason");
        json.key("valueCode").string("not-applicable");
        json.end_object().end_array();
    }
    json.end_object().end_object().end_array().end_object();
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = json.take();
    return response;
}

}  // namespace

std::string meta_parameters(std::string_view json, const fhir::Engine& engine) {
    Arena arena;
    const fhir::Decoded decoded = engine.read(json, fhir::Format::json, arena, own_text_limits());
    std::string out = R"({"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":)";
    const fhir::Element* meta = decoded.root == nullptr ? nullptr : decoded.root->child("meta");
    GH_ASSERT(meta != nullptr);  // every stored version has one
    fhir::write_json(*meta, &engine.types(), {}, out);
    out.append("}]}");
    return out;
}

Response answer_meta(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    if (auto refused = read_posted_parameters(envelope)) {  // there are none to read
        return std::move(*refused);
    }
    if (envelope.call.id.empty()) {
        return answer_labels(envelope, context, store);
    }
    auto found = read_for_answer(envelope, context, store);
    if (!found) {
        return refusal(found.error(), envelope);
    }
    const std::string body = meta_parameters(found->json, *envelope.rulebook->engine);
    Response response = resource_answer(envelope, std::move(*found));
    if (response.status == 200) {
        response.headers.erase("Content-Location");
        response.body = body;
    }
    return response;
}

}  // namespace gatehouse::gateway
