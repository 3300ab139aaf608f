// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/binary.hpp"

#include <algorithm>

#include "fhir/base/blanks.hpp"
#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "fhir/validate/lexical.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/formats.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"

namespace gatehouse::gateway {
namespace {

// The parts of a stored Binary that its answer needs.
struct BinaryParts {
    std::string content_type;
    std::string security_context;
    std::string_view data;
};

// `arena` holds what `data` points into.
BinaryParts parts_of(std::string_view json, Arena& arena) {
    BinaryParts parts;
    if (const auto value = fhir::parse_json_value(json, arena)) {
        parts.content_type = value->string("contentType");
        parts.data = value->string("data");
        if (const fhir::JsonValue* context = value->find("securityContext")) {
            parts.security_context = context->string("reference");
        }
    }
    return parts;
}

std::string_view strip(std::string_view text) {
    while (!text.empty() && text.front() == ' ') {
        text.remove_prefix(1);
    }
    while (!text.empty() && text.back() == ' ') {
        text.remove_suffix(1);
    }
    return text;
}

enum class Wish : std::uint8_t { content, resource, neither };

// Only FHIR's own media types ask for the resource; anything else that fits the content gets that.
Wish wish_of(const Envelope& envelope, std::string_view content_type) {
    if (!envelope.call.parameter("_format").empty()) {
        return Wish::resource;
    }
    const std::string_view accept = envelope.request.headers.get("Accept");
    if (accept.empty()) {
        return Wish::content;
    }
    const std::string_view own = strip(content_type.substr(0, content_type.find(';')));
    const std::string_view family = own.substr(0, own.find('/'));
    bool fits = false;
    std::string_view rest = accept;
    while (!rest.empty()) {
        const auto end = rest.find(',');
        const std::string_view item = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const std::string_view range = strip(item.substr(0, item.find(';')));
        for (const char* fhir_type :
             {"application/fhir+json",
              "application/fhir+xml",
              "application/json+fhir",
              "application/xml+fhir"}) {
            if (equal_ignoring_case(range, fhir_type)) {
                return Wish::resource;
            }
        }
        const bool whole_family = range.size() > 2 && range.substr(range.size() - 2) == "/*" &&
                                  equal_ignoring_case(range.substr(0, range.size() - 2), family);
        fits = fits || range == "*/*" || whole_family || equal_ignoring_case(range, own);
    }
    if (fits) {
        return Wish::content;
    }
    return format_of_accept(accept) ? Wish::resource : Wish::neither;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group <<= 8U;
            group |= i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U;
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out.push_back(i <= count ? alphabet[(group >> (18U - 6U * i)) & 63U] : '=');
        }
    }
    return out;
}

std::string_view binary_of(Envelope& envelope) {
    std::string json = R"({"resourceType":"Binary")";
    const auto member = [&](const char* name, std::string_view text) {
        json.append(",\"").append(name).append("\":");
        fhir::append_json_string(json, text);
    };
    if (!envelope.call.id.empty()) {
        member("id", envelope.call.id);
    }
    member("contentType", envelope.request.headers.get("Content-Type"));
    const auto context = envelope.request.headers.get("X-Security-Context");
    if (!context.empty()) {
        json.append(R"(,"securityContext":{"reference":)");
        fhir::append_json_string(json, context);
        json.push_back('}');
    }
    if (!envelope.request.body.empty()) {
        json.append(",\"data\":\"").append(encode_base64(envelope.request.body)).append("\"");
    }
    json.push_back('}');
    return envelope.arena->copy(json);
}

Response binary_answer(Envelope& envelope, StoredVersion binary) {
    Arena arena;
    const BinaryParts parts = parts_of(binary.json, arena);
    switch (wish_of(envelope, parts.content_type)) {
    case Wish::resource: return resource_answer(envelope, std::move(binary));
    case Wish::neither:
        return refusal(
            406,
            {request_issue(
                fhir::IssueType::not_supported,
                "http-accept",
                "The content is of another type than Accept allows. Ask for */*, or for "
                "application/fhir+json to get the Binary resource."
            )},
            envelope
        );
    case Wish::content: break;
    }
    const std::string content(parts.data);
    Response response = resource_answer(envelope, std::move(binary));
    envelope.raw_answer = true;
    if (response.status != 200) {
        return response;
    }
    if (fhir::judge::lexical::check_base64(content) == fhir::judge::lexical::Base64::bad) {
        response.body.clear();
    } else {
        std::string plain = content;
        std::erase_if(plain, is_space);
        response.body = fhir::judge::lexical::decode_base64(plain);
    }
    response.headers.set(
        "Content-Type",
        parts.content_type.empty() ? std::string("application/octet-stream") : parts.content_type
    );
    response.headers.set("X-Content-Type-Options", "nosniff");
    if (!parts.security_context.empty()) {
        response.headers.set("X-Security-Context", parts.security_context);
    }
    return response;
}

}  // namespace gatehouse::gateway
