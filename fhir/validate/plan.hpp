#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Plan: a compiled Profile (fhir/schema) rearranged for the walk: children addressed by the index
// that annotate() left in each element, required children listed, bindings and type profiles
// resolved once. Plans are built on first use, never freed before their Planner, and shared by
// threads.

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/base/hash.hpp"
#include "fhir/schema/schema.hpp"
#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir::judge {

struct Plan;

// A profile named by a rule, looked up on first use.
struct ProfileLink {
    std::string_view canonical;
    std::string_view element;  // id of the element meant, or empty: the profile as a whole
    mutable std::atomic<const Plan*> plan{nullptr};
    mutable std::atomic<bool> looked{false};
    bool exact = false;  // a version that is not loaded is not replaced by another
};

// A target of a reference: the type that its canonical names, where it is a base type's, else
// that of the profile.
struct TargetLink {
    TypeId type = unknown_type;
    std::unique_ptr<ProfileLink> profile;
};

struct TypeLink {
    TypeId type = unknown_type;
    bool any_resource = false;  // Resource or DomainResource
    std::vector<std::unique_ptr<ProfileLink>> profiles;
    std::vector<TargetLink> targets;  // parallel to TypeRule::target_profiles
};

// Invariants that are decided in C++ because every element has them.
enum class NativeInvariant : std::uint8_t {
    none,
    ele_1,
    ext_1,
    dom_3,
    dom_6,
    txt_1,
    txt_2,
    ref_1,
    bdl_3,
    bdl_4
};

struct InvariantLink {
    const Invariant* invariant = nullptr;
    NativeInvariant native = NativeInvariant::none;
    bool empty_holds = false;  // nothing to judge (empty) is no breach
};

struct PlanRule {
    const Rule* rule = nullptr;
    const Plan* plan = nullptr;
    const PlanRule* entry = nullptr;  // a slice: the slicing entry it belongs to
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    TypeId children_of = unknown_type;
    std::vector<std::uint16_t> by_child;    // ChildInfo index -> slot + 1, 0: not in this profile
    std::vector<const PlanRule*> children;  // by slot, slicing entries only
    std::vector<std::uint16_t> required;    // slots with min > 0, here or in a slice
    std::vector<const PlanRule*> slices;
    bool is_default_slice = false;          // "@default": what fits no other slice
    std::string_view slice_url;             // a slice of extensions: the url that names it
    std::vector<InvariantLink> invariants;  // without those that are always true here
    std::vector<TypeLink> types;
    BindingStrength strength = BindingStrength::none;
    const ValueSetIndex* value_set = nullptr;
    const ValueSetIndex* max_value_set = nullptr;
    struct MoreSets {
        const ValueSetIndex* set = nullptr;
        bool must = false;  // purposes required and maximum; extensible otherwise
    };
    std::vector<MoreSets> more_sets;  // additional bindings
    bool value_set_missing = false;
    bool any_type_profile = false;
    bool type_restricted = false;  // a choice (or a slice of one) that allows fewer types
    bool plain = false;            // asks nothing of a primitive but that it is there
    bool has_own_checks = false;   // fixed, pattern, binding, invariants, length or bounds
};

struct Plan {
    const Profile* profile = nullptr;
    std::string canonical;
    std::unique_ptr<PlanRule[]> rules;  // parallel to profile->rules; [0] unused
    std::size_t count = 0;
    std::vector<path::Expression> context_invariants;  // of an extension; those that compile
    [[nodiscard]] const PlanRule& root() const { return rules[1]; }
};

class Planner {
public:
    Planner(const Schema& schema, const Terminology& terminology);

    // nullptr if there is no such definition or it does not compile; `problem` says which.
    const Plan* plan(std::string_view canonical, std::string* problem = nullptr) const;
    // Base definition of a type; nullptr for backbone types.
    const Plan* base(TypeId type) const;
    const Plan* follow(const ProfileLink& link) const;
    // The profile of R4's own that bears this name below the type's folder ("bp"); nullptr if it is
    // not loaded. `index` is the caller's number for it, below `own_profiles_max`.
    static constexpr std::size_t own_profiles_max = 16;
    const Plan* own_profile(std::size_t index, std::string_view name) const;
    // The rule that the link means: the profile's root, or its element. nullptr if there is none.
    const PlanRule* follow_rule(const ProfileLink& link) const;

private:
    const Plan* build(const Profile& profile) const;
    void fill(PlanRule& out, const Plan& plan, const Rule& rule) const;

    const Schema& schema_;
    const Terminology& terminology_;
    mutable std::shared_mutex mutex_;
    mutable std::unordered_map<const Profile*, std::unique_ptr<Plan>> plans_;
    struct Found {
        const Plan* plan = nullptr;
        std::string problem;
    };
    mutable std::unordered_map<std::string, Found, TextHash, TextEqual> by_canonical_;
    // The last canonicals looked up, by hash: what nearly every look-up finds without a lock. The
    // entries are those of by_canonical_, which are never changed or taken out.
    using Entry = std::pair<const std::string, Found>;
    mutable std::array<std::atomic<const Entry*>, 1024> recent_{};
    mutable std::array<ProfileLink, own_profiles_max> own_profiles_;
    mutable std::array<std::once_flag, own_profiles_max> own_once_;
    mutable std::array<std::string, own_profiles_max> own_names_;
    mutable std::vector<std::atomic<const Plan*>> by_type_;
    mutable std::vector<std::atomic<bool>> type_looked_;
};

}  // namespace gatehouse::fhir::judge
