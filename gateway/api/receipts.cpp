// SPDX-License-Identifier: Apache-2.0
//
// $receipt: what became of a message; the status URL of a 202; the first answer again.
#include <algorithm>

#include "fhir/json/value.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/http/answer.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonWriter;

void string_parameter(
    JsonWriter& json, const char* name, const char* type, std::string_view value
) {
    if (!value.empty()) {
        json.begin_object().key("name").string(name).key(type).string(value).end_object();
    }
}

std::string receipt_json(const Receipt& receipt) {
    JsonWriter json;
    json.begin_object().key("resourceType").string("Parameters").key("parameter").begin_array();
    string_parameter(json, "id", "valueId", receipt.message_id);
    string_parameter(json, "requestId", "valueString", receipt.request_id);
    string_parameter(json, "bundleIdentifier", "valueString", receipt.bundle_identifier);
    string_parameter(json, "state", "valueCode", to_string(receipt.state));
    string_parameter(json, "received", "valueInstant", to_instant(receipt.received_at));
    if (receipt.settled_at != 0) {
        string_parameter(json, "settled", "valueInstant", to_instant(receipt.settled_at));
    }
    if (receipt.status != 0) {
        json.begin_object()
            .key("name")
            .string("status")
            .key("valueInteger")
            .number(receipt.status)
            .end_object();
    }
    string_parameter(json, "decision", "valueString", receipt.decision_id);
    string_parameter(json, "definitions", "valueString", definitions_of(receipt));
    for (const std::string& rule : receipt.rules) {
        string_parameter(json, "rule", "valueString", rule);
    }
    for (const std::string& resource : receipt.resources) {
        json.begin_object().key("name").string("resource").key("valueReference").begin_object();
        json.key("reference").string(resource).end_object().end_object();
    }
    json.end_array().end_object();
    return json.take();
}

// The caller's own message by our id or its own X-Request-ID. What is another's is not found.
Result<Receipt> find_receipt(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const auto id = std::string(envelope.call.parameter("id"));
    if (id.empty()) {
        return Fault(
            Errc::invalid,
            "receipt",
            "Parameter id is required: the message id or your X-Request-ID."
        );
    }
    const Partner& partner = *envelope.credential.partner;
    const Fault unknown(Errc::not_found, "receipt", "No message of yours has that id.");
    const auto visible = [&](const Receipt& receipt) {
        return partner.all_rights || receipt.partner == partner.id;
    };
    // Settled first: a message leaves the pending list only after its receipt is stored, so looking
    // in this order twice misses none.
    for (int round = 0; round < 2; ++round) {
        if (is_ulid(id)) {
            auto found = store.receipt_by_message(id);
            if (!found) {
                return found.error();
            }
            if (found->has_value() && visible(**found)) {
                return std::move(**found);
            }
        }
        auto found = store.receipt_by_request(partner.id, id);
        if (!found) {
            return found.error();
        }
        if (found->has_value()) {
            return std::move(**found);
        }
        if (round == 0 && context.pending) {
            if (auto pending = context.pending(partner.id, id); pending && visible(*pending)) {
                return std::move(*pending);
            }
        }
    }
    return unknown;
}

}  // namespace

std::string_view definitions_of(const Receipt& receipt) {
    const std::string start = std::string(definitions_header) + ": ";
    std::string_view rest = receipt.headers;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (line.starts_with(start)) {
            return line.substr(start.size());
        }
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return {};
}

Response answer_receipt(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    auto receipt = find_receipt(envelope, context, store);
    if (!receipt) {
        return refusal(receipt.error(), envelope);
    }
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = receipt_json(*receipt);
    return response;
}

