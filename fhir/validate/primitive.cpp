// SPDX-License-Identifier: Apache-2.0
//
// Primitive values: JSON kind, lexical form and meaning of every FHIR primitive (R4 §2.24.0.1).
// Scanned by hand: the regexes of the specification cost more than the rest of the walk.

#include <charconv>

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::size_t string_bytes_max = 1024 * 1024;

// U+00A0 counts as white space at the ends of a text, as for HL7's validator.
bool starts_or_ends_with_space(std::string_view text) noexcept {
    return is_space(text.front()) || is_space(text.back()) || text.starts_with("\xC2\xA0") ||
           text.ends_with("\xC2\xA0");
}

bool only_space(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_space(text[i])) {
            continue;
        }
        if (text.substr(i).starts_with("\xC2\xA0")) {
            ++i;
            continue;
        }
        return false;
    }
    return true;
}

// A tag with something marked up behind it: "<b>x</b>", "<script src=x>...<". A lone "<5" or
// "a < b" is text.
bool looks_like_html(std::string_view text) noexcept {
    const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
    for (std::size_t open = text.find('<'); open != std::string_view::npos;
         open = text.find('<', open + 1)) {
        const std::size_t next = text.find('<', open + 1);
        if (next == std::string_view::npos) {
            return false;
        }
        // Only up to the next tag: a text of many '<' is read once.
        const std::size_t close = text.substr(0, next).find('>', open + 1);
        if (close == std::string_view::npos || close == open + 1 || !letter(text[open + 1])) {
            continue;
        }
        std::size_t end = open + 2;
        while (end < close &&
               (letter(text[end]) || text[end] == '_' || (text[end] >= '0' && text[end] <= '9'))) {
            ++end;
        }
        if (end == close || is_space(text[end])) {
            return true;
        }
    }
    return false;
}

// White space in a URI, U+00A0 (C2 A0) included.
bool has_white_space(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c <= ' ' ? is_space(text[i])
                     : c == 0xC2U && i + 1 < text.size() && text[i + 1] == '\xA0') {
            return true;
        }
    }
    return false;
}

// "<" and a letter, or "</": where a renderer of markdown sees HTML. `code` and \< are text.
bool has_tag(std::string_view text) noexcept {
    bool code = false;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == '`') {
            code = !code;
        } else if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '<' && !code) {
            const char next = static_cast<char>(text[i + 1] | 0x20);
            if ((next >= 'a' && next <= 'z') || text[i + 1] == '/') {
                // <https://...> is markdown's own link.
                const std::string_view rest = text.substr(i + 1);
                if (!rest.starts_with("http://") && !rest.starts_with("https://") &&
                    !rest.starts_with("mailto:")) {
                    return true;
                }
            }
        }
    }
    return false;
}

}  // namespace

void Walker::check_json_type(const Element& at) {
    const JsonKind wanted = known_.json[at.type];
    bool fits = true;
    const char* name = "a string";
    switch (wanted) {
    case JsonKind::string: fits = at.written == Written::string; break;
    case JsonKind::number:
        fits = at.written == Written::number;
        name = "a number";
        break;
    case JsonKind::boolean:
        fits = at.written == Written::boolean;
        name = "true or false without quotes";
        break;
    case JsonKind::xhtml:
    case JsonKind::none: break;
    }
    if (!fits) {
        report(rules::json_type, at, [&] {
            return join(
                "In JSON a ",
                types_.type(at.type).name,
                " is ",
                name,
                ", but this is ",
                at.written == Written::string    ? "a string."
                : at.written == Written::number  ? "a number."
                : at.written == Written::boolean ? "true or false."
                                                 : "something else."
            );
        });
    }
}

