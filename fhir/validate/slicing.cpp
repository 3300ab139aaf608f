// SPDX-License-Identifier: Apache-2.0
//
// Slicing (FHIR R4 §5.1.0.14): each element of a sliced list is compared with the slices by their
// discriminators; a discriminator walks a small path in the element and in the slice's rules at
// once. Where a slice cannot be decided (a reference that does not resolve, a code of a system that
// is not loaded) the element is left unassigned and counted as not checkable.

#include <algorithm>

#include "fhir/validate/compare.hpp"
#include "fhir/validate/slice_path.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr int depth_max = 12;

// Also where there is no discriminator: slices of a choice.
bool by_type_alone(const PlanRule& entry) {
    return std::ranges::all_of(entry.rule->discriminators, [](const Discriminator& by) {
        return by.type == DiscriminatorType::type;
    });
}

}  // namespace

void Walker::slice_run(
    const Element& parent,
    const Element& first,
    std::uint32_t run,
    const PlanRule& entry,
    std::span<const PlanRule*> chosen
) {
    const Element* at = &first;
    for (std::uint32_t i = 0; i < run; ++i, at = at->next) {
        const PlanRule* level = &entry;
        chosen[i] = nullptr;
        while (level != nullptr && !level->slices.empty()) {
            const PlanRule* next = nullptr;
            const PlanRule* rest = nullptr;
            for (const PlanRule* slice : level->slices) {
                if (!spend()) {
                    return;
                }
                if (slice->is_default_slice) {
                    rest = slice;
                    continue;
                }
                if (matches_slice(*at, *level, *slice) != Match::yes) {
                    continue;
                }
                if (next != nullptr) {
                    report_second_slice(*at, *level, *next, *slice);
                    break;
                }
                next = slice;
                // Told apart by url or type: another that fits is of the same url or type, which
                // the profile cannot tell apart (UK Core's laboratory codes); no fault of a record.
                if (by_type_alone(*level) || at->type == known_.extension) {
                    break;
                }
            }
            next = next == nullptr ? rest : next;
            if (next == nullptr) {
                break;
            }
            chosen[i] = next;
            level = next;
        }
    }
    check_slices(parent, &first, run, entry, chosen);
}

void Walker::check_slices(
    const Element& parent,
    const Element* first,
    std::uint32_t run,
    const PlanRule& entry,
    std::span<const PlanRule* const> chosen
) {
    const auto belongs = [](const PlanRule* to, const PlanRule* slice) {
        for (; to != nullptr; to = to->entry) {
            if (to == slice) {
                return true;
            }
        }
        return false;
    };
    for (const PlanRule* slice : entry.slices) {
        std::uint32_t count = 0;
        for (const PlanRule* one : chosen) {
            count += belongs(one, slice) ? 1U : 0U;
        }
        if (count < slice->rule->min) {
            report(
                rules::slice_min,
                parent,
                [&] {
                    std::string words = join(
                        "Slice ",
                        slice->rule->id,
                        ": at least ",
                        std::to_string(slice->rule->min),
                        " required, ",
                        std::to_string(count),
                        " found (profile ",
                        slice->plan->canonical,
                        ")."
                    );
                    const PlanRule* unsliced = entry.entry == nullptr ? nullptr : &entry;
                    const Element* at = first;
                    for (std::uint32_t i = 0; i < run && at != nullptr; ++i, at = at->next) {
                        if (chosen[i] == unsliced) {
                            words +=
                                join(" ", expressions_.of(*at), ": ", why_no_slice(*at, entry));
                            break;
                        }
                    }
                    return words;
                },
                slice->plan
            );
        }
        if (slice->rule->max != UINT32_MAX && count > slice->rule->max) {
            report(
                rules::slice_max,
                parent,
                [&] {
                    return join(
                        "Slice ",
                        slice->rule->id,
                        ": at most ",
                        std::to_string(slice->rule->max),
                        " allowed, ",
                        std::to_string(count),
                        " found (profile ",
                        slice->plan->canonical,
                        ")."
                    );
                },
                slice->plan
            );
        }
        if (!slice->slices.empty() && (count > 0 || slice->rule->min > 0)) {
            check_slices(parent, first, run, *slice, chosen);
        }
    }
    if (entry.entry != nullptr && entry.rule->slicing == SlicingRules::open) {
        return;
    }
    std::size_t furthest = 0;
    const Element* outside = nullptr;
    const Element* at = first;
    for (std::uint32_t i = 0; i < run && at != nullptr; ++i, at = at->next) {
        const PlanRule* slice = chosen[i];
        while (slice != nullptr && slice->entry != &entry) {
            slice = slice->entry;
        }
        if (slice == nullptr) {
            if (entry.entry != nullptr && !belongs(chosen[i], &entry)) {
                continue;
            }
            outside = at;
            if (entry.rule->slicing == SlicingRules::closed && entry.rule->has_slicing) {
                report(
                    rules::slice_closed,
                    *at,
                    [&] {
                        return join(
                            "This element fits no slice of ",
                            entry.rule->id,
                            ", and profile ",
                            entry.plan->canonical,
                            " allows no others. ",
                            why_no_slice(*at, entry)
                        );
                    },
                    entry.plan
                );
            }
            continue;
        }
        if (outside != nullptr && entry.rule->slicing == SlicingRules::open_at_end) {
            report(
                rules::slice_end,
                *outside,
                [&] {
                    return join(
                        "This element fits no slice of ",
                        entry.rule->id,
                        ", so it must stand after those that do (profile ",
                        entry.plan->canonical,
                        ")."
                    );
                },
                entry.plan
            );
            outside = nullptr;
        }
        const auto position = static_cast<std::size_t>(
            std::find(entry.slices.begin(), entry.slices.end(), slice) - entry.slices.begin()
        );
        if (entry.rule->ordered && position < furthest) {
            report(
                rules::slice_order,
                *at,
                [&] {
                    return join(
                        "Slice ",
                        slice_name(*slice),
                        " must stand before slice ",
                        slice_name(*entry.slices[furthest]),
                        " (profile ",
                        entry.plan->canonical,
                        ")."
                    );
                },
                entry.plan
            );
        }
        furthest = std::max(furthest, position);
    }
}

