// SPDX-License-Identifier: Apache-2.0
//
// What data types ask beyond their definitions: identifiers of well-known systems, attachments
// whose size, hash and data must agree, UCUM annotations.

#include <charconv>

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
void Walker::check_identifier(const Element& at) {
    const std::string_view system = at.child_value("system");
    if (system.empty()) {
        return;
    }
    if (!has_scheme(system)) {
        report(rules::identifier_system, at, [&] {
            return join("The system", shown(system), " of an identifier must be an absolute URI.");
        });
        return;
    }
    const std::string_view value = at.child_value("value");
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

void Walker::check_attachment(const Element& at) {
    const Element* data = at.child("data");
    const Element* size = at.child("size");
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
    if (data != nullptr && lexical::check_base64(data->value) == lexical::Base64::spaces) {
        report(rules::attachment_data, at, [] {
            return std::string("The data has white space inside, so it does not decode as base64.");
        });
    }
}

void Walker::check_quantity(const Element& at) {
    const std::string_view code = at.child_value("code");
    if (code.find('{') == std::string_view::npos ||
        at.child_value("system") != "http://unitsofmeasure.org") {
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
