#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Walker: one validation of one message. It descends the tree once, carrying for each element the
// rules that apply to it (base type and every profile in force), and asks each mechanism in turn;
// every mechanism is a file of this folder. Nothing is allocated while all is well: rule lists are
// on the stack, counters in the message's arena, texts are made when an issue exists.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/hash.hpp"
#include "fhir/validate/contained_index.hpp"
#include "fhir/validate/list_bounds.hpp"
#include "fhir/validate/narrative_links.hpp"
#include "fhir/validate/plan.hpp"
#include "fhir/validate/rules.hpp"
#include "fhir/validate/unchecked_tally.hpp"
#include "fhir/validate/validate.hpp"

namespace gatehouse::fhir::judge {

// The rules in force for one element.
struct Actives {
    static constexpr std::size_t capacity = 24;
    std::array<const PlanRule*, capacity> items;
    std::uint8_t count = 0;

    void add(const PlanRule* rule) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            if (items[i] == rule) {
                return;
            }
        }
        if (count < capacity) {
            items[count++] = rule;
        }
    }
    [[nodiscard]] const PlanRule* const* begin() const noexcept { return items.data(); }
    [[nodiscard]] const PlanRule* const* end() const noexcept { return items.data() + count; }
};

// What a primitive type asks of its text.
enum class PrimitiveKind : std::uint8_t {
    none,
    boolean,
    integer,
    positive_int,
    unsigned_int,
    decimal,
    string,
    markdown,
    code,
    id,
    uri,
    url,
    canonical,
    oid,
    uuid,
    base64,
    date,
    date_time,
    instant,
    time,
    xhtml,
    other,
};

class Desk;
// A check of one resource type beyond its StructureDefinition (desk.hpp).
using ResourceCheck = void (*)(const Desk&, const Element&);

// Type numbers the mechanisms compare with, looked up once per schema.
struct KnownTypes {
    KnownTypes(const TypeModel& types, const Definitions& definitions);
    std::vector<PrimitiveKind> primitives;  // by TypeId
    std::vector<bool> is_quantity;          // Quantity and what derives from it, by TypeId
    std::vector<std::uint8_t> kinds;        // TypeKind by TypeId
    std::vector<JsonKind> json;             // by TypeId
    // Primitive types, by TypeId, whose own definition asks nothing that check_primitive does not.
    std::vector<bool> is_plain;
    std::vector<ResourceCheck> checks;  // by TypeId; nullptr for most
    // ImplementationGuide.global of the guides loaded: every resource of the type meets the
    // profile.
    std::vector<std::pair<TypeId, std::string>> global_profiles;
    TypeId extension, reference, coding, codeable_concept, quantity, identifier, narrative,
        attachment, resource, domain_resource, bundle, meta, canonical, uri, code, string,
        observation, element, backbone_element, money, element_definition;
    // Names that the mechanisms look for.
    Symbol id_symbol, url_symbol, system_symbol, code_symbol, display_symbol, version_symbol,
        reference_symbol, coding_symbol, meta_symbol, extension_symbol, profile_symbol,
        identifier_symbol, type_symbol, contained_symbol, value_symbol, data_symbol, size_symbol,
        entry_symbol, full_url_symbol, resource_symbol;
    [[nodiscard]] PrimitiveKind primitive(TypeId type) const noexcept {
        return type < primitives.size() ? primitives[type] : PrimitiveKind::none;
    }
};

// Entries of a Bundle by fullUrl and by Type/id, so that a reference costs one look whatever the
// size. Lives in the message's arena; built once per Bundle.
class BundleIndex {
public:
    // Many entries are looked at by `helpers` too, unless null; the index is the same.
    BundleIndex(
        const Element& bundle, const KnownTypes& known, Arena& arena, const Helpers* helpers
    );

