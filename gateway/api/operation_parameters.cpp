// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/operation_parameters.hpp"

#include <algorithm>

#include "gateway/api/issues.hpp"

namespace gatehouse::gateway {

std::optional<Response> read_posted_parameters(Envelope& envelope) {
    const fhir::Element* root = envelope.root;
    if (root == nullptr) {
        return std::nullopt;
    }
    if (root->resource_type() != "Parameters") {
        return refusal(
            400,
            {request_issue(
                fhir::IssueType::invalid,
                "operation-parameters",
                "The parameters of an operation are posted as a Parameters resource.",
                std::string(root->resource_type().substr(0, 64)),
                "INVALID_PARAMETER"
            )},
            envelope
        );
    }
    for (const fhir::Element& parameter : root->children()) {
        if (parameter.name != "parameter") {
            continue;
        }
        for (const fhir::Element& value : parameter.children()) {
            if (value.name.starts_with("value") && value.has_value()) {
                envelope.call.parameters.emplace_back(
                    parameter.child_value("name"), std::string(value.value)
                );
            }
        }
    }
    return std::nullopt;
}

const fhir::Element* posted_resource(const Envelope& envelope, std::string_view name) {
    if (envelope.root == nullptr) {
        return nullptr;
    }
    for (const fhir::Element& parameter : envelope.root->children()) {
        if (parameter.name == "parameter" && parameter.child_value("name") == name) {
            return parameter.child("resource");
        }
    }
    return nullptr;
}

std::string_view
unknown_parameter(const RestCall& call, std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : call.parameters) {
        const bool general = name == "_format" || name == "_pretty" || name == "_elements" ||
                             (name == "_summary" && value != "count");
        if (!general && std::find(known.begin(), known.end(), name) == known.end()) {
            return name;
        }
    }
    return {};
}

}  // namespace gatehouse::gateway
