// SPDX-License-Identifier: Apache-2.0
//
// $validate (FHIR R4 Resource-validate): the gateway's own judgement of a resource, without keeping
// it. Answers 200 with an OperationOutcome whatever the verdict; 4xx only when there is nothing to
// judge.
#include "fhir/json/json.hpp"
#include "fhir/outcome/outcome.hpp"
#include "gateway/api/definitions.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;
using fhir::IssueType;

// The subject of the operation: the body itself, or Parameters.parameter[resource].
struct Subject {
    const Element* resource = nullptr;
    std::vector<std::string> profiles;
    std::string mode;
};

Subject subject_of(const Envelope& envelope, const Element* root) {
    Subject subject;
    if (root != nullptr && root->resource_type() == "Parameters" &&
        envelope.call.type != "Parameters") {
        for (const Element& parameter : root->children()) {
            if (parameter.name != "parameter") {
                continue;
            }
            const auto name = parameter.child_value("name");
            if (name == "resource") {
                subject.resource = parameter.child("resource");
            } else if (name == "profile") {
                for (const auto* spelling :
                     {"valueUri", "valueCanonical", "valueUrl", "valueString"}) {
                    if (const auto value = parameter.child_value(spelling); !value.empty()) {
                        subject.profiles.emplace_back(value);
                    }
                }
            } else if (name == "mode") {
                subject.mode = parameter.child_value("valueCode");
            }
        }
    } else {
        subject.resource = root;
    }
    for (const auto& [name, value] : envelope.call.parameters) {
        if (name == "profile") {
            subject.profiles.push_back(value);
        } else if (name == "mode") {
            subject.mode = value;
        }
    }
    return subject;
}

Response refuse(const Envelope& envelope, IssueType type, std::string text) {
    return refusal(
        400,
        {request_issue(type, "validate-operation", std::move(text), {}, "INVALID_PARAMETER")},
        envelope
    );
}

}  // namespace

Response answer_validate(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    Subject subject = subject_of(envelope, envelope.root);
    const ChosenDefinitions chosen = choose_definitions(envelope, subject.profiles);
    const fhir::Engine& engine = *chosen.engine;
    if (!chosen.own) {
        subject = subject_of(envelope, root_for(envelope, chosen));
    }
    if (!subject.mode.empty() && subject.mode != "create" && subject.mode != "update" &&
        subject.mode != "delete" && subject.mode != "profile") {
        return refuse(
            envelope, IssueType::value, "mode must be create, update, delete or profile."
        );
    }
    if (subject.mode == "profile" && subject.profiles.empty()) {
        return refuse(envelope, IssueType::required, "mode profile needs the parameter 'profile'.");
    }
    if (subject.mode == "delete" && envelope.call.id.empty()) {
        return refuse(
            envelope,
            IssueType::required,
            "mode delete is about a resource that is kept: ask at Type/id/$validate."
        );
    }
    std::string source = envelope.request.body;
    if (subject.resource == nullptr && !envelope.call.id.empty()) {
        // Instance level without a body: judge what is stored.
        auto version = store.read(envelope.call.type, envelope.call.id);
        if (!version || version->deleted() || !Exit(envelope, context, store).disclose(*version)) {
            return refusal(
                Fault(
                    Errc::not_found,
                    "validate",
                    envelope.call.type + "/" + envelope.call.id + " is not known here."
                ),
                envelope
            );
        }
        source = std::move(version->json);
        const std::string_view kept = envelope.arena->copy(source);
        const fhir::Decoded decoded =
            fhir::read_json(kept, *envelope.arena, engine.types().symbols());
        GH_ASSERT(decoded.root != nullptr);
        fhir::annotate(*decoded.root, engine.types());
        subject.resource = decoded.root;
    }
    if (subject.resource == nullptr || !subject.resource->is_resource) {
        return refuse(
            envelope,
            IssueType::required,
            "There is nothing to validate: send the resource as the body, or Parameters with a "
            "parameter 'resource'."
        );
    }
    const Element& resource = *subject.resource;
    if (!envelope.call.type.empty() && resource.resource_type() != envelope.call.type) {
        return refuse(
            envelope,
            IssueType::invalid,
            "The URL is about " + envelope.call.type + ", the resource is a " +
                std::string(resource.resource_type().substr(0, 64)) + "."
        );
    }
    fhir::Issues issues = envelope.issues;
    std::vector<std::string_view> profiles;
    for (const std::string& profile : subject.profiles) {
        std::string problem;
        if (engine.schema().profile(profile, &problem) == nullptr) {
            return refuse(
                envelope,
                IssueType::not_found,
                "Profile " + profile.substr(0, 200) + " is not loaded here" +
                    (problem.empty() ? "." : ": " + problem)
            );
        }
        profiles.emplace_back(profile);
    }
    fhir::ValidateOptions options;
    fhir::Validation validation = engine.validator().validate(
        resource, source, profiles, chosen.chooser, options, *envelope.arena
    );
    note_unchecked(envelope, engine, validation.unchecked);
    envelope.advised = validation.advised;
    issues.insert(
        issues.end(),
        std::make_move_iterator(validation.issues.begin()),
        std::make_move_iterator(validation.issues.end())
    );
    if (subject.mode == "update") {
        const auto id = resource.child_value("id");
        const bool other = !envelope.call.id.empty() && id != envelope.call.id;
        if (id.empty() || other) {
            issues.push_back(request_issue(
                id.empty() ? IssueType::required : IssueType::value,
                "validate-mode",
                id.empty() ? "An update needs an id in the resource."
                           : "The id in the resource is not the one in the URL.",
                std::string(resource.resource_type()) + ".id"
            ));
        }
    }
    Response response;
    response.body = fhir::outcome_json(issues, {envelope.definitions});
    return response;
}

}  // namespace gatehouse::gateway
