// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

constexpr std::size_t entries_for_help = 256;  // to be looked at; to be sorted, four times so many
constexpr std::size_t entries_at_once = 64;

std::string_view before_history(std::string_view url) noexcept {
    return url.substr(0, url.find("/_history/"));
}

}  // namespace

BundleIndex::BundleIndex(
    const Element& bundle, const KnownTypes& known, Arena& arena, const Helpers* helpers
) {
    std::size_t count = 0;
    for (const Element& child : bundle.children()) {
        count += child.symbol == known.entry_symbol ? 1U : 0U;
    }
    entries_ = arena.array<Entry>(count);
    count = 0;
    for (const Element& child : bundle.children()) {
        if (child.symbol == known.entry_symbol) {
            entries_[count++].entry = &child;
        }
    }
    // By entry, until it is known how many there are.
    urls_ = arena.array<Ref>(count);
    ids_ = arena.array<Ref>(count);
    const auto look = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            entries_[i] = look_at(*entries_[i].entry, known);
            urls_[i].hash = hash_text(entries_[i].full_url);
            ids_[i].hash = hash_text(entries_[i].id);
        }
    };
    const bool helped = helpers != nullptr && helpers->count > 0 && count >= entries_for_help;
    if (!helped) {
        look(0, count);
    } else {
        std::atomic<std::size_t> next{0};
        helpers->run([&] {
            for (std::size_t from = next.fetch_add(entries_at_once); from < count;
                 from = next.fetch_add(entries_at_once)) {
                look(from, std::min(from + entries_at_once, count));
            }
        });
    }
    std::size_t urls = 0;
    std::size_t ids = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const Entry& entry = entries_[i];
        if (entry.resource == nullptr || !entry.resource->is_resource) {
            continue;
        }
        if (!entry.full_url.empty()) {
            urls_[urls++] = {urls_[i].hash, static_cast<std::uint32_t>(i)};
        }
        if (!entry.id.empty()) {
            ids_[ids++] = {ids_[i].hash, static_cast<std::uint32_t>(i)};
        }
    }
    urls_ = urls_.first(urls);
    ids_ = ids_.first(ids);
    std::atomic<unsigned> part{0};
    const auto arrange_parts = [&] {
        for (unsigned at = part++; at < 2; at = part++) {
            at == 0 ? arrange(urls_, &Entry::full_url) : arrange(ids_, &Entry::id);
        }
    };
    if (helped && count >= 4 * entries_for_help) {
        helpers->run(arrange_parts);
    } else {
        arrange_parts();
    }
}

// By symbols: names are texts in the message, and those of a large one are far away.
BundleIndex::Entry BundleIndex::look_at(const Element& entry, const KnownTypes& known) noexcept {
    Entry out;
    out.entry = &entry;
    out.offset = entry.offset;
    out.resource = entry.child(known.resource_symbol);
    out.full_url = value_of_child(entry, known.full_url_symbol);
    if (out.resource == nullptr) {
        return out;
    }
    out.id = value_of_child(*out.resource, known.id_symbol);
    out.base = base_in(out.full_url, out.resource->resource_type(), out.id);
    out.url_fits =
        is_absolute(out.full_url) && (out.full_url.starts_with("urn:") || !out.base.empty());
    return out;
}

void BundleIndex::arrange(std::span<Ref> refs, Key key) const noexcept {
    std::sort(refs.begin(), refs.end(), [&](const Ref& a, const Ref& b) {
        if (a.hash != b.hash) {
            return a.hash < b.hash;
        }
        const Entry& left = entries_[a.entry];
        const Entry& right = entries_[b.entry];
        if (const int order = (left.*key).compare(right.*key); order != 0) {
            return order < 0;
        }
        const int order = type_in(key, left).compare(type_in(key, right));
        return order < 0 || (order == 0 && a.entry < b.entry);
    });
}

