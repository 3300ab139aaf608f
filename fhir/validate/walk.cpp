// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/walk.hpp"

#include <algorithm>

#include "fhir/validate/desk.hpp"

namespace gatehouse::fhir::judge {
namespace {

// Distance of two names for "did you mean": insertions, deletions, replacements, capped.
std::size_t name_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : static_cast<int>(c); };
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0U : 1U;
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + change});
            diagonal = above;
        }
    }
    return row[b.size()];
}

// No children but an id: what ele-1 forbids.
bool has_nothing(const Element& at, Symbol id) noexcept {
    return at.first_child == nullptr ||
           (at.first_child->next == nullptr && at.first_child->symbol == id);
}

// A walker that shares its budget tells the others of its steps this often.
constexpr std::uint64_t steps_report_every = 1U << 16U;
// What one evaluation may take: with less than this left it matters who took which step before.
constexpr std::uint64_t steps_for_certain = 1'000'000;

bool is_xml(std::string_view source) noexcept {
    for (const char c : source) {
        if (c == '<') {
            return true;
        }
        if (c == '{') {
            return false;
        }
    }
    return false;
}

}  // namespace

KnownTypes::KnownTypes(const TypeModel& types, const Definitions& definitions) {
    struct Name {
        const char* name;
        PrimitiveKind kind;
    };
    static constexpr Name names[] = {
        {"boolean", PrimitiveKind::boolean},
        {"integer", PrimitiveKind::integer},
        {"positiveInt", PrimitiveKind::positive_int},
        {"unsignedInt", PrimitiveKind::unsigned_int},
        {"decimal", PrimitiveKind::decimal},
        {"string", PrimitiveKind::string},
        {"markdown", PrimitiveKind::markdown},
        {"code", PrimitiveKind::code},
        {"id", PrimitiveKind::id},
        {"uri", PrimitiveKind::uri},
        {"url", PrimitiveKind::url},
        {"canonical", PrimitiveKind::canonical},
        {"oid", PrimitiveKind::oid},
        {"uuid", PrimitiveKind::uuid},
        {"base64Binary", PrimitiveKind::base64},
        {"date", PrimitiveKind::date},
        {"dateTime", PrimitiveKind::date_time},
        {"instant", PrimitiveKind::instant},
        {"time", PrimitiveKind::time},
        {"xhtml", PrimitiveKind::xhtml},
    };
    primitives.assign(types.type_count() + 1, PrimitiveKind::none);
    kinds.assign(types.type_count() + 1, 0);
    json.assign(types.type_count() + 1, JsonKind::none);
    is_plain.assign(types.type_count() + 1, false);
    for (TypeId id = 1; id < types.type_count(); ++id) {
        kinds[id] = static_cast<std::uint8_t>(types.type(id).kind);
        json[id] = types.type(id).json;
        if (types.type(id).kind == TypeKind::primitive) {
            primitives[id] = PrimitiveKind::other;
        }
    }
    checks.assign(types.type_count() + 1, nullptr);
    for (TypeId id = 1; id < types.type_count(); ++id) {
        checks[id] = resource_check(types.type(id).name);
    }
    is_quantity.assign(types.type_count() + 1, false);
    for (TypeId id = 1; id < types.type_count(); ++id) {
        is_quantity[id] = types.is_a(id, types.find("Quantity"));
    }
    for (const Name& name : names) {
        if (const TypeId id = types.find(name.name); id != unknown_type) {
            primitives[id] = name.kind;
        }
    }
    extension = types.find("Extension");
    reference = types.find("Reference");
    coding = types.find("Coding");
    codeable_concept = types.find("CodeableConcept");
    quantity = types.find("Quantity");
    identifier = types.find("Identifier");
    narrative = types.find("Narrative");
    attachment = types.find("Attachment");
    resource = types.find("Resource");
    domain_resource = types.find("DomainResource");
    bundle = types.find("Bundle");
    meta = types.find("Meta");
    canonical = types.find("canonical");
    uri = types.find("uri");
    code = types.find("code");
    string = types.find("string");
    observation = types.find("Observation");
    element = types.find("Element");
    backbone_element = types.find("BackboneElement");
    money = types.find("Money");
    element_definition = types.find("ElementDefinition");
    for (const Definition* guide : definitions.all("ImplementationGuide")) {
        for (const Element* global = guide->root() == nullptr ? nullptr
                                                              : guide->root()->child("global");
             global != nullptr;
             global = global->next_same()) {
            const TypeId type = types.find(global->child_value("type"));
            if (type != unknown_type && !global->child_value("profile").empty()) {
                global_profiles.emplace_back(type, global->child_value("profile"));
            }
        }
    }
    const SymbolTable& symbols = types.symbols();
    id_symbol = symbols.find("id");
    url_symbol = symbols.find("url");
    system_symbol = symbols.find("system");
    code_symbol = symbols.find("code");
    display_symbol = symbols.find("display");
    version_symbol = symbols.find("version");
    reference_symbol = symbols.find("reference");
    coding_symbol = symbols.find("coding");
    meta_symbol = symbols.find("meta");
    extension_symbol = symbols.find("extension");
    profile_symbol = symbols.find("profile");
    identifier_symbol = symbols.find("identifier");
    type_symbol = symbols.find("type");
    contained_symbol = symbols.find("contained");
    value_symbol = symbols.find("value");
    data_symbol = symbols.find("data");
    size_symbol = symbols.find("size");
    entry_symbol = symbols.find("entry");
    full_url_symbol = symbols.find("fullUrl");
    resource_symbol = symbols.find("resource");
}

