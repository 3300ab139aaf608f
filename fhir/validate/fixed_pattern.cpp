// SPDX-License-Identifier: Apache-2.0
//
// fixed[x]: the element equals the value, nothing more and nothing less. pattern[x]: the element
// holds at least what the value holds; each item of an array of the pattern matches some item of
// the element. Also minValue, maxValue and maxLength. (FHIR R4 §5.1.0.8, ElementDefinition.)

#include "fhir/validate/walk.hpp"

#include "fhir/validate/compare.hpp"

namespace gatehouse::fhir::judge {
namespace {

// Code points of a UTF-8 text.
std::size_t length_of(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char c : text) {
        count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }
    return count;
}

bool same_value(const Element& a, const Element& b) noexcept {
    return a.has_value() == b.has_value() && a.value == b.value;
}

// The child of `parent` of the same name and place among its like as `part`, or nullptr.
const Element* counterpart(const Element& parent, const Element& part) noexcept {
    const Element* match = parent.child(part.name);
    for (std::uint32_t skip = part.index(); match != nullptr && skip > 0; --skip) {
        match = match->next_same();
    }
    return match;
}

// minValue or maxValue for people: "5", or a quantity's "5 g".
std::string bound_text(const Element& bound) {
    if (bound.has_value()) {
        return std::string(bound.value);
    }
    const std::string_view unit =
        bound.child_value("code").empty() ? bound.child_value("unit") : bound.child_value("code");
    return join(bound.child_value("value"), unit.empty() ? "" : " ", unit);
}

}  // namespace

bool equals_fixed(const Element& at, const Element& wanted) {
    if (!same_value(at, wanted)) {
        return false;
    }
    const Element* a = at.first_child;
    const Element* b = wanted.first_child;
    std::size_t count_a = 0;
    std::size_t count_b = 0;
    for (; a != nullptr; a = a->next) {
        // An element's id is a local label, not content.
        count_a += a->name != "id" || !a->has_value();
    }
    for (; b != nullptr; b = b->next) {
        if (b->name == "id" && b->has_value()) {
            continue;
        }
        ++count_b;
        const Element* match = counterpart(at, *b);
        if (match == nullptr || !equals_fixed(*match, *b)) {
            return false;
        }
    }
    return count_a == count_b;
}

