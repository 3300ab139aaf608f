// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/requests.hpp"

#include <algorithm>

#include "gateway/api/formats.hpp"
#include "gateway/api/issues.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

Response refuse_request(const Envelope& envelope, int status, fhir::Issue issue) {
    return refusal(status, {std::move(issue)}, envelope);
}

Response unsupported_type(const Envelope& envelope, std::string text) {
    return refuse_request(
        envelope,
        415,
        request_issue(
            IssueType::not_supported,
            "http-content-type",
            std::move(text),
            {},
            "UNSUPPORTED_MEDIA_TYPE"
        )
    );
}

std::string_view essence(std::string_view content_type) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && type.back() == ' ') {
        type.remove_suffix(1);
    }
    return type;
}

// FHIR is UTF-8 (R4 §3.1.0.1.11); text in another encoding would be kept as something else.
bool is_utf8(std::string_view content_type) {
    const auto charset = media_type_parameter(content_type, "charset");
    return charset.empty() || equal_ignoring_case(charset, "utf-8") ||
           equal_ignoring_case(charset, "utf8") || equal_ignoring_case(charset, "us-ascii");
}

Response wrong_charset(const Envelope& envelope) {
    return unsupported_type(
        envelope, "FHIR is sent in UTF-8. Convert the body, and say charset=utf-8 or nothing."
    );
}

char first_character(std::string_view body) {
    const auto first = body.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? '\0' : body[first];
}

// Undeclared, or declared as JSON without saying which: the first character tells.
fhir::Format format_by_content(std::string_view body) {
    return first_character(body) == '<' ? fhir::Format::xml : fhir::Format::json;
}

std::optional<Response> read_patch_type(Envelope& envelope) {
    const auto content_type = envelope.request.headers.get("Content-Type");
    if (!is_utf8(content_type)) {
        return wrong_charset(envelope);
    }
    const std::string_view type = essence(content_type);
    const bool array = first_character(envelope.request.body) == '[';
    if (equal_ignoring_case(type, "application/json-patch+json") ||
        (array && (type.empty() || equal_ignoring_case(type, "application/json")))) {
        envelope.body_kind = BodyKind::json_patch;
        return std::nullopt;
    }
    const auto format = content_type.empty()
                            ? std::optional(format_by_content(envelope.request.body))
                            : format_of_media_type(content_type);
    if (format) {
        envelope.body_format = *format;
        return std::nullopt;
    }
    Response response = unsupported_type(
        envelope,
        "A patch is application/json-patch+json (JSON Patch), or a Parameters resource in "
        "application/fhir+json or application/fhir+xml (FHIRPath Patch). XML Patch is not offered."
    );
    response.headers.set("Accept-Patch", patch_types);
    return response;
}

// Binary takes any content; only FHIR's own media types mean the resource (FHIR R4 §2.40 binary).
bool is_raw_binary(const Envelope& envelope) {
    const RestCall& call = envelope.call;
    if (call.type != "Binary" ||
        (call.interaction != Interaction::create && call.interaction != Interaction::update)) {
        return false;
    }
    const std::string_view type = essence(envelope.request.headers.get("Content-Type"));
    if (type.empty()) {
        return false;
    }
    for (const char* own :
         {"application/fhir+json",
          "application/fhir+xml",
          "application/json+fhir",
          "application/xml+fhir"}) {
        if (equal_ignoring_case(type, own)) {
            return false;
        }
    }
    if (format_of_media_type(type)) {
        // application/json and its like may hold either.
        const std::string_view start = std::string_view(envelope.request.body).substr(0, 4096);
        return start.find("\"resourceType\"") == std::string_view::npos &&
               start.find("<Binary") == std::string_view::npos;
    }
    return true;
}

}  // namespace

std::optional<Response> read_formats(Envelope& envelope) {
    const Request& request = envelope.request;
    const auto format_parameter = envelope.call.parameter("_format");
    const auto accept = request.headers.get("Accept");
    // A _format overrides Accept (§3.1.0.1.11), since browsers cannot set headers.
    const auto format = !format_parameter.empty() ? format_of_parameter(format_parameter)
                                                  : format_of_accept(accept);
    if (!format) {
        return refuse_request(
            envelope,
            406,
            request_issue(
                IssueType::not_supported,
                "http-accept",
                "None of the wanted formats is offered. Ask for application/fhir+json or "
                "application/fhir+xml (FHIR version 4.0), in Accept or _format.",
                {},
                "UNSUPPORTED_MEDIA_TYPE"
            )
        );
    }
    envelope.answer_format = *format;
    const auto pretty = envelope.call.parameter("_pretty");
    if (!pretty.empty() && pretty != "true" && pretty != "false") {
        return refuse_request(
            envelope,
            400,
            request_issue(
                IssueType::value,
                "http-parameter",
                "_pretty must be true or false.",
                {},
                "INVALID_PARAMETER"
            )
        );
    }
    envelope.pretty = pretty == "true";
    return std::nullopt;
}

