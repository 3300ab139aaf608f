// SPDX-License-Identifier: Apache-2.0
//
// What a Bundle asks across its entries (FHIR R4 §2.36): fullUrls, the first entry of documents and
// messages, references between entries. The bdl invariants come with the definition.

#include <algorithm>
#include <numeric>
#include <utility>

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::string_view narrative_link = "http://hl7.org/fhir/StructureDefinition/narrativeLink";

// A URL of the form base/Type/id.
struct RestUrl {
    std::string_view type;
    std::string_view id;
};
RestUrl split_rest(std::string_view url) noexcept {
    RestUrl out;
    const std::size_t slash = url.rfind('/');
    if (slash == std::string_view::npos) {
        return out;
    }
    out.id = url.substr(slash + 1);
    const std::string_view front = url.substr(0, slash);
    const std::size_t before = front.rfind('/');
    out.type = before == std::string_view::npos ? front : front.substr(before + 1);
    return out;
}

// Every Reference.reference below `at`, without contained "#id" ones, and every extension
// narrativeLink.
template <class OnReference, class OnLink>
void each_reference(const Element& at, const OnReference& visit, const OnLink& on_link) {
    for (const Element& child : at.children()) {
        if (child.name == "extension" && child.child_value("url") == narrative_link) {
            on_link(child);
        }
        if (child.has_value()) {
            if (child.name == "reference" && !child.value.starts_with('#') &&
                !child.value.empty()) {
                visit(child);
            }
        } else if (child.first_child != nullptr) {
            each_reference(child, visit, on_link);
        } else if (child.is_resource) {
            each_reference(child, visit, on_link);
        }
    }
}

}  // namespace

void Walker::check_bundle(const Element& bundle, const BundleIndex& index) {
    const std::string_view type = bundle.child_value("type");
    const bool requests = type == "transaction" || type == "batch" ||
                          type == "transaction-response" || type == "batch-response";
    const bool linked = type == "document" || type == "message";
    const Element* first = bundle.child("entry");
    if (linked && first == nullptr) {
        report(rules::bundle_no_first, bundle, [&] {
            return join("A ", type, " Bundle needs a first entry.");
        });
    }
    if (linked && first != nullptr) {
        const Element* resource = first->child("resource");
        const std::string_view wanted = type == "document" ? "Composition" : "MessageHeader";
        if (resource == nullptr || resource->resource_type() != wanted) {
            report(rules::bundle_first, *first, [&] {
                return join("The first entry of a ", type, " Bundle must be a ", wanted, ".");
            });
        }
    }
    for (const BundleIndex::Entry& seen : index.entries()) {
        if (seen.url_fits) {
            continue;
        }
        const Element* entry = seen.entry;
        const Element* resource = seen.resource;
        const std::string_view url = seen.full_url;
        if (url.empty()) {
            if (resource != nullptr && !requests) {
                report(rules::bundle_full_url, *entry, [] {
                    return std::string("Except in transactions and batches every entry needs a "
                                       "fullUrl, which says "
                                       "what resource this is.");
                });
            }
            continue;
        }
        if (!is_absolute(url)) {
            report(rules::bundle_full_url_absolute, *entry, [&] {
                return join("The fullUrl", shown(url), " must be an absolute URL.");
            });
            continue;
        }
        if (resource == nullptr || url.starts_with("urn:")) {
            continue;
        }
        const std::string_view id = seen.id;
        const RestUrl parts = split_rest(url);
        const TypeId named = types_.find(parts.type);
        if (named == unknown_type || !types_.is_a(named, known_.resource)) {
            continue;
        }
        if (id.empty()) {
            report(rules::bundle_full_url_no_id, *entry, [] {
                return std::string("The fullUrl looks like a server's URL, but the resource has no "
                                   "id. Add the id, or "
                                   "use a urn:uuid fullUrl.");
            });
        } else if ((parts.type != resource->resource_type() || parts.id != id)) {
            report(rules::bundle_full_url_match, *entry, [&] {
                return join(
                    "The fullUrl looks like a server's URL, so it must end with the resource's "
                    "type and "
                    "id, /",
                    resource->resource_type(),
                    "/...",
                    shown(id),
                    "."
                );
            });
        }
    }
    if (linked && first != nullptr) {
        check_links(bundle, index, type == "message");
    }
    if (type == "document") {
        check_document_relations(bundle, index);
    }
    check_bundle_relations(bundle, type);
}

