#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The inside of TypeModel, shared by its builder (type_build.cpp) and its lookups (types.cpp).
//
// Children are found through one open-addressed table per type, all laid out in one array: an entry
// is twelve bytes, so the table of a typical resource fits in a few cache lines.

#include <string>
#include <unordered_map>
#include <vector>

#include "fhir/base/hash.hpp"
#include "fhir/model/types.hpp"

namespace gatehouse::fhir {

struct TypeModel::Impl {
    struct Slot {
        Symbol name = unknown_symbol;   // as written: "valueQuantity"
        std::uint16_t child = 0;        // in TypeInfo::children
        std::uint8_t choice_bytes = 0;  // length of the choice's own name, 0 for no choice
        bool repeats = false;
        TypeId type = unknown_type;
    };
    struct Table {
        std::uint32_t begin = 0;
        std::uint32_t mask = 0;  // size - 1
    };

    SymbolTable symbols;
    std::vector<TypeInfo> types;  // [0] is the unknown type
    std::unordered_map<std::string_view, TypeId, TextHash, TextEqual>
        by_name;                    // views into `names`
    std::vector<TypeId> by_symbol;  // resource and type names
    std::vector<Table> tables;      // by type
    std::vector<Slot> slots;

    [[nodiscard]] const Slot* find(TypeId type, Symbol name) const noexcept {
        const Table& table = tables[type];
        for (std::uint32_t at = hash(name) & table.mask;; at = (at + 1) & table.mask) {
            const Slot& slot = slots[table.begin + at];
            if (slot.name == name) {
                return name != unknown_symbol ? &slot : nullptr;
            }
            if (slot.name == unknown_symbol) {
                return nullptr;
            }
        }
    }
    [[nodiscard]] TypeId type_of(Symbol name) const noexcept {
        return name < by_symbol.size() ? by_symbol[name] : unknown_type;
    }
    static std::uint32_t hash(Symbol name) noexcept { return (name * 2654435769U) >> 16; }

    // Lays out by_symbol, tables and slots once `types` is complete.
    void index();
};

}  // namespace gatehouse::fhir
