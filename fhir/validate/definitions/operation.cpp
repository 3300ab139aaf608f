// SPDX-License-Identifier: Apache-2.0
//
// OperationDefinition (R4 §6.11): the profiles of Parameters that it names for input and output
// say the same of each parameter as the operation does.
#include <algorithm>
#include <string>
#include <vector>

#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

constexpr std::string_view allowed_type =
    "http://hl7.org/fhir/StructureDefinition/operationdefinition-allowed-type";

const PlanRule* child_named(const Desk& desk, const PlanRule& rule, std::string_view name) {
    for (const PlanRule* child : rule.children) {
        if (desk.types().symbols().text(child->rule->name) == name) {
            return child;
        }
    }
    return nullptr;
}

// "*" and numbers; -1 if it is neither.
std::int64_t bound_of(std::string_view text) {
    if (text == "*") {
        return UINT32_MAX;
    }
    std::int64_t out = text.empty() ? -1 : 0;
    for (const char c : text) {
        out = c >= '0' && c <= '9' && out >= 0 && out < UINT32_MAX ? out * 10 + (c - '0') : -1;
    }
    return out;
}

bool used(const PlanRule* part, const PlanRule* first, const PlanRule* second) {
    return part != nullptr && part->max > 0 && (first == nullptr || first->min == 0) &&
           (second == nullptr || second->min == 0);
}

class ProfileCompare {
public:
    ProfileCompare(
        const Desk& desk, const Element& parameter, const PlanRule& slice, std::string_view use
    )
        : desk_(desk), parameter_(parameter), slice_(slice), use_(use) {}

    void compare() {
        bounds("min", bound_of(parameter_.child_value("min")), slice_.min);
        bounds("max", bound_of(parameter_.child_value("max")), slice_.max);
        const PlanRule* value = child_named(desk_, slice_, "value");
        const PlanRule* resource = child_named(desk_, slice_, "resource");
        const PlanRule* part = child_named(desk_, slice_, "part");
        std::vector<std::string_view> types;
        std::vector<std::string_view> targets;
        for (const PlanRule* one : {value, resource}) {
            const PlanRule* other = one == value ? resource : value;
            if (!used(one, other, part)) {
                continue;
            }
            for (const TypeRule& type : one->rule->types) {
                types.push_back(type.code);
                targets.insert(
                    targets.end(), type.target_profiles.begin(), type.target_profiles.end()
                );
            }
        }
        std::vector<std::string_view> allowed;
        for (const Element& extension : children(parameter_, "extension")) {
            if (extension.child_value("url") == allowed_type) {
                if (const Element* type = choice_child(extension, "value")) {
                    allowed.push_back(type->value);
                }
            }
        }
        const std::string_view type = parameter_.child_value("type");
        if (allowed.empty() && !type.empty()) {
            allowed.push_back(type);
        }
        std::vector<std::string_view> wanted;
        for (const Element& target : children(parameter_, "targetProfile")) {
            wanted.push_back(target.value);
        }
        lists("type", allowed, types);
        // A parameter of any type cannot say what its references mean (opd-3).
        const bool open = type.empty() || type == "Element";
        lists("target profile", wanted, open ? wanted : targets, targets);
    }

private:
    void bounds(const char* name, std::int64_t stated, std::int64_t profiled) {
        if (stated >= 0 && stated != profiled) {
            desk_.report(rules::operation_bounds, parameter_, [&] {
                return join(
                    "The ",
                    use_,
                    " profile gives this parameter another ",
                    name,
                    " than the operation."
                );
            });
        }
    }
    void lists(
        const char* what,
        const std::vector<std::string_view>& stated,
        const std::vector<std::string_view>& profiled
    ) {
        lists(what, stated, profiled, profiled);
    }
    // Each list's items must be in the other: `backward` of the profile's are asked of the
    // operation, `forward` are what the profile allows.
    void lists(
        const char* what,
        const std::vector<std::string_view>& stated,
        const std::vector<std::string_view>& backward,
        const std::vector<std::string_view>& forward
    ) {
        const auto has = [](const std::vector<std::string_view>& list, std::string_view item) {
            return std::find(list.begin(), list.end(), item) != list.end();
        };
        for (const std::string_view item : backward) {
            if (!has(stated, item)) {
                desk_.report(rules::operation_types, parameter_, [&] {
                    return join(
                        "The ",
                        use_,
                        " profile allows the ",
                        what,
                        " ",
                        item,
                        ", which the operation does not."
                    );
                });
            }
        }
        for (const std::string_view item : stated) {
            if (!has(forward, item)) {
                desk_.report(rules::operation_types, parameter_, [&] {
                    return join(
                        "The operation allows the ",
                        what,
                        " ",
                        item,
                        ", which the ",
                        use_,
                        " profile does not."
                    );
                });
            }
        }
    }

