// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/schema.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "fhir/schema/profile_compiler.hpp"
#include "fhir/schema/snapshot_generator.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace gatehouse::fhir {
namespace {

Issue schema_issue(Severity severity, std::string rule, std::string text, std::string profile) {
    Issue issue;
    issue.severity = severity;
    issue.type = IssueType::processing;
    issue.rule = std::move(rule);
    issue.diagnostics = std::move(text);
    issue.profile = std::move(profile);
    return issue;
}

// Building leaves tens of megabytes of freed trees in the heap's middle; they belong to the system.
void return_free_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace

// One StructureDefinition and what became of it. `state` is written last, so a reader that sees
// `done` sees the rest.
struct ProfileSlot {
    std::atomic<const Profile*> profile{nullptr};
    std::atomic<bool> done{false};
    std::unique_ptr<Profile> owned;
    std::string problem;
};

struct Schema::Impl {
    std::shared_ptr<const Definitions> definitions;
    std::unique_ptr<TypeModel> types;
    std::unordered_map<const Definition*, std::unique_ptr<ProfileSlot>> slots;
    std::vector<const Definition*> base_of_type;  // by TypeId
    std::vector<std::string> regex_of_type;       // by TypeId
    // Compiling is rare and shares the pool, so one at a time.
    mutable std::mutex mutex;
    mutable SchemaPool pool;

