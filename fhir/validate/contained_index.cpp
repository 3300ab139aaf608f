// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/contained_index.hpp"

#include <algorithm>

#include "fhir/base/hash.hpp"

namespace gatehouse::fhir::judge {
namespace {

// So many are found sooner by looking at each.
constexpr std::size_t few = 16;

}  // namespace

ContainedIndex::ContainedIndex(const Element& container) : container_(&container) {
    for (const Element& child : container.children()) {
        if (child.name != "contained") {
            continue;
        }
        const std::string_view id = child.child_value("id");
        if (!id.empty()) {
            refs_.push_back({hash_text(id), static_cast<std::uint32_t>(all_.size()), id});
        }
        all_.push_back(&child);
    }
    std::ranges::sort(refs_, [](const Ref& a, const Ref& b) {
        if (a.hash != b.hash) {
            return a.hash < b.hash;
        }
        const int order = a.id.compare(b.id);
        return order < 0 || (order == 0 && a.place < b.place);
    });
}

std::size_t ContainedIndex::first(std::string_view id) const noexcept {
    const std::uint64_t hash = hash_text(id);
    const auto at = std::ranges::lower_bound(refs_, true, {}, [&](const Ref& ref) {
        return ref.hash > hash || (ref.hash == hash && ref.id >= id);
    });
    return at != refs_.end() && at->hash == hash && at->id == id ? at->place : none;
}

const Element*
contained_with_id(const Element& container, std::string_view id, ContainedIndex& index) {
    if (index.container() != &container) {
        std::size_t seen = 0;
        for (const Element& child : container.children()) {
            if (child.name != "contained") {
                continue;
            }
            if (child.child_value("id") == id) {
                return &child;
            }
            if (++seen == few) {
                break;
            }
        }
        if (seen < few) {
            return nullptr;
        }
        index = ContainedIndex(container);
    }
    const std::size_t place = index.first(id);
    return place == ContainedIndex::none ? nullptr : index.all()[place];
}

}  // namespace gatehouse::fhir::judge