Walker::Walker(
    const Schema& schema,
    const Terminology& terminology,
    const Planner& planner,
    const KnownTypes& known,
    const ValidateOptions& options,
    const ProfileChooser* chooser,
    std::string_view source,
    Arena& arena
)
    : schema_(schema), types_(schema.types()), terminology_(terminology), planner_(planner),
      known_(known), options_(options), chooser_(chooser), source_(source), places_(source),
      arena_(arena), xml_(is_xml(source)), list_(options.issues_max),
      steps_left_(options.step_budget) {}

bool Walker::spend(std::uint64_t steps) {
    if (steps_left_ < steps) {
        steps_left_ = 0;
        return false;
    }
    steps_left_ -= steps;
    if (shared_steps_ != nullptr && (unreported_steps_ += steps) >= steps_report_every) {
        report_steps();
    }
    return true;
}

bool Walker::run_with_help(
    const Element& root, std::span<const std::string_view> profiles, Validation& out
) {
    if (!worth_help(root)) {
        return false;
    }
    gather_from_ = &root;
    start_list(root);
    Scope scope;
    scope.resource = &root;
    walk_resource(root, Actives{}, scope, profiles);
    if (steps_left_ < steps_for_certain) {
        return false;
    }
    close_list();
    report_unchecked(root);
    out_.valid = errors_ == 0;
    out_.steps = options_.step_budget - steps_left_;
    out = std::move(out_);
    return true;
}

Validation Walker::run(const Element& root, std::span<const std::string_view> profiles) {
    start_list(root);
    Scope scope;
    scope.resource = &root;
    const Actives none{};
    walk_resource(root, none, scope, profiles);
    if (steps_left_ == 0) {
        ++errors_;
        last_word_ = true;
        add_issue(
            rules::budget,
            Severity::error,
            root,
            join(
                "The checks of this message need more than ",
                std::to_string(options_.step_budget),
                " steps; the rest was not checked. Send it in smaller parts, or raise the step "
                "budget."
            ),
            nullptr
        );
    }
    close_list();
    report_unchecked(root);
    out_.valid = errors_ == 0;
    out_.steps = options_.step_budget - steps_left_;
    return std::move(out_);
}

// A resource at the root, contained, in a Bundle entry or in a Parameters part.
void Walker::walk_resource(
    const Element& at,
    const Actives& given,
    Scope& scope,
    std::span<const std::string_view> profiles
) {
    if (at.type == unknown_type || !types_.is_a(at.type, known_.resource)) {
        report(rules::unknown_resource, at, [&] {
            return join(
                "This is not a resource type of this FHIR version",
                at.resource_type().empty() ? "" : ": ",
                at.resource_type(),
                ". Check the spelling of resourceType (XML: the root element)."
            );
        });
        return;
    }
    const Scope* outer = scope_;
    scope_ = &scope;
    if (at.type == known_.bundle) {
        scope.index = arena_.create<BundleIndex>(
            at, known_, arena_, gather_from_ == &at ? options_.helpers : nullptr
        );
    }
    Actives rules = given;
    if (const Plan* base = planner_.base(at.type)) {
        rules.add(&base->root());
    }
    add_profiles(at, rules, profiles);
    // A profile's snapshot repeats its base, so the base type itself walks only when alone.
    if (rules.count > 1) {
        Actives fewer;
        const Plan* base = planner_.base(at.type);
        bool covered = false;
        for (const PlanRule* rule : rules) {
            covered =
                covered || (base != nullptr && rule->plan != base && !rule->children.empty() &&
                            rule->plan->profile->type == at.type && rule == &rule->plan->root());
        }
        for (const PlanRule* rule : rules) {
            if (!covered || base == nullptr || rule != &base->root()) {
                fewer.add(rule);
            }
        }
        rules = fewer;
    }
    check_resource_id(at);
    const std::size_t ids_before = element_ids_.size();
    walk_element(at, rules);
    if (gather_from_ == &at) {
        judge_set_aside();
    }
    check_element_ids(ids_before);
    if (!scope.contained && options_.check_contained) {
        check_contained(at);
    }
    if (at.type == known_.bundle) {
        check_bundle(at, *scope.index);
    }
    if (options_.no_experimental && at.child_value("experimental") == "true") {
        report(rules::experimental_content, at, [] {
            return std::string("This definition is marked experimental, and such content is not "
                               "allowed here (option no-experimental-content).");
        });
    }
    // Trials ask whether a resource meets a profile; what it says beyond that was asked before.
    if (const ResourceCheck check = known_.checks[at.type]; check != nullptr && quiet_ == 0) {
        check(Desk(*this), at);
    }
    scope_ = outer;
}

