// SPDX-License-Identifier: Apache-2.0
#include "fhir/model/symbols.hpp"

#include "fhir/base/hash.hpp"

namespace gatehouse::fhir {
SymbolTable::SymbolTable() : names_{std::string_view{}}, slots_(4096) {}

Symbol SymbolTable::find(std::string_view name) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    const std::uint64_t hash = hash_text(name);
    const auto mark = static_cast<std::uint32_t>(hash >> 32U);
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        const Slot& slot = slots_[at];
        if (slot.symbol == unknown_symbol ||
            (slot.mark == mark && same_text(names_[slot.symbol], name))) {
            return slot.symbol;
        }
    }
}

Symbol SymbolTable::intern(std::string_view name) {
    if (const Symbol known = find(name); known != unknown_symbol) {
        return known;
    }
    if (names_.size() * 2 >= slots_.size()) {
        grow();
    }
    const auto symbol = static_cast<Symbol>(names_.size());
    names_.push_back(arena_.copy(name));
    place(symbol);
    return symbol;
}

std::string_view SymbolTable::text(Symbol symbol) const noexcept {
    return symbol < names_.size() ? names_[symbol] : std::string_view{};
}

void SymbolTable::place(Symbol symbol) {
    const std::size_t mask = slots_.size() - 1;
    const std::uint64_t hash = hash_text(names_[symbol]);
    std::size_t at = hash & mask;
    while (slots_[at].symbol != unknown_symbol) {
        at = (at + 1) & mask;
    }
    slots_[at] = {symbol, static_cast<std::uint32_t>(hash >> 32U)};
}

void SymbolTable::grow() {
    slots_.assign(slots_.size() * 2, Slot{});
    for (Symbol symbol = 1; symbol < names_.size(); ++symbol) {
        place(symbol);
    }
}

}  // namespace gatehouse::fhir
