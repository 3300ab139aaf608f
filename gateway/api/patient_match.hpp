#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// How alike two patients are, for Patient/$match: points for each thing that both have, the same
// for the same input, no learning and no hidden weights. In hundredths of certainty:
//
//   NHS number              the same 60     another -60
//   other local identifier  the same 50     (of one system; another number: 0, people have several)
//   birth date              the same 25     one of day, month, year differs, or day and month are
//                                           swapped: 8     else -25
//   family name             the same 14     a former name, or one letter differs: 8     else -10
//   first given name        the same 10     initial, or one begins with the other: 5     else -8
//   gender                  the same 2      another -6 (unknown and other: 0)
//   postcode                the same 8      the same district: 3
//   phone or e-mail         one the same 4
//
// What either lacks says nothing. The sum, between 0 and 100, is the score; its grade is certain
// from 85 with an identifier that is the same and a birth date that is, probable from 55, possible
// from 30; below that it is no match. So NHS number and birth date alone are certain (60 + 25), a
// changed family name makes that probable, and demographics without a number never are more than
// probable. Names are compared without case, accents and punctuation.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/base/nhs_number.hpp"
#include "fhir/model/element.hpp"

namespace gatehouse::gateway {

struct Demographics {
    struct Name {
        std::string family;  // folded
        std::string given;   // first one, folded
        bool former = false;
    };
    std::string nhs_number;                                        // ten digits, or empty
    std::vector<std::pair<std::string, std::string>> identifiers;  // others with system and value
    std::string birth_date;                                        // as written
    std::string gender;
    std::vector<Name> names;
    std::vector<std::string> postcodes;  // "LS11AA"
    std::vector<std::string> telecoms;   // digits of a number, or an address in lower case
};

// Of a Patient resource.
Demographics demographics_of(const fhir::Element& patient);

enum class MatchGrade : unsigned char { none, possible, probable, certain };
const char* to_string(MatchGrade grade) noexcept;  // "certain", as the match-grade extension

struct MatchScore {
    int hundredths = 0;
    MatchGrade grade = MatchGrade::none;
};
MatchScore compare(const Demographics& wanted, const Demographics& held);

}  // namespace gatehouse::gateway
