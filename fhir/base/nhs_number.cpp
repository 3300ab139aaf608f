// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/nhs_number.hpp"

#include <algorithm>

namespace gatehouse {

NhsNumberFault check_nhs_number(std::string_view number) noexcept {
    if (number.size() != 10 ||
        !std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return NhsNumberFault::form;
    }
    int sum = 0;
    for (int i = 0; i < 9; ++i) {
        sum += (number[static_cast<std::size_t>(i)] - '0') * (10 - i);
    }
    // 11 - remainder, where 11 counts as 0 and 10 is never issued.
    const int check = (11 - sum % 11) % 11;
    return check == number[9] - '0' ? NhsNumberFault::none : NhsNumberFault::check_digit;
}

bool has_repeated_digits(std::string_view number) noexcept {
    return !number.empty() &&
           std::all_of(number.begin(), number.end(), [&](char c) { return c == number.front(); });
}

}  // namespace gatehouse
