// SPDX-License-Identifier: Apache-2.0
//
// A QuestionnaireResponse against its form: is the form at hand, are the items those of the form
// in its places and order, is what is required there where it is enabled, and does no disabled
// item hold an answer. What is missing while the response is not completed is a warning.
#include <algorithm>
#include <span>

#include "fhir/validate/answers/answers.hpp"

namespace gatehouse::fhir::judge::answers {
namespace {

constexpr std::string_view min_occurs =
    "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs";
constexpr std::string_view max_occurs =
    "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs";

class ResponseCheck {
public:
    ResponseCheck(const Desk& desk, const Form& form, bool completed)
        : desk_(desk), form_(form), missing_(completed ? Severity::error : Severity::warning) {}

    // The items below `node` (the response, an item or an answer), which are instances of the
    // form's items below `definition` (nullptr: the form itself).
    void items(const Element& node, const FormItem* definition, const AnswerPath& path);

private:
    void item(const FormItem& item, const Element& node, const AnswerPath& above);
    void content(const FormItem& item, const Element& node, const AnswerPath& path);
    void occurrences(const FormItem& item, const Element& node, std::size_t count);
    void absent(const FormItem& item, const Element& where);
    [[nodiscard]] std::span<const Element*> by_link_id(const Element& node) const;

