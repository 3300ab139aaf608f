#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Schema: StructureDefinitions compiled into what the validator walks. Each profile (and each base
// type) becomes a tree of Rules, flat and index-based: one Rule per snapshot element, with
// cardinality, types, slicing, bindings, fixed and pattern values and compiled invariants.
// Immutable; shared by threads; a message keeps the schema it started with.

#include <cstddef>
#include <cstdint>
#include <memory>
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

// A further binding beside the main one (R5's ElementDefinition.binding.additional, as an extension
// in R4). Purposes: required, extensible, maximum and others that bind nobody.
struct AdditionalBinding {
    std::string purpose;
    std::string value_set;  // canonical
};

struct TypeRule {
    TypeId type = unknown_type;
    std::string code;  // as written ("Reference", "http://hl7.org/fhirpath/System.String")
    // Any of. "canonical#Element:id" means one element of that profile
    // (elementdefinition-profile-element).
    std::vector<std::string> profiles;
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

// A profile's invariants. The same statement (ele-1 stands on nearly every element) is compiled
// once for the whole schema; lists refer to it.
class InvariantList {
public:
    class Iterator {
    public:
        explicit Iterator(const Invariant* const* at) : at_(at) {}
        const Invariant& operator*() const { return **at_; }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        const Invariant* const* at_;
    };
    [[nodiscard]] const Invariant& operator[](std::size_t index) const { return *items_[index]; }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] Iterator begin() const { return Iterator(items_.data()); }
    [[nodiscard]] Iterator end() const { return Iterator(items_.data() + items_.size()); }
    // Index of `invariant`, added if new.
    std::uint32_t add(const Invariant* invariant);

private:
    std::vector<const Invariant*> items_;
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
    std::string regex;  // regex extension on the element or its type; RE2 syntax, whole value
    // Values that definitions state, with symbols and types set; owned by the schema.
    const Element* fixed = nullptr;
    const Element* pattern = nullptr;
    const Element* min_value = nullptr;
    const Element* max_value = nullptr;
    std::uint32_t max_length = 0;    // 0: none
    std::uint32_t min_length = 0;    // minLength extension
    bool must_have_value = false;    // R5's mustHaveValue: an extension alone does not do
    std::string narrative_source;    // narrative-source-control: parts say where they come from
    std::string narrative_language;  // narrative-language-control: _yes, _no or a language
    BindingStrength strength = BindingStrength::none;
    std::string value_set;      // canonical
    std::string max_value_set;  // elementdefinition-maxValueSet
    std::vector<AdditionalBinding> additional_bindings;
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
    InvariantList invariants;
    std::vector<std::string> problems;  // what its snapshot could not honour; empty if all is well
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
    // What a primitive's value must look like as a whole ("-?(0|[1-9][0-9]*)..."), RE2 syntax;
    // empty if the type states nothing.
    [[nodiscard]] std::string_view regex(TypeId primitive) const;
    // Compiles these now, with the data types, extensions and type profiles that they refer to.
    // Returns what does not compile or had to be left out.
    Issues warm(std::span<const std::string> canonicals) const;

private:
    Schema();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::fhir
