// SPDX-License-Identifier: Apache-2.0
//
// enableWhen (R4 Questionnaire §2.36.5.1): which answers a condition looks at, and whether it
// holds. The answers are those to the named question inside the nearest group instance that holds
// both questions, so a repeating group judges each of its instances by its own answers.
#include "fhir/path/decimal.hpp"
#include "fhir/path/moment.hpp"
#include "fhir/validate/answers/answers.hpp"

namespace gatehouse::fhir::judge::answers {
namespace {

// SDC's expression, and the Finnish patient data repository's older one, which is a plain string.
constexpr std::string_view enable_expression =
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression";
constexpr std::string_view enable_expression_text =
    "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen";

// The deepest item that is or holds `target` and also holds (or is) `source`; nullptr: the form.
const FormItem* common_group(const FormItem& source, const FormItem& target) noexcept {
    const FormItem* a = &source;
    const FormItem* b = &target;
    while (a != b) {
        if (a == nullptr || b == nullptr) {
            return nullptr;
        }
        (a->depth >= b->depth ? a : b) = a->depth >= b->depth ? a->parent : b->parent;
    }
    return a;
}

// Calls `use` for each answer to `link_id` at or below a response item.
template <class Use>
void each_answer(const Desk& desk, const Element& at, std::string_view link_id, Use& use) {
    if (!desk.spend()) {
        return;
    }
    if (at.name == "item" && at.child_value("linkId") == link_id) {
        for (const Element& answer : children(at, "answer")) {
            use(answer);
        }
    }
    for (const Element& child : at.children()) {
        if (child.name == "item" || child.name == "answer") {
            each_answer(desk, child, link_id, use);
        }
    }
}

bool number_type(std::string_view type) noexcept {
    return type == "Integer" || type == "Decimal";
}

bool same_coding(const Element& wanted, const Element& given) noexcept {
    const std::string_view system = wanted.child_value("system");
    return (system.empty() || system == given.child_value("system")) &&
           wanted.child_value("code") == given.child_value("code");
}

bool order_fits(int order, std::string_view op) noexcept {
    if (op == "=") {
        return order == 0;
    }
    if (op == "!=") {
        return order != 0;
    }
    if (op == ">") {
        return order > 0;
    }
    if (op == "<") {
        return order < 0;
    }
    if (op == ">=") {
        return order >= 0;
    }
    return op == "<=" && order <= 0;
}

// Lower first letter: "DateTime" of valueDateTime is the type dateTime.
std::string type_of_choice(std::string_view written) {
    std::string out(written);
    if (!out.empty() && out != "Coding" && out != "Quantity" && out != "Reference" &&
        out != "Attachment") {
        out.front() = static_cast<char>(out.front() - 'A' + 'a');
    }
    return out;
}

bool answer_fits(const Element& given, const Element& wanted, std::string_view op) {
    const std::string_view type = choice_type(wanted, "answer");
    const std::string_view given_type = choice_type(given, "value");
    if (type == "Coding" && given_type == "Coding") {
        const bool same = same_coding(wanted, given);
        return (op == "=" && same) || (op == "!=" && !same);
    }
    if (type == "Reference" && given_type == "Reference") {
        const bool same = wanted.child_value("reference") == given.child_value("reference");
        return (op == "=" && same) || (op == "!=" && !same);
    }
    if (type == "Quantity" && given_type == "Quantity") {
        const auto order =
            compare_values("decimal", given.child_value("value"), wanted.child_value("value"));
        return order && order_fits(*order, op);
    }
    if (type != given_type && !(number_type(type) && number_type(given_type))) {
        return false;
    }
    const auto order = compare_values(
        number_type(type) ? "decimal" : type_of_choice(type), given.value, wanted.value
    );
    return order && order_fits(*order, op);
}

Enabled condition_holds(
    const Desk& desk,
    const Form& form,
    const FormItem& item,
    const Element& condition,
    const AnswerPath& path
) {
    const std::string_view question = condition.child_value("question");
    const FormItem* target = form.find(question);
    const Element* wanted = choice_child(condition, "answer");
    const std::string_view op = condition.child_value("operator");
    if (target == nullptr || wanted == nullptr || op.empty()) {
        return Enabled::undecided;  // the form is wrong; its own check says so
    }
    const FormItem* group = common_group(item, *target);
    const AnswerPath* start = &path;
    while (start->above != nullptr && start->item != group) {
        start = start->above;
    }
    std::size_t count = 0;
    bool any = false;
    auto use = [&](const Element& answer) {
        if (const Element* value = choice_child(answer, "value")) {
            ++count;
            any = any || (op != "exists" && answer_fits(*value, *wanted, op));
        }
    };
    each_answer(desk, *start->node, question, use);
    if (op == "exists") {
        return (wanted->value == "true") == (count > 0) ? Enabled::yes : Enabled::no;
    }
    return any ? Enabled::yes : Enabled::no;
}

}  // namespace

std::optional<int>
compare_values(std::string_view type, std::string_view left, std::string_view right) {
    if (type == "integer" || type == "decimal" || type == "positiveInt" || type == "unsignedInt") {
        return path::compare_digits(left, right);
    }
    if (type == "date" || type == "dateTime" || type == "instant") {
        auto a = path::parse_date_time(left);
        auto b = path::parse_date_time(right);
        if (!a || !b) {
            return std::nullopt;
        }
        // Unwritten parts stand at their first value in both, so partial dates compare too.
        for (path::Moment* moment : {&*a, &*b}) {
            moment->precision = path::Precision::second;
            moment->zone_minutes = moment->has_zone ? moment->zone_minutes : 0;
            moment->has_zone = true;
        }
        return path::compare(*a, *b);
    }
    if (type == "boolean" || type == "time" || type == "string" || type == "text" ||
        type == "uri" || type == "url") {
        const int order = left.compare(right);
        return order < 0 ? -1 : order > 0 ? 1 : 0;
    }
    return std::nullopt;
}

Enabled
is_enabled(const Desk& desk, const Form& form, const FormItem& item, const AnswerPath& path) {
    const Element* expression = extension_value(*item.node, enable_expression_text);
    std::string_view text = expression == nullptr ? std::string_view{} : expression->value;
    if (expression == nullptr) {
        expression = extension_value(*item.node, enable_expression);
        text = expression == nullptr ? text : expression->child_value("expression");
    }
    if (expression != nullptr) {
        if (!expression->has_value() && expression->child_value("language") != "text/fhirpath") {
            desk.leave_undecided();
            return Enabled::undecided;
        }
        const AnswerPath* root = &path;
        while (root->above != nullptr) {
            root = root->above;
        }
        switch (desk.truth(text, *root->node)) {
        case path::Truth::yes: return Enabled::yes;
        case path::Truth::no:
        case path::Truth::unknown: return Enabled::no;
        case path::Truth::failed: desk.leave_undecided(); return Enabled::undecided;
        }
    }
    const NamedChildren conditions = children(*item.node, "enableWhen");
    if (conditions.empty()) {
        return Enabled::yes;
    }
    const std::string_view behavior = item.node->child_value("enableBehavior");
    const bool several = conditions.size() > 1;
    if (several && behavior != "any" && behavior != "all") {
        return Enabled::yes;  // the form does not say how its conditions combine
    }
    const bool any = behavior == "any" || !several;
    Enabled out = any ? Enabled::no : Enabled::yes;
    for (const Element& condition : conditions) {
        switch (condition_holds(desk, form, item, condition, path)) {
        case Enabled::yes:
            if (any) {
                return Enabled::yes;
            }
            break;
        case Enabled::no:
            if (!any) {
                return Enabled::no;
            }
            break;
        case Enabled::undecided: out = Enabled::undecided; break;
        }
    }
    return out;
}

}  // namespace gatehouse::fhir::judge::answers