namespace {

// What an asynchronous request came to, as a batch-response of one entry (the pattern of FHIR R5
// §3.2.6; R4 defines one for bulk data alone).
Response late_bundle(const Response& answer) {
    JsonWriter json;
    json.begin_object().key("resourceType").string("Bundle").key("type").string("batch-response");
    json.key("entry").begin_array().begin_object();
    if (!answer.body.empty() && answer.status < 400) {
        json.key("resource").raw(answer.body);
    }
    json.key("response").begin_object();
    const std::string reason = reason_phrase(answer.status);
    json.key("status").string(std::to_string(answer.status) + (reason.empty() ? "" : " " + reason));
    if (const auto location = answer.headers.get("Location"); !location.empty()) {
        json.key("location").string(location);
    }
    if (const auto tag = answer.headers.get("ETag"); !tag.empty()) {
        json.key("etag").string(tag);
    }
    if (!answer.body.empty() && answer.status >= 400) {
        json.key("outcome").raw(answer.body);
    }
    json.end_object().end_object().end_array().end_object();
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = json.take();
    return response;
}

}  // namespace

Response answer_cancel(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const auto id = std::string(envelope.call.parameter("id"));
    if (context.give_up && context.give_up(envelope.credential.partner->id, id)) {
        Response response;
        response.status = 202;
        return response;
    }
    auto receipt = find_receipt(envelope, context, store);
    if (!receipt) {
        return refusal(receipt.error(), envelope);
    }
    return refusal(
        Fault(
            Errc::conflict,
            "cancel",
            "A write that is accepted is not taken back, and its receipt is kept. Undo it with "
            "another write."
        ),
        envelope
    );
}

Response answer_status(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    if (context.late_answer) {
        const auto id = std::string(envelope.call.parameter("id"));
        if (auto late = context.late_answer(envelope.credential.partner->id, id)) {
            Envelope original;
            original.id = id;
            envelope.disclosed.insert(
                envelope.disclosed.end(), late->disclosed.begin(), late->disclosed.end()
            );
            return late->ready ? late_bundle(late->response) : accepted_answer(original, context);
        }
    }
    auto receipt = find_receipt(envelope, context, store);
    if (!receipt) {
        return refusal(receipt.error(), envelope);
    }
    if (receipt->state == MessageState::received) {
        Envelope original;
        original.id = receipt->message_id;
        return accepted_answer(original, context);
    }
    Response again = answer_again(*receipt, context, store, envelope);
    return again.headers.get("Preference-Applied") == "respond-async" ? late_bundle(again) : again;
}

Response accepted_answer(const Envelope& envelope, const ApiContext& context) {
    fhir::Issue issue;
    issue.severity = fhir::Severity::information;
    issue.type = fhir::IssueType::informational;
    issue.rule = "accepted";
    issue.diagnostics =
        is_write(envelope.call.interaction) || envelope.call.interaction == Interaction::unknown
            ? "The message is accepted and durable; applying it goes on. Ask for "
              "the answer at Content-Location."
            : "The answer is being prepared. Ask for it at Content-Location.";
    Response response = refusal(202, {issue}, envelope);
    response.headers.set("Content-Location", context.base + "/$status?id=" + envelope.id);
    response.headers.set("Retry-After", "1");
    response.headers.set("X-Progress", "in progress");
    return response;
}

Response answer_again(
    const Receipt& receipt, const ApiContext& context, StoreReader& store, Envelope& envelope
) {
    Response response;
    response.status = receipt.status;
    std::string_view rest = receipt.headers;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (const auto colon = line.find(": "); colon != std::string_view::npos) {
            response.headers.set(line.substr(0, colon), std::string(line.substr(colon + 2)));
        }
    }
    if (!receipt.body.empty()) {
        response.body = receipt.body;
        envelope.disclosed.insert(
            envelope.disclosed.end(), receipt.resources.begin(), receipt.resources.end()
        );
        return response;
    }
    // "Patient/1/_history/2": the echo of a single write is the version it wrote.
    if (receipt.resources.size() == 1 && response.headers.has("Content-Type")) {
        const std::string& path = receipt.resources.front();
        const auto slash = path.find('/');
        const auto history = path.find("/_history/");
        if (slash != std::string::npos && history != std::string::npos) {
            const std::uint64_t number = std::strtoull(path.c_str() + history + 10, nullptr, 10);
            auto version = store.read_version(
                std::string_view(path).substr(0, slash),
                std::string_view(path).substr(slash + 1, history - slash - 1),
                number
            );
            if (version && Exit(envelope, context, store).disclose(*version)) {
                response.body = std::move(version->json);
            }
        }
    }
    return response;
}

}  // namespace gatehouse::gateway
