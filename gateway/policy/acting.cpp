// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/acting.hpp"

#include <array>
#include <optional>

#include "fhir/json/value.hpp"

namespace gatehouse::gateway {
namespace acting_detail {

constexpr std::string_view ods_system = "https://fhir.nhs.uk/Id/ods-organization-code";
constexpr std::string_view plain_header = "NHSD-End-User-Organisation-ODS";
constexpr std::string_view resource_header = "NHSD-End-User-Organisation";

// Base64 with either alphabet, padding optional (RFC 4648 §4, §5); white space is refused.
std::optional<std::string> decode_base64(std::string_view text) {
    while (!text.empty() && text.back() == '=') {
        text.remove_suffix(1);
    }
    std::string out;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        unsigned value = 0;
        if (c >= 'A' && c <= 'Z') {
            value = static_cast<unsigned>(c - 'A');
        } else if (c >= 'a' && c <= 'z') {
            value = static_cast<unsigned>(c - 'a') + 26;
        } else if (c >= '0' && c <= '9') {
            value = static_cast<unsigned>(c - '0') + 52;
        } else if (c == '+' || c == '-') {
            value = 62;
        } else if (c == '/' || c == '_') {
            value = 63;
        } else {
            return std::nullopt;
        }
        bits = (bits << 6U) | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<char>((bits >> held) & 0xFFU));
        }
    }
    return out;
}

std::string ods_of(const fhir::JsonValue& organisation) {
    const fhir::JsonValue* identifiers = organisation.find("identifier");
    if (identifiers == nullptr) {
        return {};
    }
    for (const fhir::JsonValue& identifier : identifiers->items) {
        if (identifier.string("system") == ods_system) {
            return normalise_ods(identifier.string("value"));
        }
    }
    // BaRS callers also send a bare identifier object.
    return identifiers->string("system") == ods_system ? normalise_ods(identifiers->string("value"))
                                                       : std::string();
}

}  // namespace acting_detail

std::string normalise_ods(std::string_view code) {
    std::string out;
    for (const char c : code) {
        if (c >= 'a' && c <= 'z') {
            out.push_back(static_cast<char>(c - 'a' + 'A'));
        } else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            out.push_back(c);
        } else {
            return {};
        }
    }
    return out.size() >= 3 && out.size() <= 10 ? out : std::string();
}

ActingClaim read_acting_claim(const Headers& headers) {
    ActingClaim claim;
    if (headers.has(acting_detail::plain_header)) {
        claim.organisation = normalise_ods(headers.get(acting_detail::plain_header));
        if (claim.organisation.empty()) {
            claim.problem =
                "NHSD-End-User-Organisation-ODS is not an ODS code: 3 to 10 letters and digits.";
            return claim;
        }
    }
    if (!headers.has(acting_detail::resource_header)) {
        return claim;
    }
    const auto text = acting_detail::decode_base64(headers.get(acting_detail::resource_header));
    Arena arena;
    const auto json = text ? fhir::parse_json_value(*text, arena)
                           : Result<fhir::JsonValue>(Fault(Errc::invalid, "acting"));
    const std::string code = json && json->is(fhir::JsonValue::Kind::object)
                                 ? acting_detail::ods_of(*json)
                                 : std::string();
    if (code.empty()) {
        claim.problem =
            "NHSD-End-User-Organisation is not the base64 of a FHIR Organization with an "
            "identifier of system https://fhir.nhs.uk/Id/ods-organization-code.";
        return claim;
    }
    if (!claim.organisation.empty() && claim.organisation != code) {
        claim.problem =
            "NHSD-End-User-Organisation-ODS and NHSD-End-User-Organisation name different "
            "organisations.";
        return claim;
    }
    claim.organisation = code;
    return claim;
}

}  // namespace gatehouse::gateway
