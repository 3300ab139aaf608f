// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/validator_door.hpp"

#include <algorithm>
#include <charconv>

#include "fhir/outcome/outcome.hpp"
#include "gateway/api/definitions.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/http/message.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

constexpr std::string_view door_name = "/validateResource";

enum class IdRule : std::uint8_t { optional, required, prohibited };

// What the query asks for.
struct DoorQuestion {
    std::vector<std::string> profiles;
    fhir::ValidateOptions options;
    fhir::Severity level = fhir::Severity::information;  // the least that is reported
    bool displays = true;
    IdRule id = IdRule::optional;
};

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

bool holds_xml(std::string_view header) {
    return lower_case(header).find("xml") != std::string::npos;
}

template <class Value> struct Word {
    std::string_view text;
    Value value;
};

template <class Value, std::size_t count>
bool read_word(std::string_view given, const Word<Value> (&words)[count], Value& out) {
    const std::string wanted = lower_case(given);
    const auto* at = std::find_if(std::begin(words), std::end(words), [&](const Word<Value>& word) {
        return word.text == wanted;
    });
    if (at == std::end(words)) {
        return false;
    }
    out = at->value;
    return true;
}

bool read_best_practice(std::string_view value, DoorQuestion& question) {
    using fhir::BestPractice;
    static constexpr Word<BestPractice> words[] = {
        {"ignore", BestPractice::ignore},
        {"hint", BestPractice::hint},
        {"warning", BestPractice::warning},
        {"error", BestPractice::error}};
    return read_word(value, words, question.options.best_practice);
}

// Letter case and white space in displays are always looked at here, so what checks less is the
// same check.
bool read_display(std::string_view value, DoorQuestion& question) {
    static constexpr Word<bool> words[] = {
        {"ignore", false},
        {"check", true},
        {"checkcaseandspace", true},
        {"checkcase", true},
        {"checkspace", true}};
    return read_word(value, words, question.displays);
}

bool read_level(std::string_view value, DoorQuestion& question) {
    using fhir::Severity;
    static constexpr Word<Severity> words[] = {
        {"hints", Severity::information},
        {"warnings", Severity::warning},
        {"errors", Severity::error}};
    return read_word(value, words, question.level);
}

bool read_id_rule(std::string_view value, DoorQuestion& question) {
    static constexpr Word<IdRule> words[] = {
        {"optional", IdRule::optional},
        {"required", IdRule::required},
        {"prohibited", IdRule::prohibited}};
    return read_word(value, words, question.id);
}

bool read_forms(std::string_view value, DoorQuestion& question) {
    using fhir::ResponseForms;
    static constexpr Word<ResponseForms> words[] = {
        {"none", ResponseForms::ignore},
        {"check", ResponseForms::check},
        {"required", ResponseForms::required}};
    return read_word(value, words, question.options.response_forms);
}

bool is_true(std::string_view value) {
    return lower_case(value) == "true";
}

bool read_count(std::string_view value, DoorQuestion& question) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    if (error != std::errc() || end != value.data() + value.size()) {
        return false;
    }
    question.options.issues_max = count == 0 ? question.options.issues_max : count;
    return true;
}

void read_profiles(std::string_view list, DoorQuestion& question) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (const auto one = list.substr(0, comma); !one.empty()) {
            question.profiles.emplace_back(one);
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
}

// Parameters that have a say here. False: this value is not one of those it takes.
// Names of both generations of that server: profiles, bpWarnings, displayOption and
// anyExtensionsAllowed became profile, bestPractice, checkDisplay and extension.
std::optional<bool>
read_known(std::string_view name, std::string_view value, DoorQuestion& question) {
    fhir::ValidateOptions& options = question.options;
    if (name == "profile") {
        question.profiles.emplace_back(value);
    } else if (name == "profiles") {
        read_profiles(value, question);
    } else if (name == "extension") {
        if (value != "any") {
            options.extension_domains.emplace_back(value);
        }
    } else if (name == "anyExtensionsAllowed") {
        options.any_extension = is_true(value);
    } else if (name == "bestPractice" || name == "bpWarnings") {
        return read_best_practice(value, question);
    } else if (name == "checkDisplay" || name == "displayOption") {
        return read_display(value, question);
    } else if (name == "level") {
        return read_level(value, question);
    } else if (name == "resourceIdRule") {
        return read_id_rule(value, question);
    } else if (name == "questionnaire") {
        return read_forms(value, question);
    } else if (name == "maxValidationMessages") {
        return read_count(value, question);
    } else if (name == "securityChecks") {
        options.security_checks = is_true(value);
    } else if (name == "forPublication") {
        options.for_publication = is_true(value);
    } else if (name == "assumeValidRestReferences") {
        options.rest_references = is_true(value);
    } else {
        return std::nullopt;
    }
    return true;
}

// Parameters of that server whose default is what is done here: another value is refused in words.
struct FixedParameter {
    std::string_view name;
    std::string_view
        value;  // the one that is fine; empty: any is, because it has no say in a verdict
};
constexpr FixedParameter fixed_parameters[] = {
    {"htmlOutput", ""},
    {"outputStyle", ""},
    {"txRouting", ""},
    {"verbose", ""},
    {"showMessageIds", ""},
    {"showReferenceMessages", ""},
    {"wantInvariantsInMessages", ""},
    {"validationTimeout", ""},
    {"jurisdiction", ""},
    {"allowExampleUrls", "true"},
    {"hintAboutNonMustSupport", "false"},
    {"noInvariants", "false"},
    {"unknownCodeSystemsCauseErrors", "false"},
    {"noUnicodeBidiControlChars", "false"},
    {"noExperimentalContent", "false"},
    {"implicitFhirpathStringConversions", "false"},
    {"allowDoubleQuotesInFhirpath", "false"},
    {"checkIpsCodes", "false"},
    {"htmlInMarkdown", "ignore"},
    {"r5BundleRelativeReferencePolicy", "default"},
};