const BundleIndex::Ref*
BundleIndex::first_of(std::span<const Ref> refs, const Wanted& wanted, Key key) const noexcept {
    const auto at =
        std::lower_bound(refs.begin(), refs.end(), wanted, [&](const Ref& ref, const Wanted& than) {
            if (ref.hash != than.hash) {
                return ref.hash < than.hash;
            }
            const Entry& entry = entries_[ref.entry];
            const int order = (entry.*key).compare(than.key);
            return order < 0 || (order == 0 && type_in(key, entry) < than.type);
        });
    return refs.data() + (at - refs.begin());
}

BundleIndex::Found
BundleIndex::find(std::span<const Ref> refs, const Wanted& wanted, Key key) const noexcept {
    const Ref* at = first_of(refs, wanted, key);
    if (at == refs.data() + refs.size() || at->hash != wanted.hash) {
        return {};
    }
    const Entry& entry = entries_[at->entry];
    if (entry.*key != wanted.key || type_in(key, entry) != wanted.type) {
        return {};
    }
    return {entry.entry, entry.resource, entry.full_url, entry.base};
}

BundleIndex::Found BundleIndex::by_url(std::string_view full_url) const noexcept {
    return find(urls_, {hash_text(full_url), {}, full_url}, &Entry::full_url);
}

BundleIndex::Found BundleIndex::by_id(std::string_view type, std::string_view id) const noexcept {
    return find(ids_, {hash_text(id), type, id}, &Entry::id);
}

bool BundleIndex::has_id(std::string_view id) const noexcept {
    const Wanted wanted{hash_text(id), {}, id};  // before every type
    const Ref* at = first_of(ids_, wanted, &Entry::id);
    return at != ids_.data() + ids_.size() && at->hash == wanted.hash &&
           entries_[at->entry].id == id;
}

std::string_view BundleIndex::base_of(const Element& entry) noexcept {
    const Element* resource = entry.child("resource");
    return resource == nullptr ? std::string_view{}
                               : base_in(
                                     entry.child_value("fullUrl"),
                                     resource->resource_type(),
                                     resource->child_value("id")
                                 );
}

std::string_view
BundleIndex::base_in(std::string_view url, std::string_view type, std::string_view id) noexcept {
    if (url.starts_with("urn:") || url.size() <= type.size() + id.size() + 1 ||
        !url.ends_with(id)) {
        return {};
    }
    const std::string_view front = url.substr(0, url.size() - id.size() - 1);
    if (url[front.size()] != '/' || !front.ends_with(type)) {
        return {};
    }
    return front.substr(0, front.size() - type.size());
}

BundleIndex::Found
BundleIndex::resolve(const Element& entry, std::string_view reference) const noexcept {
    reference = before_history(reference);
    if (const std::size_t hash = reference.find('#'); hash != std::string_view::npos) {
        reference = reference.substr(0, hash);
    }
    const std::size_t colon = reference.find(':');
    if (colon != std::string_view::npos && colon < reference.find('/')) {
        return by_url(reference);
    }
    const std::size_t slash = reference.find('/');
    if (slash == std::string_view::npos ||
        reference.find('/', slash + 1) != std::string_view::npos) {
        return {};
    }
    const Found found = by_id(reference.substr(0, slash), reference.substr(slash + 1));
    const std::string_view base = base_of(entry);
    if (base.empty()) {
        // Without a base of its own the entry can only mean a neighbour that has none either.
        if (found.entry != nullptr && found.full_url.empty()) {
            return found;
        }
        // A fullUrl that is no absolute URL is an error of its own; what it means is plain.
        return by_url(reference);
    }
    if (found.entry != nullptr && found.base == base) {
        return found;
    }
    // Another server's entry may have the same type and id: look for the full URL itself.
    constexpr std::size_t url_max = 1024;
    if (base.size() + reference.size() > url_max) {
        return {};
    }
    char joined[url_max];
    base.copy(joined, base.size());
    reference.copy(joined + base.size(), reference.size());
    return by_url({joined, base.size() + reference.size()});
}

}  // namespace gatehouse::fhir::judge
