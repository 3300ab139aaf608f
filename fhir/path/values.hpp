#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What items are worth: elements as System values (FHIR R4 fhirpath.html, "Using FHIR types"),
// equality, equivalence and order (N1 §6.1, §6.2).

#include <optional>
#include <string>
#include <string_view>

#include "fhir/path/decimal.hpp"
#include "fhir/path/evaluator.hpp"
#include "fhir/path/moment.hpp"

namespace gatehouse::fhir::path {

KnownTypes known_types(const TypeModel& types);

// The System value of an item. Primitives become what they hold, a FHIR Quantity without comparator
// becomes a quantity; other elements stay as they are. False if a primitive holds no value.
bool to_value(const Evaluator& run, const Item& item, Item& out);

// The kind of value a primitive element holds, by its type or, unannotated, by the way it was
// written.
ItemKind value_kind(const Evaluator& run, const Element& element);
bool is_primitive(const Evaluator& run, const Element& element);

inline bool is_number(const Item& item) {
    return item.kind == ItemKind::integer || item.kind == ItemKind::decimal;
}
std::optional<Decimal> decimal_of(const Item& item);
std::optional<Moment> moment_of(const Item& item);

// Equality of two items: empty if undecided (partial dates, calendar against UCUM years).
std::optional<bool> equal_items(Evaluator& run, const Item& a, const Item& b);
bool equivalent_items(Evaluator& run, const Item& a, const Item& b);
// Equal items have equal hashes; used to find duplicates without comparing all pairs.
std::uint64_t hash_item(const Evaluator& run, const Item& item);

// Order of two values. `mismatch` is set when their types have no order between them.
std::optional<int> compare_items(const Item& a, const Item& b, bool& mismatch);

// Quantities. Units: equal text needs no parsing; calendar words meet UCUM codes for weeks and
// shorter (N1 §6.6.7); FHIR Quantities in UCUM may be read either way.
struct QuantityOrder {
    bool comparable = false;      // same kind of unit
    bool calendar_doubt = false;  // year or month against a or mo
    int order = 0;
};
// Either side may be a plain number, which counts in unit '1'.
QuantityOrder compare_quantities(const Item& a, const Item& b);
// The unit side of a number as a quantity of unit '1'; the digits stay where the number keeps them.
Item quantity_from_number(const Item& number);
// UCUM code that a calendar word means where it is definite ("week" -> "wk"); as is otherwise.
std::string_view ucum_code(const Item& quantity);

// Deep comparison of trees, as `=` and `~` on complex elements ask.
bool equal_trees(Evaluator& run, const Element& a, const Element& b);
bool equivalent_trees(Evaluator& run, const Element& a, const Element& b);

// Index set over a collection: does it hold an equal item, at less than quadratic cost.
class ItemSet {
public:
    ItemSet(Evaluator& run, std::size_t expected);
    // True if an equal item was there already; otherwise remembers `item` (which must stay put).
    bool seen(const Item& item);
    [[nodiscard]] bool has(const Item& item);

private:
    struct Slot {
        const Item* item = nullptr;
        std::uint64_t hash = 0;
    };
    Slot* find(const Item& item, std::uint64_t hash);
    void grow();
    Evaluator& run_;
    std::span<Slot> slots_;
    std::size_t used_ = 0;
};

}  // namespace gatehouse::fhir::path
