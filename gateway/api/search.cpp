// SPDX-License-Identifier: Apache-2.0
//
// search (FHIR R4 §3.1.1): over a type, several types, or within a compartment.
#include "gateway/api/operations.hpp"
#include "gateway/api/search_request.hpp"

namespace gatehouse::gateway {

Response answer_search(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    Exit exit(envelope, context, store);
    SearchRequest request = read_search(envelope, context, exit, store);
    if (fhir::has_errors(request.issues)) {
        return refusal(request.status, request.issues, envelope);
    }
    Sieve sieve;
    sieve.until = envelope.request.deadline;
    auto page = gather(request.query, sieve, exit, store);
    if (!page) {
        return search_refusal(page.error(), envelope);
    }
    SearchSet set;
    set.links = search_links(request, context.base, page->next);
    set.matches = std::move(page->matches);
    set.total = page->total;
    set.told = std::move(request.issues);
    return answer_set(envelope, context, std::move(set), request.includes, exit, store);
}

}  // namespace gatehouse::gateway
