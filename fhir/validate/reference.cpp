// SPDX-License-Identifier: Apache-2.0
//
// References (FHIR R4 §2.3) and contained resources: form, type of the target, targets inside the
// message. Whether a target outside the message exists is the store's business.

#include <algorithm>

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::string_view type_prefix = "http://hl7.org/fhir/StructureDefinition/";

struct LocalTarget {
    std::string_view type;
    std::string_view id;
    std::string_view base;  // "http://server/fhir/" of an absolute URL
};

// "[base/]Type/id[/_history/v]".
LocalTarget split_reference(std::string_view reference) noexcept {
    // One reading: the last two slashes before a fragment or a version.
    LocalTarget out;
    std::size_t slash = std::string_view::npos;
    std::size_t before = std::string_view::npos;
    std::size_t end = 0;
    for (; end < reference.size() && reference[end] != '#'; ++end) {
        if (reference[end] == '/') {
            if (reference.substr(end).starts_with("/_history/")) {
                break;
            }
            before = slash;
            slash = end;
        }
    }
    if (slash == std::string_view::npos || slash == 0) {
        return out;
    }
    reference = reference.substr(0, end);
    out.id = reference.substr(slash + 1);
    const std::size_t type = before == std::string_view::npos ? 0 : before + 1;
    out.type = reference.substr(type, slash - type);
    out.base = reference.substr(0, type);
    return out;
}

// The outermost resource that is not contained in another: where "#id" looks.
const Element& container_of(const Element& from) noexcept {
    const Element* at = &enclosing_resource(from);
    while (at->name == "contained" && at->parent != nullptr) {
        at = &enclosing_resource(*at->parent);
    }
    return *at;
}

// A resource may refer to itself by its own type and id.
bool names_itself(const Element& from, std::string_view reference) noexcept {
    const Element& container = container_of(from);
    const LocalTarget parts = split_reference(reference);
    return !parts.id.empty() && parts.type == container.resource_type() &&
           parts.id == container.child_value("id");
}

bool is_link(const Element& at) noexcept {
    return at.has_value() && !at.is_resource && at.value.starts_with('#');
}

// Calls `visit` for every value below `at` that may point at a contained resource.
template <class Visit> void each_link(const Element& at, const Visit& visit) {
    for (const Element& child : at.children()) {
        if (is_link(child)) {
            visit(child);
        }
        if (child.first_child != nullptr) {
            each_link(child, visit);
        }
    }
}

// A picture or link of any narrative inside the resource names the contained one.
bool shown_in_narrative(const Element& at, std::string_view quoted, std::string_view single) {
    for (const Element& child : at.children()) {
        if (child.written == Written::xhtml || child.name == "div") {
            if (has_part(child.value, quoted) || has_part(child.value, single)) {
                return true;
            }
        } else if (child.first_child != nullptr && shown_in_narrative(child, quoted, single)) {
            return true;
        }
    }
    return false;
}

}  // namespace

const Element* Walker::resolve(const Element& from, std::string_view reference) const {
    if (reference.starts_with('#')) {
        const Element& container = container_of(from);
        return reference.size() == 1
                   ? &container
                   : contained_with_id(container, reference.substr(1), contained_);
    }
    for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
        if (scope->entry != nullptr && scope->outer != nullptr && scope->outer->index != nullptr) {
            return scope->outer->index->resolve(*scope->entry, reference).resource;
        }
    }
    return nullptr;
}

TypeId Walker::type_of_reference(const Element& reference) const {
    const std::string_view text = value_of_child(reference, known_.reference_symbol);
    if (!text.empty() && text.front() != '#' && !text.starts_with("urn:")) {
        const LocalTarget target = split_reference(trimmed(text));
        const bool whole = !target.id.empty() && !text.ends_with('/');
        const TypeId type = whole ? types_.find(target.type) : unknown_type;
        if (type != unknown_type && types_.is_a(type, known_.resource)) {
            return type;
        }
    }
    const std::string_view named = value_of_child(reference, known_.type_symbol);
    const TypeId type = named.empty() ? unknown_type : types_.find(named);
    return type != unknown_type && types_.is_a(type, known_.resource) ? type : unknown_type;
}

