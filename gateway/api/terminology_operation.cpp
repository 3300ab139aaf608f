// SPDX-License-Identifier: Apache-2.0
//
// $expand, $validate-code, $lookup, $subsumes and $translate over HTTP: parameters from the query
// or a posted Parameters resource, the instance from the record or the loaded definitions by id,
// the answer from fhir/terminology/operations. A value set, code system or concept map that no
// package has is looked up in the record by its canonical.
#include "fhir/json/json.hpp"
#include "fhir/terminology/operations/operations.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/stored_definitions.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;
using fhir::TerminologyOperation;

TerminologyOperation terminology_operation_of(Interaction interaction) {
    switch (interaction) {
    case Interaction::expand: return TerminologyOperation::expand;
    case Interaction::validate_code: return TerminologyOperation::validate_code;
    case Interaction::lookup: return TerminologyOperation::lookup;
    case Interaction::subsumes: return TerminologyOperation::subsumes;
    default: break;
    }
    return TerminologyOperation::translate;
}

// The resource that the URL names: in the record, else among the definitions.
const Element* instance_of(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const RestCall& call = envelope.call;
    Exit exit(envelope, context, store);
    if (const Element* root =
            stored_definition(envelope, exit, store, call.type, call.type + "/" + call.id)) {
        return root;
    }
    for (const fhir::Definition* definition :
         envelope.rulebook->engine->definitions().all(call.type)) {
        if (definition->id == call.id) {
            return definition->root();
        }
    }
    return nullptr;
}

}  // namespace

Response answer_terminology(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const fhir::Engine& engine = *envelope.rulebook->engine;
    fhir::OperationRequest request;
    request.operation = terminology_operation_of(envelope.call.interaction);
    request.type = envelope.call.type;
    request.time = to_instant(envelope.received_at);
    request.identifier = "urn:uuid:" + random_uuid();
    if (!envelope.call.id.empty()) {
        request.instance = instance_of(envelope, context, store);
        if (request.instance == nullptr) {
            return refusal(
                Fault(
                    Errc::not_found,
                    "terminology",
                    envelope.call.type + "/" + envelope.call.id + " is not known here."
                ),
                envelope
            );
        }
    }
    for (const auto& [name, value] : envelope.call.parameters) {
        fhir::OperationParameter parameter;
        parameter.name = name;
        parameter.text = value;
        request.parameters.push_back(std::move(parameter));
    }
    if (envelope.root != nullptr) {
        if (envelope.root->resource_type() != "Parameters") {
            return refusal(
                400,
                {request_issue(
                    fhir::IssueType::invalid,
                    "terminology-operation",
                    "A terminology operation is posted as a Parameters resource.",
                    {},
                    "INVALID_PARAMETER"
                )},
                envelope
            );
        }
        add_parameters(*envelope.root, request);
    }
    request.stored = [&](std::string_view type, std::string_view canonical) {
        Exit exit(envelope, context, store);
        return stored_definition(envelope, exit, store, type, canonical);
    };
    fhir::OperationAnswer answer = fhir::run(engine.terminology(), request);
    if (answer.status != 200) {
        return refusal(answer.status, answer.issues, envelope);
    }
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = std::move(answer.json);
    return response;
}

}  // namespace gatehouse::gateway