void Walker::check_primitive(const Element& at, PrimitiveKind kind) {
    if (!at.has_value()) {
        if (at.first_child == nullptr ||
            (at.first_child->next == nullptr && at.first_child->symbol == known_.id_symbol)) {
            report(rules::empty_element, at, [&] {
                return std::string("This element has neither a value nor an extension. Give it one "
                                   "or leave it out.");
            });
        }
        return;
    }
    if (kind == PrimitiveKind::xhtml) {
        check_narrative(at);
        return;
    }
    if (!xml_) {
        check_json_type(at);
    }
    const std::string_view value = at.value;
    if (options_.no_html_in_markdown && kind == PrimitiveKind::markdown && has_tag(value)) {
        report(rules::html_in_markdown, at, [] {
            return std::string("The markdown holds what looks like an HTML tag, which will be "
                               "shown as text or do harm. Write it as markdown, or escape <.");
        });
    }
    if (options_.security_checks && looks_like_html(value)) {
        report(rules::html_in_text, at, [] {
            return std::string(
                "The text holds what looks like HTML tags, which may do harm where it "
                "is shown. Send plain text."
            );
        });
    }
    if (value.empty()) {
        report(rules::value_empty, at, [] {
            return std::string("The value is empty. Give it content or leave the element out.");
        });
        return;
    }
    if (only_space(value) && kind != PrimitiveKind::boolean && kind != PrimitiveKind::base64) {
        report(rules::value_whitespace, at, [] {
            return std::string("The value is only white space. Give it content or leave it out.");
        });
        if (kind == PrimitiveKind::code || kind == PrimitiveKind::uri ||
            kind == PrimitiveKind::string || kind == PrimitiveKind::markdown) {
            return;
        }
    }
    switch (kind) {
    case PrimitiveKind::boolean:
        if (value != "true" && value != "false") {
            report(rules::boolean_value, at, [&] {
                return join("The value", shown(value), " is not true or false.");
            });
        }
        break;
    case PrimitiveKind::integer:
    case PrimitiveKind::positive_int:
    case PrimitiveKind::unsigned_int:
    case PrimitiveKind::decimal: check_number(at, kind); break;
    case PrimitiveKind::date:
    case PrimitiveKind::date_time:
    case PrimitiveKind::instant:
    case PrimitiveKind::time: check_date(at, kind); break;
    case PrimitiveKind::code:
        if (!lexical::is_code(value)) {
            report(rules::code_whitespace, at, [&] {
                return join(
                    "The code",
                    shown(value),
                    " has white space at an end, or more than one space inside. Take it out."
                );
            });
        }
        break;
    case PrimitiveKind::id:
        if (!lexical::is_id(value) && !(at.parent != nullptr && at.parent->is_resource)) {
            report(rules::id_value, at, [&] {
                return join(
                    "The id", shown(value), " may have letters, digits, '-' and '.', at most 64."
                );
            });
        }
        break;
    case PrimitiveKind::uri:
    case PrimitiveKind::url:
    case PrimitiveKind::canonical:
    case PrimitiveKind::oid:
    case PrimitiveKind::uuid: check_uri(at, kind); break;
    case PrimitiveKind::base64: check_base64(at); break;
    case PrimitiveKind::string:
    case PrimitiveKind::markdown:
    case PrimitiveKind::other: check_text(at); break;
    case PrimitiveKind::none:
    case PrimitiveKind::xhtml: break;
    }
}

void Walker::check_text(const Element& at) {
    const std::string_view value = at.value;
    if (value.size() > string_bytes_max) {
        report(rules::string_length, at, [&] {
            return join(
                "The text has ",
                std::to_string(value.size()),
                " bytes; FHIR allows 1,048,576. Send it as an attachment."
            );
        });
    }
    if (!starts_or_ends_with_space(value)) {
        return;
    }
    if (known_.primitive(at.type) == PrimitiveKind::string) {
        report(rules::string_whitespace, at, [&] {
            return join("The text", shown(value), " starts or ends with white space. Take it out.");
        });
    }
}

void Walker::check_number(const Element& at, PrimitiveKind kind) {
    const std::string_view value = at.value;
    if (kind == PrimitiveKind::decimal) {
        if (!lexical::is_decimal(value)) {
            report(rules::decimal_value, at, [&] {
                return join("The value", shown(value), " is not a decimal number such as 1.50.");
            });
        } else if (lexical::significant_digits(value) > 18) {
            report(rules::decimal_range, at, [&] {
                return join(
                    "The value",
                    shown(value),
                    " has more digits than most systems keep (18). Check that it is meant."
                );
            });
        }
        return;
    }
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (!lexical::is_integer(value) || error != std::errc{} || end != value.data() + value.size()) {
        report(rules::integer_value, at, [&] {
            return join(
                "The value",
                shown(value),
                " is not a whole number between -2147483648 and 2147483647."
            );
        });
        return;
    }
    if (kind == PrimitiveKind::positive_int && number < 1) {
        report(rules::integer_positive, at, [&] {
            return join(
                "The value", shown(value), " is below 1, the least value of a positiveInt."
            );
        });
    }
    if (kind == PrimitiveKind::unsigned_int && number < 0) {
        report(rules::integer_unsigned, at, [&] {
            return join(
                "The value", shown(value), " is below 0, the least value of an unsignedInt."
            );
        });
    }
}

