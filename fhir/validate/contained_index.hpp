#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The contained resources of one resource by id, so that "#id" costs one look however many there
// are. Of equal ids the first is the one meant. Views into the resource.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fhir/model/element.hpp"

namespace gatehouse::fhir::judge {

class ContainedIndex {
public:
    ContainedIndex() = default;
    explicit ContainedIndex(const Element& container);

    static constexpr std::size_t none = ~std::size_t{0};
    // Place in `all()` of the first one with this id; `none` if there is none, or it is empty.
    [[nodiscard]] std::size_t first(std::string_view id) const noexcept;
    // In the order of the resource.
    [[nodiscard]] std::span<const Element* const> all() const noexcept { return all_; }
    [[nodiscard]] const Element* container() const noexcept { return container_; }

private:
    // Sorted by hash, then by id and place: the hash is no defence against who chooses the ids.
    struct Ref {
        std::uint64_t hash = 0;
        std::uint32_t place = 0;
        std::string_view id;
    };
    const Element* container_ = nullptr;
    std::vector<const Element*> all_;
    std::vector<Ref> refs_;
};

// The contained resource with this id, or null. Looks through a few; of a resource with more,
// `index` is made and kept until another such resource is asked about.
const Element*
contained_with_id(const Element& container, std::string_view id, ContainedIndex& index);

}  // namespace gatehouse::fhir::judge
