// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/ecl/sctid.hpp"

#include <array>

namespace gatehouse::fhir::snomed {
namespace {

// The dihedral group D5: digits 0 to 4 rotate, 5 to 9 reflect.
constexpr std::uint8_t dihedral(unsigned a, unsigned b) noexcept {
    if (a < 5) {
        return static_cast<std::uint8_t>(b < 5 ? (a + b) % 5 : 5 + (a + b) % 5);
    }
    return static_cast<std::uint8_t>(b < 5 ? 5 + (a - b + 5) % 5 : (a - b + 5) % 5);
}

// Row i is the permutation (1 5 8 9 4 2 7 0)(3 6) applied i times.
constexpr std::array<std::array<std::uint8_t, 10>, 8> make_permutations() {
    constexpr std::array<std::uint8_t, 10> step{1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
    std::array<std::array<std::uint8_t, 10>, 8> table{};
    for (std::uint8_t digit = 0; digit < 10; ++digit) {
        table[0][digit] = digit;
    }
    for (std::size_t i = 1; i < 8; ++i) {
        for (std::size_t digit = 0; digit < 10; ++digit) {
            table[i][digit] = step[table[i - 1][digit]];
        }
    }
    return table;
}

constexpr auto permutations = make_permutations();

}  // namespace

bool check_digit_holds(std::string_view digits) noexcept {
    unsigned check = 0;
    std::size_t place = 0;
    for (auto at = digits.rbegin(); at != digits.rend(); ++at, ++place) {
        check = dihedral(check, permutations[place % 8][static_cast<std::size_t>(*at - '0')]);
    }
    return check == 0;
}

std::optional<Sctid> parse_sctid(std::string_view text) noexcept {
    if (text.size() < 6 || text.size() > 18 || text.front() == '0') {
        return std::nullopt;
    }
    Sctid value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<Sctid>(c - '0');
    }
    if (!check_digit_holds(text)) {
        return std::nullopt;
    }
    return value;
}

Partition partition_of(Sctid id) noexcept {
    switch (id / 10 % 100) {
    case 0:
    case 10: return Partition::concept_id;
    case 1:
    case 11: return Partition::description_id;
    case 2:
    case 12: return Partition::relationship_id;
    default: return Partition::other;
    }
}

}  // namespace gatehouse::fhir::snomed