// Element.id is unique within its resource.
void Walker::check_element_ids(std::size_t from) {
    if (element_ids_.size() < from + 2) {
        element_ids_.resize(from);
        return;
    }
    const auto begin = element_ids_.begin() + static_cast<std::ptrdiff_t>(from);
    std::sort(begin, element_ids_.end(), [](const Element* a, const Element* b) {
        const int order = a->child_value("id").compare(b->child_value("id"));
        return order < 0 || (order == 0 && a->offset < b->offset);
    });
    for (std::size_t i = from + 1; i < element_ids_.size(); ++i) {
        const Element& at = *element_ids_[i];
        if (at.child_value("id") == element_ids_[i - 1]->child_value("id")) {
            report(rules::duplicate_id, at, [&] {
                return join(
                    "Another element of this resource has the id", shown(at.child_value("id")), "."
                );
            });
        }
    }
    element_ids_.resize(from);
}

// `rules` are those of the place; the type's own and its type profiles join them here.
void Walker::walk_element(const Element& at, Actives& rules) {
    if (!spend()) {
        return;
    }
    const PrimitiveKind primitive = known_.primitive(at.type);
    if (primitive != PrimitiveKind::none) {
        check_primitive(at, primitive);
    } else if (at.has_value() && !at.is_resource) {
        report(rules::must_be_object, at, [&] {
            return join(
                "This is a single value, but ",
                types_.type(at.type).name,
                " has parts. Write it as an object (XML: as an element with child elements)."
            );
        });
        return;
    } else if (!at.is_resource && !at.lost_part && has_nothing(at, known_.id_symbol)) {
        report(rules::empty_element, at, [&] {
            return std::string("This element has no content. Give it a value or leave it out.");
        });
        return;
    }
    if (at.type == known_.extension) {
        check_extension(at, rules);
    }
    for (std::size_t i = 0; i < rules.count; ++i) {
        if (rules.items[i]->any_type_profile) {
            add_type_profiles(at, *rules.items[i], rules);
        }
    }
    Actives structural;
    for (const PlanRule* rule : rules) {
        if (rule->has_own_checks && (gather_from_ != &at || !set_aside(at, rule, nullptr))) {
            check_values(at, *rule);
        }
        if (!rule->children.empty()) {
            structural.add(rule);
        }
    }
    if (at.type != unknown_type && !at.is_resource &&
        known_.kinds[at.type] != static_cast<std::uint8_t>(TypeKind::backbone)) {
        if (const Plan* base = planner_.base(at.type)) {
            const PlanRule& root = base->root();
            bool there = false;
            for (const PlanRule* rule : rules) {
                there = there || rule == &root;
            }
            if (!there) {
                if (root.has_own_checks) {
                    check_values(at, root);
                }
                if (structural.count == 0) {
                    structural.add(&root);
                }
            }
        }
    }
    if (at.type == known_.reference) {
        check_reference(at, rules);
    } else if (at.type == known_.identifier) {
        check_identifier(at);
    } else if (at.type == known_.attachment) {
        check_attachment(at);
    } else if (at.type == known_.coding) {
        check_coding_in_system(at);
    } else if (known_.is_quantity[at.type]) {
        check_coding_in_system(at);
        check_quantity(at);
    }
    walk_children(at, structural);
}

