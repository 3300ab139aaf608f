// SPDX-License-Identifier: Apache-2.0
//
// Invariants: those that every element carries are decided in C++, the rest by compiled FHIRPath
// with %resource, resolve(), memberOf() and conformsTo() answered by this walk.

#include <algorithm>
#include <initializer_list>

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

const Element* resolve_for_path(void* user, std::string_view reference, const Element& from) {
    return static_cast<Walker*>(user)->resolve_reference(from, reference);
}

int member_for_path(void* user, const path::Item& code, std::string_view value_set) {
    return static_cast<Walker*>(user)->answer_member_of(code, value_set);
}

// Every entry has `part` if the Bundle's type is one of `types`, and none has it otherwise.
bool entries_agree(
    const Element& bundle, std::string_view part, std::initializer_list<std::string_view> types
) noexcept {
    const std::string_view type = bundle.child_value("type");
    const bool wanted = std::find(types.begin(), types.end(), type) != types.end();
    for (const Element& entry : bundle.children()) {
        if (entry.name == "entry" && (entry.child(part) != nullptr) != wanted) {
            return false;
        }
    }
    return true;
}

bool has_extension_value(const Element& extension) noexcept {
    for (const Element& child : extension.children()) {
        if (child.name.size() > 5 && child.name.starts_with("value")) {
            return true;
        }
    }
    return false;
}

int conforms_for_path(void* user, const Element& element, std::string_view profile) {
    return static_cast<Walker*>(user)->answer_conforms_to(element, profile);
}

}  // namespace

const Element* Walker::resolve_reference(const Element& from, std::string_view reference) const {
    return resolve(from, reference);
}

int Walker::answer_member_of(const path::Item& code, std::string_view canonical) {
    const ValueSetIndex* set = terminology_.value_set(canonical);
    if (set == nullptr) {
        return -1;
    }
    const Verdict verdict = code.kind == path::ItemKind::element && code.element != nullptr
                                ? member_of(*code.element, *set)
                                : terminology_.contains(*set, {}, code.text);
    return verdict == Verdict::yes ? 1 : verdict == Verdict::no ? 0 : -1;
}

int Walker::answer_conforms_to(const Element& element, std::string_view profile) {
    const Plan* plan = planner_.plan(profile);
    if (plan == nullptr) {
        return -1;
    }
    return types_.is_a(element.type, plan->profile->type) && conforms(element, plan->root()) ? 1
                                                                                             : 0;
}

void Walker::check_invariants(const Element& at, const PlanRule& rule) {
    for (const InvariantLink& link : rule.invariants) {
        switch (link.native) {
        case NativeInvariant::ele_1:
        case NativeInvariant::dom_3:
            continue;  // empty elements and orphans have checks of their own
        case NativeInvariant::ext_1:
            if ((at.child(known_.extension_symbol) != nullptr) == has_extension_value(at)) {
                fail_invariant(at, rule, *link.invariant);
            }
            continue;
        case NativeInvariant::ref_1: {
            const std::string_view reference = value_of_child(at, known_.reference_symbol);
            if (reference.size() > 1 && reference.front() == '#' &&
                resolve(at, reference) == nullptr) {
                fail_invariant(at, rule, *link.invariant);
            }
            continue;
        }
        case NativeInvariant::bdl_3:
            // Each entry asks for the Bundle's type: in FHIRPath that costs the square of the
            // entries.
            if (!entries_agree(at, "request", {"batch", "transaction", "history"})) {
                fail_invariant(at, rule, *link.invariant);
            }
            continue;
        case NativeInvariant::bdl_4:
            if (!entries_agree(
                    at, "response", {"batch-response", "transaction-response", "history"}
                )) {
                fail_invariant(at, rule, *link.invariant);
            }
            continue;
        case NativeInvariant::dom_6: {
            const Element* text = at.child("text");
            if (text == nullptr || text->child("div") == nullptr) {
                fail_invariant(at, rule, *link.invariant);
            }
            continue;
        }
        case NativeInvariant::txt_1:
        case NativeInvariant::txt_2: continue;  // narrative.cpp
        case NativeInvariant::none: check_invariant(at, rule, link); continue;
        }
    }
}

void Walker::check_invariant(const Element& at, const PlanRule& rule, const InvariantLink& link) {
    const Invariant& invariant = *link.invariant;
    if (invariant.best_practice && options_.best_practice == BestPractice::ignore) {
        return;
    }
    if (!invariant.expression) {
        if (!invariant.problem.empty()) {
            ++out_.not_checkable;
        }
        return;
    }
    // An evaluation counts as more than an element; its own steps have a limit of their own.
    if (!spend(8)) {
        return;
    }
    path::Environment environment;
    environment.types = &types_;
    // A rule of the container about a contained resource looks at it from the container.
    const Scope* scope = scope_;
    if (at.is_resource && scope != nullptr && scope->outer != nullptr &&
        &rule != &rule.plan->root()) {
        scope = scope->outer;
    }
    environment.resource = scope == nullptr ? nullptr : scope->resource;
    while (scope != nullptr && scope->contained && scope->outer != nullptr) {
        scope = scope->outer;
    }
    environment.root_resource = scope == nullptr ? nullptr : scope->resource;
    environment.user = this;
    environment.resolve = &resolve_for_path;
    environment.member_of = &member_for_path;
    environment.conforms_to = &conforms_for_path;
    environment.now = options_.now;
    environment.step_budget = steps_left_ < 1'000'000 ? steps_left_ : 1'000'000;
    std::uint64_t taken = 0;
    environment.steps_taken = &taken;
    path::Error error;
    const ArenaScope temporaries(arena_);
    const path::Truth truth =
        path::evaluate_truth(invariant.expression, &at, environment, arena_, error);
    spend(std::min(taken, steps_left_));
    switch (truth) {
    case path::Truth::yes: break;
    case path::Truth::no: fail_invariant(at, rule, invariant); break;
    case path::Truth::unknown:
        if (!link.empty_holds) {
            fail_invariant(at, rule, invariant);
        }
        break;
    case path::Truth::failed:
        ++out_.not_checkable;
        report(
            rules::invariant_not_checkable,
            at,
            [&] {
                return join(
                    "Invariant ", invariant.key, " could not be evaluated here: ", error.message
                );
            },
            rule.plan
        );
        break;
    }
}

void Walker::fail_invariant(const Element& at, const PlanRule& rule, const Invariant& invariant) {
    Severity severity = invariant.severity;
    if (invariant.best_practice) {
        switch (options_.best_practice) {
        case BestPractice::ignore: return;
        case BestPractice::hint: severity = Severity::information; break;
        case BestPractice::warning: severity = Severity::warning; break;
        case BestPractice::error: severity = Severity::error; break;
        }
    }
    const std::string id = quiet_ == 0 ? "inv:" + invariant.key : std::string{};
    const std::string message_id =
        quiet_ == 0 ? join(
                          invariant.source.empty() ? rule.plan->profile->url : invariant.source,
                          "#",
                          invariant.key
                      )
                    : std::string{};
    RuleInfo info = rules::invariant_failed;
    info.id = id;
    info.message_id = message_id;
    report_as(
        info,
        severity,
        at,
        [&] {
            return join(
                "Invariant ",
                invariant.key,
                " does not hold: ",
                invariant.human,
                " (profile ",
                rule.plan->canonical,
                ")"
            );
        },
        rule.plan
    );
}

}  // namespace gatehouse::fhir::judge
