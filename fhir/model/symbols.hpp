#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SymbolTable: every element name that the loaded definitions know, as a small number. Decoders
// look each name up once; everything after compares integers. Built while definitions load, then
// frozen and shared between threads.

#include <cstdint>
#include <string_view>
#include <vector>

#include "fhir/base/arena.hpp"

namespace gatehouse::fhir {

// 0 is "a name that no definition knows"; the text is still in Element::name.
using Symbol = std::uint32_t;
inline constexpr Symbol unknown_symbol = 0;

class SymbolTable {
public:
    SymbolTable();
    SymbolTable(SymbolTable&&) noexcept = default;
    SymbolTable& operator=(SymbolTable&&) noexcept = default;

    // The symbol of `name`, added if new. Not thread-safe; only while building.
    Symbol intern(std::string_view name);

    // The symbol of `name`, or unknown_symbol. Thread-safe once building is over.
    [[nodiscard]] Symbol find(std::string_view name) const noexcept;

    [[nodiscard]] std::string_view text(Symbol symbol) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }

private:
    struct Slot {
        Symbol symbol = unknown_symbol;
        std::uint32_t mark = 0;  // more of the hash: a strange name is seldom compared
    };
    void grow();
    void place(Symbol symbol);

    Arena arena_;
    std::vector<std::string_view> names_;  // by symbol
    std::vector<Slot> slots_;              // open addressing, power of two
};

}  // namespace gatehouse::fhir