bool has_own_format(const RestCall& call) {
    const bool binary = call.type == "Binary" && (call.interaction == Interaction::read ||
                                                  call.interaction == Interaction::vread);
    return binary || call.interaction == Interaction::openapi ||
           call.interaction == Interaction::smart;
}

std::optional<Response> read_content_type(Envelope& envelope) {
    switch (envelope.call.interaction) {
    case Interaction::create:
    case Interaction::update:
    case Interaction::transaction:
    case Interaction::meta_add:
    case Interaction::meta_delete:
    case Interaction::process_message: break;
    case Interaction::patch: return read_patch_type(envelope);
    case Interaction::validate:
    case Interaction::meta:
    case Interaction::document:
    case Interaction::everything:
    case Interaction::lastn:
    case Interaction::match:
    case Interaction::expand:
    case Interaction::validate_code:
    case Interaction::lookup:
    case Interaction::subsumes:
    case Interaction::translate:
        if (envelope.request.body.empty()) {
            return std::nullopt;
        }
        break;
    default: return std::nullopt;
    }
    if (is_raw_binary(envelope)) {
        envelope.body_kind = BodyKind::raw;
        return std::nullopt;
    }
    const auto content_type = envelope.request.headers.get("Content-Type");
    if (content_type.empty()) {
        envelope.body_format = format_by_content(envelope.request.body);
        return std::nullopt;
    }
    if (!is_utf8(content_type)) {
        return wrong_charset(envelope);
    }
    const auto format = format_of_media_type(content_type);
    if (!format) {
        return unsupported_type(
            envelope,
            "This Content-Type is not accepted here. Send application/fhir+json or "
            "application/fhir+xml (FHIR version 4.0)."
        );
    }
    envelope.body_format = *format;
    return std::nullopt;
}

std::optional<Response> read_form(Envelope& envelope) {
    const auto content_type = envelope.request.headers.get("Content-Type");
    if (content_type.empty() && envelope.request.body.empty()) {
        return std::nullopt;  // everything stands in the URL
    }
    if (!equal_ignoring_case(essence(content_type), "application/x-www-form-urlencoded")) {
        return unsupported_type(
            envelope, "A _search is posted as application/x-www-form-urlencoded."
        );
    }
    if (!parse_query(envelope.request.body, envelope.call.parameters)) {
        return refuse_request(
            envelope,
            400,
            request_issue(
                IssueType::invalid,
                "http-form",
                "The form has a malformed percent escape, or bytes that are not UTF-8.",
                {},
                "BAD_REQUEST"
            )
        );
    }
    return std::nullopt;
}

std::optional<Response> check_parameters(Envelope& envelope) {
    static constexpr std::string_view general[] = {"_format", "_pretty", "_summary", "_elements"};
    static constexpr std::string_view validate[] = {"profile", "mode"};
    static constexpr std::string_view by_id[] = {"id"};
    static constexpr std::string_view history[] = {
        "_count", "_page", "_since", "_at", "_list", "_sort"};
    static constexpr std::string_view document[] = {"id", "persist", "graph"};
    static constexpr std::string_view message[] = {"async", "response-url"};
    const RestCall& call = envelope.call;
    switch (call.interaction) {
    case Interaction::search:
    case Interaction::lastn:
    case Interaction::everything: return std::nullopt;  // they read their own
    case Interaction::update:
    case Interaction::patch:
    case Interaction::remove:
        if (call.id.empty()) {
            return std::nullopt;  // the condition
        }
        break;
    default: break;
    }
    const auto among = [](std::string_view name, auto& list) {
        return std::find(std::begin(list), std::end(list), name) != std::end(list);
    };
    for (const auto& [name, value] : call.parameters) {
        bool known = among(name, general) || is_terminology(call.interaction);
        switch (call.interaction) {
        case Interaction::validate: known = known || among(name, validate); break;
        case Interaction::receipt:
        case Interaction::cancel:
        case Interaction::status: known = known || among(name, by_id); break;
        case Interaction::history_instance:
        case Interaction::history_type:
        case Interaction::history_system: known = known || among(name, history); break;
        case Interaction::document: known = known || among(name, document); break;
        case Interaction::process_message: known = known || among(name, message); break;
        case Interaction::capabilities: known = known || name == "mode"; break;
        default: break;
        }
        if (!known && !envelope.prefer.lenient) {
            return refuse_request(
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
        if (name == "_summary" && value == "count") {
            return refuse_request(
                envelope,
                400,
                request_issue(
                    IssueType::value,
                    "http-parameter",
                    "_summary=count is for searches alone.",
                    {},
                    "INVALID_PARAMETER"
                )
            );
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::gateway
