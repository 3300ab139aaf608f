#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Validator: annotated tree + schema + terminology -> issues. Reports what was found (by path, not
// by value, unless asked), what was expected and which profile asked. Three-valued: what cannot be
// decided here is counted and reported, never passed in silence.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/helpers.hpp"
#include "fhir/outcome/issue.hpp"
#include "fhir/schema/schema.hpp"
#include "fhir/terminology/terminology.hpp"
#include "fhir/validate/advisor.hpp"

namespace gatehouse::fhir {

enum class ReferencePolicy : std::uint8_t { ignore, check_type, check_exists };
// What is asked of the form behind a QuestionnaireResponse: nothing, that the answers fit it where
// it is loaded, or also that it is loaded.
enum class ResponseForms : std::uint8_t { ignore, check, required };
enum class BestPractice : std::uint8_t { ignore, hint, warning, error };

struct ValidateOptions {
    bool any_extension = true;                   // unknown extensions warn; false: error
    std::vector<std::string> extension_domains;  // allowed prefixes when any_extension is false
    ReferencePolicy references = ReferencePolicy::check_type;
    Severity display_issues = Severity::error;  // wrong display, wrong display whitespace
    BestPractice best_practice = BestPractice::ignore;
    bool show_values = false;  // quote values in diagnostics
    bool error_for_unknown_profiles = false;
    ResponseForms response_forms = ResponseForms::check;
    // Text that looks like HTML is an error in strings, not a hint.
    bool security_checks = false;
    // A definition is on its way to publication: what its publisher asks of it is asked.
    bool for_publication = false;
    // Absolute references follow REST, so their last parts are Type/id.
    bool rest_references = false;
    bool example_urls = true;          // false: URLs of example.org and acme.com are errors
    bool check_contained = true;       // false: contained resources are not looked at
    bool no_html_in_markdown = false;  // HTML tags in markdown are errors
    bool no_experimental = false;      // definitions marked experimental are errors
    std::string_view now;              // ISO instant for FHIRPath's now(); we read no clock
    // Of lesser findings, with what else is listed, and of errors for themselves; of a batch also
    // the first error of each entry. One "too many" issue ends a list that did not take all.
    std::uint32_t issues_max = 500;
    std::uint64_t step_budget = 20'000'000;  // walks and FHIRPath together
    // Who may help with the entries of a large Bundle; null: the caller's thread alone. The outcome
    // is the same. The chooser is then asked by several threads at once.
    const Helpers* helpers = nullptr;
};

// Which profiles a resource is held to besides its base type and meta.profile. The gateway and the
// command line build one from configuration (config/profiles.yaml).
using ProfileChooser =
    std::function<void(const Element& resource, std::vector<std::string_view>& profiles)>;

// Codes that were neither confirmed nor refused, because the content of their system is not loaded.
// Views live as long as the message.
struct UncheckedSystems {
    static constexpr std::size_t systems_max = 6;
    struct One {
        std::string_view system;
        std::uint32_t codes = 0;
    };
    std::array<One, systems_max> list{};
    std::size_t count = 0;
    std::uint32_t codes_beyond = 0;  // of systems that found no room

    void add(std::string_view system, std::uint32_t codes) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            if (list[i].system == system) {
                list[i].codes += codes;
                return;
            }
        }
        if (count == list.size()) {
            codes_beyond += codes;
            return;
        }
        list[count++] = {system, codes};
    }
    [[nodiscard]] bool holds(std::string_view system) const noexcept {
        return std::any_of(
            list.begin(),
            list.begin() + static_cast<std::ptrdiff_t>(count),
            [&](const One& one) { return one.system == system; }
        );
    }
};

struct Validation {
    Issues issues;
    std::uint32_t not_checkable = 0;  // codes and rules that could not be decided here
    UncheckedSystems unchecked;       // of these, whose codes
    Advised advised;                  // what the advisor did, if there is one
    bool valid = true;                // no fatal or error
    bool errors_left_out = false;     // more of them than the list takes
    std::uint64_t steps = 0;          // taken of the step budget
};

// Immutable and thread-safe; one per schema.
class Validator {
public:
    // `advisor` may be null.
    Validator(
        std::shared_ptr<const Schema> schema,
        std::shared_ptr<const Terminology> terminology,
        std::shared_ptr<const Advisor> advisor = nullptr
    );
    ~Validator();

    // Judges `root` (annotated, a resource) against its type, meta.profile, `profiles` and what
    // `chooser` adds for it and for every resource inside it. `source` gives line and column.
    // Temporaries live in `arena`.
    [[nodiscard]] Validation validate(
        const Element& root,
        std::string_view source,
        std::span<const std::string_view> profiles,
        const ProfileChooser* chooser,
        const ValidateOptions& options,
        Arena& arena
    ) const;

    [[nodiscard]] const Schema& schema() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::fhir