Walker::Match
Walker::matches_slice(const Element& at, const PlanRule& entry, const PlanRule& slice) {
    if (!slice.slice_url.empty() && at.type == known_.extension) {
        // Extension slices are told apart by url, whether the profile says so or not.
        return without_version(at.child_value("url")) == slice.slice_url ? Match::yes : Match::no;
    }
    if (entry.rule->discriminators.empty()) {
        if (entry.rule->choice && !slice.types.empty()) {
            for (const TypeLink& type : slice.types) {
                if (type.type == at.type) {
                    return Match::yes;
                }
            }
            return Match::no;
        }
        return Match::undecided;
    }
    // A discriminator about which a slice says nothing does not keep an element out, if another one
    // lets it in.
    Match all = Match::undecided;
    for (const Discriminator& by : entry.rule->discriminators) {
        const Match one = follow(&at, slice, by.path, by.type, 0);
        if (one == Match::no) {
            return Match::no;
        }
        if (one == Match::yes) {
            all = one;
        }
    }
    return all;
}

// Walks `path` in the element and the rules; `at` is nullptr where the element has no such part.
Walker::Match Walker::follow(
    const Element* at,
    const PlanRule& rule,
    std::string_view path,
    DiscriminatorType type,
    int depth
) {
    if (depth > depth_max) {
        return Match::undecided;
    }
    if (path.empty() || path == "$this") {
        return matches_rule(at, rule, type, depth);
    }
    const std::string_view step = take_step(path);
    if (step == "$this") {
        return follow(at, rule, path, type, depth + 1);
    }
    if (step == "resolve()") {
        return follow_reference(at, rule, path, type, depth + 1);
    }
    if (step.starts_with("ofType(")) {
        const TypeId wanted = types_.find(argument_of(step));
        const Element* same = at != nullptr && at->type == wanted ? at : nullptr;
        for (const PlanRule* slice : rule.slices) {
            if (slice->types.size() == 1 && slice->types.front().type == wanted) {
                return follow(same, *slice, path, type, depth + 1);
            }
        }
        return follow(same, rule, path, type, depth + 1);
    }
    const std::string_view url =
        step.starts_with("extension(") ? argument_of(step) : std::string_view{};
    const std::string_view name = url.empty() ? step : std::string_view("extension");
    const PlanRule* next = child_rule_named(rule, name, url, at);
    if (next == nullptr) {
        return Match::undecided;
    }
    Match best = Match::no;
    bool any = false;
    if (at != nullptr) {
        for (const Element& child : at->children()) {
            if (child.child_rule == 0 || at->type == unknown_type) {
                continue;
            }
            const ChildInfo& info = types_.type(at->type).children[child.child_rule - 1];
            if (info.name != name || (!url.empty() && child.child_value("url") != url)) {
                continue;
            }
            any = true;
            const Match one = follow_into(child, *next, path, type, depth + 1);
            if (one == Match::yes) {
                return one;
            }
            if (one == Match::undecided) {
                best = one;
            }
        }
    }
    return any ? best : follow(nullptr, *next, path, type, depth + 1);
}

