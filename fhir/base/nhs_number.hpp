#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The NHS number by itself: ten digits, the tenth a modulus-11 check digit (NHS Data Dictionary,
// NHS NUMBER). Which ranges and repeated digits an environment takes is policy (gateway/policy/settings.hpp).

#include <string_view>

namespace gatehouse {

inline constexpr std::string_view nhs_number_system = "https://fhir.nhs.uk/Id/nhs-number";
inline constexpr std::string_view nhs_number_system_old = "http://fhir.nhs.net/Id/nhs-number";

enum class NhsNumberFault { none, form, check_digit };

// Form (ten digits, nothing else) and check digit; never cleans up.
NhsNumberFault check_nhs_number(std::string_view number) noexcept;
// All ten digits alike: such numbers pass the check digit and were never issued.
bool has_repeated_digits(std::string_view number) noexcept;

}  // namespace gatehouse