// Type that a target profile is about; 0 if that is not known here.
TypeId Walker::type_of_target(const TargetLink& target) const {
    if (target.type != unknown_type) {
        return target.type;
    }
    const Plan* plan = planner_.follow(*target.profile);
    return plan == nullptr ? unknown_type : plan->profile->type;
}

// Inside a Bundle a relative reference is looked for among the entries, so it must be Type/id;
// where entries are requests it may be a search (FHIR R4 §3.1.0.11.2).
void Walker::check_relative_form(const Element& at, std::string_view reference) {
    const Scope* scope = scope_;
    while (scope != nullptr && scope->entry == nullptr) {
        scope = scope->outer;
    }
    if (scope == nullptr || reference.empty() || reference.starts_with('#') ||
        reference.find(':') != std::string_view::npos) {
        return;
    }
    const std::size_t slash = reference.find('/');
    const std::string_view type = scope->entry->parent->child_value("type");
    const bool requests = type == "transaction" || type == "batch";
    const bool responses = type == "transaction-response" || type == "batch-response";
    // What a relative reference means hangs on its entry's fullUrl, if entries are no requests.
    if (!requests && !responses && scope->entry->child("fullUrl") == nullptr) {
        report(rules::bundle_reference_no_url, at, [] {
            return std::string("A relative reference means a neighbour of its own entry, whose "
                               "fullUrl is missing. Add the fullUrl.");
        });
        return;
    }
    if (slash != std::string_view::npos && slash > 0) {
        return;
    }
    if (requests && slash == std::string_view::npos &&
        reference.find('?') != std::string_view::npos) {
        return;
    }
    report(rules::reference_relative, at, [&] {
        return join("The reference", shown(reference), " must be Type/id, an absolute URL or #id.");
    });
}

void Walker::check_reference(const Element& at, const Actives& rules) {
    const Element* reference = at.child(known_.reference_symbol);
    const std::string_view text = reference == nullptr ? std::string_view{} : reference->value;
    const Element* target = nullptr;
    if (text.empty()) {
        if (at.child("identifier") == nullptr && at.child("display") == nullptr &&
            at.child("extension") == nullptr) {
            report(rules::reference_no_display, at, [] {
                return std::string("This reference has neither reference nor identifier; give it a "
                                   "display at least.");
            });
        }
    } else {
        const std::string_view inner = trimmed(text);
        if (has_space(text)) {
            report(rules::reference_invalid, at, [&] {
                return join(
                    "The reference", shown(text), " is not a URL, urn: or #id: it has white space."
                );
            });
        } else if (inner.find(':') == std::string_view::npos && !inner.starts_with('#')) {
            const LocalTarget parts = split_reference(inner);
            if (parts.type.empty() || types_.find(parts.type) == unknown_type ||
                !lexical::is_id(parts.id)) {
                report(rules::reference_suspicious, at, [&] {
                    return join(
                        "The reference", shown(text), " does not look like Type/id. Check it."
                    );
                });
            }
        }
        check_relative_form(at, inner);
        target = resolve(at, text);
        if (text == "#" && &enclosing_resource(at) == &container_of(at)) {
            report(rules::reference_unresolved, at, [] {
                return std::string("'#' means the resource around a contained one; this resource "
                                   "is not contained.");
            });
        }
        if (target == nullptr && text.starts_with('#') && text.size() > 1) {
            report(rules::reference_unresolved, at, [&] {
                return join(
                    "There is no contained resource with the id", shown(text.substr(1)), "."
                );
            });
        }
    }
    if (target == nullptr && !text.empty()) {
        check_uuid_entry(at, text);
    }
    if (options_.references == ReferencePolicy::check_exists && target == nullptr &&
        !text.empty() && !text.starts_with('#') && !names_itself(at, text)) {
        report(rules::reference_unresolved, at, [&] {
            return join(
                "What the reference",
                shown(text),
                " means is neither this resource nor in the Bundle around it, and existence is "
                "asked for. Send it along, or check types only."
            );
        });
    }
    if (target != nullptr && !text.starts_with('#')) {
        const LocalTarget parts = split_reference(text);
        const TypeId said = types_.find(parts.type);
        if (said != unknown_type && types_.is_a(said, known_.resource) && said != target->type &&
            said != known_.resource) {
            report(rules::reference_mismatch, at, [&] {
                return join(
                    "The reference names ",
                    parts.type,
                    ", but the entry that it means is ",
                    target->resource_type(),
                    "."
                );
            });
        }
    }
    const bool ignored = options_.references == ReferencePolicy::ignore;  // but not their form
    const TypeId named = target != nullptr ? target->type : type_of_reference(at);
    const std::string_view type_text = value_of_child(at, known_.type_symbol);
    for (const PlanRule* rule : rules) {
        for (std::size_t i = 0; i < rule->types.size(); ++i) {
            const TypeRule& type = rule->rule->types[i];
            if (rule->types[i].type != at.type) {
                continue;
            }
            if (!type.aggregation.empty() && !text.empty()) {
                check_aggregation(at, *rule, type, text, target);
            }
            if (ignored || type.target_profiles.empty()) {
                continue;
            }
            check_target(at, *rule, type, rule->types[i].targets, target, named, type_text);
        }
    }
}

