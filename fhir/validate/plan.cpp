// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/plan.hpp"

#include "fhir/validate/text.hpp"

namespace gatehouse::fhir::judge {
namespace {

NativeInvariant native_of(const Invariant& invariant) noexcept {
    // By key: these are the base definitions' own, the same in every R4 snapshot.
    const std::string_view key = invariant.key;
    if (key == "ele-1") {
        return NativeInvariant::ele_1;
    }
    if (key == "ext-1") {
        return NativeInvariant::ext_1;
    }
    if (key == "dom-3") {
        return NativeInvariant::dom_3;
    }
    if (key == "dom-6") {
        return NativeInvariant::dom_6;
    }
    if (key == "txt-1") {
        return NativeInvariant::txt_1;
    }
    if (key == "bdl-3") {
        return NativeInvariant::bdl_3;
    }
    if (key == "bdl-4") {
        return NativeInvariant::bdl_4;
    }
    if (key == "ref-1") {
        return NativeInvariant::ref_1;
    }
    if (key == "txt-2") {
        return NativeInvariant::txt_2;
    }
    return NativeInvariant::none;
}

// The url that a slice of Extension.extension or X.extension stands for: fixed in the slice, or
// that of its type profile.
std::string_view extension_url(const PlanRule& slice, const TypeModel& types) {
    if (slice.types.size() != 1 || slice.types.front().type != types.find("Extension")) {
        return {};
    }
    if (slice.types.front().profiles.size() == 1) {
        return without_version(slice.types.front().profiles.front()->canonical);
    }
    for (const PlanRule* child : slice.children) {
        if (types.symbols().text(child->rule->name) == "url" && child->rule->fixed != nullptr) {
            return child->rule->fixed->value;
        }
    }
    return {};
}

}  // namespace

Planner::Planner(const Schema& schema, const Terminology& terminology)
    : schema_(schema), terminology_(terminology), by_type_(schema.types().type_count() + 1),
      type_looked_(schema.types().type_count() + 1) {}

const Plan* Planner::plan(std::string_view canonical, std::string* problem) const {
    std::atomic<const Entry*>& recent = recent_[hash_text(canonical) % recent_.size()];
    const Entry* entry = recent.load(std::memory_order_acquire);
    if (entry == nullptr || !same_text(entry->first, canonical)) {
        const std::shared_lock lock(mutex_);
        const auto found = by_canonical_.find(canonical);
        entry = found == by_canonical_.end() ? nullptr : &*found;
    }
    if (entry != nullptr) {
        recent.store(entry, std::memory_order_release);
        if (problem != nullptr) {
            *problem = entry->second.problem;
        }
        return entry->second.plan;
    }
    std::string why;
    const Profile* profile = schema_.profile(canonical, &why);
    const Plan* built = profile == nullptr ? nullptr : build(*profile);
    if (problem != nullptr) {
        *problem = why;
    }
    const std::unique_lock lock(mutex_);
    // Senders name profiles freely, so what is not known must not grow the table without bound.
    if (built != nullptr || by_canonical_.size() < 20'000) {
        by_canonical_.try_emplace(std::string(canonical), Found{built, std::move(why)});
    }
    return built;
}

const Plan* Planner::base(TypeId type) const {
    if (type >= by_type_.size()) {
        return nullptr;
    }
    if (type_looked_[type].load(std::memory_order_acquire)) {
        return by_type_[type].load(std::memory_order_relaxed);
    }
    const Profile* profile = schema_.base(type);
    const Plan* built = profile == nullptr ? nullptr : build(*profile);
    by_type_[type].store(built, std::memory_order_relaxed);
    type_looked_[type].store(true, std::memory_order_release);
    return built;
}

const Plan* Planner::follow(const ProfileLink& link) const {
    if (link.looked.load(std::memory_order_acquire)) {
        return link.plan.load(std::memory_order_relaxed);
    }
    const Plan* found = plan(link.canonical);
    if (found == nullptr && !link.exact && link.canonical.find('|') != std::string_view::npos) {
        found = plan(without_version(link.canonical));
    }
    link.plan.store(found, std::memory_order_relaxed);
    link.looked.store(true, std::memory_order_release);
    return found;
}

const Plan* Planner::own_profile(std::size_t index, std::string_view name) const {
    std::call_once(own_once_[index], [&] {
        own_names_[index] = "http://hl7.org/fhir/StructureDefinition/";
        own_names_[index] += name;
        own_profiles_[index].canonical = own_names_[index];
    });
    return follow(own_profiles_[index]);
}

const PlanRule* Planner::follow_rule(const ProfileLink& link) const {
    const Plan* found = follow(link);
    if (found == nullptr || link.element.empty()) {
        return found == nullptr ? nullptr : &found->root();
    }
    for (std::size_t i = 1; i < found->count; ++i) {
        if (found->rules[i].rule->id == link.element) {
            return &found->rules[i];
        }
    }
    return nullptr;
}

const Plan* Planner::build(const Profile& profile) const {
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = plans_.find(&profile); found != plans_.end()) {
            return found->second.get();
        }
    }
    auto plan = std::make_unique<Plan>();
    plan->profile = &profile;
    plan->canonical = profile.canonical();
    plan->count = profile.rules.size();
    plan->rules = std::make_unique<PlanRule[]>(plan->count);
    for (std::size_t i = 1; i < profile.rules.size(); ++i) {
        fill(plan->rules[i], *plan, profile.rules[i]);
    }
    const TypeModel& types = schema_.types();
    for (const std::string& text : profile.context_invariants) {
        path::Error error;
        path::Expression compiled = path::compile(text, types, error);
        if (compiled) {
            plan->context_invariants.push_back(std::move(compiled));
        }
    }
    // Children are addressed by their place in the parent's type, so types are worked out top-down.
    struct Open {
        RuleId id;
        TypeId type;
    };
    // Where any resource may stand (contained, Bundle.entry.resource), a rule that names one type
    // has that type's children.
    const TypeId resource = types.find("Resource");
    const auto is_resource_of = [&](TypeId one, TypeId base) {
        return one != unknown_type && base != unknown_type && types.is_a(base, resource) &&
               types.is_a(one, base);
    };
    std::vector<Open> open{{1, profile.type}};
    std::vector<bool> seen(profile.rules.size());
    while (!open.empty()) {
        const auto [id, type] = open.back();
        open.pop_back();
        if (id == no_rule || id >= profile.rules.size() || seen[id]) {
            continue;
        }
        seen[id] = true;
        PlanRule& out = plan->rules[id];
        const Rule& rule = profile.rules[id];
        for (const RuleId slice : rule.slices) {
            if (slice == no_rule || slice >= profile.rules.size()) {
                continue;
            }
            plan->rules[slice].entry = &out;
            plan->rules[slice].is_default_slice = profile.rules[slice].slice.ends_with("@default");
            out.slices.push_back(&plan->rules[slice]);
            TypeId slice_type = type;
            if (profile.rules[slice].types.size() == 1 &&
                (rule.choice || is_resource_of(profile.rules[slice].types[0].type, type))) {
                slice_type = profile.rules[slice].types[0].type;
            }
            open.push_back({slice, slice_type});
        }
        if (rule.children.empty() || type == unknown_type) {
            continue;
        }
        out.children_of = type;
        const TypeInfo& info = types.type(type);
        out.by_child.assign(info.children.size(), 0);
        for (const RuleId child_id : rule.children) {
            const Rule& child = profile.rules[child_id];
            const ChildInfo* found = types.child_by_path(type, child.name);
            if (found == nullptr) {
                found = types.child(type, child.name).info;
            }
            if (found == nullptr) {
                continue;
            }
            const auto index = static_cast<std::size_t>(found - info.children.data());
            if (out.by_child[index] != 0) {
                continue;  // a slice listed among the children; its entry has it
            }
            const auto slot = static_cast<std::uint16_t>(out.children.size());
            out.children.push_back(&plan->rules[child_id]);
            out.by_child[index] = static_cast<std::uint16_t>(slot + 1);
            bool required = child.min > 0;
            for (const RuleId slice : child.slices) {
                required =
                    required || (slice < profile.rules.size() && profile.rules[slice].min > 0);
            }
            if (required) {
                out.required.push_back(slot);
            }
            TypeId child_type = unknown_type;
            if (found->choice) {
                child_type = child.types.size() == 1 ? child.types[0].type : unknown_type;
            } else if (found->types.size() == 1) {
                child_type = found->types[0];
                if (child.types.size() == 1 && is_resource_of(child.types[0].type, child_type)) {
                    child_type = child.types[0].type;
                }
            }
            plan->rules[child_id].type_restricted =
                found->choice && child.types.size() < found->types.size();
            open.push_back({child_id, child_type});
        }
    }
    for (std::size_t i = 1; i < profile.rules.size(); ++i) {
        if (!profile.rules[i].slice.empty()) {
            plan->rules[i].slice_url = extension_url(plan->rules[i], types);
        }
    }
    // A contentReference of a profile means the base definition's element, without what the profile
    // adds.
    const Plan* base_plan = profile.derivation == "constraint" ? base(profile.type) : nullptr;
    for (std::size_t i = 1; i < profile.rules.size(); ++i) {
        const RuleId target = profile.rules[i].content;
        PlanRule& out = plan->rules[i];
        if (target != no_rule && target < profile.rules.size() && out.children.empty() &&
            base_plan != nullptr) {
            for (std::size_t at = 1; at < base_plan->count; ++at) {
                const PlanRule& source = base_plan->rules[at];
                if (source.rule != nullptr && source.rule->id == profile.rules[target].path) {
                    out.children_of = source.children_of;
                    out.by_child = source.by_child;
                    out.children = source.children;
                    out.required = source.required;
                    break;
                }
            }
        }
        if (target != no_rule && target < profile.rules.size() && out.children.empty()) {
            out.children_of = plan->rules[target].children_of;
            out.by_child = plan->rules[target].by_child;
            out.children = plan->rules[target].children;
            out.required = plan->rules[target].required;
            if (out.invariants.empty()) {
                out.invariants = plan->rules[target].invariants;
                out.has_own_checks = out.has_own_checks || !out.invariants.empty();
            }
        }
    }
    for (std::size_t i = 1; i < profile.rules.size(); ++i) {
        PlanRule& out = plan->rules[i];
        out.plain = !out.has_own_checks && !out.any_type_profile && !out.type_restricted &&
                    out.children.empty() && out.slices.empty();
    }
    const std::unique_lock lock(mutex_);
    auto& slot = plans_[&profile];
    if (!slot) {
        slot = std::move(plan);
    }
    return slot.get();
}

