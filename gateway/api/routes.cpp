// SPDX-License-Identifier: Apache-2.0
//
// Method and target -> Interaction (FHIR R4 §3.1.0). The only place that reads URLs of the record
// API.
#include <algorithm>
#include <vector>

#include "gateway/api/api.hpp"
#include "gateway/api/compartments.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/offers.hpp"
#include "gateway/api/preferences.hpp"
#include "gateway/api/requests.hpp"
#include "gateway/api/validator_door.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

Response refuse(const Envelope& envelope, int status, fhir::Issue issue) {
    return refusal(status, {std::move(issue)}, envelope);
}

Response not_found(const Envelope& envelope, std::string what) {
    return refuse(
        envelope,
        404,
        request_issue(IssueType::not_found, "http-path", std::move(what), {}, "NO_RECORD_FOUND")
    );
}

// There is nothing at such a URL (FHIR R4 §3.1.0.1.9), so 404 and not a fault of the server.
Response not_supported(const Envelope& envelope, std::string what) {
    return refuse(
        envelope,
        404,
        request_issue(
            IssueType::not_supported, "http-interaction", std::move(what), {}, "NOT_IMPLEMENTED"
        )
    );
}

Response method_not_allowed(const Envelope& envelope, const char* allowed) {
    Response response = refuse(
        envelope,
        405,
        request_issue(
            IssueType::not_supported,
            "http-method",
            "Method " + envelope.request.method +
                " does not apply to this URL. Allowed: " + allowed + ".",
            {},
            "BAD_REQUEST"
        )
    );
    std::string allow(allowed);
    if (!allow.ends_with("OPTIONS")) {
        allow += ", OPTIONS";  // of every URL
    }
    response.headers.set("Allow", allow);
    return response;
}

bool is_id(std::string_view text) {
    // FHIR id: [A-Za-z0-9\-\.]{1,64}
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.';
    });
}

bool is_resource_type(const Envelope& envelope, std::string_view name) {
    const fhir::TypeModel& types = envelope.rulebook->engine->types();
    const fhir::TypeId id = types.find(name);
    if (id == fhir::unknown_type) {
        return false;
    }
    const fhir::TypeInfo& info = types.type(id);
    return info.kind == fhir::TypeKind::resource && !info.abstract;
}

struct Step {
    const char* method;
    Interaction interaction;
};

// The interaction of `method` among what a URL offers; a refusal otherwise.
std::optional<Response>
choose(Envelope& envelope, std::initializer_list<Step> steps, const char* allowed) {
    std::string_view method = envelope.request.method;
    if (method == "HEAD") {
        method = "GET";
    }
    for (const Step& step : steps) {
        if (method == step.method) {
            envelope.call.interaction = step.interaction;
            return std::nullopt;
        }
    }
    return method_not_allowed(envelope, allowed);
}

// An operation ("$meta-add") at a level of what the URL has named so far, by the table of offers.
std::optional<Response> route_operation(Envelope& envelope, std::string_view name, unsigned level) {
    const OperationOffer* offer = find_operation(name.substr(1), level, envelope.call.type);
    if (offer == nullptr) {
        const std::string place =
            envelope.call.type.empty() ? "at the base" : "on " + envelope.call.type;
        return not_supported(
            envelope,
            "Operation " + std::string(name.substr(0, 64)) + " is not offered " + place +
                ". GET metadata lists what is."
        );
    }
    // Reading is also how $validate judges what is stored.
    const bool get =
        offer->get || (offer->interaction == Interaction::validate && level == at_instance);
    if (get && offer->post) {
        return choose(
            envelope, {{"GET", offer->interaction}, {"POST", offer->interaction}}, "GET, HEAD, POST"
        );
    }
    if (get) {
        return choose(envelope, {{"GET", offer->interaction}}, "GET, HEAD");
    }
    return choose(envelope, {{"POST", offer->interaction}}, "POST");
}