    struct Found {
        const Element* entry = nullptr;
        const Element* resource = nullptr;
        std::string_view full_url;
        std::string_view base;
    };
    // What later questions ask of an entry: that it is here saves them the tree, which a large
    // Bundle's does not stay in the caches.
    struct Entry {
        const Element* entry = nullptr;
        const Element* resource = nullptr;
        std::string_view full_url;
        std::string_view base;     // base_of()
        std::string_view id;       // of the resource
        std::uint32_t offset = 0;  // of the entry
        bool url_fits = false;  // absolute, and as its resource's type and id ask: nothing to say
    };
    // In the order of the message.
    [[nodiscard]] std::span<const Entry> entries() const noexcept { return entries_; }
    [[nodiscard]] Found by_url(std::string_view full_url) const noexcept;
    // Calls visit(resource) for every entry with this fullUrl.
    template <class Visit> void each_with_url(std::string_view full_url, Visit&& visit) const {
        const Wanted wanted{hash_text(full_url), {}, full_url};
        for (const Ref* at = first_of(urls_, wanted, &Entry::full_url);
             at != urls_.data() + urls_.size() && at->hash == wanted.hash &&
             entries_[at->entry].full_url == full_url;
             ++at) {
            visit(*entries_[at->entry].resource);
        }
    }
    // First entry whose resource has this type and id.
    [[nodiscard]] Found by_id(std::string_view type, std::string_view id) const noexcept;
    // Some entry's resource, of whatever type, has this id.
    [[nodiscard]] bool has_id(std::string_view id) const noexcept;
    // What a reference in the resource of `entry` means by FHIR's Bundle rules (R4 §2.36.4); empty
    // if its target is not in the Bundle.
    [[nodiscard]] Found resolve(const Element& entry, std::string_view reference) const noexcept;
    // base of a fullUrl "base/Type/id" that fits its own resource, with the last slash; else empty.
    [[nodiscard]] static std::string_view base_of(const Element& entry) noexcept;

private:
    // Sorted by hash, so that a search reads this list and not texts all over the message; equal
    // hashes by key, type and place, so that it is not left to the sender how long a look takes.
    struct Ref {
        std::uint64_t hash = 0;
        std::uint32_t entry = 0;
    };
    struct Wanted {
        std::uint64_t hash;
        std::string_view type;  // of ids_; empty in urls_
        std::string_view key;   // fullUrl, or id
    };
    using Key = std::string_view Entry::*;
    static Entry look_at(const Element& entry, const KnownTypes& known) noexcept;
    static std::string_view
    base_in(std::string_view full_url, std::string_view type, std::string_view id) noexcept;
    void arrange(std::span<Ref> refs, Key key) const noexcept;
    // The first that is not before `wanted`.
    const Ref* first_of(std::span<const Ref> refs, const Wanted& wanted, Key key) const noexcept;
    [[nodiscard]] Found
    find(std::span<const Ref> refs, const Wanted& wanted, Key key) const noexcept;
    [[nodiscard]] std::string_view type_in(Key key, const Entry& entry) const noexcept {
        return key == &Entry::id ? entry.resource->resource_type() : std::string_view{};
    }
    std::span<Entry> entries_;
    std::span<Ref> urls_;
    std::span<Ref> ids_;
};

// The resource that is being walked, and those around it.
struct Scope {
    const Element* resource = nullptr;
    const Scope* outer = nullptr;
    bool contained = false;              // in DomainResource.contained
    const Element* entry = nullptr;      // Bundle.entry that holds it
    const BundleIndex* index = nullptr;  // `resource` is a Bundle: its entries
};

// Value of the first child with that symbol, or empty.
inline std::string_view value_of_child(const Element& at, Symbol symbol) noexcept {
    const Element* found = at.child(symbol);
    return found == nullptr ? std::string_view{} : found->value;
}

class Walker {
public:
    Walker(
        const Schema& schema,
        const Terminology& terminology,
        const Planner& planner,
        const KnownTypes& known,
        const ValidateOptions& options,
        const ProfileChooser* chooser,
        std::string_view source,
        Arena& arena
    );

    Validation run(const Element& root, std::span<const std::string_view> profiles);
    // The same with helpers: false if it was not worth it, or if so few steps were left that one
    // thread has to judge.
    bool
    run_with_help(const Element& root, std::span<const std::string_view> profiles, Validation& out);
    // Once, on the outcome of a run of this walker: what the advisor says of each finding.
    void take_advice(const Advisor& advisor, const Element& root, Validation& out);

    // What FHIRPath asks back during an evaluation.
    const Element* resolve_reference(const Element& from, std::string_view reference) const;
    int answer_member_of(const path::Item& code, std::string_view canonical);
    int answer_conforms_to(const Element& element, std::string_view profile);

private:
    friend class Desk;
    // walk.cpp: the descent
    void walk_resource(
        const Element& at,
        const Actives& given,
        Scope& scope,
        std::span<const std::string_view> profiles
    );
    void walk_element(const Element& at, Actives& rules);
    void walk_children(const Element& at, const Actives& structural);
    void walk_run(
        const Element& parent, const Element& first, std::uint32_t run, const Actives& structural
    );
    void walk_child(const Element& at, Actives& rules);
    void check_element_ids(std::size_t from);
    void report_unknown(const Element& at);
    void look_ahead(const Element& entry) const noexcept;
    bool spend(std::uint64_t steps = 1);

