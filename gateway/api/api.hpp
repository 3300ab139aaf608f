#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The REST face: request -> Interaction, reads, capability statement, $validate, $receipt, error
// answers. Writes are in write_plan.hpp. Nothing here knows sockets or threads.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/pipeline/envelope.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

// Where tokens come from, for the SMART configuration; empty: nowhere that we know of.
struct SmartEndpoints {
    std::string issuer;
    std::string authorization_endpoint;
    std::string token_endpoint;
    std::string jwks_uri;
};

// The result of a read that was asked for with Prefer: respond-async.
struct LateAnswer {
    bool ready = false;
    Response response;
    std::vector<std::string> disclosed;
};

// How far one read may go beside its page of matches. Where a bound cuts, the answer says so.
struct ReadBounds {
    std::uint32_t included_max = 1'000;    // resources that a page includes
    std::uint32_t include_levels_max = 8;  // of :iterate
    // Records that are looked at one by one: where some may not be shown, for $lastn.
    std::uint32_t examined_max = 10'000;
};

// What the API needs to know of its surroundings.
struct ApiContext {
    std::string base;  // public base URL without trailing slash: "http://127.0.0.1:8080/fhir/R4"
    std::string base_path;  // "/fhir/R4"
    std::uint32_t page_default = 20;
    std::uint32_t page_max = 500;
    ReadBounds bounds;
    std::string software_version;
    bool check_references = false;          // refuse references to resources not held
    bool update_create = true;              // PUT to an id that is not held creates it
    std::uint32_t delete_max = 1;           // most resources that one conditional delete takes away
    std::vector<std::string> cors_origins;  // "*": any; empty: CORS is off
    SmartEndpoints smart;
    // A read of this partner's that goes on or has ended, by its message id; and giving it up
    // (false if there is none). May be empty themselves.
    std::function<std::optional<LateAnswer>(const std::string& partner, const std::string& id)>
        late_answer;
    std::function<bool(const std::string& partner, const std::string& id)> give_up;
    struct ValidatorDoor {  // POST /validateResource (validator_door.hpp)
        bool enabled = false;
        bool default_profiles = false;
        std::string open_partner;  // who a caller without credential is; empty: nobody
    } validator_door;
    // A message that is accepted and not yet applied (state received), by our id or the partner's
    // X-Request-ID; empty if there is none. May be empty itself.
    std::function<std::optional<Receipt>(const std::string& partner, const std::string& id)>
        pending;
};

// Method and target -> call, answer format, preferences. A refusal (404, 405, 406, 415, 400) is a
// ready Response.
std::optional<Response> route(Envelope& envelope, const ApiContext& context);

// read, vread, search, history, capabilities, validate, receipt. Blocking store reads: run on a
// pool. Every resource leaves through an Exit (gateway/api/disclose.hpp).
Response answer(Envelope& envelope, const ApiContext& context, StoreReader& store);

// An OperationOutcome answer in the caller's format.
Response refusal(int status, const fhir::Issues& issues, const Envelope& envelope);
// A Fault as an answer: status and OperationOutcome; 429 and 503 carry Retry-After.
Response refusal(const Fault& fault, const Envelope& envelope);
int status_of(Errc code) noexcept;

// The first answer of a settled message, again: for duplicate deliveries and the status URL. The
// body is the receipt's, or resources[0] as stored.
Response answer_again(
    const Receipt& receipt, const ApiContext& context, StoreReader& store, Envelope& envelope
);
// The answer of a message accepted but not applied by its deadline: 202 with Content-Location
// "<base>/$status?id=<message id>" and Retry-After.
Response accepted_answer(const Envelope& envelope, const ApiContext& context);
// Digest of the packages that judged the message of a receipt, or empty.
std::string_view definitions_of(const Receipt& receipt);
// Headers of an answer as Receipt::headers keeps them, "Name: value\n" lines.
std::string headers_text(const Response& response);

// Last step of every answer: XML instead of JSON where asked, Content-Type, request id mirrored.
void finish(Response& response, const Envelope& envelope);

}  // namespace gatehouse::gateway