std::optional<Response> route_system(Envelope& envelope, std::string_view name) {
    if (name == "metadata") {
        return choose(envelope, {{"GET", Interaction::capabilities}}, "GET, HEAD");
    }
    if (name == "openapi.json") {
        return choose(envelope, {{"GET", Interaction::openapi}}, "GET, HEAD");
    }
    if (name == "_history") {
        return choose(envelope, {{"GET", Interaction::history_system}}, "GET, HEAD");
    }
    if (name == "$status") {
        return choose(
            envelope,
            {{"GET", Interaction::status}, {"DELETE", Interaction::cancel}},
            "GET, HEAD, DELETE"
        );
    }
    if (name == "_search") {
        return choose(envelope, {{"POST", Interaction::search}}, "POST");
    }
    if (!name.empty() && name[0] == '$') {
        return route_operation(envelope, name, at_system);
    }
    return not_found(
        envelope,
        "'" + std::string(name.substr(0, 64)) +
            "' is not a FHIR R4 resource type. Names are case-sensitive."
    );
}

std::optional<Response> route_type(Envelope& envelope, std::string_view name) {
    if (name == "_search") {
        return choose(envelope, {{"POST", Interaction::search}}, "POST");
    }
    if (name == "_history") {
        return choose(envelope, {{"GET", Interaction::history_type}}, "GET, HEAD");
    }
    if (!name.empty() && name[0] == '$') {
        return route_operation(envelope, name, at_type);
    }
    if (!is_id(name)) {
        return refuse(
            envelope,
            404,
            request_issue(
                IssueType::not_found,
                "http-id",
                "That is not a FHIR id: 1 to 64 letters, digits, '-' or '.'.",
                {},
                "NO_RECORD_FOUND"
            )
        );
    }
    envelope.call.id = name;
    return choose(
        envelope,
        {{"GET", Interaction::read},
         {"PUT", Interaction::update},
         {"PATCH", Interaction::patch},
         {"DELETE", Interaction::remove}},
        "GET, HEAD, PUT, PATCH, DELETE"
    );
}

// Patient/1/Observation?code=...: what is in the compartment of what the URL has named so far.
std::optional<Response>
route_compartment(Envelope& envelope, const std::string& type, bool posted) {
    RestCall& call = envelope.call;
    if (!compartment_of(call.type, *envelope.rulebook->engine)) {
        return not_supported(
            envelope,
            "There is no compartment of type " + call.type +
                ". There are those of Patient, "
                "Encounter, Practitioner, RelatedPerson and Device."
        );
    }
    call.compartment = std::move(call.type);
    call.compartment_id = std::move(call.id);
    call.type = type == "*" ? std::string() : type;
    call.id.clear();
    return posted ? choose(envelope, {{"POST", Interaction::search}}, "POST")
                  : choose(envelope, {{"GET", Interaction::search}}, "GET, HEAD");
}