void Walker::walk_children(const Element& at, const Actives& structural) {
    if (at.first_child == nullptr) {
        bool asked = false;
        for (const PlanRule* rule : structural) {
            asked = asked || !rule->required.empty();
        }
        if (!asked) {
            return;
        }
    }
    const ArenaScope temporaries(arena_);
    // How many elements each rule's children have seen, for maxima across runs and for minima.
    std::array<std::uint32_t*, Actives::capacity> counts;
    for (std::size_t i = 0; i < structural.count; ++i) {
        counts[i] = arena_.array<std::uint32_t>(structural.items[i]->children.size()).data();
    }
    const Element* before = nullptr;  // unknown too, and just before
    for (const Element* child = at.first_child; child != nullptr;) {
        if (child->child_rule == 0) {
            // An array of them is one finding.
            if (!child->in_array || before == nullptr || before->name != child->name) {
                report_unknown(*child);
            }
            before = child;
            child = child->next;
            continue;
        }
        if (child->has_twin && known_.primitive(child->type) == PrimitiveKind::none) {
            report(rules::unknown_element, *child, [&] {
                return join(
                    "_",
                    child->name,
                    " is for primitive values only; ",
                    child->name,
                    " is not one. Put id and extension inside it."
                );
            });
        }
        std::uint32_t run = 1;
        const Element* after = child->next;
        while (after != nullptr && after->child_rule == child->child_rule) {
            ++run;
            after = after->next;
        }
        // Differential and snapshot both name their elements by id (sdf-16, sdf-17 keep each
        // unique).
        if (child->symbol == known_.id_symbol && !at.is_resource && child->has_value() &&
            at.type != known_.element_definition) {
            element_ids_.push_back(&at);
        }
        if (child->may_repeat != child->in_array) {
            check_shape(*child, run);
        }
        for (std::size_t i = 0; i < structural.count; ++i) {
            const PlanRule& rule = *structural.items[i];
            const std::uint32_t slot = child->child_rule <= rule.by_child.size()
                                           ? rule.by_child[child->child_rule - 1]
                                           : 0U;
            if (slot != 0) {
                const PlanRule& asked = *rule.children[slot - 1];
                std::uint32_t& count = counts[i][slot - 1];
                if (run > asked.max || count + run > asked.max) {
                    check_max(at, asked, count, run);
                }
                count += run;
            }
        }
        walk_run(at, *child, run, structural);
        child = after;
    }
    for (std::size_t i = 0; i < structural.count; ++i) {
        for (const std::uint16_t slot : structural.items[i]->required) {
            const PlanRule& rule = *structural.items[i]->children[slot];
            check_missing(at, rule, counts[i][slot]);
            if (counts[i][slot] == 0 && !rule.slices.empty()) {
                check_slices(at, nullptr, 0, rule, {});
            }
        }
    }
}

