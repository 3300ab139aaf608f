// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/decide.hpp"

#include <algorithm>
#include <charconv>

#include "fhir/base/nhs_number.hpp"

namespace gatehouse::gateway::policy {
namespace {

using fhir::Element;
using fhir::IssueType;

// Entry of a batch that an element or expression lies in; -1 when the message is no batch.
class BatchPlaces {
public:
    explicit BatchPlaces(const Element* root)
        : batch_(
              root != nullptr && root->resource_type() == "Bundle" &&
              root->child_value("type") == "batch"
          ) {}

    [[nodiscard]] std::int32_t entry_of(std::string_view expression) const {
        static constexpr std::string_view start = "Bundle.entry[";
        if (!batch_ || !expression.starts_with(start)) {
            return -1;
        }
        std::int32_t index = -1;
        std::from_chars(
            expression.data() + start.size(), expression.data() + expression.size(), index
        );
        return index;
    }

private:
    bool batch_;
};

class Decider {
public:
    Decider(const Effective& policy, const GuardFacts& facts, Decision& decision)
        : policy_(policy), facts_(facts), decision_(decision), places_(facts.root) {}

    void owners();
    void acting_organisation();
    void limits();
    void nhs_numbers();
    void searched_numbers();
    void standard_profile();

private:
    struct Saying {
        const char* rule;
        int status;
        IssueType type;
        const char* spine;
        std::string reason;
        const Element* at = nullptr;
    };
    // Records what a rule says in the mode that its schedule has now.
    void say(const Stated<Schedule>& schedule, Saying saying);
    void add(RuleResult result);
    void limit_size(const PartnerLimits& limits);
    void limit_types(const PartnerLimits& limits);
    void limit_entry(const PartnerLimits& limits, const Element& entry, const Element& request);
    void check_number(const Element& holder, const Element& value);
    void check_status(const Element& identifier);
    void check_second(const Element& patient, const Element& value);
    std::string environment_fault(std::string_view number) const;
    [[nodiscard]] const Stated<Schedule>& schedule_of(std::string_view profile) const;

