// SPDX-License-Identifier: Apache-2.0
//
// Equality and equivalence of items and of trees (FHIRPath N1 §6.1).
#include <algorithm>

#include "fhir/path/strings.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path {
namespace equality {

bool is_moment(ItemKind kind) {
    return kind == ItemKind::date || kind == ItemKind::date_time || kind == ItemKind::time;
}

// Two elements as tree nodes: values by type, children in order.
std::optional<bool> primitive_equal(Evaluator& run, const Element& a, const Element& b) {
    Item x;
    Item y;
    const bool has_x = to_value(run, item_of(a), x);
    const bool has_y = to_value(run, item_of(b), y);
    if (has_x != has_y) {
        return false;
    }
    if (!has_x) {
        return equal_trees(run, a, b);
    }
    return equal_items(run, x, y);
}

bool is_plain(const Evaluator& run, const Element& element) {
    return is_primitive(run, element);
}

// Numbers agree to the digits of the less precise one (N1 §6.1.2).
bool equivalent_numbers(const Item& a, const Item& b) {
    const auto x = decimal_of(a);
    const auto y = decimal_of(b);
    if (!x || !y) {
        return false;
    }
    const int scale = std::min(x->normalized().scale(), y->normalized().scale());
    return compare(
               x->rounded(scale, Rounding::half_away), y->rounded(scale, Rounding::half_away)
           ) == 0;
}

bool equivalent_quantities(const Item& a, const Item& b);

std::uint64_t mix(std::uint64_t hash) {
    hash ^= hash >> 33;
    hash *= 0xFF51AFD7ED558CCDULL;
    return hash ^ (hash >> 33);
}

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
    std::uint64_t hash = 1469598103934665603ULL ^ seed;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    return mix(hash);
}

}  // namespace equality

bool equal_trees(Evaluator& run, const Element& a, const Element& b) {
    if (&a == &b) {
        return true;
    }
    if (!run.pay()) {
        return false;
    }
    if (a.has_value() != b.has_value() || a.is_resource != b.is_resource) {
        return false;
    }
    if (a.is_resource && a.value != b.value) {
        return false;
    }
    if (a.has_value()) {
        Item x;
        Item y;
        to_value(run, item_of(a), x);
        to_value(run, item_of(b), y);
        if (x.kind == ItemKind::element || y.kind == ItemKind::element) {
            if (a.value != b.value) {
                return false;
            }
        } else if (!equal_items(run, x, y).value_or(false)) {
            return false;
        }
    }
    const Element* left = a.first_child;
    const Element* right = b.first_child;
    for (; left != nullptr && right != nullptr; left = left->next, right = right->next) {
        if (left->name != right->name || !equal_trees(run, *left, *right)) {
            return false;
        }
    }
    return left == nullptr && right == nullptr;
}

// Equivalence of complex elements: the children's values pairwise, in any order, names alike.
bool equivalent_trees(Evaluator& run, const Element& a, const Element& b) {
    if (&a == &b) {
        return true;
    }
    if (!run.pay() || a.is_resource != b.is_resource || (a.is_resource && a.value != b.value)) {
        return false;
    }
    Item x;
    Item y;
    const bool plain = equality::is_plain(run, a) || equality::is_plain(run, b);
    if (plain) {
        const bool has_x = to_value(run, item_of(a), x);
        const bool has_y = to_value(run, item_of(b), y);
        if (has_x || has_y) {
            return has_x && has_y && x.kind != ItemKind::element && y.kind != ItemKind::element &&
                   equivalent_items(run, x, y);
        }
    }
    Items rest(run.arena);
    for (const Element& child : b.children()) {
        rest.push(item_of(child));
    }
    std::size_t left = rest.size();
    for (const Element& child : a.children()) {
        bool found = false;
        for (Item& other : rest) {
            if (other.element != nullptr && other.element->name == child.name &&
                equivalent_trees(run, child, *other.element)) {
                other.element = nullptr;
                found = true;
                --left;
                break;
            }
        }
        if (!found || run.failed()) {
            return false;
        }
    }
    return left == 0;
}

std::optional<bool> equal_items(Evaluator& run, const Item& a, const Item& b) {
    if (a.kind == ItemKind::element && b.kind == ItemKind::element) {
        if (a.element == b.element) {
            return true;
        }
        const bool plain_a = is_primitive(run, *a.element);
        const bool plain_b = is_primitive(run, *b.element);
        if (plain_a && plain_b) {
            return equality::primitive_equal(run, *a.element, *b.element);
        }
        Item x;
        Item y;
        if (plain_a != plain_b) {
            return false;
        }
        to_value(run, a, x);
        to_value(run, b, y);
        if (x.kind != ItemKind::quantity || y.kind != ItemKind::quantity) {
            return equal_trees(run, *a.element, *b.element);
        }
        return equal_items(run, x, y);
    }
    if (a.kind == ItemKind::element || b.kind == ItemKind::element) {
        Item x;
        Item y;
        if (!to_value(run, a, x) || !to_value(run, b, y)) {
            return false;
        }
        if (x.kind == ItemKind::element || y.kind == ItemKind::element) {
            return false;
        }
        return equal_items(run, x, y);
    }
    if (a.kind == ItemKind::integer && b.kind == ItemKind::integer) {
        return a.integer == b.integer;
    }
    if (is_number(a) && is_number(b)) {
        const auto x = decimal_of(a);
        const auto y = decimal_of(b);
        return x && y && compare(*x, *y) == 0;
    }
    if (a.kind == ItemKind::quantity || b.kind == ItemKind::quantity) {
        if ((a.kind != ItemKind::quantity && !is_number(a)) ||
            (b.kind != ItemKind::quantity && !is_number(b))) {
            return false;
        }
        if (!run.pay((a.unit.size() + b.unit.size()) / 8)) {
            return std::nullopt;
        }
        const auto order = compare_quantities(a, b);
        if (order.calendar_doubt) {
            return std::nullopt;
        }
        return order.comparable && order.order == 0;
    }
    if (equality::is_moment(a.kind) && equality::is_moment(b.kind)) {
        const auto x = moment_of(a);
        const auto y = moment_of(b);
        if (!x || !y) {
            return a.text == b.text;
        }
        return equal(*x, *y);
    }
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case ItemKind::boolean: return a.truth == b.truth;
    case ItemKind::type_info: return a.text == b.text && a.unit == b.unit;
    default: return a.text.size() == b.text.size() && run.pay_for(a.text) && a.text == b.text;
    }
}

