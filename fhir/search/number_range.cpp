// SPDX-License-Identifier: Apache-2.0
//
// Decimals of a search as ranges by their significant digits (FHIR R4 §3.1.1.4.5). The bounds are
// worked out on the decimal digits and only then turned into binary, so that a bound and a stored
// value with the same digits compare equal.

#include <charconv>
#include <string>

#include "fhir/search/search.hpp"

namespace gatehouse::fhir {
namespace {

// sign, digits and power of ten: value = ±digits * 10^power.
struct Scaled {
    bool negative = false;
    std::string digits;
    long power = 0;
    bool exponent = false;
};

constexpr std::size_t search_digits_max = 64;
constexpr long search_power_max = 300;

bool read_scaled(std::string_view text, Scaled& out) {
    std::size_t at = 0;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
        out.negative = text[at] == '-';
        ++at;
    }
    bool point = false;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c >= '0' && c <= '9') {
            out.digits.push_back(c);
            out.power -= point ? 1 : 0;
        } else if (c == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    if (out.digits.empty() || out.digits.size() > search_digits_max) {
        return false;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        out.exponent = true;
        std::string_view rest = text.substr(at + 1);
        if (rest.starts_with('+')) {
            rest.remove_prefix(1);
        }
        long power = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), power);
        if (error != std::errc{} || end != rest.data() + rest.size()) {
            return false;
        }
        out.power += power;
        at = text.size();
    }
    return at == text.size() && out.power > -search_power_max && out.power < search_power_max;
}

std::string to_text(bool negative, const std::string& digits, long power) {
    return (negative ? "-" : "") + digits + "e" + std::to_string(power);
}

double to_double(const std::string& text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// digits - 1, where digits is not all zero.
std::string one_less(std::string digits) {
    for (std::size_t i = digits.size(); i-- > 0;) {
        if (digits[i] != '0') {
            --digits[i];
            break;
        }
        digits[i] = '9';
    }
    return digits;
}

}  // namespace

std::optional<NumberTexts> number_texts(std::string_view text) {
    Scaled number;
    if (!read_scaled(text, number)) {
        return std::nullopt;
    }
    NumberTexts out;
    out.value = to_text(number.negative, number.digits, number.power);
    // R4 reads "1e2" as [95, 105): with an exponent the last digit written is followed by an exact
    // one.
    if (number.exponent) {
        number.digits.push_back('0');
        --number.power;
    }
    const bool zero = number.digits.find_first_not_of('0') == std::string::npos;
    out.high = to_text(number.negative, number.digits + "5", number.power - 1);
    out.low = zero ? to_text(!number.negative, number.digits + "5", number.power - 1)
                   : to_text(number.negative, one_less(number.digits) + "5", number.power - 1);
    if (number.negative) {
        std::swap(out.low, out.high);
    }
    return out;
}

bool number_range(std::string_view text, double& value, double& low, double& high) {
    const std::optional<NumberTexts> texts = number_texts(text);
    if (!texts) {
        return false;
    }
    value = to_double(texts->value);
    low = to_double(texts->low);
    high = to_double(texts->high);
    return true;
}

}  // namespace gatehouse::fhir
