#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Envelope: what moves along the road. Each stage adds facts and takes none away; body, arena and
// tree belong together and die together. Movable, not copyable.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/engine/engine.hpp"
#include "fhir/model/element.hpp"
#include "fhir/outcome/issue.hpp"
#include "gateway/base/definition_rules.hpp"
#include "gateway/http/message.hpp"
#include "gateway/identity/identity.hpp"
#include "gateway/pipeline/arenas.hpp"
#include "gateway/pipeline/interaction.hpp"
#include "gateway/policy/policy.hpp"

namespace gatehouse::gateway {

class RouteTable;  // gateway/pipeline/route_table.hpp

// Definitions that records may be judged by beside those of the rulebook, and who is when.
struct DefinitionSet {
    std::string name;
    std::shared_ptr<const fhir::Engine> engine;
    fhir::ProfileChooser chooser;
};
struct DefinitionSets {
    DefinitionRules rules;
    std::vector<DefinitionSet> sets;
};

// What a message is judged by, taken once at receive and kept to the end, whatever is reloaded
// meanwhile.
struct Rulebook {
    std::shared_ptr<const fhir::Engine> engine;
    std::shared_ptr<const PolicySet> policy;
    fhir::ProfileChooser
        chooser;  // default profile per resource (config/profiles.yaml); may be empty
    std::shared_ptr<const RouteTable> routes;        // null: everything to the store alone
    std::shared_ptr<const DefinitionSets> versions;  // null: the engine above judges everything
    Micros loaded_at = 0;  // since when these rules are in force; 0: not known
};

// Header of every answer that rests on a verdict: the digest of the packages that judged.
inline constexpr const char* definitions_header = "Gatehouse-Definitions";
// How many codes were not checkable here, by system: "http://snomed.info/sct=2 other=1".
inline constexpr const char* unchecked_header = "Gatehouse-Unchecked";

// Of a journal record: the types that its answer may show, with commas between.
inline constexpr const char* visible_types_header = "Gatehouse-Visible-Types";

struct WritePlan;  // gateway/api/write_plan.hpp

// Where on the road a message is; at the exit, how far it came.
enum class Stage : std::uint8_t {
    receive,
    authenticate,
    decode,
    guard,
    validate,
    accept,
    apply,
    answer
};
const char* to_string(Stage stage) noexcept;

// How much of each resource the answer carries: _summary and _elements (FHIR R4 §3.1.1.5.8).
struct View {
    enum class Summary : std::uint8_t { none, yes, text, data };
    Summary summary = Summary::none;
    std::vector<std::string> elements;
    [[nodiscard]] bool whole() const noexcept {
        return summary == Summary::none && elements.empty();
    }
};

// What the Prefer headers ask for (RFC 7240; FHIR R4 §3.1.0.1.8).
struct Preferences {
    std::string return_what;  // "minimal", "representation", "OperationOutcome" or empty
    bool lenient = false;     // handling=lenient
    bool async = false;       // respond-async
};

// Who an answer is for: what leaves is decided by this (gateway/api/disclose.hpp).
struct Viewer {
    std::vector<std::string> types;  // resource types it may be shown (G16); empty: every type
};

// What the body is.
enum class BodyKind : std::uint8_t { resource, json_patch, raw };

struct Envelope {
    Stage stage = Stage::receive;
    bool repeated = false;  // a duplicate delivery: answered again, without effect
    // 1 receive
    std::string id;   // MessageId (ULID), in every log line and audit record
    Request request;  // owns the body
    Micros received_at = 0;
    std::shared_ptr<const Rulebook> rulebook;
    RestCall call;
    fhir::Format answer_format = fhir::Format::json;
    bool pretty = false;
    View view;
    Preferences prefer;
    std::string request_id;  // X-Request-ID, or empty
    // 2 authenticate
    Credential credential;
    std::string organisation;           // acting ODS code, proven by the credential
    std::string asserted_organisation;  // what the caller claims to act for, or empty
    std::string assertion_problem;      // such a claim that cannot be read
    Viewer viewer;
    // 3 decode
    LeasedArena arena = lease_arena();
    fhir::Element* root = nullptr;
    fhir::Format body_format = fhir::Format::json;
    BodyKind body_kind = BodyKind::resource;
    std::string_view source;  // the text that `root` was read from: the body, or made of it
    std::string body_digest;  // SHA-256 hex over method, target and body
    std::string bundle_identifier;
    // 4 guard, 5 validate
    fhir::Issues issues;  // findings: all of them on refusal, warnings beside an acceptance
    Decision decision;
    std::vector<std::string> profiles;  // judged against
    std::vector<std::string> tags;      // "system|code" to add to meta.tag
    std::string definitions;  // digest of the packages that judged it; empty: it was not judged
    fhir::Advised advised;    // what the advisor did to the findings
    // Codes that were neither confirmed nor refused, by system; a system that nothing here knows is
    // "other", so that these are a closed set.
    std::vector<std::pair<std::string, std::uint32_t>> unchecked;
    // Bundle of type batch: entries that a rule refuses (by index, 0-based) and with what. The rest
    // goes on; prepare_plan() answers each of these for itself.
    struct RefusedEntry {
        int status = 422;
        fhir::Issues issues;
    };
    std::map<std::uint32_t, RefusedEntry> refused_entries;
    // 6 accept
    std::shared_ptr<const WritePlan> plan;
    std::uint64_t position = 0;  // in the journal
    Micros accepted_at = 0;
    // 7 route: destination ids, `record` first; kept in the journal with the message
    std::vector<std::string> destinations;
    bool raw_answer = false;   // the answer's body is content of its own, not FHIR
    Micros last_modified = 0;  // of the one resource in the answer; 0: none, or several
    // every exit
    std::vector<std::string> disclosed;  // for the audit: what left or was written
};

}  // namespace gatehouse::gateway
