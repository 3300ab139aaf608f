// SPDX-License-Identifier: Apache-2.0
//
// UCUM's grammar (UCUM 2.1 §2): terms joined by '.' and '/', components with an exponent, integers,
// parentheses and {annotations}; a leading '/' inverts. Definitions are followed until base units.
#include "fhir/path/ucum.hpp"

#include <algorithm>
#include <vector>

namespace gatehouse::fhir::path {
namespace ucum {

struct Prefix {
    std::string_view code;
    int power;
};
constexpr Prefix prefixes[] = {
    {"Y", 24}, {"Z", 21},  {"E", 18},  {"P", 15},  {"T", 12},  {"G", 9},   {"M", 6},
    {"k", 3},  {"h", 2},   {"da", 1},  {"d", -1},  {"c", -2},  {"m", -3},  {"u", -6},
    {"n", -9}, {"p", -12}, {"f", -15}, {"a", -18}, {"z", -21}, {"y", -24},
};
struct BinaryPrefix {
    std::string_view code;
    std::int64_t factor;
};
constexpr BinaryPrefix binary_prefixes[] = {
    {"Ki", 1LL << 10}, {"Mi", 1LL << 20}, {"Gi", 1LL << 30}, {"Ti", 1LL << 40}};

constexpr int nesting_max =
    24;  // parentheses and definitions; UCUM's deepest definition is under ten
constexpr int exponent_max = 99;

bool add_dimension(Unit& unit, std::uint16_t atom, int exponent) {
    auto* begin = unit.dimensions.data();
    auto* end = begin + unit.dimension_count;
    auto* at = std::lower_bound(begin, end, atom, [](const Unit::Dimension& d, std::uint16_t a) {
        return d.atom < a;
    });
    if (at != end && at->atom == atom) {
        const int sum = at->exponent + exponent;
        if (sum > 1000 || sum < -1000) {
            return false;
        }
        at->exponent = static_cast<std::int16_t>(sum);
        if (sum == 0) {
            std::copy(at + 1, end, at);
            --unit.dimension_count;
        }
        return true;
    }
    if (exponent == 0) {
        return true;
    }
    if (unit.dimension_count == Unit::dimensions_max) {
        return false;
    }
    std::copy_backward(at, end, end + 1);
    *at = {atom, static_cast<std::int16_t>(exponent)};
    ++unit.dimension_count;
    return true;
}

bool combine(Unit& into, const Unit& other, int sign) {
    into.numerator =
        (into.numerator * (sign > 0 ? other.numerator : other.denominator)).normalized();
    into.denominator =
        (into.denominator * (sign > 0 ? other.denominator : other.numerator)).normalized();
    if (into.numerator.is_too_large() || into.denominator.is_too_large()) {
        return false;
    }
    for (std::size_t i = 0; i < other.dimension_count; ++i) {
        const auto& dimension = other.dimensions[i];
        if (!add_dimension(into, dimension.atom, dimension.exponent * sign)) {
            return false;
        }
    }
    return true;
}

std::optional<Unit> raise(const Unit& unit, int exponent) {
    Unit out;
    Unit power = unit;  // by squaring
    const int sign = exponent < 0 ? -1 : 1;
    for (int left = exponent * sign; left > 0; left /= 2) {
        if (left % 2 != 0 && !combine(out, power, sign)) {
            return std::nullopt;
        }
        if (left > 1 && !combine(power, Unit(power), 1)) {
            return std::nullopt;
        }
    }
    return out;
}

class Parser {
public:
    Parser(std::string_view text, int depth) : text_(text), depth_(depth) {}

    std::optional<Unit> parse() {
        auto unit = term();
        return unit && at_ == text_.size() ? unit : std::nullopt;
    }

private:
    std::optional<Unit> term() {
        if (++depth_ > nesting_max) {
            return std::nullopt;
        }
        Unit out;
        int sign = 1;
        bool first = true;
        if (at_ < text_.size() && text_[at_] == '/') {
            sign = -1;
            ++at_;
        }
        for (;;) {
            const auto part = component();
            if (!part || !combine(out, *part, sign)) {
                return std::nullopt;
            }
            const bool more = at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '/');
            // A temperature scale keeps its zero point only where it stands alone.
            if (first && sign > 0 && !more) {
                out.offset = part->offset;
            }
            if (!more) {
                --depth_;
                return out;
            }
            first = false;
            sign = text_[at_] == '/' ? -1 : 1;
            ++at_;
        }
    }

    std::optional<Unit> component() {
        if (at_ >= text_.size()) {
            return std::nullopt;
        }
        if (text_[at_] == '(') {
            ++at_;
            auto inner = term();
            if (!inner || at_ >= text_.size() || text_[at_] != ')') {
                return std::nullopt;
            }
            ++at_;
            return skip_annotation() ? inner : std::nullopt;
        }
        if (text_[at_] == '{') {
            return skip_annotation() ? std::optional<Unit>(Unit{}) : std::nullopt;
        }
        std::optional<Unit> unit = simple();
        if (!unit || !skip_annotation()) {
            return std::nullopt;
        }
        return unit;
    }

