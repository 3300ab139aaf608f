// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/cors.hpp"

#include <algorithm>

#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/requests.hpp"

namespace gatehouse::gateway {
namespace {

constexpr const char* methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
constexpr const char* request_headers =
    "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, "
    "If-None-Match, NHSD-End-User-Organisation, NHSD-End-User-Organisation-ODS, Prefer, "
    "X-Correlation-ID, X-Request-ID, X-Security-Context";
constexpr const char* answer_headers =
    "Content-Location, ETag, Gatehouse-Definitions, Gatehouse-Findings, Gatehouse-Unchecked, "
    "Guardrail-Decision, Last-Modified, Location, Retry-After, X-Correlation-ID, X-Message-ID, X-Progress, X-Request-ID";

bool is_allowed(std::string_view origin, const ApiContext& context) {
    return std::any_of(
        context.cors_origins.begin(),
        context.cors_origins.end(),
        [&](const std::string& allowed) { return allowed == "*" || allowed == origin; }
    );
}

// The methods that a URL answers, comma-joined; empty: there is nothing at it.
std::string methods_at(const Envelope& envelope, const ApiContext& context) {
    std::string allow;
    for (const char* method : methods) {
        Envelope probe;
        probe.rulebook = envelope.rulebook;
        probe.request.method = method;
        probe.request.target = envelope.request.target;
        const auto refused = route(probe, context);
        const bool absent =
            refused && (refused->status == 404 || refused->status == 405 || refused->status == 501);
        if (!absent) {
            allow.append(allow.empty() ? "" : ", ").append(method);
        }
    }
    return allow;
}

}  // namespace

Response answer_options(Envelope& envelope, const ApiContext& context) {
    const Headers& headers = envelope.request.headers;
    Response response;
    response.status = 204;
    if (headers.has("Origin") && headers.has("Access-Control-Request-Method")) {
        if (!is_allowed(headers.get("Origin"), context)) {
            return refusal(
                403,
                {request_issue(
                    fhir::IssueType::forbidden,
                    "cors",
                    "Pages of this origin may not use the record API.",
                    {},
                    "ACCESS_DENIED"
                )},
                envelope
            );
        }
        response.headers.set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
        response.headers.set("Access-Control-Allow-Headers", request_headers);
        response.headers.set("Access-Control-Max-Age", "600");
        return response;
    }
    const std::string_view path = envelope.request.path();
    if (path.size() <= context.base_path.size() + 1) {
        response = answer_capabilities(envelope, context);  // as FHIR's first versions had it
        response.headers.set("Allow", "GET, HEAD, POST, OPTIONS");
        return response;
    }
    const std::string allow = methods_at(envelope, context);
    if (allow.empty()) {
        return refusal(
            Fault(Errc::not_found, "options", "There is nothing at this URL."), envelope
        );
    }
    response.headers.set("Allow", allow + ", OPTIONS");
    if (allow.find("PATCH") != std::string::npos) {
        response.headers.set("Accept-Patch", patch_types);
    }
    return response;
}

void allow_origin(Response& response, const Envelope& envelope, const ApiContext& context) {
    const auto origin = envelope.request.headers.get("Origin");
    if (context.cors_origins.empty()) {
        return;
    }
    response.headers.add("Vary", "Origin");
    if (origin.empty() || !is_allowed(origin, context)) {
        return;
    }
    response.headers.set("Access-Control-Allow-Origin", std::string(origin));
    response.headers.set("Access-Control-Expose-Headers", answer_headers);
}

}  // namespace gatehouse::gateway