bool matches_pattern(const Element& at, const Element& wanted) {
    if (wanted.has_value() && !(at.has_value() && at.value == wanted.value)) {
        return false;
    }
    for (const Element& part : wanted.children()) {
        bool found = false;
        for (const Element* one = at.child(part.name); one != nullptr && !found;
             one = one->next_same()) {
            found = matches_pattern(*one, part);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

void Walker::check_values(const Element& at, const PlanRule& rule) {
    const Rule& asked = *rule.rule;
    if (asked.fixed != nullptr) {
        check_fixed(at, *asked.fixed, rule);
    }
    if (asked.pattern != nullptr) {
        check_pattern(at, *asked.pattern, rule);
    }
    if (asked.strength != BindingStrength::none) {
        check_binding(at, rule);
        if (!rule.more_sets.empty()) {
            check_more_bindings(at, rule);
        }
    }
    if (asked.must_have_value && !at.has_value()) {
        report(
            rules::must_have_value,
            at,
            [&] {
                return join(
                    "Profile ",
                    rule.plan->canonical,
                    " asks for a value at ",
                    rule.rule->id,
                    "; an extension alone does not do."
                );
            },
            rule.plan
        );
    }
    if (asked.min_length != 0 && at.has_value() && length_of(at.value) < asked.min_length) {
        report(
            rules::min_length,
            at,
            [&] {
                return join(
                    "The text has ",
                    std::to_string(length_of(at.value)),
                    " characters; profile ",
                    rule.plan->canonical,
                    " asks for ",
                    std::to_string(asked.min_length),
                    " at least."
                );
            },
            rule.plan
        );
    }
    if (!asked.narrative_source.empty() || !asked.narrative_language.empty()) {
        check_narrative_control(at, rule);
    }
    if (asked.max_length != 0 && length_of(at.value) > asked.max_length) {
        report(
            rules::max_length,
            at,
            [&] {
                return join(
                    "The text has ",
                    std::to_string(length_of(at.value)),
                    " characters; profile ",
                    rule.plan->canonical,
                    " allows ",
                    std::to_string(asked.max_length),
                    "."
                );
            },
            rule.plan
        );
    }
    if (asked.min_value != nullptr || asked.max_value != nullptr) {
        check_bounds(at, rule);
    }
    if (!rule.invariants.empty()) {
        check_invariants(at, rule);
    }
}

// Says it at the parts that differ: a complex value has many, and the sender looks for the one.
void Walker::check_fixed(const Element& at, const Element& wanted, const PlanRule& rule) {
    if (equals_fixed(at, wanted)) {
        return;
    }
    if (!same_value(at, wanted)) {
        report(
            rules::fixed_value,
            at,
            [&] {
                return wanted.has_value()
                           ? join(
                                 "The value",
                                 shown(at.value),
                                 " is not the fixed value '",
                                 wanted.value,
                                 "' that profile ",
                                 rule.plan->canonical,
                                 " asks for at ",
                                 rule.rule->id,
                                 "."
                             )
                           : join(
                                 "This is a single value, but the fixed value that profile ",
                                 rule.plan->canonical,
                                 " asks for at ",
                                 rule.rule->id,
                                 " has parts."
                             );
            },
            rule.plan
        );
    }
    for (const Element& part : wanted.children()) {
        if (part.name == "id" && part.has_value()) {
            continue;
        }
        if (const Element* match = counterpart(at, part)) {
            check_fixed(*match, part, rule);
            continue;
        }
        report(
            rules::fixed_part_missing,
            at,
            [&] {
                return join(
                    "The fixed value that profile ",
                    rule.plan->canonical,
                    " asks for at ",
                    rule.rule->id,
                    " has ",
                    part.name,
                    "; add it."
                );
            },
            rule.plan
        );
    }
    for (const Element& part : at.children()) {
        if ((part.name == "id" && part.has_value()) || counterpart(wanted, part) != nullptr) {
            continue;
        }
        report(
            rules::fixed_part_extra,
            part,
            [&] {
                return join(
                    "The fixed value that profile ",
                    rule.plan->canonical,
                    " asks for at ",
                    rule.rule->id,
                    " has no such ",
                    part.name,
                    "; take it out."
                );
            },
            rule.plan
        );
    }
}

void Walker::check_pattern(const Element& at, const Element& wanted, const PlanRule& rule) {
    if (matches_pattern(at, wanted)) {
        return;
    }
    report(
        rules::pattern_value,
        at,
        [&] {
            std::string what;
            for (const Element& part : wanted.children()) {
                bool found = false;
                for (const Element* one = at.child(part.name); one != nullptr;
                     one = one->next_same()) {
                    found = found || matches_pattern(*one, part);
                }
                if (!found) {
                    what = join(" (no matching ", part.name, ")");
                    break;
                }
            }
            return join(
                "The content does not hold the pattern",
                wanted.has_value() ? " '" : "",
                wanted.value,
                wanted.has_value() ? "'" : "",
                " that profile ",
                rule.plan->canonical,
                " asks for at ",
                rule.rule->id,
                what,
                "."
            );
        },
        rule.plan
    );
}

void Walker::check_bounds(const Element& at, const PlanRule& rule) {
    const Element* bound =
        rule.rule->min_value != nullptr ? rule.rule->min_value : rule.rule->max_value;
    if (bound != nullptr && !bound->has_value() && other_dimension(at, *bound)) {
        report(
            rules::bounds_unit,
            at,
            [&] {
                return join(
                    "The unit",
                    shown(at.child_value("code")),
                    " cannot be converted to '",
                    bound->child_value("code"),
                    "', in which profile ",
                    rule.plan->canonical,
                    " states the values allowed. Send the value in that unit, or one of its kind."
                );
            },
            rule.plan
        );
        return;
    }
    if (const Element* least = rule.rule->min_value) {
        if (compare_ordered(at, *least) == Order::less) {
            report(
                rules::min_value,
                at,
                [&] {
                    return join(
                        "The value",
                        shown(at.value),
                        " is below the least value allowed, ",
                        bound_text(*least),
                        " (profile ",
                        rule.plan->canonical,
                        ")."
                    );
                },
                rule.plan
            );
        }
    }
    if (const Element* most = rule.rule->max_value) {
        if (compare_ordered(at, *most) == Order::greater) {
            report(
                rules::max_value,
                at,
                [&] {
                    return join(
                        "The value",
                        shown(at.value),
                        " is above the greatest value allowed, ",
                        bound_text(*most),
                        " (profile ",
                        rule.plan->canonical,
                        ")."
                    );
                },
                rule.plan
            );
        }
    }
}

}  // namespace gatehouse::fhir::judge
