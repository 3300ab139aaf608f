// SPDX-License-Identifier: Apache-2.0
//
// Which profiles hold for a resource or element: those the caller gives, the chooser's,
// meta.profile, R4's own rule for vital signs, and profiles that a rule names for a type.

#include <algorithm>
#include <array>

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

// R4 Observation, "Vital signs": a record of a vital sign meets its profile (R4 §10.1.12). HL7's
// validator knows it by these codes, the profile's own LOINC code and its close relatives.
struct VitalSign {
    std::string_view code;
    std::string_view profile;
};
// clang-format off
constexpr VitalSign loinc_vital_signs[] = {
    {"9279-1", "resprate"},
    {"76170-0", "resprate"},
    {"76171-8", "resprate"},
    {"19840-8", "resprate"},
    {"33438-3", "resprate"},
    {"76172-6", "resprate"},
    {"8867-4", "heartrate"},
    {"8889-8", "heartrate"},
    {"8890-6", "heartrate"},
    {"8891-4", "heartrate"},
    {"8892-2", "heartrate"},
    {"8893-0", "heartrate"},
    {"40443-4", "heartrate"},
    {"69000-8", "heartrate"},
    {"68999-2", "heartrate"},
    {"2708-6", "oxygensat"},
    {"59408-5", "oxygensat"},
    {"20564-1", "oxygensat"},
    {"2710-2", "oxygensat"},
    {"59417-6", "oxygensat"},
    {"8310-5", "bodytemp"},
    {"8328-7", "bodytemp"},
    {"8329-5", "bodytemp"},
    {"8330-3", "bodytemp"},
    {"8331-1", "bodytemp"},
    {"8332-9", "bodytemp"},
    {"8333-7", "bodytemp"},
    {"8334-5", "bodytemp"},
    {"75539-7", "bodytemp"},
    {"75987-8", "bodytemp"},
    {"76010-8", "bodytemp"},
    {"76011-6", "bodytemp"},
    {"76278-1", "bodytemp"},
    {"91371-5", "bodytemp"},
    {"98657-0", "bodytemp"},
    {"8302-2", "bodyheight"},
    {"3137-7", "bodyheight"},
    {"3138-5", "bodyheight"},
    {"8306-3", "bodyheight"},
    {"8308-9", "bodyheight"},
    {"9843-4", "headcircum"},
    {"8287-5", "headcircum"},
    {"29463-7", "bodyweight"},
    {"3141-9", "bodyweight"},
    {"3142-7", "bodyweight"},
    {"79348-9", "bodyweight"},
    {"75292-3", "bodyweight"},
    {"8350-1", "bodyweight"},
    {"8351-9", "bodyweight"},
    {"39156-5", "bmi"},
    {"85354-9", "bp"},
    {"55284-4", "bp"},
    {"8480-6", "bp"},
    {"35094-2", "bp"},
    {"8459-0", "bp"},
    {"76534-7", "bp"},
    {"85353-1", "vitalspanel"},
};
constexpr VitalSign snomed_vital_signs[] = {
    {"46680005", "vitalspanel"},
    {"86290005", "resprate"},
    {"431314004", "oxygensat"},
    {"442476006", "oxygensat"},
    {"386725007", "bodytemp"},
    {"276885007", "bodytemp"},
    {"415945006", "bodytemp"},
    {"415974002", "bodytemp"},
    {"415882003", "bodytemp"},
    {"307047009", "bodytemp"},
    {"50373000", "bodyheight"},
    {"1153637007", "bodyheight"},
    {"363812007", "headcircum"},
    {"60621009", "bmi"},
    {"271649006", "bp"},
    {"271650006", "bp"},
    {"407554009", "bp"},
    {"407556006", "bp"},
    {"735395000", "bodyweight"},
    {"424927000", "bodyweight"},
    {"444981005", "heartrate"},
    {"249043002", "heartrate"},
    {"429614003", "heartrate"},
};
// clang-format on

// Names of the profiles, to look each up once.
constexpr std::array<std::string_view, 10> vital_profiles = {
    "resprate",
    "heartrate",
    "oxygensat",
    "bodytemp",
    "bodyheight",
    "headcircum",
    "bodyweight",
    "bmi",
    "bp",
    "vitalspanel",
};
static_assert(vital_profiles.size() <= Planner::own_profiles_max);