void Planner::fill(PlanRule& out, const Plan& plan, const Rule& rule) const {
    out.rule = &rule;
    out.min = rule.min;
    out.max = rule.max;
    out.plan = &plan;
    for (const std::uint32_t index : rule.invariants) {
        const Invariant& invariant = plan.profile->invariants[index];
        // Decided elsewhere in the walk, for every element at once.
        const NativeInvariant native = native_of(invariant);
        if (native == NativeInvariant::ele_1 || native == NativeInvariant::dom_3 ||
            native == NativeInvariant::txt_1 || native == NativeInvariant::txt_2) {
            continue;
        }
        // bdl-8 forgets that fullUrl may be absent; HL7's validator reads it with that in mind.
        out.invariants.push_back({&invariant, native, invariant.key == "bdl-8"});
    }
    const TypeModel& types = schema_.types();
    const TypeId resource = types.find("Resource");
    const TypeId domain_resource = types.find("DomainResource");
    for (const TypeRule& type : rule.types) {
        TypeLink& link = out.types.emplace_back();
        link.type = type.type;
        link.any_resource =
            type.type != unknown_type && (type.type == resource || type.type == domain_resource);
        for (const std::string& profile : type.profiles) {
            link.profiles.push_back(std::make_unique<ProfileLink>());
            const std::string_view whole = profile;
            const std::size_t hash = std::min(whole.find('#'), whole.size());
            link.profiles.back()->canonical = whole.substr(0, hash);
            link.profiles.back()->element = whole.substr(std::min(hash + 1, whole.size()));
            out.any_type_profile = true;
        }
        constexpr std::string_view type_prefix = "http://hl7.org/fhir/StructureDefinition/";
        for (const std::string& target : type.target_profiles) {
            TargetLink& made = link.targets.emplace_back();
            made.profile = std::make_unique<ProfileLink>();
            made.profile->canonical = target;
            made.profile->exact = true;
            const std::string_view url = without_version(target);
            if (url.starts_with(type_prefix)) {
                made.type = types.find(url.substr(type_prefix.size()));
            }
        }
    }
    out.strength = rule.strength;
    // R4's vital signs profiles bind component units to the common list as required, which forbids
    // every component that is not a vital sign; HL7 takes it as extensible (an erratum of R4).
    if (rule.path == "Observation.component.value[x]" &&
        without_version(rule.value_set) == "http://hl7.org/fhir/ValueSet/ucum-vitals-common") {
        out.strength = BindingStrength::extensible;
    }
    if (rule.strength != BindingStrength::none && !rule.value_set.empty()) {
        out.value_set = terminology_.value_set(rule.value_set);
        out.value_set_missing = out.value_set == nullptr;
    }
    if (!rule.max_value_set.empty()) {
        out.max_value_set = terminology_.value_set(rule.max_value_set);
    }
    for (const AdditionalBinding& more : rule.additional_bindings) {
        const bool must = more.purpose == "required" || more.purpose == "maximum";
        if (const ValueSetIndex* set = terminology_.value_set(more.value_set);
            set != nullptr && (must || more.purpose == "extensible")) {
            out.more_sets.push_back({set, must});
        }
    }
    out.has_own_checks = rule.min_length != 0 || rule.must_have_value ||
                         !rule.narrative_source.empty() || !rule.narrative_language.empty() ||
                         !out.more_sets.empty() || rule.fixed != nullptr ||
                         rule.pattern != nullptr || rule.max_length != 0 ||
                         rule.min_value != nullptr || rule.max_value != nullptr ||
                         rule.strength != BindingStrength::none || !out.invariants.empty();
}

}  // namespace gatehouse::fhir::judge
