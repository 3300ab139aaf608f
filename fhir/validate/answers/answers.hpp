#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Questionnaires and their answers (FHIR R4 Questionnaire §2.36, QuestionnaireResponse §2.37, SDC's
// item extensions): a form is looked at by itself, a response against the form that it names. The
// form is a loaded definition or a contained resource; one that is not at hand is reported, and
// nothing is guessed about its answers.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "fhir/terminology/value_set.hpp"
#include "fhir/validate/desk.hpp"

namespace gatehouse::fhir::judge::answers {

void check_form(const Desk& desk, const Element& questionnaire);
void check_response(const Desk& desk, const Element& response);

// One item of a form.
struct FormItem {
    std::string_view link_id;
    const Element* node = nullptr;
    const FormItem* parent = nullptr;
    const FormItem* first_child = nullptr;
    const FormItem* next = nullptr;  // sibling
    std::string_view type;           // "group", "choice", ...
    std::uint32_t depth = 0;         // 1: directly below the Questionnaire
    bool required = false;
    bool repeats = false;
    // A group, or the abstract "question": holds items, not answers.
    [[nodiscard]] bool is_group() const noexcept { return type == "group" || type == "question"; }
};

// A Questionnaire's items, found by linkId. Lives in the message's arena.
class Form {
public:
    // Empty items if it has more than the step budget allows.
    Form(const Desk& desk, const Element& questionnaire);
    // An item of the whole form with that linkId, or nullptr.
    [[nodiscard]] const FormItem* find(std::string_view link_id) const noexcept;
    // The one directly below `parent` (nullptr: the form), or nullptr.
    [[nodiscard]] const FormItem*
    find_below(const FormItem* parent, std::string_view link_id) const noexcept;
    // First of the items directly below `parent`; the others by FormItem::next.
    [[nodiscard]] const FormItem* first_below(const FormItem* parent) const noexcept;
    // The value set that "#id" or a canonical means for this form, compiled once; nullptr if it is
    // not at hand.
    [[nodiscard]] const ValueSetIndex*
    value_set(const Desk& desk, std::string_view canonical) const;
    [[nodiscard]] const Element& questionnaire() const noexcept { return questionnaire_; }
    // In the order of the form, parents before their children.
    [[nodiscard]] std::span<const FormItem> items() const noexcept { return items_; }

private:
    void add(const Desk& desk, const Element& parent, FormItem* above);
    const Element& questionnaire_;
    std::span<FormItem> items_;
    std::span<const FormItem*> by_link_id_;
    std::size_t count_ = 0;
    // Contained value sets that were asked for; a form has few.
    struct OwnSet {
        std::string_view reference;
        std::unique_ptr<const ValueSetIndex> set;
    };
    mutable std::vector<OwnSet> own_sets_;
};

// The items of the response on the way to the one being checked, outermost first.
struct AnswerPath {
    const AnswerPath* above = nullptr;
    const FormItem* item = nullptr;  // nullptr at the response itself
    const Element* node = nullptr;
};

enum class Enabled : std::uint8_t { no, yes, undecided };
// Whether the conditions of `item` hold where its parent instance is `path`.
Enabled
is_enabled(const Desk& desk, const Form& form, const FormItem& item, const AnswerPath& path);

// Items against the forms that the questionnaire derives from (derivation.cpp).
void check_derivations(const Desk& desk, const Form& form);

// One answer of an item that takes answers: type, bounds, length, options, unit, target.
// `answer_count` is how many answers the item has (an exclusive option stands alone).
void check_answer(
    const Desk& desk,
    const Form& form,
    const FormItem& item,
    const Element& answer,
    std::size_t answer_count
);
// The part of check_answer that asks answerOption and answerValueSet.
void check_options(
    const Desk& desk,
    const Form& form,
    const FormItem& item,
    const Element& answer,
    const Element& value,
    std::size_t answer_count
);

// -1, 0, 1 of two primitive values of one kind ("integer", "date", ...); empty if they cannot be
// compared. Dates compare by the first instant that they may mean.
std::optional<int>
compare_values(std::string_view type, std::string_view left, std::string_view right);

}  // namespace gatehouse::fhir::judge::answers