    bool skip_annotation() {
        if (at_ >= text_.size() || text_[at_] != '{') {
            return true;
        }
        const auto close = text_.find('}', at_);
        if (close == std::string_view::npos ||
            text_.substr(at_ + 1, close - at_ - 1).find('{') != std::string_view::npos) {
            return false;
        }
        at_ = close + 1;
        return true;
    }

    // The characters of one symbol: brackets protect everything inside them.
    std::string_view symbol() {
        const std::size_t start = at_;
        bool bracket = false;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '[') {
                bracket = true;
            } else if (c == ']') {
                bracket = false;
            } else if (!bracket && (c == '.' || c == '/' || c == '(' || c == ')' || c == '{' || c == '}' || c <= ' ' || c > '~')) {
                break;
            }
        }
        return text_.substr(start, at_ - start);
    }

    std::optional<Unit> simple() {
        const std::string_view whole = symbol();
        if (whole.empty()) {
            return std::nullopt;
        }
        if (whole.find_first_not_of("0123456789") == std::string_view::npos) {
            const auto value = Decimal::parse(whole);
            if (!value || value->is_zero()) {
                return std::nullopt;
            }
            Unit out;
            out.numerator = *value;
            return out;
        }
        // The exponent is the trailing [+-]digits, unless the whole is a symbol ("10*3" ends the
        // "10*").
        std::size_t digits = whole.size();
        while (digits > 0 && whole[digits - 1] >= '0' && whole[digits - 1] <= '9') {
            --digits;
        }
        std::size_t name_size = digits;
        int exponent = 1;
        if (digits < whole.size()) {
            if (name_size > 0 && (whole[name_size - 1] == '-' || whole[name_size - 1] == '+')) {
                --name_size;
            }
            exponent = 0;
            for (std::size_t i = digits; i < whole.size(); ++i) {
                exponent = exponent * 10 + (whole[i] - '0');
                if (exponent > exponent_max) {
                    return std::nullopt;
                }
            }
            if (whole[name_size] == '-') {
                exponent = -exponent;
            }
        }
        const auto unit = named(whole.substr(0, name_size));
        if (!unit) {
            return std::nullopt;
        }
        return exponent == 1 ? unit : raise(*unit, exponent);
    }

    std::optional<Unit> named(std::string_view name) {
        if (const auto* atom = find_unit_atom(name)) {
            return define(*atom);
        }
        for (const auto& prefix : prefixes) {
            if (name.size() > prefix.code.size() &&
                name.substr(0, prefix.code.size()) == prefix.code) {
                const auto* atom = find_unit_atom(name.substr(prefix.code.size()));
                if (atom != nullptr && atom->metric) {
                    auto unit = define(*atom);
                    if (unit) {
                        auto& side = prefix.power > 0 ? unit->numerator : unit->denominator;
                        side = side * Decimal(power_of_ten(std::abs(prefix.power)), 0);
                    }
                    return unit;
                }
            }
        }
        for (const auto& prefix : binary_prefixes) {
            if (name.size() > 2 && name.substr(0, 2) == prefix.code) {
                const auto* atom = find_unit_atom(name.substr(2));
                if (atom != nullptr && atom->metric) {
                    auto unit = define(*atom);
                    if (unit) {
                        unit->numerator = unit->numerator * Decimal(prefix.factor);
                    }
                    return unit;
                }
            }
        }
        return std::nullopt;
    }

    std::optional<Unit> define(const UnitAtom& atom) {
        if (atom.unit.empty()) {
            Unit out;
            add_dimension(out, unit_atom_index(atom), 1);
            return out;
        }
        Parser inner(atom.unit, depth_);
        auto out = inner.parse();
        const auto factor = Decimal::parse(atom.value);
        if (!out || !factor) {
            return std::nullopt;
        }
        out->numerator = out->numerator * *factor;
        if (atom.code == "Cel") {
            out->offset = *Decimal::parse("273.15");
        } else if (atom.code == "[degF]") {
            out->offset = *Decimal::parse("459.67");  // in its own degrees, see to_base
        } else if (atom.code == "[degRe]") {
            out->offset = *Decimal::parse("218.52");
        }
        return out;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

// (value + offset) x numerator: what has to be divided by the denominator to be in base units.
Decimal to_base(const Decimal& value, const Unit& unit) {
    return (value + unit.offset) * unit.numerator;
}

}  // namespace ucum

bool Unit::same_dimensions(const Unit& other) const noexcept {
    if (dimension_count != other.dimension_count) {
        return false;
    }
    for (std::size_t i = 0; i < dimension_count; ++i) {
        if (dimensions[i].atom != other.dimensions[i].atom ||
            dimensions[i].exponent != other.dimensions[i].exponent) {
            return false;
        }
    }
    return true;
}