// What the resource of an entry refers to. Links that mean no entry although they seem to are
// reported.
Walker::EntryLinks
Walker::follow_links(const Element& bundle, const BundleIndex& index, std::size_t place) {
    EntryLinks out;
    const std::span<const BundleIndex::Entry> entries = index.entries();
    if (entries[place].resource == nullptr) {
        return out;
    }
    const auto follow = [&](const Element& reference) {
        const Element* target = check_link(bundle, index, *entries[place].entry, reference);
        if (target == nullptr || !spend()) {
            return;
        }
        // Entries are in source order, so the target's place is found by its offset.
        const auto found = std::ranges::lower_bound(
            entries,
            target->offset,
            {},
            [](const BundleIndex::Entry& entry) { return entry.offset; }
        );
        if (found != entries.end() && found->entry == target) {
            out.targets.push_back(static_cast<std::uint32_t>(found - entries.begin()));
        }
    };
    each_reference(*entries[place].resource, follow, [&](const Element& link) {
        out.narrative.push_back(&link);
    });
    return out;
}

// Documents and messages travel alone, so what their entries refer to should be inside, and every
// entry should be reachable from the first one, forwards or backwards.
void Walker::check_links(const Element& bundle, const BundleIndex& index, bool message) {
    const std::span<const BundleIndex::Entry> entries = index.entries();
    const std::size_t count = entries.size();
    const std::span<std::uint32_t> group = arena_.array<std::uint32_t>(count);
    std::iota(group.begin(), group.end(), 0U);
    const auto leader = [&](std::uint32_t at) {
        while (group[at] != at) {
            group[at] = group[group[at]];
            at = group[at];
        }
        return at;
    };
    NarrativeLinks links(index);
    std::vector<LinkResult> followed = std::exchange(links_, {});
    for (std::uint32_t i = 0; i < count; ++i) {
        EntryLinks found;
        if (followed.empty()) {
            found = follow_links(bundle, index, i);
        } else {
            add_result(followed[i].found);
            found = std::move(followed[i].links);
        }
        for (const std::uint32_t place : found.targets) {
            group[leader(place)] = leader(i);
        }
        for (const Element* link : found.narrative) {
            links.add(*link);
        }
    }
    check_narrative_links(links);
    const Element* composition = count == 0 ? nullptr : entries[0].resource;
    if (!message && composition != nullptr && composition->resource_type() == "Composition") {
        check_composition(*composition, index, *entries[0].entry);
    }
    for (std::uint32_t i = 1; i < count; ++i) {
        if (entries[i].resource != nullptr && leader(i) != leader(0)) {
            const RuleInfo& rule = message ? rules::bundle_orphan_message : rules::bundle_orphan;
            report(rule, *entries[i].entry, [&] {
                return join(
                    "No link leads from this entry to the ",
                    message ? "MessageHeader" : "Composition",
                    " or back. Check whether it belongs here."
                );
            });
        }
    }
}

