#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Extension narrativeLink: the part of a narrative that says the same as an element does, as
// fullUrl#id. Collected over a Bundle, so that each narrative is read once however many links there
// are.

#include <string_view>
#include <vector>

#include "fhir/model/element.hpp"

namespace gatehouse::fhir::judge {

class BundleIndex;

class NarrativeLinks {
public:
    struct Link {
        const Element* target;  // resource
        std::string_view id;
        const Element* value;  // what names it
    };

    // `index` of the Bundle; it must outlive this.
    explicit NarrativeLinks(const BundleIndex& index) : index_(index) {}

    // Notes the extension if it names a part of a resource of the Bundle; the rest is of no
    // narrative that can be read here.
    void add(const Element& extension);

    [[nodiscard]] std::vector<Link>& links() noexcept { return links_; }

private:
    const BundleIndex& index_;
    std::vector<Link> links_;
};

}  // namespace gatehouse::fhir::judge