// "Type/id" beside an entry urn:uuid:id: not a reference to it by the rules, but meant as one, so
// its type must be right at least.
void Walker::check_uuid_entry(const Element& at, std::string_view text) {
    constexpr std::size_t uuid_bytes = 36;
    if ((scope_->outer == nullptr && scope_->index == nullptr) || text.size() <= uuid_bytes) {
        return;  // no Bundle around, or no room for Type/uuid
    }
    const LocalTarget parts = split_reference(text);
    if (!parts.base.empty() || !lexical::is_uuid(parts.id)) {
        return;
    }
    const TypeId said = types_.find(parts.type);
    if (said == unknown_type || !types_.is_a(said, known_.resource)) {
        return;
    }
    for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
        if (scope->index == nullptr) {
            continue;
        }
        const BundleIndex::Found found = scope->index->by_url(join("urn:uuid:", parts.id));
        if (found.resource != nullptr && found.resource->type != said) {
            report(rules::reference_mismatch, at, [&] {
                return join(
                    "The reference names ",
                    parts.type,
                    ", but the entry with that UUID is ",
                    found.resource->resource_type(),
                    ". Refer to it by its fullUrl, and to the right type."
                );
            });
        }
        return;
    }
}

// ElementDefinition.type.aggregation: where the target has to be. One in the same Bundle counts as
// referenced too.
void Walker::check_aggregation(
    const Element& at,
    const PlanRule& rule,
    const TypeRule& type,
    std::string_view reference,
    const Element* target
) {
    const bool contained = reference.starts_with('#');
    const bool allowed = contained
                             ? has_part(type.aggregation, "contained")
                             : has_part(type.aggregation, "referenced") ||
                                   (target != nullptr && has_part(type.aggregation, "bundled"));
    if (allowed) {
        return;
    }
    report(
        rules::reference_aggregation,
        at,
        [&] {
            return join(
                "The target is ",
                contained           ? "contained"
                : target != nullptr ? "in the same Bundle"
                                    : "not in this message",
                ", but profile ",
                rule.plan->canonical,
                " wants it ",
                type.aggregation,
                " at ",
                rule.rule->id,
                "."
            );
        },
        rule.plan
    );
}