std::string Unit::base_code() const {
    std::string out;
    for (std::size_t i = 0; i < dimension_count; ++i) {
        if (dimensions[i].exponent > 0) {
            out += out.empty() ? "" : ".";
            out += unit_atom_code(dimensions[i].atom);
            if (dimensions[i].exponent != 1) {
                out += std::to_string(dimensions[i].exponent);
            }
        }
    }
    for (std::size_t i = 0; i < dimension_count; ++i) {
        if (dimensions[i].exponent < 0) {
            out += "/";
            out += unit_atom_code(dimensions[i].atom);
            if (dimensions[i].exponent != -1) {
                out += std::to_string(-dimensions[i].exponent);
            }
        }
    }
    return out.empty() ? "1" : out;
}

std::optional<Unit> parse_unit(std::string_view code) {
    constexpr std::size_t code_bytes_max = 256;  // the longest in use are under 60
    if (code.empty() || code.size() > code_bytes_max) {
        return std::nullopt;
    }
    return ucum::Parser(code, 0).parse();
}

std::optional<Unit> multiply(const Unit& a, const Unit& b) {
    Unit out = a;
    out.offset = Decimal(0);
    return ucum::combine(out, b, 1) ? std::optional<Unit>(out) : std::nullopt;
}

std::optional<Unit> divide(const Unit& a, const Unit& b) {
    Unit out = a;
    out.offset = Decimal(0);
    return ucum::combine(out, b, -1) ? std::optional<Unit>(out) : std::nullopt;
}

namespace ucum {

struct Power {
    std::string_view atom;  // with its prefix
    int exponent = 0;
    Unit unit;
};

// Adds the factors of a plain product of powers; false if the code is anything more.
bool add_powers(std::string_view code, int whole_sign, std::vector<Power>& out) {
    constexpr std::size_t powers_max = 8;
    int sign = whole_sign;
    while (!code.empty()) {
        const std::size_t end = std::min(code.find_first_of("./(){}"), code.size());
        std::string_view atom = code.substr(0, end);
        const std::size_t digits = atom.find_last_not_of("0123456789") + 1;
        int exponent = 1;
        if (digits < atom.size()) {
            const bool minus = digits > 0 && atom[digits - 1] == '-';
            const auto number = Decimal::parse(atom.substr(digits))->to_int64();
            if (digits == 0 || !number || *number > exponent_max) {
                return false;
            }
            exponent = static_cast<int>(minus ? -*number : *number);
            atom = atom.substr(0, digits - (minus ? 1 : 0));
        }
        const auto unit = parse_unit(atom);
        if (!unit || unit->is_dimensionless() || !unit->offset.is_zero()) {
            return false;
        }
        auto at = std::find_if(out.begin(), out.end(), [&](const Power& power) {
            return power.atom == atom;
        });
        if (at == out.end()) {
            const bool mixed = std::any_of(out.begin(), out.end(), [&](const Power& power) {
                return power.unit.same_dimensions(*unit);
            });
            if (mixed || out.size() == powers_max) {
                return false;
            }
            at = out.insert(out.end(), {atom, 0, *unit});
        }
        at->exponent += sign * exponent;
        if (end == code.size()) {
            break;
        }
        if (code[end] != '.' && code[end] != '/') {
            return false;
        }
        // A stroke divides by the one component behind it.
        sign = code[end] == '/' ? -whole_sign : whole_sign;
        code.remove_prefix(end + 1);
        if (code.empty()) {
            return false;
        }
    }
    return true;
}

}  // namespace ucum

std::string joined_code(std::string_view a, std::string_view b, int sign) {
    std::vector<ucum::Power> powers;
    if (!ucum::add_powers(a, 1, powers) || !ucum::add_powers(b, sign, powers)) {
        return {};
    }
    std::string out;
    for (const bool above : {true, false}) {
        for (const ucum::Power& power : powers) {
            if (power.exponent == 0 || (power.exponent > 0) != above) {
                continue;
            }
            out += above ? (out.empty() ? "" : ".") : "/";
            out += power.atom;
            const int size = std::abs(power.exponent);
            out += size == 1 ? std::string() : std::to_string(size);
        }
    }
    return out.empty() ? "1" : out;
}

std::optional<Decimal> convert(const Decimal& value, const Unit& from, const Unit& to) {
    if (!from.same_dimensions(to)) {
        return std::nullopt;
    }
    const Decimal base = ucum::to_base(value, from) * to.denominator;
    return base / (from.denominator * to.numerator) - to.offset;
}

std::optional<int>
compare(const Decimal& a, const Unit& unit_a, const Decimal& b, const Unit& unit_b) {
    if (!unit_a.same_dimensions(unit_b)) {
        return std::nullopt;
    }
    return compare(
        ucum::to_base(a, unit_a) * unit_b.denominator, ucum::to_base(b, unit_b) * unit_a.denominator
    );
}

}  // namespace gatehouse::fhir::path
