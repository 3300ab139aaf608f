#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// WritePlan: a write worked out as far as it can be before the promise: ids minted, urn:uuid
// references rewritten, bodies serialised, index entries extracted. What depends on the store's
// state (conditions, version checks) is left as typed conditions for apply_plan(), which runs
// inside the single writer's transaction. The same message gives the same plan, so recovery
// rebuilds it from the journal.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/api.hpp"
#include "gateway/pipeline/envelope.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

class Change;  // gateway/api/changes.hpp

// change: a patch, whose outcome is judged and becomes the next version. relabel: $meta-add and
// $meta-delete, which change a version in place.
enum class PlanKind : std::uint8_t { create, update, change, relabel, remove, get };

// A reference of a body that is a search ("Patient?identifier=…").
struct ConditionalReference {
    std::string text;
    std::string place;  // expression of the element
    SearchQuery query;
};

struct PlannedEntry {
    PlanKind kind = PlanKind::create;
    std::string full_url;                  // Bundle entry's fullUrl
    NewVersion resource;                   // create, update; type and id for all
    std::uint64_t if_match = 0;            // expected version; 0: any
    bool if_none_match = false;            // If-None-Match: *: only where nothing is held
    bool if_held = false;                  // If-Match: *: only where something is
    std::optional<SearchQuery> condition;  // If-None-Exist, or the search of a conditional write
    std::string own_id;                    // conditional update: the id in the body, or empty
    std::uint64_t version = 0;             // relabel: which version; 0: the current one
    std::shared_ptr<const Change> change;  // change, relabel
    std::shared_ptr<const Request> get;    // a read of any kind, answered where its turn comes
    std::string failure;  // batch: OperationOutcome JSON of an entry that cannot be done
    int failure_status = 0;
    std::vector<ConditionalReference> references;
};

struct WritePlan {
    enum class Shape : std::uint8_t { single, batch, transaction };
    Shape shape = Shape::single;
    std::vector<PlannedEntry> entries;
    Preferences prefer;
    std::string base;               // public base URL without trailing slash
    bool check_references = false;  // refuse references to resources not held
    bool update_create = true;
    std::uint32_t delete_max = 1;
    std::uint32_t examined_max = ReadBounds().examined_max;
    bool message = false;           // $process-message: the answer is a message
    std::string message_header_id;  // its MessageHeader.id, event as JSON, and source endpoint
    std::string message_event;
    std::string message_source;
    std::string organisation;                  // acting one, for the rules
    Viewer viewer;                             // who the answer is for
    fhir::Issues findings;                     // warnings to show in the answer
    std::shared_ptr<const Rulebook> rulebook;  // changes are judged by it
    std::shared_ptr<const ApiContext> api;     // set where there is an entry with `get`
};

// The outcome of applying: the answer and what the receipt must say. Bodies are FHIR JSON; the exit
// turns them into XML where asked.
struct Applied {
    Response response;
    MessageState state = MessageState::stored;
    std::vector<std::string> resources;  // written: "Patient/1/_history/1"
    std::vector<std::string> disclosed;  // what left in the answer, for the audit
    bool body_is_first_resource =
        false;  // the body is resources[0] as stored, so the receipt need not keep it
    std::vector<RuleResult> rules;  // what the rules said of changed resources
};

// CPU work before accept, on the CPU pool. Mutates the envelope's tree. A refusal is a finished
// answer with what it is made of.
struct Refusal {
    Response response;
    fhir::Issues issues;
};
// A create or update whose body is of another type, or has another id, than its URL says. Asked
// before the body is judged, since the verdict on the wrong type would hide it.
std::optional<Refusal> check_names(const Envelope& envelope);
std::optional<Refusal>
prepare_plan(Envelope& envelope, const ApiContext& context, std::shared_ptr<const WritePlan>& out);

// On the writer thread. A fault means the store failed (retry later); everything the sender did
// wrong is in Applied.response. A transaction that fails has been rolled back to its savepoint.
Result<Applied> apply_plan(
    const WritePlan& plan,
    StoreWriter& store,
    Micros accepted_at,
    const std::string& message_id,
    const std::string& partner
);

}  // namespace gatehouse::gateway