std::optional<Response>
route_segments(Envelope& envelope, const std::vector<std::string>& segments) {
    RestCall& call = envelope.call;
    if (segments.empty()) {
        return choose(
            envelope,
            {{"GET", Interaction::search}, {"POST", Interaction::transaction}},
            "GET, HEAD, POST, OPTIONS"
        );
    }
    if (segments.size() == 2 && segments[0] == ".well-known" &&
        segments[1] == "smart-configuration") {
        return choose(envelope, {{"GET", Interaction::smart}}, "GET, HEAD");
    }
    if (!is_resource_type(envelope, segments[0])) {
        if (segments.size() == 1) {
            return route_system(envelope, segments[0]);
        }
        return not_found(
            envelope,
            "'" + segments[0].substr(0, 64) +
                "' is not a FHIR R4 resource type. Names are case-sensitive."
        );
    }
    call.type = segments[0];
    if (segments.size() == 1) {
        return choose(
            envelope,
            {{"GET", Interaction::search},
             {"POST", Interaction::create},
             {"PUT", Interaction::update},
             {"PATCH", Interaction::patch},
             {"DELETE", Interaction::remove}},
            "GET, HEAD, POST, PUT, PATCH, DELETE"
        );
    }
    if (segments.size() == 2) {
        return route_type(envelope, segments[1]);
    }
    if (!is_id(segments[1])) {
        return not_found(envelope, "That is not a FHIR id: 1 to 64 letters, digits, '-' or '.'.");
    }
    call.id = segments[1];
    if (segments.size() == 3 && segments[2] == "_history") {
        return choose(envelope, {{"GET", Interaction::history_instance}}, "GET, HEAD");
    }
    if (segments.size() == 4 && segments[2] == "_history") {
        call.version = segments[3];
        return choose(envelope, {{"GET", Interaction::vread}}, "GET, HEAD");
    }
    if (segments.size() == 3 && !segments[2].empty() && segments[2][0] == '$') {
        return route_operation(envelope, segments[2], at_instance);
    }
    if (segments.size() == 5 && segments[2] == "_history" && !segments[4].empty() &&
        segments[4][0] == '$') {
        call.version = segments[3];
        return route_operation(envelope, segments[4], at_version);
    }
    const bool posted = segments.size() == 4 && segments[3] == "_search";
    if ((segments.size() == 3 || posted) &&
        (segments[2] == "*" || is_resource_type(envelope, segments[2]))) {
        return route_compartment(envelope, segments[2], posted);
    }
    return not_found(envelope, "There is nothing at this URL.");
}

}  // namespace

std::optional<Response> route(Envelope& envelope, const ApiContext& context) {
    const Request& request = envelope.request;
    RestCall& call = envelope.call;
    const std::string_view path = request.path();
    envelope.prefer = preferences_of(request.headers);
    if (!parse_query(request.query(), call.parameters)) {
        return refuse(
            envelope,
            400,
            request_issue(
                IssueType::invalid,
                "http-query",
                "The query has a malformed percent escape, or bytes that are not UTF-8.",
                {},
                "BAD_REQUEST"
            )
        );
    }
    if (is_validator_door(path, context.base_path)) {
        return route_validator_door(envelope, context);
    }
    auto no_format = read_formats(envelope);
    const std::string_view base = context.base_path;
    if (path.substr(0, base.size()) != base ||
        (path.size() > base.size() && path[base.size()] != '/')) {
        return not_found(
            envelope, "There is nothing at this path. The FHIR base is " + context.base + "."
        );
    }
    if (request.method == "OPTIONS") {
        call.interaction = Interaction::options;
        return std::nullopt;
    }
    std::vector<std::string> segments;
    std::string_view rest = path.substr(base.size());
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto end = rest.find('/');
        std::string segment;
        if (!percent_decode(rest.substr(0, end), false, segment)) {
            return refuse(
                envelope,
                400,
                request_issue(
                    IssueType::invalid,
                    "http-path",
                    "The path has a malformed percent escape, or bytes that are not UTF-8.",
                    {},
                    "BAD_REQUEST"
                )
            );
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
        // A slash too many, as clients make of a base with a slash at its end, names nothing.
        if (!segment.empty()) {
            segments.push_back(std::move(segment));
        }
        if (segments.size() > 6) {
            break;
        }
    }
    if (auto refused = route_segments(envelope, segments)) {
        return no_format && refused->status != 405 ? std::move(no_format) : std::move(refused);
    }
    if (no_format && !has_own_format(call)) {
        return no_format;
    }
    if (call.interaction == Interaction::search && request.method == "POST") {
        if (auto refused = read_form(envelope)) {
            return refused;
        }
        // A form may carry _format as well.
        if (auto refused = read_formats(envelope)) {
            return refused;
        }
    }
    if (!read_view(call, envelope.view)) {
        return refuse(
            envelope,
            400,
            request_issue(
                IssueType::value,
                "http-parameter",
                "_summary takes true, text, data, count or false.",
                {},
                "INVALID_PARAMETER"
            )
        );
    }
    if (auto refused = check_parameters(envelope)) {
        return refused;
    }
    return read_content_type(envelope);
}

}  // namespace gatehouse::gateway
