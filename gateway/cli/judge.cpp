// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/judge.hpp"

#include <limits>

namespace gatehouse::cli {

fhir::DecodeLimits generous_limits() {
    fhir::DecodeLimits limits;
    limits.depth = std::numeric_limits<std::size_t>::max();
    limits.string_bytes = std::numeric_limits<std::size_t>::max();
    limits.elements = std::numeric_limits<std::size_t>::max();
    // Names of one object are compared with one another, so this one stays: no type has a hundred.
    limits.members = 16 * 1024;
    return limits;
}

fhir::Issues single_issue(fhir::IssueType type, std::string rule, std::string diagnostics) {
    fhir::Issue issue;
    issue.severity = fhir::Severity::fatal;
    issue.type = type;
    issue.rule = std::move(rule);
    issue.diagnostics = std::move(diagnostics);
    return {std::move(issue)};
}

Judge::Judge(
    std::shared_ptr<const fhir::Engine> engine,
    fhir::ProfileChooser chooser,
    fhir::ValidateOptions options
)
    : engine_(std::move(engine)), options_(std::move(options)) {
    if (!chooser) {
        return;
    }
    // A default profile whose package is not loaded (--no-package) is not asked for.
    chooser_ = [schema = engine_, inner = std::move(chooser)](
                   const fhir::Element& resource, std::vector<std::string_view>& profiles
               ) {
        const std::size_t before = profiles.size();
        inner(resource, profiles);
        for (std::size_t at = before; at < profiles.size();) {
            if (schema->definitions().structure(profiles[at]) == nullptr) {
                profiles.erase(profiles.begin() + static_cast<std::ptrdiff_t>(at));
            } else {
                ++at;
            }
        }
    };
}

Verdict Judge::judge(
    std::string_view text,
    const std::vector<std::string_view>& profiles,
    Arena& arena,
    const Helpers* helpers
) const {
    Verdict verdict;
    verdict.definitions = engine_->digest();
    fhir::DecodeLimits limits = generous_limits();
    limits.read_past_bad_bytes = true;
    fhir::Decoded decoded = engine_->read(text, fhir::format_of(text), arena, limits, helpers);
    verdict.issues = std::move(decoded.issues);
    if (decoded.root != nullptr && decoded.root->is_resource) {
        fhir::ValidateOptions options = options_;
        options.helpers = helpers;
        fhir::Validation validation = engine_->validator().validate(
            *decoded.root, text, profiles, chooser_ ? &chooser_ : nullptr, options, arena
        );
        verdict.issues.insert(
            verdict.issues.end(),
            std::make_move_iterator(validation.issues.begin()),
            std::make_move_iterator(validation.issues.end())
        );
    }
    verdict.valid = !has_errors(verdict.issues);
    return verdict;
}

}  // namespace gatehouse::cli