// A part that is itself sliced carries its constraints in its slices: fitting one of them is
// enough.
Walker::Match Walker::follow_into(
    const Element& at,
    const PlanRule& rule,
    std::string_view path,
    DiscriminatorType type,
    int depth
) {
    Match best = follow(&at, rule, path, type, depth);
    if (best != Match::undecided) {
        return best;
    }
    for (const PlanRule* slice : rule.slices) {
        const Match one = follow(&at, *slice, path, type, depth);
        if (one == Match::yes) {
            return one;
        }
        if (one == Match::no) {
            best = one;
        }
    }
    return best;
}

// The rule for a part: in the slice itself, in its one type profile, or in the type.
const PlanRule* Walker::child_rule_named(
    const PlanRule& rule, std::string_view name, std::string_view url, const Element* at
) {
    const auto find_in = [&](const PlanRule& where) -> const PlanRule* {
        for (const PlanRule* child : where.children) {
            const std::string_view text = types_.symbols().text(child->rule->name);
            if (text != name) {
                continue;
            }
            if (url.empty()) {
                return child;
            }
            for (const PlanRule* slice : child->slices) {
                if (slice->slice_url == url) {
                    return slice;
                }
            }
            const Plan* definition = planner_.plan(url);
            return definition == nullptr ? child : &definition->root();
        }
        return nullptr;
    };
    // An element of another profile says more than what the slice repeats of its base.
    for (const TypeLink& type : rule.types) {
        if (type.profiles.size() == 1 && !type.profiles.front()->element.empty()) {
            if (const PlanRule* meant = planner_.follow_rule(*type.profiles.front())) {
                if (const PlanRule* found = find_in(*meant)) {
                    return found;
                }
            }
        }
    }
    if (const PlanRule* found = find_in(rule)) {
        return found;
    }
    for (const TypeLink& type : rule.types) {
        if (type.profiles.size() == 1) {
            if (const PlanRule* root = planner_.follow_rule(*type.profiles.front())) {
                if (const PlanRule* found = find_in(*root)) {
                    return found;
                }
            }
        }
    }
    const TypeId type = at != nullptr            ? at->type
                        : rule.types.size() == 1 ? rule.types.front().type
                                                 : unknown_type;
    const Plan* base = type == unknown_type ? nullptr : planner_.base(type);
    return base == nullptr ? nullptr : find_in(base->root());
}

Walker::Match Walker::follow_reference(
    const Element* at,
    const PlanRule& rule,
    std::string_view path,
    DiscriminatorType type,
    int depth
) {
    if (at == nullptr) {
        return Match::no;
    }
    const std::string_view reference = at->child_value("reference");
    const Element* target = reference.empty() ? nullptr : resolve(*at, reference);
    bool any = false;
    Match best = Match::no;
    for (const TypeRule& wanted : rule.rule->types) {
        for (const std::string& profile : wanted.target_profiles) {
            const Plan* plan = planner_.plan(profile);
            if (plan == nullptr) {
                best = Match::undecided;
                continue;
            }
            any = true;
            Match one = Match::undecided;
            if (target != nullptr) {
                if (!types_.is_a(target->type, plan->profile->type)) {
                    one = Match::no;
                } else if (path.empty() && type == DiscriminatorType::type) {
                    one = Match::yes;
                } else if (path.empty() && type == DiscriminatorType::profile) {
                    one = conforms(*target, plan->root()) ? Match::yes : Match::no;
                } else {
                    one = follow(target, plan->root(), path, type, depth + 1);
                }
            } else if (path.empty() && type == DiscriminatorType::type) {
                // The reference's own text names the type: "Patient/1".
                const TypeId named = type_of_reference(*at);
                if (named != unknown_type) {
                    one = types_.is_a(named, plan->profile->type) ? Match::yes : Match::no;
                }
            }
            if (one == Match::yes) {
                return one;
            }
            if (one == Match::undecided) {
                best = one;
            }
        }
    }
    if (!any) {
        return Match::undecided;
    }
    return best;
}