    // parallel.cpp: entries of a large Bundle
    // Value sets that did not decide although the code's system is known, each once.
    struct UncheckedSets {
        struct One {
            const ValueSetIndex* set = nullptr;
            std::string_view system;  // of the code, empty for `code` elements
        };
        std::array<One, UncheckedSystems::systems_max> list{};
        std::size_t count = 0;
    };
    struct Job {
        const Element* at;
        const PlanRule* asked;  // of the Bundle itself; null: `at` is an entry
        std::size_t rules;      // of an entry, in job_rules_
        std::size_t issues_before;
        std::size_t unchecked_before;
        std::size_t sets_before;
    };
    // What there is to say of a job: nothing, of most.
    struct JobWords {
        Issues issues;
        std::vector<const Element*> places;
        std::vector<const Element*> ids;  // parts of the entry that have one
    };
    struct JobResult {
        std::unique_ptr<JobWords> words;
        std::uint64_t errors = 0;
        std::uint64_t steps = 0;
        std::uint32_t not_checkable = 0;
        ListBounds::Cut cut;
    };
    // bundle.cpp: what an entry of a document or message refers to.
    struct EntryLinks {
        std::vector<std::uint32_t> targets;     // entries, by place
        std::vector<const Element*> narrative;  // extensions narrativeLink
    };
    struct LinkResult {
        EntryLinks links;
        JobResult found;
    };
    [[nodiscard]] bool worth_help(const Element& root) const noexcept;
    bool set_aside(const Element& at, const PlanRule* asked, const Actives* rules);
    void judge_set_aside();
    template <class Work> JobResult judge_job(const Work& work);
    void judge_part(const Job& job, const Actives* rules);
    [[nodiscard]] const BundleIndex* index_for_links() const noexcept;
    void put_together(std::vector<JobResult>& results);
    [[nodiscard]] std::vector<UncheckedTally::Met> met_before_jobs() const;
    void note_in_order(std::vector<UncheckedTally::Met>& met);
    void add_result(JobResult& result);
    void report_steps();

    // profiles.cpp: which profiles a resource is held to
    void
    add_profiles(const Element& at, Actives& rules, std::span<const std::string_view> profiles);
    void add_profile(
        const Element& at, Actives& rules, std::string_view canonical, const Element* named
    );
    bool is_about(const Element& at, const Plan& plan);
    void add_vital_signs(const Element& at, Actives& rules);
    // Adds the profile that the rule names for the element's type; of several the first that fits.
    void add_type_profiles(const Element& at, const PlanRule& rule, Actives& rules);

    // cardinality.cpp
    void check_max(
        const Element& parent, const PlanRule& rule, std::uint32_t before, std::uint32_t count
    );
    void check_missing(const Element& parent, const PlanRule& rule, std::uint32_t count);
    void check_shape(const Element& first, std::uint32_t run);
    // False, and reported, if the type is none that the rule allows.
    bool check_type(const Element& at, const PlanRule& rule);

    // primitive.cpp
    void check_primitive(const Element& at, PrimitiveKind kind);
    void check_json_type(const Element& at);
    void check_text(const Element& at);
    void check_uri(const Element& at, PrimitiveKind kind);
    void check_number(const Element& at, PrimitiveKind kind);
    void check_date(const Element& at, PrimitiveKind kind);
    void check_base64(const Element& at);

    // fixed_pattern.cpp
    void check_values(const Element& at, const PlanRule& rule);
    void check_fixed(const Element& at, const Element& wanted, const PlanRule& rule);
    void check_pattern(const Element& at, const Element& wanted, const PlanRule& rule);
    void check_bounds(const Element& at, const PlanRule& rule);

