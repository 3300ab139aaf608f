// SPDX-License-Identifier: Apache-2.0
//
// Stage 3: bytes to tree. What is no FHIR at all is refused with line and column; lesser faults of
// form travel on as findings.
#include "gateway/api/binary.hpp"
#include "gateway/pipeline/pipeline.hpp"

namespace gatehouse::gateway {
namespace {

// "system|value" of a message Bundle's identifier: the key of its duplicates.
std::string message_identifier(const fhir::Element& root) {
    if (root.resource_type() != "Bundle" || root.child_value("type") != "message") {
        return {};
    }
    const fhir::Element* identifier = root.child("identifier");
    if (identifier == nullptr || identifier->child_value("value").empty()) {
        return {};
    }
    return std::string(identifier->child_value("system")) + "|" +
           std::string(identifier->child_value("value"));
}

}  // namespace

Refused decode(Envelope& envelope, const fhir::DecodeLimits& limits, const Helpers* helpers) {
    if (envelope.request.body.empty() && envelope.body_kind != BodyKind::raw) {
        const auto what = envelope.call.interaction;
        if (what == Interaction::remove || what == Interaction::validate || !is_write(what)) {
            return std::nullopt;
        }
        fhir::Issue issue;
        issue.type = fhir::IssueType::required;
        issue.rule = "body-required";
        issue.spine_code = "BAD_REQUEST";
        issue.diagnostics = "This request needs a resource as its body; it has none.";
        return refusal(400, {issue}, envelope);
    }
    if (envelope.body_kind == BodyKind::json_patch) {
        return std::nullopt;  // no resource; prepare_plan() reads it
    }
    if (envelope.body_kind == BodyKind::raw) {
        envelope.source = binary_of(envelope);
        envelope.body_format = fhir::Format::json;
    } else {
        envelope.source = envelope.request.body;
    }
    fhir::Decoded decoded = envelope.rulebook->engine->read(
        envelope.source, envelope.body_format, *envelope.arena, limits, helpers
    );
    // A wrong shape (a text where an object belongs) would lose content when the record is kept, so
    // it is refused whatever rule G01's mode is. $validate tells it like any other finding.
    const bool unusable = decoded.root == nullptr ||
                          (is_write(envelope.call.interaction) && fhir::has_errors(decoded.issues));
    if (unusable && envelope.call.validator_door) {
        // To HL7's clients that is a verdict like any other.
        envelope.issues = std::move(decoded.issues);
        return std::nullopt;
    }
    if (unusable) {
        for (auto& issue : decoded.issues) {
            if (issue.spine_code.empty()) {
                issue.spine_code = "BAD_REQUEST";
            }
            // In words too: many clients show the diagnostics and nothing else.
            if (issue.line != 0) {
                issue.diagnostics.insert(
                    0,
                    "Line " + std::to_string(issue.line) + ", column " +
                        std::to_string(issue.column) + ": "
                );
            }
        }
        envelope.issues = decoded.issues;
        return refusal(400, decoded.issues, envelope);
    }
    envelope.root = decoded.root;
    envelope.issues = std::move(decoded.issues);
    envelope.bundle_identifier = message_identifier(*decoded.root);
    return std::nullopt;
}

}  // namespace gatehouse::gateway
