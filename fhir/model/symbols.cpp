// SPDX-License-Identifier: Apache-2.0
#include "fhir/model/symbols.hpp"

namespace gatehouse::fhir {
namespace {

// FNV-1a over at most 16 bytes plus the length: element names are short and differ early or late.
std::uint32_t hash_name(std::string_view name) noexcept {
    std::uint32_t hash = 2166136261U ^ static_cast<std::uint32_t>(name.size());
    const std::size_t head = name.size() < 16 ? name.size() : 16;
    for (std::size_t i = 0; i < head; ++i) {
        hash = (hash ^ static_cast<unsigned char>(name[i])) * 16777619U;
    }
    if (name.size() > 16) {
        for (std::size_t i = name.size() - 8; i < name.size(); ++i) {
            hash = (hash ^ static_cast<unsigned char>(name[i])) * 16777619U;
        }
    }
    return hash ^ (hash >> 15);
}

}  // namespace

SymbolTable::SymbolTable() : names_{std::string_view{}}, slots_(4096, unknown_symbol) {}

Symbol SymbolTable::find(std::string_view name) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash_name(name) & mask;; slot = (slot + 1) & mask) {
        const Symbol symbol = slots_[slot];
        if (symbol == unknown_symbol || names_[symbol] == name) {
            return symbol;
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
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash_name(name) & mask;
    while (slots_[slot] != unknown_symbol) {
        slot = (slot + 1) & mask;
    }
    slots_[slot] = symbol;
    return symbol;
}

std::string_view SymbolTable::text(Symbol symbol) const noexcept {
    return symbol < names_.size() ? names_[symbol] : std::string_view{};
}

void SymbolTable::grow() {
    std::vector<Symbol> slots(slots_.size() * 2, unknown_symbol);
    const std::size_t mask = slots.size() - 1;
    for (Symbol symbol = 1; symbol < names_.size(); ++symbol) {
        std::size_t slot = hash_name(names_[symbol]) & mask;
        while (slots[slot] != unknown_symbol) {
            slot = (slot + 1) & mask;
        }
        slots[slot] = symbol;
    }
    slots_ = std::move(slots);
}

}  // namespace gatehouse::fhir
