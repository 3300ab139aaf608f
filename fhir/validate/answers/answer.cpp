// SPDX-License-Identifier: Apache-2.0
//
// One answer against its question: the type that the question asks for, and what the form's
// extensions ask of the value (bounds, length, decimals, pattern, unit, media type, size, target).
#include <re2/re2.h>

#include "fhir/path/ucum.hpp"
#include "fhir/validate/answers/answers.hpp"
#include "fhir/validate/lexical.hpp"

namespace gatehouse::fhir::judge::answers {
namespace {

constexpr std::string_view ucum = "http://unitsofmeasure.org";

struct Url {
    static constexpr std::string_view min_value =
        "http://hl7.org/fhir/StructureDefinition/minValue";
    static constexpr std::string_view max_value =
        "http://hl7.org/fhir/StructureDefinition/maxValue";
    static constexpr std::string_view min_length =
        "http://hl7.org/fhir/StructureDefinition/minLength";
    static constexpr std::string_view regex = "http://hl7.org/fhir/StructureDefinition/regex";
    static constexpr std::string_view decimals =
        "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces";
    static constexpr std::string_view media = "http://hl7.org/fhir/StructureDefinition/mimeType";
    static constexpr std::string_view size = "http://hl7.org/fhir/StructureDefinition/maxSize";
    static constexpr std::string_view target =
        "http://hl7.org/fhir/StructureDefinition/questionnaire-referenceResource";
    static constexpr std::string_view unit_option =
        "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption";
    static constexpr std::string_view unit_set =
        "http://hl7.org/fhir/StructureDefinition/questionnaire-unitValueSet";
    static constexpr std::string_view min_quantity =
        "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-minQuantity";
    static constexpr std::string_view max_quantity =
        "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity";
};

// The value types that a question's type takes; the first is what a finding names.
std::string_view value_type(std::string_view item_type) noexcept {
    struct Row {
        std::string_view item;
        std::string_view value;
    };
    static constexpr Row rows[] = {
        {"boolean", "Boolean"},
        {"decimal", "Decimal"},
        {"integer", "Integer"},
        {"date", "Date"},
        {"dateTime", "DateTime"},
        {"time", "Time"},
        {"string", "String"},
        {"text", "String"},
        {"url", "Uri"},
        {"attachment", "Attachment"},
        {"reference", "Reference"},
        {"quantity", "Quantity"},
    };
    for (const Row& row : rows) {
        if (row.item == item_type) {
            return row.value;
        }
    }
    return {};
}

// R4's options may be references, and then answers are too.
bool offers_references(const FormItem& item) noexcept {
    for (const Element& option : children(*item.node, "answerOption")) {
        if (option.child("valueReference") != nullptr) {
            return true;
        }
    }
    return false;
}

std::size_t decimals_of(std::string_view number) noexcept {
    const std::size_t point = number.rfind('.');
    return point == std::string_view::npos ? 0 : number.size() - point - 1;
}

std::size_t code_points(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char c : text) {
        count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
    }
    return count;
}

// The resource type that a reference names, if its form says one ("Patient/1",
// "https://host/fhir/Patient/1/_history/2").
std::string_view type_in_reference(std::string_view reference) noexcept {
    if (const std::size_t history = reference.find("/_history/");
        history != std::string_view::npos) {
        reference = reference.substr(0, history);
    }
    const std::size_t id = reference.rfind('/');
    if (id == std::string_view::npos || id == 0) {
        return {};
    }
    const std::size_t type = reference.rfind('/', id - 1);
    return type == std::string_view::npos ? reference.substr(0, id)
                                          : reference.substr(type + 1, id - type - 1);
}

void check_bounds(
    const Desk& desk, const FormItem& item, const Element& value, std::string_view type
) {
    const auto bound = [&](std::string_view url, int bad, const RuleInfo& rule, const char* words) {
        const Element* limit = extension_value(*item.node, url);
        if (limit == nullptr) {
            return;
        }
        if (compare_values(type, value.value, limit->value) == bad) {
            desk.report(rule, value, [&] {
                return join("The value", desk.shown(value.value), words, limit->value, ".");
            });
        }
    };
    bound(Url::min_value, -1, rules::answer_min_value, " is less than the allowed minimum of ");
    bound(Url::max_value, 1, rules::answer_max_value, " is greater than the allowed maximum of ");
}

void check_decimals(
    const Desk& desk, const FormItem& item, const Element& at, std::string_view number
) {
    const Element* limit = extension_value(*item.node, Url::decimals);
    if (limit != nullptr &&
        compare_values("integer", std::to_string(decimals_of(number)), limit->value) == 1) {
        desk.report(rules::answer_decimals, at, [&] {
            return join("At most ", limit->value, " digits may stand behind the decimal point.");
        });
    }
}

void check_string(const Desk& desk, const FormItem& item, const Element& value) {
    const std::string length = std::to_string(code_points(value.value));
    if (const Element* limit = extension_value(*item.node, Url::min_length);
        limit != nullptr && compare_values("integer", length, limit->value) == -1) {
        desk.report(rules::answer_min_length, value, [&] {
            return join(
                "The answer has ", length, " characters; at least ", limit->value, " are needed."
            );
        });
    }
    const std::string_view longest = item.node->child_value("maxLength");
    if (!longest.empty() && compare_values("integer", length, longest) == 1) {
        desk.report(rules::answer_max_length, value, [&] {
            return join(
                "The answer has ", length, " characters; at most ", longest, " are allowed."
            );
        });
    }
    if (const Element* pattern = extension_value(*item.node, Url::regex)) {
        re2::RE2::Options quiet;
        quiet.set_log_errors(false);
        quiet.set_max_mem(1 << 20);
        if (!desk.spend(64 + pattern->value.size())) {
            return;
        }
        const re2::RE2 regex(re2::StringPiece(pattern->value.data(), pattern->value.size()), quiet);
        if (!regex.ok()) {
            desk.leave_undecided();
        } else if (!re2::RE2::FullMatch(
                       re2::StringPiece(value.value.data(), value.value.size()), regex
                   )) {
            desk.report(rules::answer_regex, value, [&] {
                return join("The answer does not have the form ", pattern->value, ".");
            });
        }
    }
    if (item.type == "string" && value.value.find_first_of("\r\n") != std::string_view::npos) {
        desk.report(rules::answer_line_breaks, value, [] {
            return std::string("A question of type string takes one line of text.");
        });
    }
}

void check_attachment(
    const Desk& desk, const FormItem& item, const Element& answer, const Element& value
) {
    bool limited = false;
    bool fits = false;
    const std::string_view given = value.child_value("contentType");
    for (const Element& extension : children(*item.node, "extension")) {
        if (extension.child_value("url") == Url::media) {
            const Element* allowed = choice_child(extension, "value");
            limited = true;
            fits =
                fits || (allowed != nullptr && !given.empty() && given.starts_with(allowed->value));
        }
    }
    if (limited && !fits) {
        desk.report(given.empty() ? rules::answer_no_media : rules::answer_media, answer, [&] {
            return given.empty()
                       ? std::string("The attachment must say its contentType: the questionnaire "
                                     "allows only some.")
                       : join(
                             "The media type ", given, " is not one that the questionnaire allows."
                         );
        });
    }
    const Element* limit = extension_value(*item.node, Url::size);
    const Element* data = value.child("data");
    if (limit != nullptr && data != nullptr &&
        lexical::check_base64(data->value) != lexical::Base64::bad) {
        std::size_t digits = 0;
        std::size_t padding = 0;
        for (const char c : data->value) {
            digits += !is_space(c) && c != '=' ? 1U : 0U;
            padding += c == '=' ? 1U : 0U;
        }
        const std::string bytes = std::to_string(digits * 3 / 4);
        if (compare_values("decimal", bytes, limit->value) == 1) {
            desk.report(rules::answer_attachment_size, answer, [&] {
                return join(
                    "The attachment has ", bytes, " bytes; at most ", limit->value, " are allowed."
                );
            });
        }
    }
}

void check_target(const Desk& desk, const FormItem& item, const Element& value) {
    const std::string_view reference = value.child_value("reference");
    if (reference.empty()) {
        return;
    }
    const Element* target = desk.resolve(value, reference);
    const std::string_view type =
        target != nullptr ? target->resource_type() : type_in_reference(reference);
    bool limited = false;
    bool fits = false;
    std::string allowed;
    for (const Element& extension : children(*item.node, "extension")) {
        if (extension.child_value("url") != Url::target) {
            continue;
        }
        if (const Element* one = choice_child(extension, "value")) {
            limited = true;
            fits = fits || one->value == type;
            allowed += allowed.empty() ? "" : ", ";
            allowed += one->value;
        }
    }
    const bool known = !type.empty() && desk.types().find(type) != unknown_type;
    if (limited && known && !fits) {
        desk.report(rules::answer_target, value, [&] {
            return join("The reference is to ", type, "; the questionnaire allows ", allowed, ".");
        });
    } else if (limited && !known) {
        desk.leave_undecided();
    }
    if (!known && !type.empty() && desk.options().rest_references) {
        desk.report(rules::answer_target_type, value, [&] {
            return join("The reference", desk.shown(reference), " names no resource type of FHIR.");
        });
    }
}

// -1, 0, 1, or nothing where the units do not let the quantities be compared.
std::optional<int> compare_quantities(const Element& left, const Element& right) {
    const std::string_view system = left.child_value("system");
    const std::string_view code = left.child_value("code");
    const std::string_view other_code = right.child_value("code");
    if (system.empty() || code.empty() || other_code.empty() ||
        system != right.child_value("system")) {
        return std::nullopt;
    }
    const auto a = path::Decimal::parse(left.child_value("value"));
    const auto b = path::Decimal::parse(right.child_value("value"));
    if (!a || !b) {
        return std::nullopt;
    }
    if (code == other_code) {
        return compare(*a, *b);
    }
    const auto unit = path::parse_unit(code);
    const auto other = path::parse_unit(other_code);
    if (system != ucum || !unit || !other) {
        return std::nullopt;
    }
    return path::compare(*a, *unit, *b, *other);
}

void check_unit(const Desk& desk, const FormItem& item, const Element& value) {
    const std::string_view system = value.child_value("system");
    const std::string_view code = value.child_value("code");
    bool limited = false;
    bool fits = false;
    for (const Element& extension : children(*item.node, "extension")) {
        if (extension.child_value("url") != Url::unit_option) {
            continue;
        }
        limited = true;
        const Element* option = choice_child(extension, "value");
        if (option == nullptr) {
            continue;
        }
        const auto same = [&](std::string_view part, std::string_view given) {
            const std::string_view wanted = option->child_value(part);
            return wanted.empty() || wanted == given;
        };
        fits = fits || (same("system", system) && same("code", code) &&
                        same("display", value.child_value("unit")));
    }
    if (limited && !fits) {
        desk.report(rules::answer_unit, value, [] {
            return std::string("The unit is not one that the questionnaire offers.");
        });
    }
    const Element* set_url = extension_value(*item.node, Url::unit_set);
    if (set_url == nullptr) {
        return;
    }
    const ValueSetIndex* set = desk.terminology().value_set(set_url->value);
    if (set == nullptr) {
        desk.report(rules::answer_set_unknown, value, [&] {
            return join(
                "The value set of units ",
                set_url->value,
                " is not loaded, so the unit was not checked."
            );
        });
        return;
    }
    const Verdict member =
        code.empty() ? Verdict::no : desk.terminology().contains(*set, system, code);
    if (member == Verdict::no) {
        desk.report(rules::answer_unit_set, value, [&] {
            return join("The unit is not in the value set ", set_url->value, ".");
        });
    } else if (member == Verdict::not_checkable) {
        desk.leave_undecided();
    }
}

void check_quantity(const Desk& desk, const FormItem& item, const Element& value) {
    const auto bound = [&](std::string_view url, int bad, const RuleInfo& rule, const char* side) {
        const Element* limit = extension_value(*item.node, url);
        if (limit == nullptr) {
            return;
        }
        const auto order = compare_quantities(value, *limit);
        if (!order) {
            desk.report(rules::answer_quantity_units, value, [&] {
                return join(
                    "The quantity cannot be compared with the allowed ",
                    side,
                    ": both need a system and a code, of units that convert into one another."
                );
            });
        } else if (*order == bad) {
            desk.report(rule, value, [&] {
                return join(
                    "The quantity is ",
                    bad < 0 ? "less" : "greater",
                    " than the allowed ",
                    side,
                    " of ",
                    limit->child_value("value"),
                    " ",
                    limit->child_value("unit"),
                    "."
                );
            });
        }
    };
    bound(Url::min_quantity, -1, rules::answer_min_quantity, "minimum");
    bound(Url::max_quantity, 1, rules::answer_max_quantity, "maximum");
    check_decimals(desk, item, value, value.child_value("value"));
    check_unit(desk, item, value);
}

}  // namespace

