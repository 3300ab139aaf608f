// SPDX-License-Identifier: Apache-2.0
//
// search (FHIR R4 §3.1.1): over a type, several types, or within a compartment.
#include "fhir/json/json.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_request.hpp"

namespace gatehouse::gateway {
namespace {

// Where contained resources were asked for by themselves: each out of the record that has been
// disclosed, as it is there (FHIR R4 §3.1.1.5.7). False: it did not leave.
bool take_contained(StoredVersion& match, const fhir::Engine& engine) {
    Arena arena;
    const fhir::Decoded decoded = engine.read(match.json, fhir::Format::json, arena);
    if (decoded.root == nullptr) {
        return false;
    }
    for (const fhir::Element& child : decoded.root->children()) {
        if (child.name == "contained" && child.child_value("id") == match.contained) {
            std::string json = fhir::write_json(child, &engine.types());
            match.json = std::move(json);
            return true;
        }
    }
    return false;
}

}  // namespace

Response answer_search(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    Exit exit(envelope, context, store);
    SearchRequest request = read_search(envelope, context, exit, store);
    if (fhir::has_errors(request.issues)) {
        return refusal(request.status, request.issues, envelope);
    }
    const Sieve sieve(envelope, context);
    auto page = gather(request.query, sieve, exit, store);
    if (!page) {
        return search_refusal(page.error(), envelope);
    }
    SearchSet set;
    set.links = search_links(request, context.base, *page);
    set.matches = std::move(page->matches);
    std::erase_if(set.matches, [&](StoredVersion& match) {
        return !match.contained.empty() && request.query.contained_alone &&
               !take_contained(match, *envelope.rulebook->engine);
    });
    set.total = page->total;
    set.told = std::move(request.issues);
    return answer_set(envelope, context, std::move(set), request.includes, exit, store);
}

}  // namespace gatehouse::gateway
