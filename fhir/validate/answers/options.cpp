// SPDX-License-Identifier: Apache-2.0
//
// answerOption and answerValueSet (R4 Questionnaire.item): an answer is one of the values that the
// form offers. An open choice also takes free text.
#include "fhir/validate/answers/answers.hpp"

namespace gatehouse::fhir::judge::answers {
namespace {

constexpr std::string_view exclusive_option =
    "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive";

// Whether an option is the answer. Both are value[x].
bool same_option(const Element& option, const Element& value, std::string_view type) {
    if (type == "Coding") {
        return option.child_value("system") == value.child_value("system") &&
               option.child_value("code") == value.child_value("code");
    }
    if (type == "Reference") {
        return option.child_value("reference") == value.child_value("reference");
    }
    return option.value == value.value;
}

// True if the value is typed free text rather than one of the options.
bool is_free_text(const FormItem& item, std::string_view type) noexcept {
    return item.type == "open-choice" && type == "String";
}

void check_list(
    const Desk& desk,
    const FormItem& item,
    const Element& place,
    const Element& value,
    std::size_t answer_count
) {
    const std::string_view type = choice_type(value, "value");
    // An answer to a dateTime question may be among options that are dates.
    const std::string_view also = type == "DateTime"  ? "Date"
                                  : type == "Decimal" ? "Integer"
                                                      : type;
    bool any = false;
    for (const Element& option : children(*item.node, "answerOption")) {
        const Element* offered = choice_child(option, "value");
        if (offered == nullptr || !desk.spend()) {
            continue;
        }
        const std::string_view offered_type = choice_type(*offered, "value");
        if (offered_type != type && offered_type != also) {
            continue;
        }
        any = true;
        if (!same_option(*offered, value, type)) {
            continue;
        }
        const Element* alone = extension_value(option, exclusive_option);
        if (alone != nullptr && alone->value == "true" && answer_count > 1) {
            desk.report(rules::answer_exclusive, place, [] {
                return std::string("This option excludes every other, and there are other answers."
                );
            });
        }
        return;
    }
    if (is_free_text(item, type)) {
        return;
    }
    desk.report(any ? rules::answer_option : rules::answer_option_type, place, [&] {
        return any ? join(
                         "The answer to",
                         desk.shown(item.link_id),
                         " is not one of the options that the questionnaire offers."
                     )
                   : join(
                         "The questionnaire offers no option of the type ",
                         type,
                         " for",
                         desk.shown(item.link_id),
                         "."
                     );
    });
}

void report_not_in_set(
    const Desk& desk, const RuleInfo& rule, const Element& place, std::string_view canonical
) {
    desk.report(rule, place, [&] {
        return join(
            "The answer is not in the value set ", canonical, ", which the questionnaire names."
        );
    });
}

void check_set(
    const Desk& desk,
    const Form& form,
    const FormItem& item,
    const Element& answer,
    const Element& value
) {
    const std::string_view canonical = item.node->child_value("answerValueSet");
    const std::string_view type = choice_type(value, "value");
    const bool coding = type == "Coding";
    if (!coding && (type != "String" || item.type != "string")) {
        return;  // free text of a choice, or a type that no value set has
    }
    const Element& place = coding ? answer : value;
    const ValueSetIndex* set = form.value_set(desk, canonical);
    if (set == nullptr) {
        desk.leave_undecided();
        desk.report(rules::answer_set_unknown, place, [&] {
            return join(
                "The value set ",
                canonical,
                " is not loaded, so the answer was not checked against it."
            );
        });
        return;
    }
    const std::string_view system = coding ? value.child_value("system") : std::string_view{};
    const std::string_view code = coding ? value.child_value("code") : value.value;
    if (coding && code.empty() && system.empty() && item.type == "open-choice" &&
        value.child("display") != nullptr) {
        return;
    }
    // Without a system the code is looked for in every system of the value set.
    const Verdict member =
        code.empty() ? Verdict::no : desk.terminology().contains(*set, system, code);
    if (member == Verdict::not_checkable) {
        desk.leave_undecided();
        return;
    }
    if (member == Verdict::no) {
        report_not_in_set(
            desk, coding ? rules::answer_set : rules::answer_set_text, place, canonical
        );
        return;
    }
    // A coding whose display belongs to another code is not the option that was meant.
    if (coding && desk.options().display_issues <= Severity::error) {
        const Terminology::CodeFacts facts = desk.terminology().facts(
            {system, value.child_value("version"), code, value.child_value("display")}
        );
        if (facts.display == DisplayMatch::different) {
            report_not_in_set(desk, rules::answer_set, place, canonical);
        }
    }
}

}  // namespace

void check_options(
    const Desk& desk,
    const Form& form,
    const FormItem& item,
    const Element& answer,
    const Element& value,
    std::size_t answer_count
) {
    const bool choice = item.type == "choice" || item.type == "open-choice";
    if (item.node->child("answerOption") != nullptr) {
        const std::string_view type = choice_type(value, "value");
        if (type != "Quantity" && type != "Attachment") {
            check_list(desk, item, choice ? answer : value, value, answer_count);
        }
        return;
    }
    if (item.node->child("answerValueSet") != nullptr) {
        check_set(desk, form, item, answer, value);
        return;
    }
    if (choice) {
        desk.report(rules::answer_no_options, answer, [&] {
            return join(
                "The questionnaire offers no options for",
                desk.shown(item.link_id),
                ", so the answer was not checked against any."
            );
        });
    }
}

}  // namespace gatehouse::fhir::judge::answers
