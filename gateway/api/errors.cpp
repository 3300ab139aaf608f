// SPDX-License-Identifier: Apache-2.0
//
// Refusals and the last step of every answer.
#include "fhir/json/json.hpp"
#include "fhir/outcome/outcome.hpp"
#include "fhir/xml/xml.hpp"
#include "gateway/api/api.hpp"
#include "gateway/api/view.hpp"

namespace gatehouse::gateway {
namespace {

struct FaultForm {
    int status;
    fhir::IssueType type;
    const char* spine_code;
};

// HTTP status, issue type and Spine code of each fault (NHS error model; FHIR R4 §3.1.0.1.9).
FaultForm form_of(Errc code) noexcept {
    switch (code) {
    case Errc::invalid: return {400, fhir::IssueType::invalid, "BAD_REQUEST"};
    case Errc::not_found: return {404, fhir::IssueType::not_found, "NO_RECORD_FOUND"};
    case Errc::gone: return {410, fhir::IssueType::deleted, "NO_RECORD_FOUND"};
    case Errc::conflict: return {409, fhir::IssueType::conflict, ""};
    case Errc::precondition: return {412, fhir::IssueType::conflict, ""};
    case Errc::unauthorised: return {401, fhir::IssueType::login, "ACCESS_DENIED"};
    case Errc::forbidden: return {403, fhir::IssueType::forbidden, "ACCESS_DENIED"};
    case Errc::too_large: return {413, fhir::IssueType::too_long, ""};
    case Errc::too_many: return {429, fhir::IssueType::throttled, "TOO_MANY_REQUESTS"};
    case Errc::unsupported: return {501, fhir::IssueType::not_supported, "NOT_IMPLEMENTED"};
    case Errc::busy: return {503, fhir::IssueType::transient, ""};
    case Errc::timeout: return {503, fhir::IssueType::timeout, ""};
    case Errc::cancelled: return {503, fhir::IssueType::transient, ""};
    case Errc::io: return {503, fhir::IssueType::no_store, ""};
    case Errc::no_space: return {503, fhir::IssueType::no_store, ""};
    case Errc::corrupt: return {500, fhir::IssueType::exception, "INTERNAL_SERVER_ERROR"};
    case Errc::internal: return {500, fhir::IssueType::exception, "INTERNAL_SERVER_ERROR"};
    }
    return {500, fhir::IssueType::exception, "INTERNAL_SERVER_ERROR"};
}

}  // namespace

int status_of(Errc code) noexcept {
    return form_of(code).status;
}

Response refusal(int status, const fhir::Issues& issues, const Envelope& envelope) {
    Response response;
    response.status = status;
    response.body = fhir::outcome_json(issues, {envelope.definitions});
    response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
    response.headers.set("Cache-Control", "no-store");
    if (status == 429 || status == 503) {
        response.headers.set("Retry-After", "1");
    }
    return response;
}

Response refusal(const Fault& fault, const Envelope& envelope) {
    const FaultForm form = form_of(fault.code);
    fhir::Issue issue;
    issue.severity = form.status >= 500 && form.status != 501 && form.status != 503
                         ? fhir::Severity::fatal
                         : fhir::Severity::error;
    issue.type = form.type;
    issue.rule = std::string("fault-") + to_string(fault.code);
    issue.spine_code = form.spine_code;
    // A detail is made of literals and our own ids, but what went wrong inside is the operator's
    // business: the caller of a 500 gets the message id to quote instead.
    if (form.status == 500) {
        issue.diagnostics =
            "The gateway could not do this because of a fault of its own. Quote message " +
            envelope.id + " to its operator.";
    } else {
        issue.diagnostics = fault.detail.empty() ? std::string(fault.where) : fault.detail;
    }
    return refusal(form.status, {issue}, envelope);
}

std::string headers_text(const Response& response) {
    std::string text;
    for (const auto& [name, value] : response.headers.all()) {
        text.append(name).append(": ").append(value).append("\n");
    }
    return text;
}

void finish(Response& response, const Envelope& envelope) {
    const bool has_body = !response.body.empty();
    if (has_body && !response.headers.has("Content-Type")) {
        response.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
    }
    const bool is_fhir_json =
        has_body && response.headers.get("Content-Type").substr(0, 21) == "application/fhir+json";
    const bool wants_xml = envelope.answer_format == fhir::Format::xml;
    const bool cut = !envelope.view.whole() && response.status < 300;
    if (is_fhir_json && !envelope.raw_answer && (wants_xml || envelope.pretty || cut) &&
        envelope.rulebook) {
        const fhir::TypeModel& types = envelope.rulebook->engine->types();
        Arena arena;
        fhir::DecodeLimits no_limits;
        no_limits.depth = 256;
        no_limits.string_bytes = no_limits.members = no_limits.elements = SIZE_MAX;
        const std::string source = std::move(response.body);
        const fhir::Decoded decoded = fhir::read_json(source, arena, types.symbols(), no_limits);
        GH_ASSERT(decoded.root != nullptr);
        fhir::annotate(*decoded.root, types);
        if (cut) {
            apply_view(*decoded.root, envelope.view, *envelope.rulebook->engine, arena);
        }
        if (wants_xml) {
            response.body = fhir::write_xml(*decoded.root, types, {.pretty = envelope.pretty});
            response.headers.set("Content-Type", "application/fhir+xml; charset=utf-8");
        } else {
            response.body = fhir::write_json(*decoded.root, &types, {.pretty = envelope.pretty});
        }
    }
    if (!envelope.request_id.empty()) {
        response.headers.set("X-Request-ID", envelope.request_id);
    }
    if (const auto correlation = envelope.request.headers.get("X-Correlation-ID");
        !correlation.empty()) {
        response.headers.set("X-Correlation-ID", std::string(correlation));
    }
}

}  // namespace gatehouse::gateway
