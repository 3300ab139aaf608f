// SPDX-License-Identifier: Apache-2.0
//
// GET metadata?mode=terminology: the TerminologyCapabilities (FHIR R4), from what is loaded. Which
// code systems have content is found out once for a set of definitions and kept.
#include <map>
#include <mutex>

#include "fhir/json/value.hpp"
#include "fhir/terminology/provider.hpp"
#include "gateway/api/offers.hpp"
#include "gateway/api/operations.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonWriter;

// Those that change what $expand yields.
constexpr std::string_view expansion_parameters[] = {
    "activeOnly",
    "check-system-version",
    "count",
    "designation",
    "displayLanguage",
    "excludeNested",
    "excludeNotForUI",
    "filter",
    "force-system-version",
    "includeDesignations",
    "offset",
    "system-version"};

// URL -> versions that have codes, the one used without a version first.
using Systems = std::map<std::string, std::vector<std::string>, std::less<>>;

Systems systems_of(const fhir::Engine& engine) {
    const fhir::Terminology& terminology = engine.terminology();
    Systems systems;
    const auto add = [&](std::string_view url) {
        if (url.empty() || systems.contains(url)) {
            return;
        }
        std::vector<std::string> versions;
        for (const fhir::CodeSystemProvider* provider : terminology.providers(url)) {
            const fhir::SystemKnowledge knowledge = provider->knowledge();
            if (knowledge == fhir::SystemKnowledge::complete ||
                knowledge == fhir::SystemKnowledge::partial) {
                versions.emplace_back(provider->version());
            }
        }
        if (!versions.empty()) {
            systems.emplace(url, std::move(versions));
        }
    };
    for (const fhir::CodeSystemProvider* provider : terminology.content()) {
        add(provider->system());
    }
    for (const fhir::Definition* definition : engine.definitions().all("CodeSystem")) {
        add(definition->url);
    }
    return systems;
}

std::shared_ptr<const Systems> known_systems(const std::shared_ptr<const fhir::Engine>& engine) {
    static std::mutex mutex;
    static std::weak_ptr<const fhir::Engine> of;
    static std::shared_ptr<const Systems> systems;
    const std::lock_guard lock(mutex);
    if (systems == nullptr || of.lock() != engine) {
        systems = std::make_shared<const Systems>(systems_of(*engine));
        of = engine;
    }
    return systems;
}

void write_systems(JsonWriter& json, const Systems& systems) {
    if (systems.empty()) {
        return;
    }
    json.key("codeSystem").begin_array();
    for (const auto& [url, versions] : systems) {
        json.begin_object();
        json.key("uri").string(url);
        std::string_view before;
        bool open = false;
        for (const std::string& version : versions) {
            if (version.empty() || version == before) {
                continue;
            }
            before = version;
            if (!open) {
                json.key("version").begin_array();
            }
            json.begin_object();
            json.key("code").string(version);
            json.key("isDefault").boolean(!open);
            json.end_object();
            open = true;
        }
        if (open) {
            json.end_array();
        }
        json.end_object();
    }
    json.end_array();
}

}  // namespace

Response answer_terminology_capabilities(Envelope& envelope, const ApiContext& context) {
    const Offers offers(envelope, context);
    JsonWriter json;
    begin_statement(json, "TerminologyCapabilities", envelope, context);
    write_systems(json, *known_systems(envelope.rulebook->engine));
    if (offers.allows(Interaction::expand)) {
        json.key("expansion").begin_object();
        json.key("hierarchical").boolean(true);
        json.key("paging").boolean(true);
        json.key("parameter").begin_array();
        for (const std::string_view name : expansion_parameters) {
            json.begin_object().key("name").string(name).end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.key("codeSearch").string("explicit");
    if (offers.allows(Interaction::validate_code)) {
        json.key("validateCode").begin_object().key("translations").boolean(false).end_object();
    }
    if (offers.allows(Interaction::translate)) {
        json.key("translation").begin_object().key("needsMap").boolean(true).end_object();
    }
    json.end_object();
    Response response;
    response.body = json.take();
    return response;
}

}  // namespace gatehouse::gateway
