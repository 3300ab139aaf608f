// SPDX-License-Identifier: Apache-2.0
//
// Slicing in words: which slice came nearest, which discriminators kept an element out of each and
// what the slice wants there. Read only when a finding is written.

#include "fhir/validate/slice_path.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

// A fixed value or pattern in short: 'x', or the system|code within; empty if it has neither.
std::string value_in_short(const Element& wanted) {
    if (wanted.has_value()) {
        return join("'", wanted.value, "'");
    }
    const Element* coding = wanted.child("coding");
    const Element& at = coding == nullptr ? wanted : *coding;
    const std::string_view system = at.child_value("system");
    const std::string_view code = at.child_value("code");
    if (system.empty() && code.empty()) {
        return {};
    }
    return join("'", system, system.empty() || code.empty() ? "" : "|", code, "'");
}

template <class Range> std::string listed(const Range& names) {
    std::string words;
    for (const auto& name : names) {
        words += words.empty() ? "" : " or ";
        words += name;
    }
    return words;
}

std::string types_in_short(const Rule& rule) {
    std::string words;
    for (const TypeRule& type : rule.types) {
        words += words.empty() ? "" : " or ";
        words += type.profiles.empty() ? type.code : listed(type.profiles);
    }
    return words;
}

}  // namespace

// Slices are to exclude one another (FHIR R4 §5.1.0.14); the first that fits keeps the element.
void Walker::report_second_slice(
    const Element& at, const PlanRule& entry, const PlanRule& first, const PlanRule& second
) {
    report(
        rules::slice_ambiguous,
        at,
        [&] {
            std::string words = join(
                "This element fits both slice ",
                slice_name(first),
                " and slice ",
                slice_name(second),
                " of ",
                entry.rule->id,
                " (profile ",
                entry.plan->canonical,
                "), which are told apart by "
            );
            for (std::size_t i = 0; i < entry.rule->discriminators.size(); ++i) {
                words += i == 0 ? "" : ", ";
                words += entry.rule->discriminators[i].path;
            }
            return words + ". Send it as two elements, or keep what one slice asks for.";
        },
        entry.plan
    );
}

// What the slice asks for at the discriminator; empty where it says nothing there.
std::string Walker::wanted_by(const PlanRule& slice, const Discriminator& by) {
    const PlanRule* rule = &slice;
    std::string_view path = by.path;
    while (!path.empty()) {
        const std::string_view step = take_step(path);
        if (step == "$this") {
            continue;
        }
        if (step == "resolve()") {
            std::string targets;
            for (const TypeRule& type : rule->rule->types) {
                targets += targets.empty() || type.target_profiles.empty() ? "" : " or ";
                targets += listed(type.target_profiles);
            }
            return targets.empty() ? targets : join("the target is to be ", targets);
        }
        if (step.starts_with("ofType(")) {
            continue;
        }
        const std::string_view url =
            step.starts_with("extension(") ? argument_of(step) : std::string_view{};
        rule = child_rule_named(*rule, url.empty() ? step : "extension", url, nullptr);
        if (rule == nullptr) {
            return {};
        }
    }
    const Rule& asked = *rule->rule;
    if (by.type == DiscriminatorType::type || by.type == DiscriminatorType::profile) {
        const std::string types = types_in_short(asked);
        return types.empty() ? types : join("wanted ", types);
    }
    if (asked.max == 0) {
        return "it is to be absent";
    }
    if (by.type == DiscriminatorType::exists) {
        return asked.min > 0 ? "it is to be there" : "";
    }
    const Element* value = asked.fixed != nullptr ? asked.fixed : asked.pattern;
    if (const std::string text = value == nullptr ? std::string() : value_in_short(*value);
        !text.empty()) {
        return join("wanted ", text);
    }
    return asked.strength == BindingStrength::required && !asked.value_set.empty()
               ? join("wanted a code of ", asked.value_set)
               : std::string();
}

// For people: which slice came nearest and by which discriminators each one failed.
std::string Walker::why_no_slice(const Element& at, const PlanRule& entry) {
    ++quiet_;
    std::string words;
    std::string_view nearest;
    std::size_t best = 0;
    std::size_t listed = 0;
    for (const PlanRule* slice : entry.slices) {
        if (slice->is_default_slice) {
            continue;
        }
        std::string failed;
        std::size_t good = 0;
        if (!slice->slice_url.empty() && entry.rule->discriminators.empty()) {
            failed = join("url is not ", slice->slice_url);
        }
        for (const Discriminator& by : entry.rule->discriminators) {
            const Match one = follow(&at, *slice, by.path, by.type, 0);
            if (one == Match::yes) {
                ++good;
                continue;
            }
            failed += failed.empty() ? "" : ", ";
            const std::string wanted = wanted_by(*slice, by);
            if (one == Match::no) {
                failed += join(by.path, " does not match", wanted.empty() ? "" : ": ", wanted);
            } else {
                failed += join(
                    by.path,
                    wanted.empty() ? " has no value in the profile to tell the slice by"
                                   : " cannot be decided here: ",
                    wanted
                );
            }
        }
        if (!failed.empty() && listed < 8) {
            words += words.empty() ? "Not " : "; not ";
            words += join(slice_name(*slice), " (", failed, ")");
            ++listed;
        }
        if (good > best) {
            best = good;
            nearest = slice->rule->slice;
        }
    }
    --quiet_;
    if (!words.empty()) {
        words += ".";
    }
    if (!nearest.empty()) {
        words += join(" Nearest: ", nearest, ".");
    }
    return words;
}

}  // namespace gatehouse::fhir::judge