    const Desk& desk_;
    const Form& form_;
    Severity missing_;
};

void ResponseCheck::absent(const FormItem& item, const Element& where) {
    desk_.report_as(rules::answer_missing, missing_, where, [&] {
        return join(
            "There is no answer to the required question",
            desk_.shown(item.link_id),
            missing_ == Severity::error ? ". Answer it, or send the response as in-progress."
                                        : " yet."
        );
    });
}

// Items of a response by linkId, in the order of the message where equal.
struct ByLinkId {
    bool operator()(const Element* a, const Element* b) const {
        const int order = a->child_value("linkId").compare(b->child_value("linkId"));
        return order < 0 || (order == 0 && a->offset < b->offset);
    }
    bool operator()(const Element* a, const FormItem* b) const {
        return a->child_value("linkId") < b->link_id;
    }
    bool operator()(const FormItem* a, const Element* b) const {
        return a->link_id < b->child_value("linkId");
    }
};

std::span<const Element*> ResponseCheck::by_link_id(const Element& node) const {
    const NamedChildren given = children(node, "item");
    const std::span<const Element*> out = desk_.arena().array<const Element*>(given.size());
    std::size_t count = 0;
    for (const Element& item : given) {
        out[count++] = &item;
    }
    std::sort(out.begin(), out.end(), ByLinkId{});
    return out;
}

void ResponseCheck::items(const Element& node, const FormItem* definition, const AnswerPath& path) {
    const std::span<const Element*> here = by_link_id(node);
    const FormItem* last = nullptr;
    for (const Element& given : children(node, "item")) {
        if (!desk_.spend()) {
            return;
        }
        const std::string_view link_id = given.child_value("linkId");
        if (link_id.empty()) {
            desk_.report(rules::answer_no_link_id, node, [] {
                return std::string("An item has no linkId, so it belongs to no question.");
            });
            continue;
        }
        const FormItem* known = form_.find_below(definition, link_id);
        if (known == nullptr) {
            known = form_.find(link_id);
            if (known == nullptr) {
                desk_.report(rules::answer_unknown_link_id, node, [&] {
                    return join(
                        "The questionnaire has no item with the linkId", desk_.shown(link_id), "."
                    );
                });
                continue;
            }
            desk_.report(rules::answer_misplaced, node, [&] {
                return join(
                    "The item with the linkId",
                    desk_.shown(link_id),
                    " stands in the wrong place: the questionnaire has it ",
                    known->parent == nullptr
                        ? std::string("at the top.")
                        : join("below", desk_.shown(known->parent->link_id), ".")
                );
            });
            item(*known, given, path);
            continue;
        }
        if (last != nullptr && known < last) {
            desk_.report(rules::answer_order, node, [&] {
                return join(
                    "The item",
                    desk_.shown(link_id),
                    " comes after",
                    desk_.shown(last->link_id),
                    ", but the questionnaire has it before."
                );
            });
        }
        last = known;
    }
    for (const FormItem* known = form_.first_below(definition); known != nullptr;
         known = known->next) {
        if (!desk_.spend()) {
            return;
        }
        const Enabled enabled = is_enabled(desk_, form_, *known, path);
        const auto [begin, end] = std::equal_range(here.begin(), here.end(), known, ByLinkId{});
        for (auto at = begin; at != end; ++at) {
            const Element& given = **at;
            if (enabled == Enabled::no &&
                (given.child("answer") != nullptr || given.child("item") != nullptr)) {
                desk_.report(rules::answer_not_enabled, given, [&] {
                    return join(
                        "The item",
                        desk_.shown(known->link_id),
                        " has an answer, but the conditions of the questionnaire do not enable it."
                    );
                });
            }
            item(*known, given, path);
        }
        if (end - begin > 1 && !known->repeats) {
            desk_.report(rules::answer_item_repeats, node, [&] {
                return join(
                    "The item",
                    desk_.shown(known->link_id),
                    " is here more than once, but the questionnaire does not let it repeat."
                );
            });
        }
        if (begin == end && known->required && enabled == Enabled::yes) {
            absent(*known, node);
        }
    }
}

void ResponseCheck::occurrences(const FormItem& item, const Element& node, std::size_t count) {
    if (count > 1 && !item.repeats) {
        desk_.report(rules::answer_repeats, node, [&] {
            return join(
                "The question",
                desk_.shown(item.link_id),
                " takes one answer, and here are ",
                std::to_string(count),
                "."
            );
        });
    }
    const std::string counted = std::to_string(count);
    if (const Element* limit = extension_value(*item.node, max_occurs);
        limit != nullptr && compare_values("integer", counted, limit->value) == 1) {
        desk_.report(rules::answer_max_occurs, node, [&] {
            return join(
                "At most ", limit->value, " answers are allowed, and here are ", counted, "."
            );
        });
    }
    if (const Element* limit = extension_value(*item.node, min_occurs);
        limit != nullptr && compare_values("integer", counted, limit->value) == -1) {
        desk_.report(rules::answer_min_occurs, node, [&] {
            return join(
                "At least ", limit->value, " answers are needed, and here are ", counted, "."
            );
        });
    }
}

void ResponseCheck::item(const FormItem& item, const Element& node, const AnswerPath& above) {
    const AnswerPath path{&above, &item, &node};
    const std::string_view text = node.child_value("text");
    if (!text.empty() && text != item.node->child_value("text")) {
        desk_.report(rules::answer_text, node, [&] {
            return join(
                "The text of the item",
                desk_.shown(item.link_id),
                " is not that of the questionnaire. Copy it, or leave it out."
            );
        });
    }
    const NamedChildren answers = children(node, "answer");
    const std::size_t count = answers.size();
    if (count == 0 && item.required && !item.is_group()) {
        if (missing_ != Severity::error || is_enabled(desk_, form_, item, path) == Enabled::yes) {
            absent(item, node);
        }
    }
    occurrences(item, node, count);
    for (const Element& answer : answers) {
        if (item.is_group()) {
            desk_.report(rules::answer_on_group, node, [&] {
                return join(
                    "The item",
                    desk_.shown(item.link_id),
                    " is a group: it holds items, no answers."
                );
            });
            continue;
        }
        if (item.type == "display") {
            desk_.report(rules::answer_on_display, node, [&] {
                return join(
                    "The item",
                    desk_.shown(item.link_id),
                    " only displays text: it takes no answers."
                );
            });
        } else {
            check_answer(desk_, form_, item, answer, count);
        }
        items(answer, &item, path);
    }
    content(item, node, path);
}

// What stands directly below an item.
void ResponseCheck::content(const FormItem& item, const Element& node, const AnswerPath& path) {
    const bool has_items = node.child("item") != nullptr;
    if (item.is_group()) {
        if (item.required && !has_items) {
            desk_.report(rules::answer_group_empty, node, [&] {
                return join("The required group", desk_.shown(item.link_id), " has no items.");
            });
        }
        items(node, &item, path);
        return;
    }
    if (item.type.empty()) {
        desk_.report(rules::form_no_type, node, [&] {
            return join(
                "The questionnaire does not say what type the item",
                desk_.shown(item.link_id),
                " has."
            );
        });
        return;
    }
    if (has_items) {
        const bool display = item.type == "display";
        desk_.report(
            display ? rules::answer_items_on_display : rules::answer_items_on_question,
            node,
            [&] {
                return display ? join(
                                     "The item",
                                     desk_.shown(item.link_id),
                                     " only displays text: it has no items."
                                 )
                               : join(
                                     "Items below the question",
                                     desk_.shown(item.link_id),
                                     " belong inside its answer, not beside it."
                                 );
            }
        );
    }
}

// R4 writes authored as dateTime and the form's effectivePeriod as dateTimes.
void check_authored(const Desk& desk, const Element& response, const Element& questionnaire) {
    const Element* authored = response.child("authored");
    const Element* period = questionnaire.child("effectivePeriod");
    if (authored == nullptr || period == nullptr) {
        return;
    }
    const std::string_view start = period->child_value("start");
    const std::string_view end = period->child_value("end");
    const bool early = !start.empty() && compare_values("dateTime", authored->value, start) == -1;
    const bool late = !end.empty() && compare_values("dateTime", authored->value, end) == 1;
    if (early || late) {
        desk.report(rules::answer_authored, *authored, [&] {
            return join(
                "The response was written ",
                early ? "before" : "after",
                " the time in which the questionnaire is meant to be used (",
                start,
                " to ",
                end,
                ")."
            );
        });
    }
}

}  // namespace

void check_response(const Desk& desk, const Element& response) {
    const ResponseForms policy = desk.options().response_forms;
    if (policy == ResponseForms::ignore) {
        return;
    }
    const std::string_view canonical = response.child_value("questionnaire");
    const bool demanded = policy == ResponseForms::required;
    if (canonical.empty()) {
        desk.report_as(
            rules::form_not_named,
            demanded ? Severity::error : Severity::information,
            response,
            [] {
                return std::string("The response names no questionnaire, so its answers were not "
                                   "checked against one.");
            }
        );
        return;
    }
    const Element* questionnaire = canonical.starts_with('#')
                                       ? desk.contained_resource(response, canonical)
                                       : desk.definition("Questionnaire", canonical);
    if (questionnaire == nullptr || questionnaire->resource_type() != "Questionnaire") {
        desk.leave_undecided();
        const bool example = has_part(canonical.substr(0, 20), "://example.org");
        desk.report_as(
            rules::form_unknown,
            demanded  ? Severity::error
            : example ? Severity::information
                      : Severity::warning,
            response,
            [&] {
                return join(
                    "The questionnaire ",
                    canonical,
                    " is not loaded, so the answers were not checked. Load it, or send it "
                    "contained."
                );
            }
        );
        return;
    }
    const std::string_view status = response.child_value("status");
    check_authored(desk, response, *questionnaire);
    const Form form(desk, *questionnaire);
    ResponseCheck check(desk, form, status == "completed" || status == "amended");
    check.items(response, nullptr, AnswerPath{nullptr, nullptr, &response});
}

}  // namespace gatehouse::fhir::judge::answers
