// SPDX-License-Identifier: Apache-2.0
//
// How often an element may stand, in which JSON shape, and with which of a choice's types.

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

std::string_view asked_by(const PlanRule& rule) {
    return rule.plan->canonical;
}

}  // namespace

void Walker::check_max(
    const Element& parent, const PlanRule& rule, std::uint32_t before, std::uint32_t count
) {
    const std::uint32_t max = rule.max;
    if (max == UINT32_MAX || before + count <= max || before > max) {
        return;
    }
    report(
        rules::cardinality_max,
        parent,
        [&] {
            return join(
                rule.rule->path,
                ": at most ",
                std::to_string(max),
                " allowed, ",
                std::to_string(before + count),
                " found (profile ",
                asked_by(rule),
                max == 0 ? "). Take " : "). Keep ",
                max == 0 ? "it out" : std::to_string(max),
                "."
            );
        },
        rule.plan
    );
}

void Walker::check_missing(const Element& parent, const PlanRule& rule, std::uint32_t count) {
    if (count >= rule.min) {
        return;
    }
    report(
        rules::cardinality_min,
        parent,
        [&] {
            return join(
                rule.rule->path,
                ": at least ",
                std::to_string(rule.rule->min),
                " required, ",
                std::to_string(count),
                " found (profile ",
                asked_by(rule),
                "). Add it."
            );
        },
        rule.plan
    );
}

// JSON says by [ ] whether an element repeats; the definition must agree. XML cannot err here.
void Walker::check_shape(const Element& first, std::uint32_t run) {
    if (xml_ || first.parent == nullptr || first.parent->type == unknown_type) {
        return;
    }
    if (first.may_repeat == first.in_array) {
        return;
    }
    if (first.may_repeat) {
        report(rules::must_be_array, first, [&] {
            return join(
                "Element ", first.name, " repeats, so JSON writes it as an array. Put it in [ ]."
            );
        });
    } else if (run > 0) {
        report(rules::must_not_be_array, first, [&] {
            return join("Element ", first.name, " does not repeat, so JSON writes it without [ ].");
        });
    }
}

bool Walker::check_type(const Element& at, const PlanRule& rule) {
    if (rule.types.empty() || at.type == unknown_type) {
        return true;
    }
    for (const TypeLink& type : rule.types) {
        if (type.type == at.type || type.type == unknown_type ||
            (at.is_resource && types_.is_a(at.type, type.type))) {
            return true;
        }
    }
    // What an extension's value may be was said at the extension (check_extension_shape).
    if (at.parent != nullptr && at.parent->type == known_.extension && rule.plan != nullptr &&
        rule.plan->profile->is_extension && at.name.starts_with("value") &&
        rule.plan->profile->url == without_version(at.parent->child_value("url"))) {
        return false;
    }
    report(
        rules::wrong_type,
        at,
        [&] {
            std::string words = join(
                rule.rule->path,
                ": type ",
                types_.type(at.type).name,
                " found, but profile ",
                asked_by(rule),
                " allows "
            );
            for (std::size_t i = 0; i < rule.types.size(); ++i) {
                words += i == 0 ? "" : ", ";
                words += rule.rule->types[i].code;
            }
            return words + ".";
        },
        rule.plan
    );
    return false;
}

}  // namespace gatehouse::fhir::judge
