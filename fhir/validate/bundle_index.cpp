// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

std::string_view before_history(std::string_view url) noexcept {
    return url.substr(0, url.find("/_history/"));
}

}  // namespace

BundleIndex::BundleIndex(const Element& bundle, Arena& arena) {
    for (const Element& child : bundle.children()) {
        count_ += child.name == "entry" ? 1U : 0U;
    }
    urls_ = arena.array<Slot>(count_);
    ids_ = arena.array<Slot>(count_);
    std::size_t urls = 0;
    std::size_t ids = 0;
    for (const Element& entry : bundle.children()) {
        if (entry.name != "entry") {
            continue;
        }
        const Element* resource = entry.child("resource");
        if (resource == nullptr || !resource->is_resource) {
            continue;
        }
        if (const std::string_view url = entry.child_value("fullUrl"); !url.empty()) {
            urls_[urls++] = {{}, url, &entry, resource};
        }
        if (const std::string_view id = resource->child_value("id"); !id.empty()) {
            ids_[ids++] = {resource->resource_type(), id, &entry, resource};
        }
    }
    urls_ = urls_.first(urls);
    ids_ = ids_.first(ids);
    arrange(urls_);
    arrange(ids_);
}

void BundleIndex::arrange(std::span<Slot>& slots) noexcept {
    // Entries stand in the order of the message, so the offset keeps the first of equal keys first.
    std::sort(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) {
        return a < b || (!(b < a) && a.entry->offset < b.entry->offset);
    });
}

BundleIndex::Found BundleIndex::find(std::span<const Slot> slots, const Slot& wanted) noexcept {
    const auto at = std::lower_bound(slots.begin(), slots.end(), wanted);
    return at == slots.end() || wanted < *at ? Found{} : Found{at->entry, at->resource};
}

BundleIndex::Found BundleIndex::by_url(std::string_view full_url) const noexcept {
    return find(urls_, {{}, full_url, nullptr, nullptr});
}

BundleIndex::Found BundleIndex::by_id(std::string_view type, std::string_view id) const noexcept {
    return find(ids_, {type, id, nullptr, nullptr});
}

bool BundleIndex::has_id(std::string_view id) const noexcept {
    const Slot wanted{{}, id, nullptr, nullptr};  // before every type
    const auto at = std::lower_bound(ids_.begin(), ids_.end(), wanted);
    return at != ids_.end() && at->key == id;
}

std::string_view BundleIndex::base_of(const Element& entry) noexcept {
    const std::string_view url = entry.child_value("fullUrl");
    const Element* resource = entry.child("resource");
    if (resource == nullptr || url.starts_with("urn:")) {
        return {};
    }
    const std::string_view type = resource->resource_type();
    const std::string_view id = resource->child_value("id");
    if (url.size() <= type.size() + id.size() + 1 || !url.ends_with(id)) {
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
        if (found.entry != nullptr && found.entry->child_value("fullUrl").empty()) {
            return found;
        }
        // A fullUrl that is no absolute URL is an error of its own; what it means is plain.
        return by_url(reference);
    }
    if (found.entry != nullptr && base_of(*found.entry) == base) {
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
