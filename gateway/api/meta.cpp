// SPDX-License-Identifier: Apache-2.0
//
// $meta of a resource or one of its versions (FHIR R4 Resource-meta).
#include "fhir/json/json.hpp"
#include "gateway/api/body.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/operation_parameters.hpp"
#include "gateway/api/operations.hpp"

namespace gatehouse::gateway {

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
