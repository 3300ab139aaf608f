#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Schema: StructureDefinitions compiled into what the validator walks. Each profile (and each base
// type) becomes a tree of Rules, flat and index-based: one Rule per snapshot element, with
// cardinality, types, slicing, bindings, fixed and pattern values and compiled invariants.
// Immutable; shared by threads; a message keeps the schema it started with.

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/model/types.hpp"
#include "fhir/outcome/issue.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/path/path.hpp"

namespace gatehouse::fhir {

using RuleId = std::uint32_t;
inline constexpr RuleId no_rule = 0;

enum class BindingStrength : std::uint8_t { none, example, preferred, extensible, required };
enum class DiscriminatorType : std::uint8_t { value, exists, pattern, type, profile };
enum class SlicingRules : std::uint8_t { open, closed, open_at_end };

struct TypeRule {
    TypeId type = unknown_type;
    std::string code;  // as written ("Reference", "http://hl7.org/fhirpath/System.String")
    std::vector<std::string> profiles;         // any of
    std::vector<std::string> target_profiles;  // any of (Reference, canonical)
    std::string aggregation;  // "contained", "referenced", "bundled", comma-joined; or empty
    std::string versioning;
};

struct Discriminator {
    DiscriminatorType type = DiscriminatorType::value;
    std::string path;  // "$this", "system", "resolve().code", ...
};

struct Invariant {
    std::string key;
    Severity severity = Severity::error;
    std::string human;
    std::string source;           // canonical of the definition that states it
    path::Expression expression;  // empty if it did not compile; then `problem` says why
    std::string problem;
    bool best_practice = false;  // elementdefinition-bestpractice extension
};

struct Rule {
    std::string id;                // snapshot element id: "Patient.identifier:nhsNumber.system"
    std::string path;              // "Patient.identifier.system"
    std::string slice;             // slice name or empty
    Symbol name = unknown_symbol;  // last path step: "identifier", "value" (choice)
    std::uint32_t min = 0;
    std::uint32_t max = 0;  // UINT32_MAX: *
    std::vector<TypeRule> types;
    std::vector<RuleId> children;  // in definition order; empty: the type's own rules apply
    std::vector<RuleId> slices;    // this is a slicing entry: its slices, in order
    std::vector<Discriminator> discriminators;
    SlicingRules slicing = SlicingRules::open;
    bool has_slicing = false;
    bool ordered = false;
    bool choice = false;
    bool must_support = false;
    bool is_modifier = false;
    bool is_summary = false;
    const Element* fixed = nullptr;  // tree of fixed[x], owned by the definitions
    const Element* pattern = nullptr;
    const Element* min_value = nullptr;
    const Element* max_value = nullptr;
    std::uint32_t max_length = 0;  // 0: none
    BindingStrength strength = BindingStrength::none;
    std::string value_set;                  // canonical
    std::string max_value_set;              // elementdefinition-maxValueSet
    std::vector<std::uint32_t> invariants;  // indexes into Profile::invariants
    RuleId content = no_rule;               // contentReference target in the same profile
};

struct Profile {
    std::string url;
    std::string version;
    std::string name;
    std::string base;  // baseDefinition
    TypeId type = unknown_type;
    std::string derivation;  // "specialization" or "constraint"
    std::string status;
    // Extension definitions: where it may be used.
    struct Context {
        std::string type;  // element, extension, fhirpath
        std::string expression;
    };
    std::vector<Context> contexts;
    std::vector<std::string> context_invariants;
    bool is_extension = false;
    bool modifier_extension = false;
    std::vector<Rule> rules;  // rules[0] is unused, rules[1] the root
    std::vector<Invariant> invariants;
    [[nodiscard]] const Rule& root() const { return rules[1]; }
    [[nodiscard]] std::string canonical() const {
        return version.empty() ? url : url + "|" + version;
    }
};

// All profiles of a set of definitions. Types and profiles compile on first use behind a once-flag;
// warm() compiles a list up front so no message pays for it.
class Schema {
public:
    // Builds the type model from `definitions` and indexes every StructureDefinition.
    static Result<std::shared_ptr<const Schema>>
    build(std::shared_ptr<const Definitions> definitions);

    ~Schema();
    [[nodiscard]] const TypeModel& types() const;
    [[nodiscard]] const Definitions& definitions() const;
    // Compiled profile or base type by canonical ("url", "url|version"), or nullptr; `problem` says
    // why it exists but cannot be used.
    [[nodiscard]] const Profile*
    profile(std::string_view canonical, std::string* problem = nullptr) const;
    // Compiled base definition of a type ("http://hl7.org/fhir/StructureDefinition/" + name).
    [[nodiscard]] const Profile* base(TypeId type) const;
    // Compiles these (and what they refer to) now. Returns what does not compile.
    Issues warm(std::span<const std::string> canonicals) const;

private:
    Schema();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::fhir