namespace equality {

// Like equality, but numbers by their least precision, and a year is a year in either system.
bool equivalent_quantities(const Item& a, const Item& b) {
    const auto order = compare_quantities(a, b);
    if (order.comparable && order.order == 0) {
        return true;
    }
    const auto value = convert_quantity(a, b);
    if (!value) {
        return false;
    }
    const auto x = *value;
    const auto y = decimal_of(b);
    if (!y) {
        return false;
    }
    const auto original = decimal_of(a);
    // "4 'g' ~ 4040 'mg'": 4 is written to the gram, so the comparison is at the gram.
    if (const auto back = convert_quantity(b, a); back && original) {
        const int scale = std::min(original->normalized().scale(), back->normalized().scale());
        if (compare(
                original->rounded(scale, Rounding::half_away),
                back->rounded(scale, Rounding::half_away)
            ) == 0) {
            return true;
        }
    }
    const int scale = std::min(x.normalized().scale(), y->normalized().scale());
    return compare(x.rounded(scale, Rounding::half_away), y->rounded(scale, Rounding::half_away)) ==
           0;
}

}  // namespace equality

bool equivalent_items(Evaluator& run, const Item& a, const Item& b) {
    if (a.kind == ItemKind::element && b.kind == ItemKind::element &&
        (!is_primitive(run, *a.element) || !is_primitive(run, *b.element))) {
        Item x;
        Item y;
        if (to_value(run, a, x) && to_value(run, b, y) && x.kind == ItemKind::quantity &&
            y.kind == ItemKind::quantity) {
            return equality::equivalent_quantities(x, y);
        }
        return equivalent_trees(run, *a.element, *b.element);
    }
    Item x;
    Item y;
    const bool has_x = to_value(run, a, x);
    const bool has_y = to_value(run, b, y);
    if (!has_x || !has_y) {
        return has_x == has_y && a.kind == ItemKind::element && b.kind == ItemKind::element &&
               equivalent_trees(run, *a.element, *b.element);
    }
    if (x.kind == ItemKind::element || y.kind == ItemKind::element) {
        return false;
    }
    if (x.kind == ItemKind::string && y.kind == ItemKind::string) {
        // Folding copies both.
        return run.pay((x.text.size() + y.text.size()) / 32) && equivalent_text(x.text, y.text);
    }
    if (is_number(x) && is_number(y)) {
        return equality::equivalent_numbers(x, y);
    }
    if (x.kind == ItemKind::quantity || y.kind == ItemKind::quantity) {
        if ((x.kind != ItemKind::quantity && !is_number(x)) ||
            (y.kind != ItemKind::quantity && !is_number(y))) {
            return false;
        }
        return run.pay((x.unit.size() + y.unit.size()) / 2) &&
               equality::equivalent_quantities(x, y);
    }
    if (equality::is_moment(x.kind) && equality::is_moment(y.kind)) {
        const auto left = moment_of(x);
        const auto right = moment_of(y);
        return left && right ? equivalent(*left, *right) : x.text == y.text;
    }
    return equal_items(run, x, y).value_or(false);
}

std::uint64_t hash_item(const Evaluator& run, const Item& item) {
    Item value;
    if (!to_value(run, item, value)) {
        return 1;
    }
    switch (value.kind) {
    case ItemKind::string: return equality::hash_text(value.text, 2);
    case ItemKind::boolean: return value.truth ? 3 : 4;
    case ItemKind::integer: return equality::mix(static_cast<std::uint64_t>(value.integer) + 5);
    case ItemKind::decimal: {
        const auto number = Decimal::parse(value.text);
        if (!number) {
            return 6;
        }
        if (const auto whole = number->to_int64()) {
            return equality::mix(static_cast<std::uint64_t>(*whole) + 5);  // as the Integer
        }
        return equality::hash_text(number->normalized().text(), 7);
    }
    case ItemKind::element: {
        // Cheap and order-blind to nothing: the names and values of the first few children.
        std::uint64_t hash = 8;
        int count = 0;
        for (const Element& child : value.element->children()) {
            if (++count > 4) {
                break;
            }
            hash = equality::hash_text(child.name, hash);
        }
        return hash;
    }
    default: return 9;  // dates, times, quantities: equal in more ways than one text
    }
}

}  // namespace gatehouse::fhir::path