    // slicing.cpp
    void slice_run(
        const Element& parent,
        const Element& first,
        std::uint32_t run,
        const PlanRule& entry,
        std::span<const PlanRule*> chosen
    );
    void report_second_slice(
        const Element& at, const PlanRule& entry, const PlanRule& first, const PlanRule& second
    );
    void check_slices(
        const Element& parent,
        const Element* first,
        std::uint32_t run,
        const PlanRule& entry,
        std::span<const PlanRule* const> chosen
    );
    enum class Match : std::uint8_t { no, yes, undecided };
    Match matches_slice(const Element& at, const PlanRule& entry, const PlanRule& slice);
    Match follow(
        const Element* at,
        const PlanRule& rule,
        std::string_view path,
        DiscriminatorType type,
        int depth
    );
    Match follow_into(
        const Element& at,
        const PlanRule& rule,
        std::string_view path,
        DiscriminatorType type,
        int depth
    );
    Match follow_reference(
        const Element* at,
        const PlanRule& rule,
        std::string_view path,
        DiscriminatorType type,
        int depth
    );
    Match matches_rule(const Element* at, const PlanRule& rule, DiscriminatorType type, int depth);
    Match matches_parts(const Element* at, const PlanRule& rule, int depth);
    const PlanRule* child_rule_named(
        const PlanRule& rule, std::string_view name, std::string_view url, const Element* at
    );
    // slice_words.cpp
    std::string wanted_by(const PlanRule& slice, const Discriminator& by);
    std::string why_no_slice(const Element& at, const PlanRule& entry);

    // binding.cpp
    void check_binding(const Element& at, const PlanRule& rule);
    void check_more_bindings(const Element& at, const PlanRule& rule);
    // What is asked of one value set, and how a "no" is said.
    struct SetQuestion {
        const RuleInfo* info = nullptr;
        Severity severity = Severity::error;
        bool must = true;
        std::string_view wanted;
        std::string_view binder = "profile ";
        static SetQuestion of(const RuleInfo& info, bool must, std::string_view wanted) {
            return {&info, info.severity, must, wanted};
        }
    };
    template <class Subject>
    void judge_set(
        const Element& at,
        const ValueSetIndex& set,
        const PlanRule& rule,
        const SetQuestion& question,
        const Subject& subject
    );
    template <class Subject>
    void judge_sets(
        const Element& at,
        const PlanRule& rule,
        const RuleInfo& required,
        const RuleInfo& extensible,
        std::string_view wanted,
        bool with_max,
        const Subject& subject
    );
    void check_code(const Element& at, const PlanRule& rule);
    void check_coding(const Element& at, const PlanRule& rule);
    void check_concept(const Element& at, const PlanRule& rule);
    void check_quantity_code(const Element& at, const PlanRule& rule);
    void check_coding_in_system(const Element& at);
    void check_misspelt_system(const Element& at, std::string_view system);
    Coding coding_of(const Element& at) const noexcept;
    Verdict member_of(const Element& at, const ValueSetIndex& set) const;

    // invariants.cpp
    void check_invariants(const Element& at, const PlanRule& rule);
    void check_invariant(const Element& at, const PlanRule& rule, const InvariantLink& link);
    void fail_invariant(const Element& at, const PlanRule& rule, const Invariant& invariant);

    // extension.cpp
    void check_extension(const Element& at, Actives& rules);
    void check_extension_shape(const Element& at, const Plan& plan);
    void check_extension_context(const Element& at, const Plan& plan);
    bool context_fits(const Element& host, const Profile::Context& context);
    bool fhirpath_context_fits(const Element& host, std::string_view expression);
    [[nodiscard]] bool extension_allowed(std::string_view url) const;

    // reference.cpp
    void check_reference(const Element& at, const Actives& rules);
    void check_relative_form(const Element& at, std::string_view reference);
    const Element* resolve(const Element& from, std::string_view reference) const;
    void check_uuid_entry(const Element& at, std::string_view text);
    // Type that the text of a reference names ("Patient/1"), or Reference.type; 0 if none.
    TypeId type_of_reference(const Element& reference) const;
    TypeId type_of_target(const TargetLink& target) const;
    void check_aggregation(
        const Element& at,
        const PlanRule& rule,
        const TypeRule& type,
        std::string_view reference,
        const Element* target
    );
    void check_target(
        const Element& at,
        const PlanRule& rule,
        const TypeRule& type,
        std::span<const TargetLink> targets,
        const Element* target,
        TypeId named,
        std::string_view type_text
    );
    void check_contained(const Element& resource);

    // data_types.cpp
    void check_identifier(const Element& at);
    void check_nhs_identifier(const Element& value);
    void check_attachment(const Element& at);
    void check_quantity(const Element& at);
    void check_resource_id(const Element& resource);

    // narrative.cpp
    void check_narrative(const Element& div);
    // narrative_control.cpp: what a profile asks of a Narrative's marks
    void check_narrative_control(const Element& narrative, const PlanRule& rule);
    // narrative_links.cpp
    void check_narrative_links(NarrativeLinks& links);