// A document holds what its Composition refers to directly (R4 §3.3.1): whom and what it is about,
// who made it, and what its sections list. `part` is the Composition or one of its parts.
void Walker::check_composition(
    const Element& part, const BundleIndex& index, const Element& entry
) {
    static constexpr std::string_view held[] = {
        "subject",
        "encounter",
        "author",
        "custodian",
        "party",
        "detail",
        "focus",
        "entry",
    };
    for (const Element& child : part.children()) {
        if (child.name == "section" || child.name == "attester" || child.name == "event") {
            check_composition(child, index, entry);
            continue;
        }
        const Element* reference = child.child(known_.reference_symbol);
        if (reference == nullptr ||
            std::find(std::begin(held), std::end(held), child.name) == std::end(held)) {
            continue;
        }
        const std::string_view text = reference->value;
        const std::size_t slash = text.find('/');
        const bool bare = !has_scheme(text) && slash == std::string_view::npos;
        // '#' means the Composition itself. What is neither a URL nor Type/id is a fault of form,
        // said elsewhere; that nothing here carries the name is another.
        if (text.empty() || text.starts_with('#') || !spend() ||
            index.resolve(entry, text).entry != nullptr ||
            (bare && (index.by_url(text).entry != nullptr || index.has_id(text))) ||
            (!has_scheme(text) && !bare &&
             index.by_id(text.substr(0, slash), text.substr(slash + 1)).entry != nullptr)) {
            continue;
        }
        report(rules::bundle_not_held, child, [&] {
            return join(
                "A document holds what its Composition refers to, and no entry is",
                options_.show_values ? shown(text) : std::string(" the one meant here"),
                ". Send it along."
            );
        });
    }
}

// The entry that a reference means, or nullptr. A resource of that type and id whose fullUrl says
// that it is another one is an error: the sender most likely meant it.
const Element* Walker::check_link(
    const Element& bundle, const BundleIndex& index, const Element& entry, const Element& reference
) {
    const std::string_view text = reference.value;
    if (const BundleIndex::Found found = index.resolve(entry, text); found.entry != nullptr) {
        check_version(index, text, found, reference);
        return found.entry;
    }
    const std::size_t slash = text.find('/');
    if (text.find(':') != std::string_view::npos) {
        return nullptr;
    }
    if (slash == std::string_view::npos) {
        // A fault of form and no link; but where several entries have the name, that is to be said.
        if (const BundleIndex::Found named = index.by_url(text); named.entry != nullptr) {
            check_version(index, text, named, reference);
        }
        return nullptr;
    }
    const BundleIndex::Found near = index.by_id(text.substr(0, slash), text.substr(slash + 1));
    if (near.entry != nullptr) {
        const bool based = !BundleIndex::base_of(entry).empty();
        // The first entry says what the document or message is; its own links are named exactly.
        const Element& place = &entry == bundle.child("entry") && reference.parent != nullptr
                                   ? *reference.parent
                                   : bundle;
        report(based ? rules::bundle_reference : rules::bundle_reference_base, place, [&] {
            return join(
                "The reference at ",
                expression_of(reference),
                " names the type and id of an entry, but by the Bundle's rules it means another "
                "URL: ",
                based ? "the fullUrls differ in their base."
                      : "the fullUrl of its own entry gives no base to complete it.",
                " Make the fullUrls agree, or refer by fullUrl."
            );
        });
    }
    return nullptr;
}

// Several entries may be versions of one resource, under one fullUrl. A reference then says which,
// and that one is there.
void Walker::check_version(
    const BundleIndex& index,
    std::string_view text,
    const BundleIndex::Found& found,
    const Element& reference
) {
    constexpr std::string_view history = "/_history/";
    const std::size_t at = text.find(history);
    const std::string_view wanted =
        at == std::string_view::npos ? std::string_view{} : text.substr(at + history.size());
    std::size_t versions = 0;
    bool there = false;
    index.each_with_url(found.entry->child_value("fullUrl"), [&](const Element& resource) {
        if (!spend()) {
            return;  // thousands of versions, referred to thousands of times
        }
        ++versions;
        const Element* meta = resource.child("meta");
        there = there || (meta != nullptr && meta->child_value("versionId") == wanted);
    });
    if (wanted.empty() ? versions < 2 : there) {
        return;
    }
    const Element& place = reference.parent == nullptr ? reference : *reference.parent;
    if (wanted.empty()) {
        report(rules::bundle_reference_many, place, [&] {
            return join(
                std::to_string(versions),
                " entries have the fullUrl that this reference means. Say which: add /_history/ "
                "and the version."
            );
        });
    } else if (versions > 1) {
        report(rules::bundle_reference, place, [&] {
            return join(
                "The Bundle has ",
                std::to_string(versions),
                " versions of what this reference means, and not the one it names."
            );
        });
    }
}