void Walker::check_date(const Element& at, PrimitiveKind kind) {
    const std::string_view value = at.value;
    const lexical::DateForm form = lexical::read_date(value);
    const auto complain = [&](const RuleInfo& rule, std::string_view wanted) {
        report(rule, at, [&] {
            return join(
                "The value",
                shown(value),
                " is not a real ",
                wanted,
                form.problem == nullptr ? "" : ": ",
                form.problem == nullptr ? "" : form.problem,
                "."
            );
        });
    };
    switch (kind) {
    case PrimitiveKind::time:
        if (!lexical::is_time(value)) {
            complain(rules::time_value, "time; write hh:mm:ss");
        }
        return;
    case PrimitiveKind::date:
        if (!form.valid || form.precision > lexical::Precision::day) {
            complain(rules::date_value, "date; write YYYY, YYYY-MM or YYYY-MM-DD");
            return;
        }
        break;
    case PrimitiveKind::instant:
        if (!form.valid || form.precision < lexical::Precision::second || !form.has_zone) {
            complain(rules::instant_value, "instant; write YYYY-MM-DDThh:mm:ss with Z or +hh:mm");
            return;
        }
        break;
    default:
        if (!form.valid) {
            complain(
                rules::date_time_value,
                "date and time; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm"
            );
            return;
        }
        if (form.precision >= lexical::Precision::second && !form.has_zone) {
            report(rules::date_time_zone, at, [&] {
                return join(
                    "The value",
                    shown(value),
                    " has a time but no zone. Add Z or an offset such as +00:00."
                );
            });
            return;
        }
        break;
    }
    if (form.year < 1800 || form.year > 2100) {
        report(rules::date_reasonable, at, [&] {
            return join("The year of", shown(value), " is unlikely. Check for a typing error.");
        });
    }
}

void Walker::check_uri(const Element& at, PrimitiveKind kind) {
    const std::string_view value = at.value;
    if (!options_.example_urls && is_example_url(value)) {
        report(rules::example_url, at, [&] {
            return join(
                "The URL",
                shown(value),
                " is one for examples. Name the real place, or allow "
                "examples (option examples=true)."
            );
        });
    }
    if (has_white_space(value)) {
        report(rules::uri_whitespace, at, [&] {
            return join(
                "The URI", shown(value), " has white space. Take it out, or encode it as %20."
            );
        });
    }
    const char first = value.front();
    if ((first == 'h' || first == 'H') && kind != PrimitiveKind::oid &&
        kind != PrimitiveKind::uuid) {
        return;  // http: what most are
    }
    if (value.starts_with("oid:") || value.starts_with("uuid:")) {
        const bool oid = value.front() == 'o';
        report(oid ? rules::uri_oid : rules::uri_uuid, at, [&] {
            return join(
                "Write urn:", oid ? "oid:" : "uuid:", " in front, not ", oid ? "oid:." : "uuid:."
            );
        });
    }
    if (kind == PrimitiveKind::canonical && !value.empty() && value.front() != '#' &&
        !has_scheme(value)) {
        report(rules::canonical_absolute, at, [&] {
            return join(
                "A canonical names a definition by its absolute URL (or # and the id of a "
                "contained "
                "one), not",
                shown(value),
                "."
            );
        });
    }
    if (kind == PrimitiveKind::canonical && value.size() > 1 && value.front() == '#' &&
        resolve(at, value) == nullptr) {
        report(rules::url_target, at, [&] {
            return join("There is no contained resource with the id", shown(value.substr(1)), ".");
        });
    }
    if (value.starts_with("urn:oid:") || kind == PrimitiveKind::oid) {
        if (!value.starts_with("urn:oid:")) {
            report(rules::oid_start, at, [] {
                return std::string("An OID starts with urn:oid:.");
            });
        } else if (!lexical::is_oid(value.substr(8))) {
            report(rules::oid_value, at, [&] {
                return join(
                    "The OID", shown(value), " is not numbers joined by dots, first 0, 1 or 2."
                );
            });
        }
    }
    if (value.starts_with("urn:uuid:") || kind == PrimitiveKind::uuid) {
        if (!value.starts_with("urn:uuid:")) {
            report(rules::uuid_start, at, [] {
                return std::string("A UUID starts with urn:uuid:.");
            });
        } else if (!lexical::is_uuid(value.substr(9, value.find('#') - 9))) {
            report(rules::uuid_value, at, [&] {
                return join(
                    "The UUID", shown(value), " is not 8-4-4-4-12 lower-case hexadecimal digits."
                );
            });
        }
    }
}

void Walker::check_base64(const Element& at) {
    switch (lexical::check_base64(at.value)) {
    case lexical::Base64::good: break;
    case lexical::Base64::spaces:
        report(rules::base64_whitespace, at, [] {
            return std::string(
                "The base64 text has white space, which RFC 4648 does not allow. Take it out."
            );
        });
        break;
    case lexical::Base64::bad:
        report(rules::base64_value, at, [] {
            return std::string("The text is not base64 (RFC 4648: A-Z a-z 0-9 + /, padded with =)."
            );
        });
        break;
    }
}

void Walker::check_resource_id(const Element& resource) {
    const Element* id = resource.child("id");
    if (id == nullptr || !id->has_value() || lexical::is_id(id->value)) {
        return;
    }
    if (id->value.size() > 64) {
        report(rules::resource_id_length, *id, [&] {
            return join(
                "The resource id has ",
                std::to_string(id->value.size()),
                " characters; 64 are allowed."
            );
        });
    } else {
        report(rules::resource_id_chars, *id, [&] {
            return join(
                "The resource id", shown(id->value), " may have only letters, digits, '-' and '.'."
            );
        });
    }
}

}  // namespace gatehouse::fhir::judge
