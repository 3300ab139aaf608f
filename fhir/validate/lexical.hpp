#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The lexical spaces of FHIR's primitives (R4 §2.24.0.1), scanned without regexes and without
// allocation.

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::fhir::judge::lexical {

bool is_code(std::string_view text) noexcept;     // no outer white space, single spaces inside
bool is_id(std::string_view text) noexcept;       // [A-Za-z0-9\-\.]{1,64}
bool is_integer(std::string_view text) noexcept;  // -?(0|[1-9][0-9]*)
bool is_decimal(std::string_view text) noexcept;
bool is_oid(std::string_view text) noexcept;   // without "urn:oid:"
bool is_uuid(std::string_view text) noexcept;  // without "urn:uuid:", lower case
bool is_time(std::string_view text) noexcept;  // hh:mm:ss(.fff)
// Digits from the first that is not zero, without point and exponent.
std::size_t significant_digits(std::string_view decimal) noexcept;

enum class Precision : std::uint8_t { year, month, day, second };
struct DateForm {
    bool valid = false;
    bool has_zone = false;
    Precision precision = Precision::year;
    int year = 0;
    const char* problem = nullptr;  // literal
};
// YYYY[-MM[-DD[Thh:mm:ss[.f][zone]]]], with real months and days.
DateForm read_date(std::string_view text) noexcept;

enum class Base64 : std::uint8_t { good, spaces, bad };
Base64 check_base64(std::string_view text) noexcept;
// Bytes of a text that check_base64 calls good.
std::string decode_base64(std::string_view text);

}  // namespace gatehouse::fhir::judge::lexical