    const Desk& desk_;
    const Element& parameter_;
    const PlanRule& slice_;
    std::string_view use_;
};

void check_profile(
    const Desk& desk, const Element& operation, const Element& profile, std::string_view use
) {
    const Plan* plan = desk.plan(profile.value);
    if (plan == nullptr || plan->profile->type != desk.types().find("Parameters")) {
        desk.report(
            plan == nullptr ? rules::operation_profile_unknown : rules::operation_profile_type,
            profile,
            [&] {
                return plan == nullptr
                           ? join("The ", use, " profile ", profile.value, " is not loaded.")
                           : join(
                                 "The ",
                                 use,
                                 " profile ",
                                 profile.value,
                                 " is not one of Parameters."
                             );
            }
        );
        return;
    }
    const PlanRule* parameters = child_named(desk, plan->root(), "parameter");
    if (parameters == nullptr) {
        return;
    }
    std::vector<const Element*> met;
    for (const PlanRule* slice : parameters->slices) {
        const PlanRule* name = child_named(desk, *slice, "name");
        const Element* fixed = name == nullptr                ? nullptr
                               : name->rule->fixed != nullptr ? name->rule->fixed
                                                              : name->rule->pattern;
        if (fixed == nullptr) {
            desk.report(rules::operation_slice, profile, [&] {
                return join(
                    "The slice ",
                    slice->rule->slice,
                    " of the ",
                    use,
                    " profile names no parameter."
                );
            });
            continue;
        }
        bool found = false;
        for (const Element& parameter : children(operation, "parameter")) {
            if (parameter.child_value("name") == fixed->value &&
                parameter.child_value("use") == use) {
                found = true;
                met.push_back(&parameter);
                ProfileCompare(desk, parameter, *slice, use).compare();
                break;
            }
        }
        if (!found) {
            desk.report(rules::operation_not_in_operation, profile, [&] {
                return join(
                    "The operation has no parameter ",
                    fixed->value,
                    " for '",
                    use,
                    "', which the profile has."
                );
            });
        }
    }
    for (const Element& parameter : children(operation, "parameter")) {
        if (parameter.child_value("use") == use &&
            std::find(met.begin(), met.end(), &parameter) == met.end()) {
            desk.report(rules::operation_not_in_profile, parameter, [&] {
                return join("The ", use, " profile does not mention this parameter.");
            });
        }
    }
}

}  // namespace

void check_operation(const Desk& desk, const Element& operation) {
    check_canonical(desk, operation);
    // An operation cannot be based on itself, on whatever way.
    const std::string_view url = operation.child_value("url");
    std::string_view base = operation.child_value("base");
    for (int steps = 0; !base.empty() && !url.empty() && steps < 32; ++steps) {
        if (without_version(base) == url) {
            desk.report(rules::operation_circular, operation, [&] {
                return join("The operation is based on itself, by way of ", base, ".");
            });
            break;
        }
        const Element* next = desk.definition("OperationDefinition", base);
        base = next == nullptr ? std::string_view{} : next->child_value("base");
    }
    if (const Element* profile = operation.child("inputProfile")) {
        check_profile(desk, operation, *profile, "in");
    }
    if (const Element* profile = operation.child("outputProfile")) {
        check_profile(desk, operation, *profile, "out");
    }
}

}  // namespace gatehouse::fhir::judge::definitions
