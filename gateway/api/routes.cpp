// SPDX-License-Identifier: Apache-2.0
//
// Method and target -> Interaction (FHIR R4 §3.1.0). The only place that reads URLs of the record
// API.
#include <algorithm>
#include <vector>

#include "gateway/api/api.hpp"
#include "gateway/api/formats.hpp"
#include "gateway/api/issues.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

Response refuse(const Envelope& envelope, int status, fhir::Issue issue) {
    return refusal(status, {std::move(issue)}, envelope);
}

Response not_found(const Envelope& envelope, std::string what) {
    return refuse(envelope, 404, request_issue(IssueType::not_found, "http-path", std::move(what)));
}

Response not_supported(const Envelope& envelope, std::string what) {
    return refuse(
        envelope,
        501,
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
                " does not apply to this URL. Allowed: " + allowed + "."
        )
    );
    response.headers.set("Allow", allowed);
    return response;
}

// Media types and _format, _pretty.
std::optional<Response> read_formats(Envelope& envelope) {
    const Request& request = envelope.request;
    const auto format_parameter = envelope.call.parameter("_format");
    const auto accept = request.headers.get("Accept");
    // A _format overrides Accept (§3.1.0.1.11), since browsers cannot set headers.
    const auto format = !format_parameter.empty() ? format_of_parameter(format_parameter)
                                                  : format_of_accept(accept);
    if (!format) {
        return refuse(
            envelope,
            406,
            request_issue(
                IssueType::not_supported,
                "http-accept",
                "None of the wanted formats is offered. Ask for application/fhir+json or "
                "application/fhir+xml (FHIR version 4.0), in Accept or _format."
            )
        );
    }
    envelope.answer_format = *format;
    const auto pretty = envelope.call.parameter("_pretty");
    if (!pretty.empty() && pretty != "true" && pretty != "false") {
        return refuse(
            envelope,
            400,
            request_issue(IssueType::value, "http-parameter", "_pretty must be true or false.")
        );
    }
    envelope.pretty = pretty == "true";
    return std::nullopt;
}