    // bundle.cpp
    void check_bundle(const Element& bundle, const BundleIndex& index);
    void check_links(const Element& bundle, const BundleIndex& index, bool message);
    EntryLinks follow_links(const Element& bundle, const BundleIndex& index, std::size_t place);
    void check_composition(const Element& part, const BundleIndex& index, const Element& entry);
    const Element* check_link(
        const Element& bundle,
        const BundleIndex& index,
        const Element& entry,
        const Element& reference
    );
    void check_version(
        const BundleIndex& index,
        std::string_view text,
        const BundleIndex::Found& found,
        const Element& reference
    );
    void check_search_set(const Element& bundle);
    void check_bundle_relations(const Element& bundle, std::string_view type);
    void check_document_relations(const Element& bundle, const BundleIndex& index);

    // report.cpp: issues. `words` is called only if the issue is kept.
    template <class Words>
    void
    report(const RuleInfo& rule, const Element& at, Words&& words, const Plan* plan = nullptr) {
        report_as(rule, rule.severity, at, std::forward<Words>(words), plan);
    }
    template <class Words>
    void report_as(
        const RuleInfo& rule,
        Severity severity,
        const Element& at,
        Words&& words,
        const Plan* plan = nullptr
    ) {
        if (severity <= Severity::error) {
            ++errors_;
        }
        if (quiet_ == 0 && (last_word_ || !list_.is_pointless(severity, &at))) {
            add_issue(rule, severity, at, words(), plan);
        }
    }
    // False if the element has this finding already, or the list is full.
    bool admit_issue(
        Severity severity, const Element* at, std::string_view rule, std::string_view words
    );
    void keep_issue(Issue issue, const Element* at);
    void start_list(const Element& root);
    void close_list();
    void add_issue(
        const RuleInfo& rule,
        Severity severity,
        const Element& at,
        std::string words,
        const Plan* plan
    );
    // A value for diagnostics: quoted if the options allow values, else "".
    [[nodiscard]] std::string shown(std::string_view value) const;
    // True if `at` meets `rule` without an error; nothing is reported.
    bool conforms(const Element& at, const PlanRule& rule);
    void try_on(const Element& at, const PlanRule& rule);
    void explain(const Element& at, const PlanRule& rule);

    const Schema& schema_;
    const TypeModel& types_;
    const Terminology& terminology_;
    const Planner& planner_;
    const KnownTypes& known_;
    const ValidateOptions& options_;
    const ProfileChooser* chooser_;
    std::string_view source_;
    PositionCursor places_;
    ExpressionCursor expressions_;
    Arena& arena_;
    mutable ContainedIndex contained_;  // of the resource that was last asked for many
    Validation out_;
    bool xml_ = false;
    bool last_word_ = false;  // a finding that a full list takes too
    ListBounds list_;
    std::uint32_t quiet_ = 0;  // depth of trials
    std::uint32_t trial_depth_ = 0;
    std::uint64_t errors_ = 0;  // also counted while quiet
    std::uint64_t steps_left_ = 0;
    // Code systems whose codes could not be checked, each once, the first few.
    void note_unchecked(std::string_view system, std::uint32_t codes = 1) noexcept;
    void note_unchecked(const ValueSetIndex& set, std::string_view system) noexcept;
    void report_unchecked(const Element& root);
    UncheckedSets unchecked_sets_;
    UncheckedTally* tally_ = nullptr;  // takes what is noted, while jobs are judged
    // Of the code that member_of() could not decide last.
    mutable std::string_view undecided_system_;
    const Scope* scope_ = nullptr;
    const Element* gather_from_ = nullptr;  // Bundle whose entries are set aside
    std::vector<Job> jobs_;
    std::vector<Actives> job_rules_;
    std::vector<LinkResult> links_;  // of the Bundle's entries, if they were judged as jobs
    std::atomic<std::uint64_t>* shared_steps_ = nullptr;  // of all walkers of a message
    std::uint64_t unreported_steps_ = 0;
    std::vector<const Element*> element_ids_;  // elements with an id, of the resources being walked
    std::vector<const Element*> issue_places_;  // parallel to out_.issues
};

// Appends all parts; for diagnostics.
template <class... Parts> std::string join(const Parts&... parts) {
    std::string out;
    (out.append(parts), ...);
    return out;
}

}  // namespace gatehouse::fhir::judge
