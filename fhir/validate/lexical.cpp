// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/lexical.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include "fhir/base/blanks.hpp"

namespace gatehouse::fhir::judge::lexical {
namespace {

bool digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

constexpr std::uint8_t base64_digit = 1;
constexpr std::array<std::uint8_t, 256> base64_class = [] {
    std::array<std::uint8_t, 256> out{};
    constexpr std::string_view digits_of_64 =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (const char c : digits_of_64) {
        out[static_cast<unsigned char>(c)] = base64_digit;
    }
    return out;
}();

// Letters, digits, '-' and '.': what an id is made of.
constexpr std::array<bool, 256> id_character = [] {
    std::array<bool, 256> out{};
    for (int c = 0; c < 128; ++c) {
        out[static_cast<std::size_t>(c)] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                           (c >= '0' && c <= '9') || c == '-' || c == '.';
    }
    return out;
}();

// Reads exactly `count` digits from `at`; -1 if they are not there.
int digits(std::string_view text, std::size_t at, std::size_t count) noexcept {
    if (at + count > text.size()) {
        return -1;
    }
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (!digit(text[i])) {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool leap(int year) noexcept {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in(int year, int month) noexcept {
    static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

// Length of hh:mm:ss(.f+)? from `at`, or 0.
std::size_t time_length(std::string_view text, std::size_t at) noexcept {
    const int hour = digits(text, at, 2);
    const int minute = at + 3 <= text.size() ? digits(text, at + 3, 2) : -1;
    const int second = at + 6 <= text.size() ? digits(text, at + 6, 2) : -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
        text[at + 2] != ':' || text[at + 5] != ':') {
        return 0;
    }
    std::size_t end = at + 8;
    if (end < text.size() && text[end] == '.') {
        const std::size_t from = ++end;
        while (end < text.size() && digit(text[end])) {
            ++end;
        }
        if (end == from) {
            return 0;
        }
    }
    return end - at;
}

bool is_zone(std::string_view text) noexcept {
    if (text == "Z") {
        return true;
    }
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
        return false;
    }
    const int hour = digits(text, 1, 2);
    const int minute = digits(text, 4, 2);
    return hour >= 0 && minute >= 0 && minute <= 59 && (hour < 14 || (hour == 14 && minute == 0));
}

}  // namespace

bool is_code(std::string_view text) noexcept {
    // U+00A0 is white space here too.
    if (text.empty() || is_space(text.front()) || is_space(text.back()) ||
        text.find("\xC2\xA0") != std::string_view::npos) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_space(text[i]) && (text[i] != ' ' || is_space(text[i + 1]))) {
            return false;
        }
    }
    return true;
}

bool is_id(std::string_view text) noexcept {
    if (text.empty() || text.size() > 64) {
        return false;
    }
    for (const char c : text) {
        if (!id_character[static_cast<unsigned char>(c)]) {
            return false;
        }
    }
    return true;
}

bool is_integer(std::string_view text) noexcept {
    if (text.starts_with('-')) {
        text.remove_prefix(1);
    }
    if (text.empty() || (text.front() == '0' && text.size() > 1)) {
        return false;
    }
    for (const char c : text) {
        if (!digit(c)) {
            return false;
        }
    }
    return true;
}

bool is_decimal(std::string_view text) noexcept {
    std::size_t i = text.starts_with('-') ? 1 : 0;
    const std::size_t whole = i;
    while (i < text.size() && digit(text[i])) {
        ++i;
    }
    if (i == whole || (text[whole] == '0' && i - whole > 1)) {
        return false;
    }
    if (i < text.size() && text[i] == '.') {
        const std::size_t from = ++i;
        while (i < text.size() && digit(text[i])) {
            ++i;
        }
        if (i == from) {
            return false;
        }
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        if (i < text.size() && (text[i] == '+' || text[i] == '-')) {
            ++i;
        }
        const std::size_t from = i;
        while (i < text.size() && digit(text[i])) {
            ++i;
        }
        if (i == from) {
            return false;
        }
    }
    return i == text.size();
}

std::size_t significant_digits(std::string_view decimal) noexcept {
    std::size_t count = 0;
    for (const char c : decimal) {
        if (c == 'e' || c == 'E') {
            break;
        }
        if (digit(c) && (count > 0 || c != '0')) {
            ++count;
        }
    }
    return count;
}

bool is_oid(std::string_view text) noexcept {
    if (text.empty() || text[0] < '0' || text[0] > '2') {
        return false;
    }
    bool start = true;
    std::size_t arcs = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (start) {
            if (!digit(text[i]) || (text[i] == '0' && i + 1 < text.size() && text[i + 1] != '.')) {
                return false;
            }
            start = false;
            ++arcs;
        } else if (text[i] == '.') {
            start = true;
        } else if (!digit(text[i])) {
            return false;
        }
    }
    // Shorter ones are typing errors for HL7's validator, which wants the last dot at 5 or later.
    return !start && arcs >= 2 && text.rfind('.') >= 5;
}

