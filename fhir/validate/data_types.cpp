// SPDX-License-Identifier: Apache-2.0
//
// What data types ask beyond their definitions: identifiers of well-known systems, attachments
// whose size, hash and data must agree, UCUM annotations.

#include <charconv>

#include <boost/uuid/detail/sha1.hpp>

#include "fhir/base/nhs_number.hpp"
#include "fhir/validate/lexical.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

// The 20 bytes of SHA-1 (Attachment.hash, R4 §2.24.0.7; for comparison, not for security).
std::string sha1_of(std::string_view bytes) {
    boost::uuids::detail::sha1 sha;
    sha.process_bytes(bytes.data(), bytes.size());
    unsigned int words[5] = {};
    sha.get_digest(words);
    std::string out;
    for (const unsigned int word : words) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            out += static_cast<char>((word >> shift) & 0xFFU);
        }
    }
    return out;
}

// RFC 4122 §3, in lower case as FHIR writes it (R4 §2.24.0.1, uuid).
bool is_uuid(std::string_view text) noexcept {
    constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size() != form.size()) {
        return false;
    }
    for (std::size_t i = 0; i < form.size(); ++i) {
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (form[i] == '-' ? c != '-' : !hex) {
            return false;
        }
    }
    return true;
}

}  // namespace
void Walker::check_identifier(const Element& at) {
    const std::string_view system = value_of_child(at, known_.system_symbol);
    if (system.empty()) {
        return;
    }
    if (!has_scheme(system)) {
        report(rules::identifier_system, at, [&] {
            return join("The system", shown(system), " of an identifier must be an absolute URI.");
        });
        return;
    }
    const std::string_view value = value_of_child(at, known_.value_symbol);
    if (system == "https://tools.ietf.org/html/rfc4122" && !value.empty() &&
        !value.starts_with("urn:uuid:") && !is_uuid(value)) {
        report(rules::identifier_uuid, at, [&] {
            return join("With this system the value must be a UUID, not", shown(value), ".");
        });
    }
    if (system == nhs_number_system && !value.empty()) {
        check_nhs_identifier(*at.child(known_.value_symbol));
    }
    if (system == "urn:ietf:rfc:3986" && !value.empty() && !has_scheme(value)) {
        report(rules::identifier_uri_value, at, [&] {
            return join(
                "With the system urn:ietf:rfc:3986 the value must be a URI with its scheme "
                "(urn:uuid:..., urn:oid:..., https://...), not",
                shown(value),
                "."
            );
        });
    }
}

// A warning: HL7's validator knows no NHS numbers, and what a gateway refuses is its policy's to
// say (rule G05).
void Walker::check_nhs_identifier(const Element& value) {
    const NhsNumberFault fault = check_nhs_number(value.value);
    if (fault == NhsNumberFault::none) {
        return;
    }
    report(rules::nhs_number, value, [&] {
        return join(
            "The NHS number",
            shown(value.value),
            fault == NhsNumberFault::form ? " is not ten digits without spaces."
                                          : " has a wrong check digit; look for a typing error."
        );
    });
}

void Walker::check_attachment(const Element& at) {
    const Element* data = at.child(known_.data_symbol);
    const Element* size = at.child(known_.size_symbol);
    if (data == nullptr && at.child("url") == nullptr) {
        if (at.child("contentType") == nullptr && at.child("language") == nullptr) {
            report(rules::attachment_content, at, [] {
                return std::string(
                    "An attachment has data or a url, or at least a contentType or a language."
                );
            });
        }
    }
    if (size != nullptr && size->has_value()) {
        std::uint64_t bytes = 0;
        const std::string_view text = size->value;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
        if (error != std::errc{} || end != text.data() + text.size()) {
            report(rules::attachment_size, at, [&] {
                return join("The size", shown(text), " is not a number of bytes.");
            });
        }
    }
    if (data == nullptr || !data->has_value()) {
        return;
    }
    const lexical::Base64 form = lexical::check_base64(data->value);
    if (form == lexical::Base64::spaces) {
        report(rules::attachment_data, at, [] {
            return std::string("The data has white space inside, so it does not decode as base64.");
        });
    }
    const Element* hash = at.child("hash");
    if (form != lexical::Base64::good || (size == nullptr && hash == nullptr)) {
        return;
    }
    const std::string bytes = lexical::decode_base64(data->value);
    std::uint64_t stated = 0;
    if (size != nullptr &&
        std::from_chars(size->value.data(), size->value.data() + size->value.size(), stated).ec ==
            std::errc{} &&
        stated != bytes.size()) {
        report(rules::attachment_size_wrong, at, [&] {
            return join(
                "The size says ",
                size->value,
                " bytes, but the data has ",
                std::to_string(bytes.size()),
                "."
            );
        });
    }
    if (hash != nullptr && hash->has_value() &&
        lexical::decode_base64(hash->value) != sha1_of(bytes)) {
        report(rules::attachment_hash, at, [] {
            return std::string("The hash is not the base64 text of the data's SHA-1.");
        });
    }
}

void Walker::check_quantity(const Element& at) {
    const std::string_view code = value_of_child(at, known_.code_symbol);
    if (code.find('{') == std::string_view::npos ||
        value_of_child(at, known_.system_symbol) != "http://unitsofmeasure.org") {
        return;
    }
    report(rules::quantity_annotation, at, [&] {
        return join(
            "The unit",
            shown(code),
            " has an annotation in braces, which comparisons ignore. Say it in "
            "the unit text instead."
        );
    });
}

}  // namespace gatehouse::fhir::judge