    const Effective& policy_;
    const GuardFacts& facts_;
    Decision& decision_;
    BatchPlaces places_;
};

void Decider::say(const Stated<Schedule>& schedule, Saying saying) {
    const Mode mode = schedule.value.at(facts_.now);
    if (mode == Mode::off) {
        return;
    }
    RuleResult result;
    result.rule = saying.rule;
    result.layer = schedule.layer;
    result.mode = mode;
    result.effect = mode == Mode::enforce ? Effect::deny
                    : mode == Mode::warn  ? Effect::permit_with_findings
                                          : Effect::permit;
    result.reason = saying.reason;
    result.status = saying.status;
    result.issue.severity = mode == Mode::enforce ? fhir::Severity::error : fhir::Severity::warning;
    result.issue.type = saying.type;
    result.issue.rule = saying.rule;
    result.issue.spine_code = saying.spine;
    result.issue.diagnostics = std::move(saying.reason);
    if (saying.at != nullptr) {
        result.issue.expression = fhir::expression_of(*saying.at);
        const auto position = fhir::position_of(facts_.source, saying.at->offset);
        result.issue.line = position.line;
        result.issue.column = position.column;
        result.entry = places_.entry_of(result.issue.expression);
    }
    add(std::move(result));
}

// Deny overrides; a denied entry of a batch is denied for itself.
void Decider::add(RuleResult result) {
    Effect effect = result.effect;
    if (effect == Effect::deny && result.entry >= 0) {
        effect = Effect::permit_with_findings;
    }
    decision_.effect = std::max(decision_.effect, effect);
    decision_.results.push_back(std::move(result));
}

// G03: who answers for the caller and for the rules. What has no owner does not load; this sees
// reviews that became overdue while running.
void Decider::owners() {
    if (facts_.partner == nullptr) {
        return;
    }
    const Owner& owner = facts_.partner->owner;
    if (owner.role.empty() || owner.contact.empty() || owner.review.empty()) {
        say(policy_.check(Check::g03),
            {"G03",
             403,
             IssueType::forbidden,
             "ACCESS_DENIED",
             "The partner has no accountable owner with role, contact and review date."});
        return;
    }
    const Stated<Schedule>& overdue = policy_.check(Check::g03_overdue);
    if (const Micros end = review_end(owner.review); end != 0 && facts_.now >= end) {
        say(overdue,
            {"G03",
             403,
             IssueType::forbidden,
             "ACCESS_DENIED",
             "The review of the partner's owner was due on " + owner.review + "."});
    }
    for (const auto& [layer, end] : policy_.reviews) {
        if (end != 0 && facts_.now >= end) {
            say(overdue,
                {"G03",
                 403,
                 IssueType::forbidden,
                 "ACCESS_DENIED",
                 "The review of the policy layer " + layer + " is overdue."});
        }
    }
}

void Decider::acting_organisation() {
    const Stated<Schedule>& schedule = policy_.check(Check::g04);
    if (!facts_.assertion_problem.empty()) {
        say(schedule, {"G04", 400, IssueType::invalid, "BAD_REQUEST", facts_.assertion_problem});
        return;
    }
    if (facts_.asserted_organisation.empty() || facts_.partner == nullptr) {
        return;
    }
    const auto& own = facts_.partner->organisations;
    if (std::find(own.begin(), own.end(), facts_.asserted_organisation) == own.end()) {
        say(schedule,
            {"G04",
             403,
             IssueType::forbidden,
             "ACCESS_DENIED",
             "The credential does not prove the organisation that the request claims to act for; "
             "leave "
             "the header out, or use that organisation's own credential."});
    }
}

void Decider::limits() {
    if (facts_.partner == nullptr || facts_.partner->all_rights) {
        return;
    }
    if (facts_.retry_after_seconds > 0) {
        decision_.retry_after_seconds = facts_.retry_after_seconds;
        say(policy_.check(Check::g16),
            {"G16",
             429,
             IssueType::throttled,
             "TOO_MANY_REQUESTS",
             "More requests than this partner may send; come again after the time in Retry-After."}
        );
    }
    const PartnerLimits allowed = effective_limits(policy_, *facts_.partner);
    limit_size(allowed);
    limit_types(allowed);
}

std::uint32_t depth_of(const Element* root) {
    std::uint32_t deepest = 0;
    std::uint32_t depth = 1;
    const Element* at = root;
    while (at != nullptr) {
        deepest = std::max(deepest, depth);
        if (at->first_child != nullptr) {
            at = at->first_child;
            ++depth;
            continue;
        }
        while (at != root && at->next == nullptr) {
            at = at->parent;
            --depth;
        }
        at = at == root ? nullptr : at->next;
    }
    return deepest;
}

void Decider::limit_size(const PartnerLimits& limits) {
    const Stated<Schedule>& schedule = policy_.check(Check::g16);
    if (limits.body_bytes_max != 0 && facts_.body_bytes > limits.body_bytes_max) {
        say(schedule,
            {"G16",
             413,
             IssueType::too_long,
             "BAD_REQUEST",
             "The body has " + std::to_string(facts_.body_bytes) +
                 " bytes; this partner may send " + std::to_string(limits.body_bytes_max) + "."});
    }
    if (limits.depth_max != 0 && facts_.root != nullptr &&
        depth_of(facts_.root) > limits.depth_max) {
        say(schedule,
            {"G16",
             400,
             IssueType::too_long,
             "BAD_REQUEST",
             "The body is nested deeper than the " + std::to_string(limits.depth_max) +
                 " levels that this partner may send."});
    }
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return list.empty() || std::find(list.begin(), list.end(), item) != list.end();
}

// Formed like a resource type; "R4" and "FHIR" of a base are not.
bool is_type_name(std::string_view step) {
    return step.size() > 1 && step[0] >= 'A' && step[0] <= 'Z' && step[1] >= 'a' &&
           step[1] <= 'z' && std::all_of(step.begin() + 1, step.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
           });
}

// "Patient" of "Patient/1", "Patient?x=y" and "https://host/base/Patient/1".
std::string_view type_in_url(std::string_view url) {
    url = url.substr(0, url.find('?'));
    while (!url.empty()) {
        const auto end = url.find('/');
        const std::string_view step = url.substr(0, end);
        if (is_type_name(step)) {
            return step;
        }
        url = end == std::string_view::npos ? std::string_view{} : url.substr(end + 1);
    }
    return {};
}

// What an entry of a batch or transaction does, by method and URL, as limits name it. Operations
// are named like themselves ("meta-add").
std::string_view interaction_of(std::string_view method, std::string_view url) {
    std::string_view path = url.substr(0, url.find('?'));
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    const std::string_view last = path.substr(path.rfind('/') + 1);
    if (last.starts_with('$')) {
        return last.substr(1);
    }
    if (last == "_search") {
        return to_string(Interaction::search);
    }
    if (method == "POST") {
        return to_string(Interaction::create);
    }
    if (method == "PUT") {
        return to_string(Interaction::update);
    }
    if (method == "PATCH") {
        return to_string(Interaction::patch);
    }
    if (method == "DELETE") {
        return to_string(Interaction::remove);
    }
    if (path.find("_history/") != std::string_view::npos) {
        return to_string(Interaction::vread);
    }
    const auto type = type_in_url(path);
    const std::string_view below =
        type.empty() ? std::string_view{} : path.substr(path.find(type) + type.size());
    if (last == "_history") {
        return to_string(
            type.empty()                       ? Interaction::history_system
            : below.find('/', 1) == below.npos ? Interaction::history_type
                                               : Interaction::history_instance
        );
    }
    // Patient/1 is read, Patient/1/Observation?... searched.
    const auto steps = std::count(below.begin(), below.end(), '/');
    return to_string(steps == 1 ? Interaction::read : Interaction::search);
}

// A Bundle is no way around what a partner may not do by itself.
void Decider::limit_entry(
    const PartnerLimits& limits, const Element& entry, const Element& request
) {
    const std::string_view interaction =
        interaction_of(request.child_value("method"), request.child_value("url"));
    if (contains(limits.interactions, interaction)) {
        return;
    }
    say(policy_.check(Check::g16),
        {"G16",
         403,
         IssueType::forbidden,
         "ACCESS_DENIED",
         "This partner may not use the interaction " + std::string(interaction.substr(0, 64)) +
             ", in a Bundle either.",
         &entry});
}

void Decider::limit_types(const PartnerLimits& limits) {
    const Stated<Schedule>& schedule = policy_.check(Check::g16);
    const RestCall& call = *facts_.call;
    if (!contains(limits.interactions, to_string(call.interaction))) {
        say(schedule,
            {"G16",
             403,
             IssueType::forbidden,
             "ACCESS_DENIED",
             std::string("This partner may not use the interaction ") +
                 to_string(call.interaction) + "."});
    }
    if (!call.type.empty() && !contains(limits.types, call.type)) {
        say(schedule,
            {"G16",
             403,
             IssueType::forbidden,
             "ACCESS_DENIED",
             "This partner may not use the resource type " + call.type + "."});
    }
    if (facts_.root == nullptr || facts_.root->resource_type() != "Bundle") {
        return;
    }
    for (const Element& entry : facts_.root->children()) {
        if (entry.name != "entry") {
            continue;
        }
        const Element* resource = entry.child("resource");
        const Element* request = entry.child("request");
        // The URL says what is written; the resource may be a patch of it.
        std::string_view type =
            request == nullptr ? std::string_view{} : type_in_url(request->child_value("url"));
        if (type.empty() && resource != nullptr) {
            type = resource->resource_type();
        }
        if (request != nullptr && call.interaction == Interaction::transaction) {
            limit_entry(limits, entry, *request);
        }
        if (!type.empty() && !contains(limits.types, type)) {
            say(schedule,
                {"G16",
                 403,
                 IssueType::forbidden,
                 "ACCESS_DENIED",
                 "An entry is of a resource type that this partner may not use.",
                 &entry});
        }
    }
}

// Every element of the tree in document order, without recursion.
template <class Visit> void walk(const Element& root, Visit visit) {
    const Element* at = &root;
    while (at != nullptr) {
        visit(*at);
        if (at->first_child != nullptr) {
            at = at->first_child;
            continue;
        }
        while (at != &root && at->next == nullptr) {
            at = at->parent;
        }
        at = at == &root ? nullptr : at->next;
    }
}

bool is_nhs_system(std::string_view system) noexcept {
    return system == nhs_number_system || system == nhs_number_system_old;
}

void Decider::nhs_numbers() {
    if (facts_.root == nullptr) {
        return;
    }
    walk(*facts_.root, [this](const Element& element) {
        if (element.name != "system" || !is_nhs_system(element.value) ||
            element.parent == nullptr) {
            return;
        }
        const Element& holder = *element.parent;
        const Element* value = holder.child("value");
        if (value == nullptr || !value->has_value()) {
            return;
        }
        check_number(holder, *value);
        const Element* above = holder.parent;
        if (holder.name == "identifier" && above != nullptr &&
            above->resource_type() == "Patient") {
            check_status(holder);
            if (check_nhs_number(value->value) == NhsNumberFault::none) {
                check_second(*above, *value);
            }
        }
    });
}

std::string Decider::environment_fault(std::string_view number) const {
    const auto found = policy_.environments.find(policy_.environment.value);
    if (found == policy_.environments.end()) {
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
           policy_.environment.value + "` takes.";
}

void Decider::check_number(const Element& /*holder*/, const Element& value) {
    std::string reason;
    switch (check_nhs_number(value.value)) {
    case NhsNumberFault::form:
        reason = "An NHS number is ten digits without spaces; this is not.";
        break;
    case NhsNumberFault::check_digit:
        reason = "The check digit of the NHS number does not fit (modulus 11).";
        break;
    case NhsNumberFault::none: reason = environment_fault(value.value); break;
    }
    if (!reason.empty()) {
        say(policy_.check(Check::g05),
            {"G05", 400, IssueType::value, "INVALID_NHS_NUMBER", std::move(reason), &value});
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

void Decider::check_status(const Element& identifier) {
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
        say(policy_.check(Check::g05_status),
            {"G05",
             400,
             IssueType::code_invalid,
             "INVALID_VALUE",
             "The verification status of the NHS number is none of the known codes.",
             &extension});
        return;
    }
    say(policy_.check(Check::g05_status),
        {"G05",
         400,
         IssueType::required,
         "INVALID_VALUE",
         "The NHS number has no verification status.",
         &identifier});
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

void Decider::check_second(const Element& patient, const Element& value) {
    const Stated<Schedule>& schedule = policy_.check(Check::g05_second);
    if (facts_.other_patient == nullptr || schedule.value.at(facts_.now) == Mode::off ||
        !is_write(facts_.call->interaction)) {
        return;
    }
    const std::string other =
        facts_.other_patient(facts_.user, value.value, own_id(patient, *facts_.call));
    if (!other.empty()) {
        say(schedule,
            {"G05",
             409,
             IssueType::duplicate,
             "DUPLICATE_REJECTED",
             "Another current Patient has the same NHS number.",
             &value});
    }
}

void Decider::searched_numbers() {
    if (facts_.call->interaction != Interaction::search) {
        return;
    }
    for (const auto& [name, value] : facts_.call->parameters) {
        const auto bar = value.find('|');
        if (bar == std::string::npos || !is_nhs_system(std::string_view(value).substr(0, bar))) {
            continue;
        }
        const std::string_view numbers = std::string_view(value).substr(bar + 1);
        if (numbers.find(',') == std::string_view::npos &&
            check_nhs_number(numbers) != NhsNumberFault::none) {
            say(policy_.check(Check::g05_searches),
                {"G05",
                 400,
                 IssueType::value,
                 "INVALID_NHS_NUMBER",
                 "The NHS number searched for cannot exist: ten digits with a fitting check digit."}
            );
        }
    }
}

const Stated<Schedule>& Decider::schedule_of(std::string_view profile) const {
    const auto found = policy_.profiles.find(profile.substr(0, profile.find('|')));
    return found != policy_.profiles.end() ? found->second : policy_.check(Check::g01);
}

// G01: one result for the message, or for each entry of a batch, in the strictest mode of its
// findings.
void Decider::standard_profile() {
    struct Group {
        std::int32_t entry;
        std::size_t errors;
        Mode mode;
        std::string layer;
        const fhir::Issue* first;
    };
    std::vector<Group> groups;
    for (const fhir::Issue& issue : *facts_.findings) {
        if (issue.severity != fhir::Severity::error && issue.severity != fhir::Severity::fatal) {
            continue;
        }
        const std::int32_t entry = places_.entry_of(issue.expression);
        const Stated<Schedule>& schedule = schedule_of(issue.profile);
        // What cannot be read to its end cannot be kept, whatever the mode.
        const Mode mode =
            issue.severity == fhir::Severity::fatal ? Mode::enforce : schedule.value.at(facts_.now);
        auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& known) {
            return known.entry == entry;
        });
        if (group == groups.end()) {
            groups.push_back({entry, 0, mode, schedule.layer, &issue});
            group = groups.end() - 1;
        }
        ++group->errors;
        if (mode > group->mode) {
            group->mode = mode;
            group->layer = schedule.layer;
            group->first = &issue;
        }
    }
    for (const Group& group : groups) {
        if (group.mode == Mode::off) {
            continue;
        }
        RuleResult result;
        result.rule = "G01";
        result.layer = group.layer;
        result.mode = group.mode;
        result.effect = group.mode == Mode::enforce ? Effect::deny
                        : group.mode == Mode::warn  ? Effect::permit_with_findings
                                                    : Effect::permit;
        result.status = 422;
        result.entry = group.entry;
        result.reason = std::to_string(group.errors) + (group.errors == 1 ? " error" : " errors") +
                        " against the standard, the first by rule " + group.first->rule;
        if (!group.first->profile.empty()) {
            result.reason += " of " + group.first->profile;
        }
        result.issue = *group.first;
        result.issue.rule = "G01";
        result.issue.spine_code = "INVALID_RESOURCE";
        result.issue.diagnostics = result.reason;
        result.issue.severity =
            group.mode == Mode::enforce ? fhir::Severity::error : fhir::Severity::warning;
        add(std::move(result));
    }
}

template <class T, class U> void smaller(T& own, const std::optional<Stated<U>>& layer) {
    if (layer) {
        const auto value = static_cast<T>(layer->value);
        own = own == T{} ? value : std::min(own, value);
    }
}

void narrower(
    std::vector<std::string>& own, const std::optional<Stated<std::vector<std::string>>>& layer
) {
    if (!layer) {
        return;
    }
    if (own.empty()) {
        own = layer->value;
        return;
    }
    std::erase_if(own, [&](const std::string& item) {
        return std::find(layer->value.begin(), layer->value.end(), item) == layer->value.end();
    });
    if (own.empty()) {
        own.emplace_back("-");  // nothing is left; an empty list would mean everything
    }
}

}  // namespace

PartnerLimits effective_limits(const Effective& policy, const Partner& partner) {
    if (partner.all_rights) {
        return {};
    }
    PartnerLimits limits = partner.limits;
    smaller(limits.body_bytes_max, policy.limits.body_bytes_max);
    smaller(limits.depth_max, policy.limits.depth_max);
    smaller(limits.requests_per_second, policy.limits.requests_per_second);
    smaller(limits.burst, policy.limits.burst);
    narrower(limits.types, policy.limits.types);
    narrower(limits.interactions, policy.limits.interactions);
    return limits;
}

void decide_before(const Effective& policy, const GuardFacts& facts, Decision& decision) {
    Decider decider(policy, facts, decision);
    decider.owners();
    decider.acting_organisation();
    decider.limits();
    decider.nhs_numbers();
    decider.searched_numbers();
}

void decide_after(const Effective& policy, const GuardFacts& facts, Decision& decision) {
    if (facts.findings != nullptr) {
        Decider(policy, facts, decision).standard_profile();
    }
}

}  // namespace gatehouse::gateway::policy
