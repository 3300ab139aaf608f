// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/patient_match.hpp"

#include <algorithm>

#include "fhir/search/search.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;

std::string digits_of(std::string_view text) {
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) {
        return c >= '0' && c <= '9';
    });
    return out;
}

std::string postcode_of(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            out.push_back(c);
        } else if (c >= 'a' && c <= 'z') {
            out.push_back(static_cast<char>(c - 'a' + 'A'));
        }
    }
    return out;
}

// "LS1" of "LS11AA": all but the last three.
std::string_view district_of(std::string_view postcode) {
    return postcode.size() > 4 ? postcode.substr(0, postcode.size() - 3) : std::string_view{};
}

// The last nine digits: with or without a country's code and the leading zero.
std::string telecom_of(std::string_view text) {
    if (text.find('@') != std::string_view::npos) {
        std::string out(text);
        std::transform(out.begin(), out.end(), out.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        return out;
    }
    std::string digits = digits_of(text);
    return digits.size() > 9 ? digits.substr(digits.size() - 9) : digits;
}

void read_name(const Element& name, Demographics& out) {
    Demographics::Name read;
    read.family = fhir::fold(name.child_value("family"));
    read.given = fhir::fold(name.child_value("given"));
    const std::string_view use = name.child_value("use");
    read.former = use == "old" || use == "maiden";
    if (!read.family.empty() || !read.given.empty()) {
        out.names.push_back(std::move(read));
    }
}

void read_identifier(const Element& identifier, Demographics& out) {
    const std::string_view system = identifier.child_value("system");
    const std::string_view value = identifier.child_value("value");
    if (system.empty() || value.empty() || identifier.child_value("use") == "old") {
        return;
    }
    if (system == nhs_number_system || system == nhs_number_system_old) {
        out.nhs_number = digits_of(value);
    } else {
        out.identifiers.emplace_back(system, value);
    }
}

// One letter more, less or another.
bool nearly_same(std::string_view a, std::string_view b) {
    if (a.size() < b.size()) {
        std::swap(a, b);
    }
    if (b.size() < 3 || a.size() - b.size() > 1) {
        return false;
    }
    const auto same = static_cast<std::size_t>(
        std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin()
    );
    return a.size() == b.size() ? a.substr(same + 1) == b.substr(same + 1)
                                : a.substr(same + 1) == b.substr(same);
}

int birth_date_points(std::string_view a, std::string_view b) {
    if (a.size() < 10 || b.size() < 10) {
        // A partial date agrees with what it is a part of, and says little.
        const std::size_t common = std::min(a.size(), b.size());
        return a.substr(0, common) == b.substr(0, common) ? 8 : -25;
    }
    if (a == b) {
        return 25;
    }
    const bool year = a.substr(0, 4) == b.substr(0, 4);
    const bool month = a.substr(5, 2) == b.substr(5, 2);
    const bool day = a.substr(8, 2) == b.substr(8, 2);
    const bool swapped =
        year && a.substr(5, 2) == b.substr(8, 2) && a.substr(8, 2) == b.substr(5, 2);
    return (year && month) || (year && day) || (month && day) || swapped ? 8 : -25;
}

int family_points(const Demographics& wanted, const Demographics& held) {
    int best = 0;
    bool any = false;
    for (const auto& a : wanted.names) {
        for (const auto& b : held.names) {
            if (a.family.empty() || b.family.empty()) {
                continue;
            }
            const int points = a.family == b.family              ? (a.former != b.former ? 8 : 14)
                               : nearly_same(a.family, b.family) ? 8
                                                                 : -10;
            best = any ? std::max(best, points) : points;
            any = true;
        }
    }
    return best;
}

int given_points(const Demographics& wanted, const Demographics& held) {
    int best = 0;
    bool any = false;
    for (const auto& a : wanted.names) {
        for (const auto& b : held.names) {
            if (a.given.empty() || b.given.empty()) {
                continue;
            }
            const int points = a.given == b.given                                             ? 10
                               : a.given.starts_with(b.given) || b.given.starts_with(a.given) ? 5
                                                                                              : -8;
            best = any ? std::max(best, points) : points;
            any = true;
        }
    }
    return best;
}

int postcode_points(const Demographics& wanted, const Demographics& held) {
    int best = 0;
    for (const std::string& a : wanted.postcodes) {
        for (const std::string& b : held.postcodes) {
            const bool near = !district_of(a).empty() && district_of(a) == district_of(b);
            best = std::max(best, a == b ? 8 : near ? 3 : 0);
        }
    }
    return best;
}

template <class Item> bool share(const std::vector<Item>& a, const std::vector<Item>& b) {
    return std::any_of(a.begin(), a.end(), [&](const Item& item) {
        return std::find(b.begin(), b.end(), item) != b.end();
    });
}

bool is_binary_gender(std::string_view gender) {
    return gender == "male" || gender == "female";
}

}  // namespace

Demographics demographics_of(const Element& patient) {
    Demographics out;
    for (const Element& child : patient.children()) {
        if (child.name == "identifier") {
            read_identifier(child, out);
        } else if (child.name == "name") {
            read_name(child, out);
        } else if (child.name == "address") {
            if (auto postcode = postcode_of(child.child_value("postalCode")); !postcode.empty()) {
                out.postcodes.push_back(std::move(postcode));
            }
        } else if (child.name == "telecom") {
            if (auto telecom = telecom_of(child.child_value("value")); telecom.size() > 5) {
                out.telecoms.push_back(std::move(telecom));
            }
        }
    }
    out.birth_date = patient.child_value("birthDate");
    out.gender = patient.child_value("gender");
    return out;
}

const char* to_string(MatchGrade grade) noexcept {
    switch (grade) {
    case MatchGrade::none: return "certainly-not";
    case MatchGrade::possible: return "possible";
    case MatchGrade::probable: return "probable";
    case MatchGrade::certain: return "certain";
    }
    return "certainly-not";
}

MatchScore compare(const Demographics& wanted, const Demographics& held) {
    int sum = 0;
    bool identified = false;
    if (!wanted.nhs_number.empty() && !held.nhs_number.empty()) {
        identified = wanted.nhs_number == held.nhs_number;
        sum += identified ? 60 : -60;
    }
    if (!identified && share(wanted.identifiers, held.identifiers)) {
        identified = true;
        sum += 50;
    }
    bool born_alike = false;
    if (!wanted.birth_date.empty() && !held.birth_date.empty()) {
        const int points = birth_date_points(wanted.birth_date, held.birth_date);
        born_alike = points == 25;
        sum += points;
    }
    sum += family_points(wanted, held) + given_points(wanted, held);
    if (is_binary_gender(wanted.gender) && is_binary_gender(held.gender)) {
        sum += wanted.gender == held.gender ? 2 : -6;
    }
    sum += postcode_points(wanted, held);
    sum += share(wanted.telecoms, held.telecoms) ? 4 : 0;

    MatchScore score;
    score.hundredths = std::clamp(sum, 0, 100);
    score.grade = sum >= 85 && identified && born_alike ? MatchGrade::certain
                  : sum >= 55                           ? MatchGrade::probable
                  : sum >= 30                           ? MatchGrade::possible
                                                        : MatchGrade::none;
    return score;
}

}  // namespace gatehouse::gateway