std::optional<Response> read_content_type(Envelope& envelope) {
    const auto content_type = envelope.request.headers.get("Content-Type");
    if (content_type.empty()) {
        // Undeclared: the first character tells the two formats apart.
        const auto first = envelope.request.body.find_first_not_of(" \t\r\n");
        const bool xml = first != std::string::npos && envelope.request.body[first] == '<';
        envelope.body_format = xml ? fhir::Format::xml : fhir::Format::json;
        return std::nullopt;
    }
    const auto format = format_of_media_type(content_type);
    if (!format) {
        return refuse(
            envelope,
            415,
            request_issue(
                IssueType::not_supported,
                "http-content-type",
                "This Content-Type is not accepted here. Send application/fhir+json or "
                "application/fhir+xml (FHIR version 4.0).",
                {},
                "UNSUPPORTED_MEDIA_TYPE"
            )
        );
    }
    envelope.body_format = *format;
    return std::nullopt;
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

std::optional<Response> route_system(Envelope& envelope, std::string_view name) {
    if (name == "metadata") {
        return choose(envelope, {{"GET", Interaction::capabilities}}, "GET, HEAD");
    }
    if (name == "$validate") {
        return choose(envelope, {{"POST", Interaction::validate}}, "POST");
    }
    if (name == "$receipt") {
        return choose(envelope, {{"GET", Interaction::receipt}}, "GET, HEAD");
    }
    if (name == "$status") {
        return choose(envelope, {{"GET", Interaction::status}}, "GET, HEAD");
    }
    if (name == "_history") {
        return not_supported(
            envelope, "History of the whole system is not offered. Ask for Type/id/_history."
        );
    }
    if (name == "_search") {
        return not_supported(
            envelope, "Search over all types is not offered. Search one type: Type?parameter=value."
        );
    }
    if (!name.empty() && name[0] == '$') {
        return not_supported(
            envelope,
            "Operation " + std::string(name) + " is not offered. Offered here: $validate, $receipt."
        );
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
    if (name == "$validate") {
        return choose(envelope, {{"POST", Interaction::validate}}, "POST");
    }
    if (name == "_history") {
        return not_supported(
            envelope,
            "History of a whole type is not offered. Ask for " + envelope.call.type +
                "/id/_history."
        );
    }
    if (!name.empty() && name[0] == '$') {
        return not_supported(
            envelope,
            "Operation " + std::string(name) + " is not offered on " + envelope.call.type + "."
        );
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
    if (envelope.request.method == "PATCH") {
        return not_supported(
            envelope, "PATCH is not offered. Send the whole resource with PUT and If-Match."
        );
    }
    return choose(
        envelope,
        {{"GET", Interaction::read}, {"PUT", Interaction::update}, {"DELETE", Interaction::remove}},
        "GET, HEAD, PUT, DELETE"
    );
}

std::optional<Response>
route_segments(Envelope& envelope, const std::vector<std::string>& segments) {
    RestCall& call = envelope.call;
    if (segments.empty()) {
        if (envelope.request.method == "POST") {
            call.interaction = Interaction::transaction;
            return std::nullopt;
        }
        if (envelope.request.method == "OPTIONS") {
            call.interaction = Interaction::capabilities;
            return std::nullopt;
        }
        if (envelope.request.method == "GET" || envelope.request.method == "HEAD") {
            return not_supported(
                envelope,
                "Search over all types is not offered. Search one type: Type?parameter=value."
            );
        }
        return method_not_allowed(envelope, "POST, OPTIONS");
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
        if (envelope.request.method == "PUT" || envelope.request.method == "DELETE" ||
            envelope.request.method == "PATCH") {
            return not_supported(
                envelope,
                "Conditional update, patch and delete are not offered. Address the resource: " +
                    call.type + "/id."
            );
        }
        return choose(
            envelope,
            {{"GET", Interaction::search}, {"POST", Interaction::create}},
            "GET, HEAD, POST"
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
    if (segments.size() == 3 && segments[2] == "$validate") {
        return choose(
            envelope, {{"GET", Interaction::validate}, {"POST", Interaction::validate}}, "GET, POST"
        );
    }
    if (segments.size() == 4 && segments[2] == "_history") {
        call.version = segments[3];
        return choose(envelope, {{"GET", Interaction::vread}}, "GET, HEAD");
    }
    if (segments.size() == 3 && !segments[2].empty() && segments[2][0] == '$') {
        return not_supported(
            envelope, "Operation " + segments[2] + " is not offered on " + call.type + "."
        );
    }
    if (segments.size() == 3 && is_resource_type(envelope, segments[2])) {
        return not_supported(
            envelope,
            "Compartment search is not offered. Search " + segments[2] +
                " by its reference parameter, for example " + segments[2] +
                "?patient=" + segments[1] + "."
        );
    }
    return not_found(envelope, "There is nothing at this URL.");
}

std::optional<Response> read_form(Envelope& envelope) {
    const auto content_type = envelope.request.headers.get("Content-Type");
    if (!equal_ignoring_case(
            content_type.substr(0, content_type.find(';')), "application/x-www-form-urlencoded"
        )) {
        return refuse(
            envelope,
            415,
            request_issue(
                IssueType::not_supported,
                "http-content-type",
                "A _search is posted as application/x-www-form-urlencoded.",
                {},
                "UNSUPPORTED_MEDIA_TYPE"
            )
        );
    }
    if (!parse_query(envelope.request.body, envelope.call.parameters)) {
        return refuse(
            envelope,
            400,
            request_issue(
                IssueType::invalid,
                "http-form",
                "The form has a malformed percent escape.",
                {},
                "BAD_REQUEST"
            )
        );
    }
    return std::nullopt;
}

// What may stand in the query beside search parameters; search has its own reader.
std::optional<Response> check_parameters(Envelope& envelope) {
    static constexpr std::string_view general[] = {"_format", "_pretty"};
    static constexpr std::string_view validate[] = {"profile", "mode"};
    static constexpr std::string_view by_id[] = {"id"};
    static constexpr std::string_view history[] = {"_count", "_page"};
    if (envelope.call.interaction == Interaction::search) {
        return std::nullopt;
    }
    const auto among = [](std::string_view name, auto& list) {
        return std::find(std::begin(list), std::end(list), name) != std::end(list);
    };
    for (const auto& [name, value] : envelope.call.parameters) {
        bool known = among(name, general);
        switch (envelope.call.interaction) {
        case Interaction::validate: known = known || among(name, validate); break;
        case Interaction::receipt:
        case Interaction::status: known = known || among(name, by_id); break;
        case Interaction::history_instance: known = known || among(name, history); break;
        default: break;
        }
        if (!known) {
            return refuse(
                envelope,
                400,
                request_issue(
                    IssueType::not_supported,
                    "http-parameter",
                    "Parameter '" + name.substr(0, 64) + "' is not supported on this interaction.",
                    {},
                    "INVALID_PARAMETER"
                )
            );
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Response> route(Envelope& envelope, const ApiContext& context) {
    const Request& request = envelope.request;
    RestCall& call = envelope.call;
    const std::string_view path = request.path();
    if (!parse_query(request.query(), call.parameters)) {
        return refuse(
            envelope,
            400,
            request_issue(
                IssueType::invalid,
                "http-query",
                "The query has a malformed percent escape.",
                {},
                "BAD_REQUEST"
            )
        );
    }
    if (auto refused = read_formats(envelope)) {
        return refused;
    }
    const std::string_view base = context.base_path;
    if (path.substr(0, base.size()) != base ||
        (path.size() > base.size() && path[base.size()] != '/')) {
        return not_found(
            envelope, "There is nothing at this path. The FHIR base is " + context.base + "."
        );
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
                    "The path has a malformed percent escape.",
                    {},
                    "BAD_REQUEST"
                )
            );
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
        if (!segment.empty() || !rest.empty()) {
            segments.push_back(std::move(segment));
        }
        if (segments.size() > 6) {
            break;
        }
    }
    if (auto refused = route_segments(envelope, segments)) {
        return refused;
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
    if (auto refused = check_parameters(envelope)) {
        return refused;
    }
    const bool has_body = call.interaction == Interaction::create ||
                          call.interaction == Interaction::update ||
                          call.interaction == Interaction::transaction ||
                          (call.interaction == Interaction::validate && !request.body.empty());
    if (has_body) {
        return read_content_type(envelope);
    }
    return std::nullopt;
}

}  // namespace gatehouse::gateway