// A search set: what its own link asked for, with ids; problems are told in an OperationOutcome.
void Walker::check_search_set(const Element& bundle) {
    std::string_view asked;  // type searched for, by the self link
    for (const Element* link = bundle.child("link"); link != nullptr; link = link->next_same()) {
        if (link->child_value("relation") == "self") {
            std::string_view url = link->child_value("url");
            url = url.substr(0, url.find('?'));
            asked = url.substr(url.rfind('/') + 1);
        }
    }
    const TypeId wanted = types_.find(asked);
    const bool typed = wanted != unknown_type && types_.is_a(wanted, known_.resource);
    for (const Element* entry = bundle.child("entry"); entry != nullptr;
         entry = entry->next_same()) {
        const Element* resource = entry->child("resource");
        if (resource == nullptr || !resource->is_resource) {
            continue;
        }
        const Element* search = entry->child("search");
        const std::string_view mode =
            search == nullptr ? std::string_view{} : search->child_value("mode");
        const bool outcome = resource->resource_type() == "OperationOutcome";
        if (resource->child_value("id").empty() && !outcome) {
            report(rules::search_set_no_id, *resource, [] {
                return std::string("What a search found has an id. Add it.");
            });
        }
        if (mode == "outcome" && !outcome) {
            report(rules::search_set_outcome, *resource, [&] {
                return join(
                    "Search mode outcome is for OperationOutcome, not ",
                    resource->resource_type(),
                    "."
                );
            });
        } else if (typed && !outcome && (mode.empty() || mode == "match") && resource->type != wanted) {
            report(rules::search_set_type, *resource, [&] {
                return join(
                    "The search was for ",
                    asked,
                    " (link self), but this is ",
                    resource->resource_type(),
                    mode.empty() ? ". Say so by search mode include, or leave it out."
                                 : " with search mode match. Give it mode include, or leave it out."
                );
            });
        }
    }
}

// Bundle.link of a document: a stylesheet named by a relative URL is a Binary inside, and pages
// are of search sets alone.
void Walker::check_document_relations(const Element& bundle, const BundleIndex& index) {
    for (const Element* link = bundle.child("link"); link != nullptr; link = link->next_same()) {
        const Element* relation = link->child("relation");
        const Element* url = link->child("url");
        const std::string_view kind = relation == nullptr ? std::string_view{} : relation->value;
        if (kind == "first" || kind == "previous" || kind == "next" || kind == "last") {
            report(rules::bundle_link_search, *relation, [&] {
                return join("The relation ", kind, " is for search sets; take the link out.");
            });
        } else if (kind == "stylesheet" && url != nullptr && !url->value.empty() &&
                   !has_scheme(url->value) && index.by_url(url->value).entry == nullptr &&
                   index.by_id(split_rest(url->value).type, split_rest(url->value).id).entry ==
                       nullptr) {
            report(rules::bundle_stylesheet, *url, [] {
                return std::string("No entry holds this stylesheet. A document travels alone: send "
                                   "it along as a Binary.");
            });
        }
    }
}

// Bundle.link of a search set: each relation once.
void Walker::check_bundle_relations(const Element& bundle, std::string_view type) {
    if (type != "searchset") {
        return;
    }
    check_search_set(bundle);
    for (const Element* link = bundle.child("link"); link != nullptr; link = link->next_same()) {
        const std::string_view relation = link->child_value("relation");
        for (const Element* other = bundle.child("link");
             other != nullptr && other != link && spend();
             other = other->next_same()) {
            if (!relation.empty() && other->child_value("relation") == relation) {
                report(rules::bundle_link, *link, [&] {
                    return join("The relation", shown(relation), " may stand only once.");
                });
                break;
            }
        }
    }
}

}  // namespace gatehouse::fhir::judge