    const Profile*
    get(const Definition& definition, snapshot::Generator* session, std::string* problem) const;
    Issues warm(std::span<const std::string> canonicals) const;
    void
    compile(const Definition& definition, ProfileSlot& slot, snapshot::Generator& session) const;
};

void Schema::Impl::compile(
    const Definition& definition, ProfileSlot& slot, snapshot::Generator& session
) const {
    const std::string canonical = definition.version.empty() ? std::string(definition.url)
                                                             : std::string(definition.url) + "|" +
                                                                   std::string(definition.version);
    session.clear_problems();
    const snapshot::Base* base = session.base(canonical);
    if (base == nullptr) {
        // Asked by canonical it may be another of the same name: say why this one has no snapshot.
        slot.problem =
            canonical +
            " has no snapshot and none can be made: its base is not loaded or it is circular";
        if (!session.problems().empty()) {
            slot.problem += " (" + session.problems().front() + ")";
        }
        return;
    }
    ProfileCompiler compiler(*types, pool);
    slot.owned = compiler.compile(*base->structure, *base->root);
    for (const std::string& text : base->problems) {
        slot.owned->problems.push_back(text);
    }
}

const Profile* Schema::Impl::get(
    const Definition& definition, snapshot::Generator* session, std::string* problem
) const {
    const auto at = slots.find(&definition);
    if (at == slots.end()) {
        return nullptr;
    }
    ProfileSlot& slot = *at->second;
    if (!slot.done.load(std::memory_order_acquire)) {
        const std::scoped_lock lock(mutex);
        if (!slot.done.load(std::memory_order_relaxed)) {
            if (session != nullptr) {
                compile(definition, slot, *session);
            } else {
                // One profile on its own: its bases' trees live only this long.
                Arena arena;
                snapshot::Generator own_session(
                    *definitions, arena, {.sort_differential = true, .slices_inherit = true}
                );
                compile(definition, slot, own_session);
            }
            slot.profile.store(slot.owned.get(), std::memory_order_relaxed);
            slot.done.store(true, std::memory_order_release);
        }
    }
    const Profile* profile = slot.profile.load(std::memory_order_relaxed);
    if (profile == nullptr && problem != nullptr) {
        *problem = slot.problem;
    }
    return profile;
}

Schema::Schema() : impl_(std::make_unique<Impl>()) {}
Schema::~Schema() = default;

Result<std::shared_ptr<const Schema>> Schema::build(std::shared_ptr<const Definitions> definitions
) {
    std::shared_ptr<Schema> schema(new Schema());
    Impl& impl = *schema->impl_;
    impl.definitions = std::move(definitions);
    // The type model keeps nothing of the trees, so they live in an arena of this function.
    Arena arena;
    std::vector<const Element*> trees;
    for (const Definition* definition : impl.definitions->all("StructureDefinition")) {
        const Element* tree = definition->decode(arena);
        if (tree != nullptr && tree->child_value("derivation") != "constraint") {
            trees.push_back(tree);
        }
    }
    auto types = TypeModel::build(trees);
    if (!types) {
        return Fault{
            types.error().code,
            "build schema",
            types.error().detail + "; is a core package loaded (deploy/fetch-definitions)?"};
    }
    impl.types = std::make_unique<TypeModel>(std::move(*types));
    // Every version has a slot; which one a canonical means is the definitions' business.
    for (const Definition* definition : impl.definitions->every("StructureDefinition")) {
        impl.slots.emplace(definition, std::make_unique<ProfileSlot>());
    }
    impl.base_of_type.resize(impl.types->type_count() + 1, nullptr);
    impl.regex_of_type.resize(impl.types->type_count() + 1);
    for (TypeId id = 1; id < impl.types->type_count(); ++id) {
        const TypeInfo& info = impl.types->type(id);
        if (!info.url.empty()) {
            impl.base_of_type[id] = impl.definitions->structure(info.url);
        }
    }
    for (const Element* tree : trees) {
        if (tree->child_value("kind") != "primitive-type") {
            continue;
        }
        const TypeId id = impl.types->find(tree->child_value("type"));
        const Element* snapshot = tree->child("snapshot");
        if (id == unknown_type || snapshot == nullptr) {
            continue;
        }
        for (const Element& element : snapshot->children()) {
            const std::string_view path = element.child_value("path");
            const Element* type = element.child("type");
            if (!path.ends_with(".value") || type == nullptr) {
                continue;
            }
            for (const Element& extension : type->children()) {
                if (extension.name == "extension" &&
                    extension.child_value("url") ==
                        "http://hl7.org/fhir/StructureDefinition/regex") {
                    impl.regex_of_type[id] = extension.child_value("valueString");
                }
            }
        }
    }
    return std::shared_ptr<const Schema>(std::move(schema));
}

const TypeModel& Schema::types() const {
    return *impl_->types;
}
const Definitions& Schema::definitions() const {
    return *impl_->definitions;
}

const Profile* Schema::profile(std::string_view canonical, std::string* problem) const {
    const Definition* definition = impl_->definitions->structure(canonical);
    return definition == nullptr ? nullptr : impl_->get(*definition, nullptr, problem);
}

const Profile* Schema::base(TypeId type) const {
    const Definition* definition =
        type < impl_->base_of_type.size() ? impl_->base_of_type[type] : nullptr;
    return definition == nullptr ? nullptr : impl_->get(*definition, nullptr, nullptr);
}

std::string_view Schema::regex(TypeId primitive) const {
    return primitive < impl_->regex_of_type.size()
               ? std::string_view(impl_->regex_of_type[primitive])
               : std::string_view{};
}

Issues Schema::Impl::warm(std::span<const std::string> canonicals) const {
    Issues issues;
    Arena arena;
    snapshot::Generator session(
        *definitions, arena, {.sort_differential = true, .slices_inherit = true}
    );
    std::vector<std::string> open(canonicals.rbegin(), canonicals.rend());
    std::unordered_set<const Definition*> seen;
    const std::unordered_set<std::string> asked(canonicals.begin(), canonicals.end());
    while (!open.empty()) {
        const std::string canonical = std::move(open.back());
        open.pop_back();
        const Definition* definition = definitions->structure(canonical);
        if (definition == nullptr) {
            if (asked.contains(canonical)) {
                issues.push_back(schema_issue(
                    Severity::error,
                    "profile-unknown",
                    canonical + " is not among the loaded definitions",
                    canonical
                ));
            }
            continue;
        }
        if (!seen.insert(definition).second) {
            continue;
        }
        std::string problem;
        const Profile* profile = get(*definition, &session, &problem);
        if (profile == nullptr) {
            issues.push_back(schema_issue(Severity::error, "profile-unusable", problem, canonical));
            continue;
        }
        for (const std::string& text : profile->problems) {
            issues.push_back(schema_issue(
                Severity::warning, "profile-problem", profile->url + ": " + text, canonical
            ));
        }
        for (const Invariant& invariant : profile->invariants) {
            if (!invariant.problem.empty()) {
                issues.push_back(schema_issue(
                    Severity::warning,
                    "invariant-unusable",
                    profile->url + ": invariant " + invariant.key + ": " + invariant.problem,
                    canonical
                ));
            }
        }
        for (const Rule& rule : profile->rules) {
            for (const TypeRule& type : rule.types) {
                for (const std::string& other : type.profiles) {
                    open.push_back(other.substr(0, other.find('#')));
                }
                if (type.type != unknown_type && rule.children.empty()) {
                    const TypeInfo& info = types->type(type.type);
                    if (!info.url.empty() && info.kind != TypeKind::resource) {
                        open.push_back(info.url);
                    }
                }
            }
        }
    }
    return issues;
}

Issues Schema::warm(std::span<const std::string> canonicals) const {
    Issues issues = impl_->warm(canonicals);
    return_free_memory();
    return issues;
}

}  // namespace gatehouse::fhir