void Walker::check_target(
    const Element& at,
    const PlanRule& rule,
    const TypeRule& type,
    std::span<const TargetLink> targets,
    const Element* target,
    TypeId named,
    std::string_view type_text
) {
    const auto allowed = [&](TypeId wanted, bool& sure) {
        for (const TargetLink& link : targets) {
            const TypeId one = type_of_target(link);
            if (one == unknown_type) {
                sure = false;
            } else if (types_.is_a(wanted, one)) {
                return true;
            }
        }
        return false;
    };
    const auto list = [&] {
        std::string words;
        for (std::size_t i = 0; i < type.target_profiles.size(); ++i) {
            const std::string_view profile = type.target_profiles[i];
            words += i == 0 ? "" : ", ";
            words +=
                profile.starts_with(type_prefix) ? profile.substr(type_prefix.size()) : profile;
        }
        return words;
    };
    bool sure = true;
    if (named != unknown_type && !allowed(named, sure) && sure) {
        report(
            rules::reference_target,
            at,
            [&] {
                return join(
                    "The reference is to ",
                    types_.type(named).name,
                    ", but profile ",
                    rule.plan->canonical,
                    " allows ",
                    list(),
                    "."
                );
            },
            rule.plan
        );
        return;
    }
    // Without a reference the type says nothing that could be wrong.
    if (!type_text.empty() && !value_of_child(at, known_.reference_symbol).empty()) {
        // A URL is for logical models alone (R4 §2.3.0, Reference.type).
        const bool url = type_text.starts_with(type_prefix);
        const TypeId stated = types_.find(url ? type_text.substr(type_prefix.size()) : type_text);
        sure = true;
        if ((stated == unknown_type || !allowed(stated, sure) ||
             (named != unknown_type && (url || stated != named))) &&
            sure) {
            report(
                rules::reference_type,
                at,
                [&] {
                    return join(
                        "Reference.type",
                        shown(type_text),
                        " is not the target's type as a plain name, or not one that profile ",
                        rule.plan->canonical,
                        " allows: ",
                        list(),
                        "."
                    );
                },
                rule.plan
            );
        }
    }
    // A target inside the message must meet a target profile, where the rule names real profiles.
    if (target == nullptr || quiet_ > 4) {
        return;
    }
    bool constrained = true;
    for (const TargetLink& link : targets) {
        const Plan* plan = planner_.follow(*link.profile);
        if (plan == nullptr) {
            ++out_.not_checkable;
            return;
        }
        if (plan->profile->derivation != "constraint" &&
            types_.is_a(target->type, plan->profile->type)) {
            constrained = false;
        }
    }
    if (!constrained) {
        return;
    }
    for (const TargetLink& link : targets) {
        const Plan* plan = planner_.follow(*link.profile);
        if (types_.is_a(target->type, plan->profile->type) && conforms(*target, plan->root())) {
            return;
        }
    }
    report(
        rules::reference_profile,
        at,
        [&] {
            return join(
                "The resource behind this reference meets none of the profiles that ",
                rule.plan->canonical,
                " allows: ",
                list(),
                "."
            );
        },
        rule.plan
    );
}

// dom-3 and dom-2's companions: every contained resource is used by its container, and ids are
// unique.
void Walker::check_contained(const Element& resource) {
    if (resource.child(known_.contained_symbol) == nullptr) {
        return;
    }
    const ContainedIndex index(resource);
    const std::size_t count = index.all().size();
    // Of each, by its first place: what refers to it, as a child of the resource, and whether
    // another one does too; and whether it refers to its container.
    struct Use {
        const Element* from = nullptr;
        bool several = false;
        bool outward = false;
    };
    std::vector<Use> uses(count);
    std::size_t place = 0;
    std::uint64_t links = 0;
    for (const Element& child : resource.children()) {
        const bool contained = child.name == "contained";
        const auto note = [&](const Element& link) {
            ++links;
            if (link.value.size() == 1) {
                if (contained) {
                    uses[place].outward = true;
                }
                return;
            }
            const std::size_t wanted = index.first(link.value.substr(1));
            if (wanted != ContainedIndex::none) {
                Use& use = uses[wanted];
                use.several = use.several || (use.from != nullptr && use.from != &child);
                use.from = &child;
            }
        };
        if (is_link(child)) {
            note(child);
        }
        each_link(child, note);
        place += contained ? 1U : 0U;
    }
    if (!spend(links + count)) {
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const Element& child = *index.all()[i];
        const std::string_view id = child.child_value("id");
        const std::size_t first = index.first(id);
        if (first != ContainedIndex::none && first != i) {
            report(rules::contained_duplicate, child, [&] {
                return join("Another contained resource has the same id", shown(id), ".");
            });
        }
        // Another part refers to it, or it refers to its container.
        bool used = uses[i].outward;
        if (first != ContainedIndex::none) {
            const Use& use = uses[first];
            used = used || use.several || (use.from != nullptr && use.from != &child);
        }
        // The narratives are read again for each, so the message's bytes are paid for.
        if (!used && !id.empty()) {
            if (!spend((resource.end_offset - resource.offset) / 64 + 1)) {
                return;
            }
            used = shown_in_narrative(resource, join("\"#", id, "\""), join("'#", id, "'"));
        }
        if (!used) {
            report(rules::contained_orphan, child, [&] {
                return join(
                    "Nothing in the resource refers to this contained resource",
                    shown(id),
                    ", and it does not refer to its container (#). Refer to it or take it out "
                    "(dom-3)."
                );
            });
        }
        if (child.child("contained") != nullptr) {
            check_contained(child);
        }
    }
}

}  // namespace gatehouse::fhir::judge