// Codes and the place of their profile in vital_profiles, as a table of hashes made by the
// compiler: every Observation asks.
template <std::size_t N> class VitalSigns {
public:
    constexpr explicit VitalSigns(const VitalSign (&table)[N]) {
        for (std::size_t i = 0; i < N; ++i) {
            std::size_t at = slot_of(table[i].code);
            while (!slots_[at].code.empty()) {
                at = (at + 1) % slot_count;
            }
            slots_[at].code = table[i].code;
            while (vital_profiles[slots_[at].profile] != table[i].profile) {
                ++slots_[at].profile;
            }
        }
    }
    // vital_profiles.size() if the code is none.
    [[nodiscard]] std::size_t find(std::string_view code) const noexcept {
        for (std::size_t at = slot_of(code); !slots_[at].code.empty(); at = (at + 1) % slot_count) {
            if (slots_[at].code == code) {
                return slots_[at].profile;
            }
        }
        return vital_profiles.size();
    }

private:
    struct Slot {
        std::string_view code;
        std::size_t profile = 0;
    };
    static constexpr std::size_t slot_count = 256;
    static constexpr std::size_t slot_of(std::string_view code) noexcept {
        std::size_t hash = code.size();
        for (const char c : code.substr(0, 12)) {
            hash = hash * 31U + static_cast<unsigned char>(c);
        }
        return (hash ^ (hash >> 8U)) % slot_count;
    }
    std::array<Slot, slot_count> slots_{};
};
constexpr VitalSigns loinc_signs(loinc_vital_signs);
constexpr VitalSigns snomed_signs(snomed_vital_signs);

}  // namespace

// False, and reported, if the profile is about another type than the element's.
bool Walker::is_about(const Element& at, const Plan& plan) {
    if (plan.profile->type == at.type || types_.is_a(at.type, plan.profile->type)) {
        return true;
    }
    report(
        rules::profile_type,
        at,
        [&] {
            return join(
                "Profile ",
                plan.canonical,
                " is for ",
                types_.type(plan.profile->type).name,
                ", but this is ",
                types_.type(at.type).name,
                "."
            );
        },
        &plan
    );
    return false;
}

void Walker::add_profile(
    const Element& at, Actives& rules, std::string_view canonical, const Element* named
) {
    std::string problem;
    const Plan* plan = planner_.plan(canonical, &problem);
    const Element& place = named == nullptr ? at : *named;
    if (plan == nullptr) {
        ++out_.not_checkable;
        const bool exists = !problem.empty();
        report_as(
            exists ? rules::profile_unusable : rules::profile_unknown,
            named == nullptr || options_.error_for_unknown_profiles || exists ? Severity::error
                                                                              : Severity::warning,
            place,
            [&] {
                return exists
                           ? join("Profile ", canonical, " cannot be used: ", problem)
                           : join(
                                 "Profile ",
                                 canonical,
                                 " is not loaded, so the resource was not checked against it. Load "
                                 "the package that defines it, or take it out."
                             );
            }
        );
        return;
    }
    if (!is_about(at, *plan)) {
        // Where the resource leaves the profile's type, for whoever looks at elements.
        for (const Element& child : at.children()) {
            if (child.child_rule == 0 || types_.child(plan->profile->type, child.symbol)) {
                continue;
            }
            report(
                rules::not_allowed,
                child,
                [&] {
                    return join(
                        "Element ",
                        child.name,
                        " is not part of ",
                        types_.type(plan->profile->type).name,
                        ", the type of profile ",
                        plan->canonical,
                        "."
                    );
                },
                plan
            );
            break;
        }
        return;
    }
    rules.add(&plan->root());
}

void Walker::add_profiles(
    const Element& at, Actives& rules, std::span<const std::string_view> profiles
) {
    for (const std::string_view profile : profiles) {
        add_profile(at, rules, profile, nullptr);
    }
    if (const Element* meta = at.child(known_.meta_symbol)) {
        for (const Element* profile = meta->child(known_.profile_symbol); profile != nullptr;
             profile = profile->next_same()) {
            if (profile->has_value() && !profile->value.empty()) {
                add_profile(at, rules, profile->value, profile);
            }
        }
    }
    for (const auto& [type, profile] : known_.global_profiles) {
        if (type == at.type) {
            add_profile(at, rules, profile, nullptr);
        }
    }
    if (chooser_ != nullptr && *chooser_) {
        std::vector<std::string_view> chosen;
        (*chooser_)(at, chosen);
        for (const std::string_view profile : chosen) {
            add_profile(at, rules, profile, nullptr);
        }
    }
    if (at.type == known_.observation) {
        add_vital_signs(at, rules);
    }
}

