// SPDX-License-Identifier: Apache-2.0
//
// $expand, $validate-code, $lookup, $subsumes and $translate over HTTP: parameters from the query
// or a posted Parameters resource, the instance from the record or the loaded definitions by id,
// the answer from fhir/terminology/operations. A value set, code system or concept map that no
// package has is looked up in the record by its canonical, and leaves through disclose() like any
// other.
#include "fhir/json/json.hpp"
#include "fhir/terminology/operations/operations.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_parameters.hpp"
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

const Element* decode_stored(Envelope& envelope, StoredVersion& version) {
    if (version.deleted() || !disclose(version, envelope.disclosed)) {
        return nullptr;
    }
    const std::string_view kept = envelope.arena->copy(version.json);
    return envelope.rulebook->engine->read(kept, fhir::Format::json, *envelope.arena).root;
}

// By canonical, the newest match.
const Element* stored_by_canonical(
    Envelope& envelope, StoreReader& store, std::string_view type, std::string_view canonical
) {
    const std::size_t bar = canonical.find('|');
    std::vector<std::pair<std::string, std::string>> parameters;
    parameters.emplace_back("url", std::string(canonical.substr(0, bar)));
    if (bar != std::string_view::npos) {
        parameters.emplace_back("version", std::string(canonical.substr(bar + 1)));
    }
    SearchLimits limits;
    limits.now = envelope.received_at;
    ParsedSearch parsed =
        parse_search(std::string(type), parameters, *envelope.rulebook->engine, limits);
    if (fhir::has_errors(parsed.issues)) {
        return nullptr;
    }
    parsed.query.count = 1;
    parsed.query.want_total = false;
    auto page = store.search(parsed.query);
    return !page || page->matches.empty() ? nullptr
                                          : decode_stored(envelope, page->matches.front());
}

// The resource that the URL names: in the record, else among the definitions.
const Element* instance_of(Envelope& envelope, StoreReader& store) {
    const RestCall& call = envelope.call;
    if (auto version = store.read(call.type, call.id)) {
        if (const Element* root = decode_stored(envelope, *version)) {
            return root;
        }
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

Response answer_terminology(Envelope& envelope, const ApiContext&, StoreReader& store) {
    const fhir::Engine& engine = *envelope.rulebook->engine;
    fhir::OperationRequest request;
    request.operation = terminology_operation_of(envelope.call.interaction);
    request.type = envelope.call.type;
    request.time = to_instant(envelope.received_at);
    request.identifier = "urn:uuid:" + random_uuid();
    if (!envelope.call.id.empty()) {
        request.instance = instance_of(envelope, store);
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
        return stored_by_canonical(envelope, store, type, canonical);
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