bool is_uuid(std::string_view text) noexcept {
    if (text.size() != 36) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !(digit(c) || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

bool is_time(std::string_view text) noexcept {
    return text.size() >= 8 && time_length(text, 0) == text.size();
}

DateForm read_date(std::string_view text) noexcept {
    DateForm form;
    form.year = digits(text, 0, 4);
    if (form.year < 0) {
        form.problem = "no year of four digits at the start";
        return form;
    }
    if (form.year == 0) {
        form.problem = "there is no year 0000";
        return form;
    }
    if (text.size() == 4) {
        form.valid = true;
        return form;
    }
    const int month = text.size() >= 7 && text[4] == '-' ? digits(text, 5, 2) : -1;
    if (month < 1 || month > 12) {
        form.problem = "the month is not 01 to 12";
        return form;
    }
    form.precision = Precision::month;
    if (text.size() == 7) {
        form.valid = true;
        return form;
    }
    const int day = text.size() >= 10 && text[7] == '-' ? digits(text, 8, 2) : -1;
    if (day < 1 || day > days_in(form.year, month)) {
        form.problem = "the month has no such day";
        return form;
    }
    form.precision = Precision::day;
    if (text.size() == 10) {
        form.valid = true;
        return form;
    }
    const std::size_t length = text[10] == 'T' ? time_length(text, 11) : 0;
    if (length == 0) {
        form.problem = "the time is not hh:mm:ss";
        return form;
    }
    form.precision = Precision::second;
    const std::string_view zone = text.substr(11 + length);
    if (!zone.empty()) {
        form.has_zone = is_zone(zone);
        if (!form.has_zone) {
            form.problem = "the zone is not Z or an offset up to 14:00";
            return form;
        }
    }
    form.valid = true;
    return form;
}

Base64 check_base64(std::string_view text) noexcept {
    std::size_t count = 0;
    std::size_t padding = 0;
    bool spaces = false;
    // Attachments are megabytes: the plain characters are passed over eight at a time.
    const char* at = text.data();
    const char* const end = at + text.size();
    for (; end - at >= 8; at += 8) {
        std::uint8_t all = base64_digit;
        for (int i = 0; i < 8; ++i) {
            all &= base64_class[static_cast<unsigned char>(at[i])];
        }
        if (all == 0) {
            break;
        }
        count += 8;
    }
    for (; at != end; ++at) {
        const char c = *at;
        if (base64_class[static_cast<unsigned char>(c)] != 0) {
            if (padding != 0) {
                return Base64::bad;
            }
            ++count;
        } else if (c == '=') {
            ++padding;
        } else if (is_space(c)) {
            spaces = true;
        } else {
            return Base64::bad;
        }
    }
    if (padding > 2 || (count + padding) % 4 != 0) {
        return Base64::bad;
    }
    return spaces ? Base64::spaces : Base64::good;
}

std::string decode_base64(std::string_view text) {
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        std::uint32_t value = 0;
        if (c >= 'A' && c <= 'Z') {
            value = static_cast<std::uint32_t>(c - 'A');
        } else if (c >= 'a' && c <= 'z') {
            value = static_cast<std::uint32_t>(c - 'a' + 26);
        } else if (digit(c)) {
            value = static_cast<std::uint32_t>(c - '0' + 52);
        } else if (c == '+' || c == '/') {
            value = c == '+' ? 62U : 63U;
        } else {
            continue;
        }
        bits = (bits << 6U) | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xFFU);
        }
    }
    return out;
}

}  // namespace gatehouse::fhir::judge::lexical