// Asks for the memory of an entry that is walked next: of its text and of what lies below the
// members of its resource. Those of a large Bundle do not stay in the caches. The decoders put such
// nodes down in the order of the text; the others stand by those of the entry before.
void Walker::look_ahead(const Element& entry) const noexcept {
    static constexpr std::size_t line_bytes = 64;
    static constexpr std::size_t far_bytes = 16 * 1024;
    const auto ask = [](const void* from, std::size_t bytes) {
        for (std::size_t i = 0; i < std::min(bytes, far_bytes); i += line_bytes) {
            __builtin_prefetch(static_cast<const char*>(from) + i);
        }
    };
    if (entry.end_offset <= source_.size() && entry.offset < entry.end_offset) {
        ask(source_.data() + entry.offset, entry.end_offset - entry.offset);
    }
    const Element* resource = entry.child(known_.resource_symbol);
    if (resource == nullptr) {
        return;
    }
    const Element* first = nullptr;
    const Element* last = nullptr;
    for (const Element& member : resource->children()) {
        if (member.first_child != nullptr) {
            first = first == nullptr ? member.first_child : first;
            last = member.first_child;
        }
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(first);
    const auto end = reinterpret_cast<std::uintptr_t>(last);
    if (end > begin) {
        ask(first, end - begin + 8 * sizeof(Element));
    }
}

// Siblings of one name: each is assigned to its slices, then walked.
void Walker::walk_run(
    const Element& parent, const Element& first, std::uint32_t run, const Actives& structural
) {
    std::array<const PlanRule*, Actives::capacity> entries;
    std::array<const PlanRule**, Actives::capacity> chosen;  // null: not sliced
    std::size_t entry_count = 0;
    for (const PlanRule* rule : structural) {
        const std::uint32_t slot =
            first.child_rule <= rule->by_child.size() ? rule->by_child[first.child_rule - 1] : 0U;
        if (slot == 0) {
            continue;
        }
        const PlanRule* entry = rule->children[slot - 1];
        entries[entry_count] = entry;
        chosen[entry_count] = nullptr;
        if (!entry->slices.empty()) {
            const std::span<const PlanRule*> slices = arena_.array<const PlanRule*>(run);
            chosen[entry_count] = slices.data();
            slice_run(parent, first, run, *entry, slices);
        }
        ++entry_count;
    }
    const Element* at = &first;
    // Most elements are primitives with a value and no more, of which the rule asks nothing more.
    const bool plain = entry_count <= 1 && (entry_count == 0 || entries[0]->plain);
    const bool of_bundle = parent.type == known_.bundle && gather_from_ == nullptr;
    for (std::uint32_t i = 0; i < run; ++i, at = at->next) {
        if (of_bundle && at->next != nullptr) {
            look_ahead(*at->next);
        }
        if (plain && at->first_child == nullptr && at->has_value() && !at->is_resource) {
            const PrimitiveKind kind = known_.primitive(at->type);
            if (kind != PrimitiveKind::none && known_.is_plain[at->type]) {
                if (!spend()) {
                    return;
                }
                check_primitive(*at, kind);
                continue;
            }
        }
        Actives rules;
        for (std::size_t j = 0; j < entry_count; ++j) {
            rules.add(entries[j]);
            // A reslice comes with the slice it refines.
            for (const PlanRule* slice = chosen[j] == nullptr ? nullptr : chosen[j][i];
                 slice != nullptr;
                 slice = slice->entry) {
                rules.add(slice);
            }
        }
        walk_child(*at, rules);
    }
}

void Walker::walk_child(const Element& at, Actives& rules) {
    if (gather_from_ != nullptr && at.parent == gather_from_ && at.name == "entry" &&
        set_aside(at, nullptr, &rules)) {
        return;
    }
    if (at.is_resource) {
        Scope scope;
        scope.resource = &at;
        scope.outer = scope_;
        scope.contained = at.name == "contained";
        if (scope.contained && !options_.check_contained) {
            return;
        }
        if (scope_ != nullptr && scope_->resource->type == known_.bundle && at.name == "resource") {
            scope.entry = at.parent;
        }
        Actives given;
        for (std::size_t i = 0; i < rules.count; ++i) {
            if (!check_type(at, *rules.items[i])) {
                continue;  // what else the place asks is about another type
            }
            if (rules.items[i]->any_type_profile) {
                add_type_profiles(at, *rules.items[i], given);
            }
            if (!rules.items[i]->children.empty() || rules.items[i]->has_own_checks) {
                given.add(rules.items[i]);
            }
        }
        walk_resource(at, given, scope, {});
        return;
    }
    Actives fitting;
    for (const PlanRule* rule : rules) {
        if (!rule->type_restricted || check_type(at, *rule)) {
            fitting.add(rule);
        }
    }
    walk_element(at, fitting);
}

void Walker::report_unknown(const Element& at) {
    if (at.parent == nullptr) {
        return;
    }
    report(rules::unknown_element, at, [&] {
        std::string words = join("Element ", at.name, " is not part of ");
        const TypeId type = at.parent->type;
        words += type == unknown_type ? "this element" : types_.type(type).name;
        words += ".";
        if (type == unknown_type) {
            return words;
        }
        std::string_view nearest;
        std::size_t best = 4;
        for (const ChildInfo& child : types_.type(type).children) {
            const auto consider = [&](std::string_view name) {
                const std::size_t distance = name_distance(at.name.substr(0, 64), name);
                if (distance < best && distance < name.size()) {
                    best = distance;
                    nearest = name;
                }
            };
            if (!child.choice) {
                consider(child.name);
            }
            for (const Symbol spelling : child.spellings) {
                consider(types_.symbols().text(spelling));
            }
        }
        words += nearest.empty() ? " Take it out, or send it as an extension."
                                 : join(" Did you mean ", nearest, "?");
        return words;
    });
}

void Walker::try_on(const Element& at, const PlanRule& rule) {
    Actives rules;
    rules.add(&rule);
    if (at.is_resource) {
        Scope scope;
        scope.resource = &at;
        scope.outer = scope_;
        walk_resource(at, rules, scope, {});
    } else {
        walk_element(at, rules);
    }
}

bool Walker::conforms(const Element& at, const PlanRule& rule) {
    constexpr std::uint32_t trial_depth_max = 12;
    if (trial_depth_ >= trial_depth_max) {
        return true;
    }
    ++trial_depth_;
    ++quiet_;
    const std::uint64_t before = errors_;
    const std::uint32_t unchecked = out_.not_checkable;
    try_on(at, rule);
    const bool good = errors_ == before;
    errors_ = before;
    out_.not_checkable = unchecked;
    --quiet_;
    --trial_depth_;
    return good;
}

}  // namespace gatehouse::fhir::judge
