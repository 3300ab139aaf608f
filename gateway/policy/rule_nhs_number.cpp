// SPDX-License-Identifier: Apache-2.0
//
// G05: NHS numbers can exist, are of this environment, say how sure they are, and name one Patient.
#include <algorithm>
#include <array>
#include <charconv>

#include "fhir/base/nhs_number.hpp"
#include "gateway/policy/rules.hpp"

namespace gatehouse::gateway::policy {
namespace {

using fhir::Element;
using fhir::IssueType;

bool is_nhs_system(std::string_view system) noexcept {
    return system == nhs_number_system || system == nhs_number_system_old;
}

std::string environment_fault(const Effective& policy, std::string_view number) {
    const auto found = policy.environments.find(policy.environment.value);
    if (found == policy.environments.end()) {
        return {};
    }
    const Environment& environment = found->second.value;
    if (has_repeated_digits(number) && environment.repeated_refused &&
        std::find(environment.exceptions.begin(), environment.exceptions.end(), number) ==
            environment.exceptions.end()) {
        return "The NHS number is one digit ten times: such a number was never issued.";
    }
    std::uint64_t value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    for (const auto& [from, to] : environment.ranges) {
        if (from <= value && value <= to) {
            return {};
        }
    }
    return "The NHS number is outside the ranges that the environment `" +
           policy.environment.value + "` takes.";
}

void check_number(Decider& decider, const Element& value) {
    std::string reason;
    switch (check_nhs_number(value.value)) {
    case NhsNumberFault::form:
        reason = "An NHS number is ten digits without spaces; this is not.";
        break;
    case NhsNumberFault::check_digit:
        reason = "The check digit of the NHS number does not fit (modulus 11).";
        break;
    case NhsNumberFault::none: reason = environment_fault(decider.policy, value.value); break;
    }
    if (!reason.empty()) {
        decider.say(
            decider.policy.check(Check::g05),
            {"G05", 400, IssueType::value, "INVALID_NHS_NUMBER", std::move(reason), &value}
        );
    }
}

// Codes of the verification status, England's, Wales' and the newer words, whatever system they are
// sent under: national systems themselves mix them.
bool is_known_status(std::string_view code) noexcept {
    static constexpr std::array<std::string_view, 18> known{
        "01",
        "02",
        "03",
        "04",
        "05",
        "06",
        "07",
        "08",
        "nn",
        "number-present-and-verified",
        "number-present-but-not-traced",
        "trace-required",
        "trace-attempted",
        "trace-needs-to-be-resolved",
        "trace-in-progress",
        "number-not-present-and-trace-not-required",
        "trace-postponed",
        "number-present-and-traced-using-welsh-nhs-ar"};
    return std::find(known.begin(), known.end(), code) != known.end();
}

void check_status(Decider& decider, const Element& identifier) {
    static constexpr std::string_view name = "NHSNumberVerificationStatus";
    for (const Element& extension : identifier.children()) {
        if (extension.name != "extension" ||
            extension.child_value("url").find(name) == std::string_view::npos) {
            continue;
        }
        const Element* concept_value = extension.child("valueCodeableConcept");
        for (const Element* coding = concept_value == nullptr ? nullptr
                                                              : concept_value->child("coding");
             coding != nullptr;
             coding = coding->next_same()) {
            if (is_known_status(coding->child_value("code"))) {
                return;
            }
        }
        decider.say(
            decider.policy.check(Check::g05_status),
            {"G05",
             400,
             IssueType::code_invalid,
             "INVALID_VALUE",
             "The verification status of the NHS number is none of the known codes.",
             &extension}
        );
        return;
    }
    decider.say(
        decider.policy.check(Check::g05_status),
        {"G05",
         400,
         IssueType::required,
         "INVALID_VALUE",
         "The NHS number has no verification status.",
         &identifier}
    );
}

// The id that a Patient of this message will replace, if it says so.
std::string_view own_id(const Element& patient, const RestCall& call) {
    const Element* entry = patient.parent;
    if (entry == nullptr) {
        return call.interaction == Interaction::update ? std::string_view(call.id)
                                                       : std::string_view{};
    }
    const Element* request = entry->child("request");
    return request != nullptr && request->child_value("method") == "PUT" ? patient.child_value("id")
                                                                         : std::string_view{};
}

void check_second(Decider& decider, const Element& patient, const Element& value) {
    const Stated<Schedule>& schedule = decider.policy.check(Check::g05_second);
    if (decider.facts.other_patient == nullptr ||
        schedule.value.at(decider.facts.now) == Mode::off ||
        !is_write(decider.facts.call->interaction)) {
        return;
    }
    const std::string other = decider.facts.other_patient(
        decider.facts.user, value.value, own_id(patient, *decider.facts.call)
    );
    if (!other.empty()) {
        decider.say(
            schedule,
            {"G05",
             409,
             IssueType::duplicate,
             "DUPLICATE_REJECTED",
             "Another current Patient has the same NHS number.",
             &value}
        );
    }
}

}  // namespace

void nhs_numbers(Decider& decider) {
    if (decider.facts.root == nullptr) {
        return;
    }
    walk(*decider.facts.root, [&](const Element& element, std::uint32_t /*depth*/) {
        if (element.name != "system" || !is_nhs_system(element.value) ||
            element.parent == nullptr) {
            return;
        }
        const Element& holder = *element.parent;
        const Element* value = holder.child("value");
        if (value == nullptr || !value->has_value()) {
            return;
        }
        check_number(decider, *value);
        const Element* above = holder.parent;
        if (holder.name == "identifier" && above != nullptr &&
            above->resource_type() == "Patient") {
            check_status(decider, holder);
            if (check_nhs_number(value->value) == NhsNumberFault::none) {
                check_second(decider, *above, *value);
            }
        }
    });
}

void searched_nhs_numbers(Decider& decider) {
    if (decider.facts.call->interaction != Interaction::search) {
        return;
    }
    for (const auto& [name, value] : decider.facts.call->parameters) {
        const auto bar = value.find('|');
        if (bar == std::string::npos || !is_nhs_system(std::string_view(value).substr(0, bar))) {
            continue;
        }
        const std::string_view numbers = std::string_view(value).substr(bar + 1);
        if (numbers.find(',') == std::string_view::npos &&
            check_nhs_number(numbers) != NhsNumberFault::none) {
            decider.say(
                decider.policy.check(Check::g05_searches),
                {"G05",
                 400,
                 IssueType::value,
                 "INVALID_NHS_NUMBER",
                 "The NHS number searched for cannot exist: ten digits with a fitting check digit."}
            );
        }
    }
}

}  // namespace gatehouse::gateway::policy
