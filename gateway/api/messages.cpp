// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/messages.hpp"

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

PlanRefusal refuse_message(int status, IssueType type, std::string text, std::string expression) {
    return {
        status,
        {request_issue(
            type, "process-message", std::move(text), std::move(expression), "INVALID_RESOURCE"
        )}};
}

}  // namespace

std::optional<PlanRefusal> plan_message(Envelope& envelope, WritePlan& plan, PlannedEntry& entry) {
    fhir::Element& bundle = *envelope.root;
    if (bundle.resource_type() != "Bundle" || bundle.child_value("type") != "message") {
        return refuse_message(
            400,
            IssueType::invalid,
            "$process-message takes a Bundle of type message.",
            bundle.resource_type() == "Bundle" ? "Bundle.type" : ""
        );
    }
    if (envelope.call.parameter("async") == "true" ||
        !envelope.call.parameter("response-url").empty()) {
        return refuse_message(
            501,
            IssueType::not_supported,
            "Responses are not sent to other places. Ask with Prefer: respond-async to fetch the "
            "answer later.",
            {}
        );
    }
    const fhir::Element* first = bundle.child("entry");
    const fhir::Element* header = first == nullptr ? nullptr : first->child("resource");
    if (header == nullptr || header->resource_type() != "MessageHeader") {
        return refuse_message(
            422,
            IssueType::structure,
            "The first entry of a message is its MessageHeader.",
            "Bundle.entry[0].resource"
        );
    }
    if (header->child_value("id").empty()) {
        return refuse_message(
            422,
            IssueType::required,
            "The MessageHeader needs an id, which the response names.",
            "Bundle.entry[0].resource.id"
        );
    }
    plan.message = true;
    plan.message_header_id = header->child_value("id");
    const fhir::TypeModel& types = envelope.rulebook->engine->types();
    if (const fhir::Element* coding = header->child("eventCoding")) {
        plan.message_event = "\"eventCoding\":";
        fhir::write_json(*coding, &types, {}, plan.message_event);
    } else {
        plan.message_event = "\"eventUri\":";
        fhir::append_json_string(plan.message_event, header->child_value("eventUri"));
    }
    if (const fhir::Element* source = header->child("source")) {
        plan.message_source = source->child_value("endpoint");
    }
    entry.kind = PlanKind::create;
    entry.resource.type = "Bundle";
    entry.resource.id = derived_uuid(envelope.id, 0);
    return std::nullopt;
}

std::string message_answer(const WritePlan& plan, const std::string& message_id, Micros at) {
    const std::string bundle_id = derived_uuid(message_id, 1);
    const std::string header_id = derived_uuid(message_id, 2);
    fhir::JsonWriter json;
    json.begin_object().key("resourceType").string("Bundle");
    json.key("id").string(bundle_id);
    json.key("type").string("message");
    json.key("timestamp").string(to_instant(at));
    json.key("entry").begin_array().begin_object();
    json.key("fullUrl").string("urn:uuid:" + header_id);
    std::string header = R"({"resourceType":"MessageHeader","id":")" + header_id + "\",";
    header += plan.message_event;
    if (!plan.message_source.empty()) {
        header += R"(,"destination":[{"endpoint":)";
        fhir::append_json_string(header, plan.message_source);
        header += "}]";
    }
    header += R"(,"source":{"endpoint":)";
    fhir::append_json_string(header, plan.base);
    header += R"(},"response":{"identifier":)";
    fhir::append_json_string(header, plan.message_header_id);
    header += R"(,"code":"ok"}})";
    json.key("resource").raw(header);
    json.end_object().end_array().end_object();
    return json.take();
}

}  // namespace gatehouse::gateway
