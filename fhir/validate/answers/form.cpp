// SPDX-License-Identifier: Apache-2.0
//
// Form: a Questionnaire's items laid out flat, and the rules that a Questionnaire itself must meet
// (enableWhen points at another question of the form that is not inside the item).
#include <algorithm>

#include "fhir/validate/answers/answers.hpp"
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::answers {
namespace {

std::size_t count_items(const Desk& desk, const Element& parent, int depth) {
    constexpr int depth_max = 64;
    std::size_t count = 0;
    if (depth > depth_max) {
        return 0;
    }
    for (const Element& item : children(parent, "item")) {
        if (!desk.spend()) {
            return count;
        }
        count += 1 + count_items(desk, item, depth + 1);
    }
    return count;
}

bool stands_inside(const Element& node, const Element& outer) noexcept {
    for (const Element* at = node.parent; at != nullptr; at = at->parent) {
        if (at == &outer) {
            return true;
        }
    }
    return false;
}

void check_conditions(const Desk& desk, const Form& form, const FormItem& item) {
    const NamedChildren conditions = children(*item.node, "enableWhen");
    for (const Element& condition : conditions) {
        const std::string_view wanted = condition.child_value("question");
        if (wanted.empty()) {
            desk.report(rules::form_enable_no_question, *item.node, [] {
                return std::string("An enableWhen names no question. Give it the linkId of one.");
            });
            continue;
        }
        const FormItem* target = form.find(wanted);
        if (target == nullptr) {
            desk.report(rules::form_enable_no_target, *item.node, [&] {
                return join(
                    "The enableWhen of",
                    desk.shown(item.link_id),
                    " names the question",
                    desk.shown(wanted),
                    ", which this questionnaire does not have."
                );
            });
        } else if (target == &item) {
            desk.report(rules::form_enable_self, *item.node, [] {
                return std::string("An enableWhen cannot depend on the item that it stands on.");
            });
        } else if (stands_inside(*target->node, *item.node)) {
            desk.report(rules::form_enable_inner, *item.node, [&] {
                return join(
                    "The enableWhen names the question",
                    desk.shown(wanted),
                    ", which stands inside the item that it enables. Name one outside of it."
                );
            });
        } else if (target > &item) {
            desk.report(rules::form_enable_after, *item.node, [&] {
                return join(
                    "The enableWhen names the question",
                    desk.shown(wanted),
                    ", which comes after the item that it enables."
                );
            });
        }
    }
}

}  // namespace

Form::Form(const Desk& desk, const Element& questionnaire) : questionnaire_(questionnaire) {
    const std::size_t count = count_items(desk, questionnaire, 0);
    items_ = desk.arena().array<FormItem>(count);
    by_link_id_ = desk.arena().array<const FormItem*>(count);
    add(desk, questionnaire, nullptr);
    items_ = items_.first(count_);
    by_link_id_ = by_link_id_.first(count_);
    std::sort(by_link_id_.begin(), by_link_id_.end(), [](const FormItem* a, const FormItem* b) {
        const int order = a->link_id.compare(b->link_id);
        return order != 0 ? order < 0 : a->parent != b->parent ? a->parent < b->parent : a < b;
    });
}

void Form::add(const Desk& desk, const Element& parent, FormItem* above) {
    FormItem* last = nullptr;
    for (const Element& node : children(parent, "item")) {
        if (count_ == items_.size()) {
            return;
        }
        FormItem& item = items_[count_];
        item = FormItem{};
        item.link_id = node.child_value("linkId");
        item.node = &node;
        item.parent = above;
        item.type = node.child_value("type");
        item.depth = above == nullptr ? 1 : above->depth + 1;
        item.required = node.child_value("required") == "true";
        item.repeats = node.child_value("repeats") == "true";
        by_link_id_[count_] = &item;
        if (last != nullptr) {
            last->next = &item;
        } else if (above != nullptr) {
            above->first_child = &item;
        }
        last = &item;
        ++count_;
        add(desk, node, &item);
    }
}

const FormItem* Form::find(std::string_view link_id) const noexcept {
    const auto found = std::lower_bound(
        by_link_id_.begin(),
        by_link_id_.end(),
        link_id,
        [](const FormItem* item, std::string_view wanted) { return item->link_id < wanted; }
    );
    return found != by_link_id_.end() && (*found)->link_id == link_id ? *found : nullptr;
}

const FormItem* Form::find_below(const FormItem* parent, std::string_view link_id) const noexcept {
    const auto found = std::lower_bound(
        by_link_id_.begin(),
        by_link_id_.end(),
        link_id,
        [parent](const FormItem* item, std::string_view wanted) {
            const int order = item->link_id.compare(wanted);
            return order < 0 || (order == 0 && item->parent < parent);
        }
    );
    return found != by_link_id_.end() && (*found)->link_id == link_id && (*found)->parent == parent
               ? *found
               : nullptr;
}

const FormItem* Form::first_below(const FormItem* parent) const noexcept {
    if (parent != nullptr) {
        return parent->first_child;
    }
    return items_.empty() ? nullptr : items_.data();
}

const ValueSetIndex* Form::value_set(const Desk& desk, std::string_view canonical) const {
    if (!canonical.starts_with('#')) {
        return desk.terminology().value_set(canonical);
    }
    for (const OwnSet& own : own_sets_) {
        if (own.reference == canonical) {
            return own.set.get();
        }
    }
    const Element* contained = desk.contained_resource(questionnaire_, canonical);
    OwnSet own{canonical, nullptr};
    if (contained != nullptr && contained->resource_type() == "ValueSet" && desk.spend(100)) {
        own.set = desk.terminology().compile(*contained);
    }
    own_sets_.push_back(std::move(own));
    return own_sets_.back().set.get();
}

void check_form(const Desk& desk, const Element& questionnaire) {
    definitions::check_canonical(desk, questionnaire);
    const Form form(desk, questionnaire);
    if (questionnaire.child("derivedFrom") != nullptr) {
        check_derivations(desk, form);
    }
    for (const FormItem& item : form.items()) {
        if (item.node->child("enableWhen") != nullptr) {
            check_conditions(desk, form, item);
        }
    }
}

}  // namespace gatehouse::fhir::judge::answers
