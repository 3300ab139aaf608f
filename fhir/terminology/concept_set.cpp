// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/concept_set.hpp"

namespace gatehouse::fhir {

void ConceptSet::add_range(ConceptNumber first, ConceptNumber last) noexcept {
    GH_ASSERT(first <= last && last <= universe_);
    while (first < last && first % 64 != 0) {
        add(first++);
    }
    for (; last - first >= 64; first += 64) {
        words_[first / 64] = ~std::uint64_t{0};
    }
    while (first < last) {
        add(first++);
    }
}

ConceptSet& ConceptSet::operator&=(const ConceptSet& other) noexcept {
    GH_ASSERT(universe_ == other.universe_);
    for (std::size_t i = 0; i < words_.size(); ++i) {
        words_[i] &= other.words_[i];
    }
    return *this;
}

ConceptSet& ConceptSet::operator|=(const ConceptSet& other) noexcept {
    GH_ASSERT(universe_ == other.universe_);
    for (std::size_t i = 0; i < words_.size(); ++i) {
        words_[i] |= other.words_[i];
    }
    return *this;
}

ConceptSet& ConceptSet::operator-=(const ConceptSet& other) noexcept {
    GH_ASSERT(universe_ == other.universe_);
    for (std::size_t i = 0; i < words_.size(); ++i) {
        words_[i] &= ~other.words_[i];
    }
    return *this;
}

}  // namespace gatehouse::fhir