void check_answer(
    const Desk& desk,
    const Form& form,
    const FormItem& item,
    const Element& answer,
    std::size_t answer_count
) {
    const Element* value = choice_child(answer, "value");
    if (value == nullptr || value->type == unknown_type) {
        return;
    }
    const std::string_view type = choice_type(*value, "value");
    const std::string_view wanted = value_type(item.type);
    const bool choice = item.type == "choice" || item.type == "open-choice";
    if (choice) {
        const bool fits = type == "Coding" || type == "Date" || type == "Time" ||
                          type == "Integer" || type == "String" ||
                          (type == "Reference" && offers_references(item));
        if (!fits) {
            desk.report(rules::answer_type, *value, [&] {
                return join(
                    "A choice takes what its options are: Coding, date, time, integer or string, "
                    "not ",
                    type,
                    "."
                );
            });
            return;
        }
        check_options(desk, form, item, answer, *value, answer_count);
        return;
    }
    if (wanted.empty()) {
        return;
    }
    if (type != wanted) {
        desk.report(rules::answer_type, *value, [&] {
            return join(
                "The question is of type ",
                item.type,
                ", so its answer is value",
                wanted,
                ", not ",
                value->name,
                "."
            );
        });
        return;
    }
    if (type == "Integer" || type == "Decimal") {
        check_bounds(desk, item, *value, "decimal");
        check_decimals(desk, item, *value, value->value);
    } else if (type == "Date" || type == "DateTime") {
        check_bounds(desk, item, *value, "dateTime");
    } else if (type == "Time") {
        check_bounds(desk, item, *value, "time");
    } else if (type == "String") {
        check_string(desk, item, *value);
    } else if (type == "Attachment") {
        check_attachment(desk, item, answer, *value);
    } else if (type == "Reference") {
        check_target(desk, item, *value);
    } else if (type == "Quantity") {
        check_quantity(desk, item, *value);
    }
    check_options(desk, form, item, answer, *value, answer_count);
}

}  // namespace gatehouse::fhir::judge::answers
