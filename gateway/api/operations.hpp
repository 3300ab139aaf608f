#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Interactions that are not plain reads, each in a file of its own; answer() dispatches to them.

#include "gateway/api/api.hpp"

namespace gatehouse::gateway {

// capabilities.cpp: GET metadata. True to what is on: built from the types and parameters of the
// engine.
Response answer_capabilities(Envelope& envelope, const ApiContext& context);
// terminology_capabilities.cpp: the same with mode=terminology.
Response answer_terminology_capabilities(Envelope& envelope, const ApiContext& context);

// openapi.cpp: the same as an OpenAPI 3.1 document; .well-known/smart-configuration.
Response answer_openapi(Envelope& envelope, const ApiContext& context);
Response answer_smart(Envelope& envelope, const ApiContext& context);

// validate_operation.cpp: $validate at system, type and instance level (FHIR R4 Resource-validate).
Response answer_validate(Envelope& envelope, const ApiContext& context, StoreReader& store);

// terminology_operation.cpp: $expand, $validate-code, $lookup, $subsumes, $translate.
Response answer_terminology(Envelope& envelope, const ApiContext& context, StoreReader& store);

// receipts.cpp: $receipt and the status URL of a 202.
Response answer_receipt(Envelope& envelope, const ApiContext& context, StoreReader& store);
Response answer_status(Envelope& envelope, const ApiContext& context, StoreReader& store);
Response answer_cancel(Envelope& envelope, const ApiContext& context, StoreReader& store);

// search.cpp: over a type, several types, or a compartment.
Response answer_search(Envelope& envelope, const ApiContext& context, StoreReader& store);

// everything.cpp: Patient/[id]/$everything, Encounter/[id]/$everything.
Response answer_everything(Envelope& envelope, const ApiContext& context, StoreReader& store);

// lastn.cpp: Observation/$lastn.
Response answer_lastn(Envelope& envelope, const ApiContext& context, StoreReader& store);

// match.cpp: Patient/$match.
Response answer_match(Envelope& envelope, const ApiContext& context, StoreReader& store);

// reads.cpp

// The resource, or version of it, that a call names, as it may leave: disclosed. not_found or gone
// in words for the caller.
Result<StoredVersion>
read_for_answer(Envelope& envelope, const ApiContext& context, StoreReader& store);

// A stored resource as an answer: body, ETag, Last-Modified; 304 where the caller's copy is
// current.
Response resource_answer(Envelope& envelope, StoredVersion version);

// history.cpp: at instance, type and system level.
Response answer_history(Envelope& envelope, const ApiContext& context, StoreReader& store);

// meta.cpp: $meta; and the answer of its sisters, Parameters with the meta of a stored resource.
Response answer_meta(Envelope& envelope, const ApiContext& context, StoreReader& store);
std::string meta_parameters(std::string_view json, const fhir::Engine& engine);

// document.cpp: Composition/$document.
Response answer_document(Envelope& envelope, const ApiContext& context, StoreReader& store);

std::string etag(std::uint64_t version);  // W/"3"

}  // namespace gatehouse::gateway
