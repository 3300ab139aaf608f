// SPDX-License-Identifier: Apache-2.0
//
// Questionnaire.derivedFrom with the extension questionnaire-derivationType: what extends or
// complies with another form keeps its types, and asks no less of its items.
#include "fhir/validate/answers/answers.hpp"

namespace gatehouse::fhir::judge::answers {
namespace {

constexpr std::string_view derivation_type =
    "http://hl7.org/fhir/StructureDefinition/questionnaire-derivationType";

bool same_value(const Element& a, const Element& b) {
    if (a.name != b.name) {
        return false;
    }
    if (a.has_value()) {
        return a.value == b.value;
    }
    for (const std::string_view part : {"system", "code", "reference"}) {
        if (a.child_value(part) != b.child_value(part)) {
            return false;
        }
    }
    return true;
}

void check_offers(const Desk& desk, const FormItem& item, const FormItem& base) {
    if (base.node->child("answerOption") == nullptr) {
        return;
    }
    if (item.node->child("answerOption") == nullptr) {
        desk.report(rules::form_derived, *item.node, [&] {
            return join(
                "The form that this derives from offers options for",
                desk.shown(item.link_id),
                ", so this must offer some of them."
            );
        });
        return;
    }
    for (const Element& option : children(*item.node, "answerOption")) {
        const Element* value = choice_child(option, "value");
        bool found = value == nullptr;
        for (const Element& offered : children(*base.node, "answerOption")) {
            const Element* other = desk.spend() ? choice_child(offered, "value") : nullptr;
            found = found || (other != nullptr && same_value(*value, *other));
        }
        if (!found) {
            desk.report(rules::form_derived, option, [] {
                return std::string("The form that this derives from does not offer this option.");
            });
        }
    }
}

void check_derived(const Desk& desk, const FormItem& item, const FormItem& base) {
    const auto report = [&](std::string_view part, const char* words) {
        const Element* place = item.node->child(part);
        desk.report(rules::form_derived, place == nullptr ? *item.node : *place, [&] {
            return join("The form that this derives from ", words);
        });
    };
    if (!base.type.empty() && !item.type.empty() && item.type != base.type) {
        report("type", "gives this item another type, which cannot change.");
    }
    if (!base.repeats && item.repeats) {
        report("repeats", "does not let this item repeat, so it cannot repeat here.");
    }
    if (base.required && !item.required && item.node->child("required") != nullptr) {
        report("required", "requires this item, so it must be required here.");
    }
    const std::string_view longest = base.node->child_value("maxLength");
    const std::string_view given = item.node->child_value("maxLength");
    if (!longest.empty() && (given.empty() || compare_values("integer", given, longest) == 1)) {
        report(
            "maxLength", "limits the length of this item's answer, and it cannot be longer here."
        );
    }
    check_offers(desk, item, base);
}

}  // namespace

void check_derivations(const Desk& desk, const Form& form) {
    for (const Element& canonical : children(form.questionnaire(), "derivedFrom")) {
        const Element* kind = extension_value(canonical, derivation_type);
        const std::string_view code =
            kind == nullptr ? std::string_view{} : kind->child_value("code");
        if (code != "extends" && code != "compliesWith") {
            continue;
        }
        const Element* questionnaire = desk.definition("Questionnaire", canonical.value);
        if (questionnaire == nullptr) {
            desk.leave_undecided();
            desk.report(rules::form_base_unknown, canonical, [&] {
                return join(
                    "The questionnaire ",
                    canonical.value,
                    " is not loaded, so what derives from it was not compared."
                );
            });
            continue;
        }
        const Form base(desk, *questionnaire);
        for (const FormItem& item : form.items()) {
            const FormItem* other = base.find(item.link_id);
            if (other != nullptr) {
                check_derived(desk, item, *other);
            } else if (code == "compliesWith") {
                desk.report(rules::form_derived, *item.node, [&] {
                    return join(
                        "The questionnaire ",
                        canonical.value,
                        " has no item",
                        desk.shown(item.link_id),
                        "."
                    );
                });
            }
        }
    }
}

}  // namespace gatehouse::fhir::judge::answers
