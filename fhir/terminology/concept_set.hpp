#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// ConceptSet: a set of concept numbers of one code system. A bitmap over the system's concepts, so
// that union, intersection and difference cost one pass over words: 62 KB and about 2 µs for the
// 500,000 concepts of SNOMED CT. Numbers are dense (0 to universe - 1); a set and the provider that
// made it belong together.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "fhir/base/assert.hpp"

namespace gatehouse::fhir {

using ConceptNumber = std::uint32_t;

class ConceptSet {
public:
    ConceptSet() = default;
    // An empty set over numbers below `universe`.
    explicit ConceptSet(std::uint32_t universe)
        : universe_(universe), words_((std::size_t{universe} + 63) / 64) {}
    static ConceptSet full(std::uint32_t universe) {
        ConceptSet set(universe);
        set.add_range(0, universe);
        return set;
    }

    [[nodiscard]] std::uint32_t universe() const noexcept { return universe_; }
    [[nodiscard]] bool contains(ConceptNumber number) const noexcept {
        return number < universe_ && ((words_[number / 64] >> (number % 64)) & 1U) != 0;
    }
    void add(ConceptNumber number) noexcept {
        GH_ASSERT(number < universe_);
        words_[number / 64] |= std::uint64_t{1} << (number % 64);
    }
    void remove(ConceptNumber number) noexcept {
        GH_ASSERT(number < universe_);
        words_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    }
    // All numbers from `first` up to but not including `last`.
    void add_range(ConceptNumber first, ConceptNumber last) noexcept;

    // How many it holds; one pass over the words.
    [[nodiscard]] std::uint32_t count() const noexcept {
        std::uint32_t total = 0;
        for (const std::uint64_t word : words_) {
            total += static_cast<std::uint32_t>(std::popcount(word));
        }
        return total;
    }
    [[nodiscard]] bool empty() const noexcept {
        for (const std::uint64_t word : words_) {
            if (word != 0) {
                return false;
            }
        }
        return true;
    }

    // Both sides must have the same universe.
    ConceptSet& operator&=(const ConceptSet& other) noexcept;
    ConceptSet& operator|=(const ConceptSet& other) noexcept;
    ConceptSet& operator-=(const ConceptSet& other) noexcept;
    friend bool operator==(const ConceptSet&, const ConceptSet&) = default;

    // Calls `visit(number)` in rising order; a visitor that answers false ends it.
    template <class Visit> void for_each(Visit&& visit) const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
                const auto number = static_cast<ConceptNumber>(
                    i * 64 + static_cast<std::size_t>(std::countr_zero(word))
                );
                if constexpr (std::is_same_v<decltype(visit(number)), bool>) {
                    if (!visit(number)) {
                        return;
                    }
                } else {
                    visit(number);
                }
            }
        }
    }

private:
    std::uint32_t universe_ = 0;
    std::vector<std::uint64_t> words_;
};

}  // namespace gatehouse::fhir