Response refuse_parameter(const Envelope& envelope, std::string_view name, std::string_view why) {
    return refusal(
        400,
        {request_issue(
            IssueType::not_supported,
            "http-parameter",
            "Unable to process param " + std::string(name.substr(0, 64)) + ": " + std::string(why),
            {},
            "INVALID_PARAMETER"
        )},
        envelope
    );
}

std::optional<Response> read_question(const Envelope& envelope, DoorQuestion& question) {
    for (const auto& [name, value] : envelope.call.parameters) {
        if (const auto read = read_known(name, value, question)) {
            if (!*read) {
                return refuse_parameter(
                    envelope,
                    name,
                    "that is not one of the values it takes (see gateway/api/validator_door.hpp)."
                );
            }
            continue;
        }
        const auto* fixed = std::find_if(
            std::begin(fixed_parameters),
            std::end(fixed_parameters),
            [&](const FixedParameter& one) { return one.name == name; }
        );
        if (fixed == std::end(fixed_parameters)) {
            return refuse_parameter(envelope, name, "there is no such parameter here.");
        }
        if (!fixed->value.empty() && lower_case(value) != fixed->value) {
            return refuse_parameter(
                envelope, name, "only " + std::string(fixed->value) + " is offered here."
            );
        }
    }
    return std::nullopt;
}

void check_id(const fhir::Element& root, IdRule rule, fhir::Issues& issues) {
    const bool has_id = root.child("id") != nullptr;
    if ((rule == IdRule::required && !has_id) || (rule == IdRule::prohibited && has_id)) {
        issues.push_back(request_issue(
            rule == IdRule::required ? IssueType::required : IssueType::invalid,
            "resource-id-rule",
            rule == IdRule::required ? "The resource has no id, and one is required."
                                     : "The resource has an id, and none is allowed.",
            std::string(root.resource_type()) + (has_id ? ".id" : "")
        ));
    }
}

void drop_what_was_not_asked(const DoorQuestion& question, fhir::Issues& issues) {
    std::erase_if(issues, [&](const fhir::Issue& issue) {
        const bool display = issue.rule == "display-wrong" || issue.rule == "display-whitespace";
        return issue.severity > question.level || (display && !question.displays);
    });
}

}  // namespace

bool is_validator_door(std::string_view path, std::string_view base_path) {
    if (path.starts_with(base_path) && path.size() > base_path.size() &&
        path[base_path.size()] == '/') {
        path.remove_prefix(base_path.size());
    }
    return path.starts_with(door_name) &&
           (path.size() == door_name.size() || path[door_name.size()] == '/');
}

std::optional<Response> route_validator_door(Envelope& envelope, const ApiContext& context) {
    const Request& request = envelope.request;
    envelope.answer_format =
        holds_xml(request.headers.get("Accept")) ? fhir::Format::xml : fhir::Format::json;
    if (!context.validator_door.enabled) {
        return refusal(
            404,
            {request_issue(
                IssueType::not_found,
                "http-path",
                "validateResource is switched off here (validate_resource.enabled). $validate is "
                "the FHIR operation for the same question."
            )},
            envelope
        );
    }
    if (request.method != "POST") {
        Response response = refusal(
            405,
            {request_issue(
                IssueType::not_supported, "http-method", "Method not allowed: only POST."
            )},
            envelope
        );
        response.headers.set("Allow", "POST");
        return response;
    }
    if (request.body.empty()) {
        return refusal(
            400,
            {request_issue(IssueType::required, "body-required", "Send the resource as the body.")},
            envelope
        );
    }
    envelope.body_format =
        holds_xml(request.headers.get("Content-Type")) ? fhir::Format::xml : fhir::Format::json;
    envelope.call.interaction = Interaction::validate;
    envelope.call.validator_door = true;
    DoorQuestion question;  // read for its faults: nothing is judged for a caller nobody knows
    return read_question(envelope, question);
}

Response answer_validator_door(Envelope& envelope, const ApiContext& context) {
    DoorQuestion question;
    if (auto refused = read_question(envelope, question)) {
        return std::move(*refused);
    }
    fhir::Issues issues = envelope.issues;
    const ChosenDefinitions chosen = choose_definitions(envelope, question.profiles);
    const fhir::Element* root = root_for(envelope, chosen);
    if (root != nullptr && root->is_resource) {
        std::vector<std::string_view> profiles;
        for (const std::string& profile : question.profiles) {
            std::string problem;
            if (chosen.engine->schema().profile(profile, &problem) == nullptr) {
                issues.push_back(request_issue(
                    IssueType::not_found,
                    "profile-unknown",
                    "Profile " + profile.substr(0, 200) + " is not loaded here" +
                        (problem.empty() ? "." : ": " + problem),
                    std::string(root->resource_type())
                ));
                continue;
            }
            profiles.emplace_back(profile);
        }
        check_id(*root, question.id, issues);
        const std::string now = to_instant(envelope.received_at);
        question.options.now = now;
        fhir::Validation found = chosen.engine->validator().validate(
            *root,
            envelope.source,
            profiles,
            context.validator_door.default_profiles ? chosen.chooser : nullptr,
            question.options,
            *envelope.arena
        );
        note_unchecked(envelope, *chosen.engine, found.unchecked);
        envelope.advised = found.advised;
        issues.insert(
            issues.end(),
            std::make_move_iterator(found.issues.begin()),
            std::make_move_iterator(found.issues.end())
        );
    }
    drop_what_was_not_asked(question, issues);
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = fhir::outcome_json(issues, {envelope.definitions, true});
    return response;
}

}  // namespace gatehouse::gateway