Walker::Match
Walker::matches_rule(const Element* at, const PlanRule& rule, DiscriminatorType type, int depth) {
    const Rule& asked = *rule.rule;
    const auto truth = [](bool value) { return value ? Match::yes : Match::no; };
    switch (type) {
    case DiscriminatorType::exists:
        if (asked.max == 0) {
            return truth(at == nullptr);
        }
        return asked.min > 0 ? truth(at != nullptr) : Match::undecided;
    case DiscriminatorType::type:
        if (at == nullptr) {
            return Match::no;
        }
        for (const TypeLink& link : rule.types) {
            if (link.type == at->type || (at->is_resource && types_.is_a(at->type, link.type))) {
                return Match::yes;
            }
        }
        return rule.types.empty() ? Match::undecided : Match::no;
    case DiscriminatorType::profile: {
        bool any = false;
        for (const TypeLink& link : rule.types) {
            any = any || !link.profiles.empty();
        }
        if (!any) {
            return Match::undecided;  // the slice says nothing about this discriminator
        }
        if (at == nullptr) {
            return Match::no;
        }
        for (const TypeLink& link : rule.types) {
            if (link.type != at->type && !(at->is_resource && types_.is_a(at->type, link.type))) {
                continue;
            }
            for (const auto& profile : link.profiles) {
                const PlanRule* wanted = planner_.follow_rule(*profile);
                const bool whole = profile->element.empty();
                if (wanted != nullptr &&
                    (!whole || types_.is_a(at->type, wanted->plan->profile->type)) &&
                    conforms(*at, *wanted)) {
                    return Match::yes;
                }
            }
        }
        return Match::no;
    }
    case DiscriminatorType::value:
    case DiscriminatorType::pattern: break;
    }
    if (asked.max == 0) {
        return truth(at == nullptr);
    }
    if (asked.fixed != nullptr) {
        return truth(at != nullptr && equals_fixed(*at, *asked.fixed));
    }
    if (asked.pattern != nullptr) {
        return truth(at != nullptr && matches_pattern(*at, *asked.pattern));
    }
    const Match inner = matches_parts(at, rule, depth);
    if (inner != Match::undecided) {
        return inner;
    }
    if (asked.strength == BindingStrength::required && rule.value_set != nullptr) {
        if (at == nullptr) {
            return Match::no;
        }
        switch (member_of(*at, *rule.value_set)) {
        case Verdict::yes: return Match::yes;
        case Verdict::no: return Match::no;
        case Verdict::not_checkable: return Match::undecided;
        }
    }
    if (asked.min > 0) {
        return truth(at != nullptr);
    }
    return Match::undecided;
}

// A discriminator that names a complex element whose parts carry the values.
Walker::Match Walker::matches_parts(const Element* at, const PlanRule& rule, int depth) {
    if (depth > depth_max) {
        return Match::undecided;
    }
    Match all = Match::undecided;
    for (const PlanRule* child : rule.children) {
        Match best = Match::undecided;
        const bool constrained = child->rule->fixed != nullptr || child->rule->pattern != nullptr;
        if (!constrained && child->children.empty()) {
            continue;
        }
        if (at == nullptr) {
            if (constrained && child->rule->min > 0) {
                return Match::no;
            }
            continue;
        }
        bool any = false;
        const std::string_view name = types_.symbols().text(child->rule->name);
        for (const Element* one = at->child(name); one != nullptr; one = one->next_same()) {
            any = true;
            const Match match = constrained
                                    ? matches_rule(one, *child, DiscriminatorType::value, depth + 1)
                                    : matches_parts(one, *child, depth + 1);
            if (match == Match::yes) {
                best = match;
                break;
            }
            if (match == Match::no) {
                best = match;
            }
        }
        if (!any && constrained && child->rule->min > 0) {
            best = Match::no;
        }
        if (best == Match::no) {
            return Match::no;
        }
        if (best == Match::yes) {
            all = Match::yes;
        }
    }
    return all;
}

}  // namespace gatehouse::fhir::judge
