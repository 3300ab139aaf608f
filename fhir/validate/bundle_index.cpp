// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

std::uint64_t
hash_bytes(std::string_view text, std::uint64_t hash = 1469598103934665603ULL) noexcept {
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    return hash | 1U;  // 0 marks a free slot
}

std::uint64_t hash_id(std::string_view type, std::string_view id) noexcept {
    return hash_bytes(id, hash_bytes(type));
}

std::string_view before_history(std::string_view url) noexcept {
    return url.substr(0, url.find("/_history/"));
}

}  // namespace

BundleIndex::BundleIndex(const Element& bundle, Arena& arena) {
    for (const Element& child : bundle.children()) {
        count_ += child.name == "entry" ? 1U : 0U;
    }
    const std::size_t size = std::bit_ceil(count_ * 2 + 2);
    urls_ = arena.array<Slot>(size);
    ids_ = arena.array<Slot>(size);
    for (const Element& entry : bundle.children()) {
        if (entry.name != "entry") {
            continue;
        }
        const Element* resource = entry.child("resource");
        if (resource == nullptr || !resource->is_resource) {
            continue;
        }
        if (const std::string_view url = entry.child_value("fullUrl"); !url.empty()) {
            place(urls_, {hash_bytes(url), &entry, resource});
        }
        if (const std::string_view id = resource->child_value("id"); !id.empty()) {
            place(ids_, {hash_id(resource->resource_type(), id), &entry, resource});
        }
    }
}

void BundleIndex::place(std::span<Slot> table, Slot slot) noexcept {
    const std::size_t mask = table.size() - 1;
    std::size_t at = slot.hash & mask;
    while (table[at].hash != 0) {
        at = (at + 1) & mask;
    }
    table[at] = slot;
}

BundleIndex::Found BundleIndex::by_url(std::string_view full_url) const noexcept {
    const std::size_t mask = urls_.size() - 1;
    const std::uint64_t hash = hash_bytes(full_url);
    for (std::size_t at = hash & mask; urls_[at].hash != 0; at = (at + 1) & mask) {
        if (urls_[at].hash == hash && urls_[at].entry->child_value("fullUrl") == full_url) {
            return {urls_[at].entry, urls_[at].resource};
        }
    }
    return {};
}

BundleIndex::Found BundleIndex::by_id(std::string_view type, std::string_view id) const noexcept {
    const std::size_t mask = ids_.size() - 1;
    const std::uint64_t hash = hash_id(type, id);
    for (std::size_t at = hash & mask; ids_[at].hash != 0; at = (at + 1) & mask) {
        if (ids_[at].hash == hash && ids_[at].resource->resource_type() == type &&
            ids_[at].resource->child_value("id") == id) {
            return {ids_[at].entry, ids_[at].resource};
        }
    }
    return {};
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
        return found.entry != nullptr && found.entry->child_value("fullUrl").empty() ? found
                                                                                     : Found{};
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