void Walker::add_vital_signs(const Element& at, Actives& rules) {
    const Element* code = at.child(known_.code_symbol);
    if (code == nullptr) {
        return;
    }
    for (const Element* coding = code->child(known_.coding_symbol); coding != nullptr;
         coding = coding->next_same()) {
        const std::string_view system = value_of_child(*coding, known_.system_symbol);
        const std::string_view value = value_of_child(*coding, known_.code_symbol);
        const std::size_t sign = system == "http://loinc.org"         ? loinc_signs.find(value)
                                 : system == "http://snomed.info/sct" ? snomed_signs.find(value)
                                                                      : vital_profiles.size();
        if (sign < vital_profiles.size()) {
            if (const Plan* plan = planner_.own_profile(sign, vital_profiles[sign])) {
                rules.add(&plan->root());
            }
        }
    }
}

void Walker::add_type_profiles(const Element& at, const PlanRule& rule, Actives& rules) {
    for (const TypeLink& type : rule.types) {
        if (type.profiles.empty() ||
            (type.type != at.type && !(at.is_resource && types_.is_a(at.type, type.type)))) {
            continue;
        }
        if (type.profiles.size() == 1) {
            const ProfileLink& link = *type.profiles.front();
            if (const PlanRule* wanted = planner_.follow_rule(link)) {
                if (!at.is_resource || wanted->plan == nullptr || is_about(at, *wanted->plan)) {
                    rules.add(wanted);
                }
            } else if (at.type != known_.extension) {
                ++out_.not_checkable;
                report(
                    rules::profile_needed,
                    at,
                    [&] {
                        return join(
                            "Profile ",
                            rule.plan->canonical,
                            " holds this element to profile ",
                            link.canonical,
                            ", which is not loaded. Load the package that defines it."
                        );
                    },
                    rule.plan
                );
            }
            return;
        }
        // Several: any one will do. The first that fits is added, so its warnings show too.
        for (const auto& link : type.profiles) {
            const PlanRule* wanted = planner_.follow_rule(*link);
            if (wanted == nullptr) {
                ++out_.not_checkable;
                return;
            }
            if (conforms(at, *wanted)) {
                rules.add(wanted);
                return;
            }
        }
        report(
            rules::profile_none_matched,
            at,
            [&] {
                std::string words = "The content fits none of the profiles allowed here: ";
                for (std::size_t i = 0; i < type.profiles.size(); ++i) {
                    words += i == 0 ? "" : ", ";
                    words += type.profiles[i]->canonical;
                }
                return words + ".";
            },
            rule.plan
        );
        constexpr std::size_t explained_max = 4;
        for (std::size_t i = 0; i < std::min(type.profiles.size(), explained_max); ++i) {
            explain(at, *planner_.follow_rule(*type.profiles[i]));
        }
        return;
    }
}

// Says what keeps the element from meeting `rule`, of which conforms() has said that it does not:
// its errors, without the lesser findings.
void Walker::explain(const Element& at, const PlanRule& rule) {
    if (quiet_ > 0 || trial_depth_ > 0) {
        return;
    }
    const std::size_t before = out_.issues.size();
    ++trial_depth_;
    try_on(at, rule);
    --trial_depth_;
    std::size_t kept = before;
    for (std::size_t i = before; i < out_.issues.size(); ++i) {
        if (out_.issues[i].severity > Severity::error) {
            continue;
        }
        if (kept != i) {
            out_.issues[kept] = std::move(out_.issues[i]);
            issue_places_[kept] = issue_places_[i];
        }
        ++kept;
    }
    list_.gave_back(out_.issues.size() - kept);
    out_.issues.resize(kept);
    issue_places_.resize(kept);
}

}  // namespace gatehouse::fhir::judge
