#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What `gatehouse validate` does with one text: decode, annotate, validate. Shared, immutable, used
// by all its threads.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/engine/engine.hpp"

namespace gatehouse::cli {

struct Verdict {
    bool valid = false;
    fhir::Issues issues;
    std::string_view definitions;  // digest of the packages that judged; of the engine
};

class Judge {
public:
    // `chooser` may be empty: no default profiles.
    Judge(
        std::shared_ptr<const fhir::Engine> engine,
        fhir::ProfileChooser chooser,
        fhir::ValidateOptions options
    );

    // Judges a resource against its type, its meta.profile, `profiles` and the defaults.
    // `helpers` may be null: they share the entries of a large Bundle.
    Verdict judge(
        std::string_view text,
        const std::vector<std::string_view>& profiles,
        Arena& arena,
        const Helpers* helpers = nullptr
    ) const;
    [[nodiscard]] const fhir::Engine& engine() const { return *engine_; }

private:
    std::shared_ptr<const fhir::Engine> engine_;
    fhir::ProfileChooser chooser_;
    fhir::ValidateOptions options_;
};

// The command line's own bounds: none but memory, except nesting, which every reader bounds.
fhir::DecodeLimits generous_limits();

// An issue that is ours to report (a file that cannot be read, a row that is no row).
fhir::Issues single_issue(fhir::IssueType type, std::string rule, std::string diagnostics);

}  // namespace gatehouse::cli
