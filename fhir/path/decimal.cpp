// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/decimal.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::fhir::path {
namespace {

constexpr std::array<std::int64_t, 19> small_powers = [] {
    std::array<std::int64_t, 19> powers{};
    std::int64_t power = 1;
    for (std::size_t i = 0; i < powers.size(); ++i) {
        powers[i] = power;
        if (i + 1 < powers.size()) {
            power *= 10;
        }
    }
    return powers;
}();

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A number of at most 18 digits as an integer and a scale: the shape of nearly every value in a
// record.
struct Short {
    std::int64_t mantissa = 0;
    int scale = 0;
};

std::optional<Short> parse_short(std::string_view text) {
    Short out;
    std::size_t at = 0;
    const bool negative = !text.empty() && text[0] == '-';
    at = (negative || (!text.empty() && text[0] == '+')) ? 1 : 0;
    int digits = 0;
    bool point = false;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '.') {
            if (point || digits == 0) {
                return std::nullopt;
            }
            point = true;
            continue;
        }
        if (!is_digit(c) || ++digits > 18) {
            return std::nullopt;
        }
        out.mantissa = out.mantissa * 10 + (c - '0');
        out.scale += point ? 1 : 0;
    }
    if (digits == 0 || text.back() == '.') {
        return std::nullopt;
    }
    if (negative) {
        out.mantissa = -out.mantissa;
    }
    return out;
}

void align(const Decimal& a, const Decimal& b, BigInt& left, BigInt& right, int& scale) {
    scale = std::max(a.scale(), b.scale());
    left = a.mantissa();
    right = b.mantissa();
    if (a.scale() < scale) {
        left *= power_of_ten(scale - a.scale());
    }
    if (b.scale() < scale) {
        right *= power_of_ten(scale - b.scale());
    }
}

}  // namespace

BigInt power_of_ten(int exponent) {
    if (exponent < static_cast<int>(small_powers.size())) {
        return BigInt(small_powers[static_cast<std::size_t>(std::max(exponent, 0))]);
    }
    return boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(exponent));
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
    if (const auto quick = parse_short(text)) {
        return Decimal(BigInt(quick->mantissa), quick->scale);
    }
    std::size_t at = 0;
    const bool negative = !text.empty() && text[0] == '-';
    at = (negative || (!text.empty() && text[0] == '+')) ? 1 : 0;
    std::string digits;
    int scale = 0;
    bool point = false;
    bool any = false;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '.' && !point && any && at + 1 < text.size() && is_digit(text[at + 1])) {
            point = true;
        } else if (is_digit(c)) {
            any = true;
            digits.push_back(c);
            scale += point ? 1 : 0;
        } else {
            break;
        }
    }
    if (!any) {
        return std::nullopt;
    }
    int exponent = 0;
    if (at < text.size()) {
        if (text[at] != 'e' && text[at] != 'E') {
            return std::nullopt;
        }
        ++at;
        const bool minus = at < text.size() && text[at] == '-';
        at += (at < text.size() && (text[at] == '-' || text[at] == '+')) ? 1 : 0;
        if (at == text.size()) {
            return std::nullopt;
        }
        for (; at < text.size(); ++at) {
            if (!is_digit(text[at]) || exponent > digits_max) {
                return std::nullopt;
            }
            exponent = exponent * 10 + (text[at] - '0');
        }
        exponent = minus ? -exponent : exponent;
    }
    if (static_cast<int>(digits.size()) > digits_max || exponent > digits_max ||
        exponent < -digits_max) {
        return std::nullopt;
    }
    // Leading zeros would make the big number's text octal.
    const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    BigInt mantissa(digits.substr(first));
    scale -= exponent;
    if (scale < 0) {
        mantissa *= power_of_ten(-scale);
        scale = 0;
    }
    return Decimal(negative ? BigInt(-mantissa) : mantissa, scale);
}

std::string Decimal::text() const {
    std::string digits = BigInt(abs(mantissa_)).str();
    if (scale_ > 0) {
        const auto scale = static_cast<std::size_t>(scale_);
        if (digits.size() <= scale) {
            digits.insert(0, scale + 1 - digits.size(), '0');
        }
        digits.insert(digits.size() - scale, 1, '.');
    }
    if (mantissa_.sign() < 0) {
        digits.insert(0, 1, '-');
    }
    return digits;
}

bool Decimal::is_integral() const {
    return scale_ == 0 || BigInt(mantissa_ % power_of_ten(scale_)).is_zero();
}

bool Decimal::is_too_large() const {
    return !mantissa_.is_zero() && msb(BigInt(abs(mantissa_))) > 4096;
}

std::optional<std::int64_t> Decimal::to_int64() const {
    if (!is_integral()) {
        return std::nullopt;
    }
    const BigInt value = scale_ == 0 ? mantissa_ : BigInt(mantissa_ / power_of_ten(scale_));
    if (value > std::numeric_limits<std::int64_t>::max() ||
        value < std::numeric_limits<std::int64_t>::min()) {
        return std::nullopt;
    }
    return value.convert_to<std::int64_t>();
}

double Decimal::to_double() const {
    return std::strtod(text().c_str(), nullptr);
}

Decimal Decimal::rounded(int scale, Rounding mode) const {
    if (scale >= scale_) {
        return {BigInt(mantissa_ * power_of_ten(scale - scale_)), scale};
    }
    const BigInt divisor = power_of_ten(scale_ - scale);
    BigInt quotient;
    BigInt remainder;
    divide_qr(mantissa_, divisor, quotient, remainder);  // truncates; remainder has mantissa's sign
    const bool negative = mantissa_.sign() < 0;
    bool away = false;
    switch (mode) {
    case Rounding::truncate: break;
    case Rounding::floor: away = negative && !remainder.is_zero(); break;
    case Rounding::ceiling: away = !negative && !remainder.is_zero(); break;
    case Rounding::half_away: away = BigInt(abs(remainder) * 2) >= divisor; break;
    }
    if (away) {
        quotient += negative ? -1 : 1;
    }
    return {quotient, scale};
}

Decimal Decimal::normalized() const {
    Decimal out = *this;
    while (out.scale_ > 0 && BigInt(out.mantissa_ % 10).is_zero()) {
        out.mantissa_ /= 10;
        --out.scale_;
    }
    return out;
}

Decimal operator+(const Decimal& a, const Decimal& b) {
    BigInt left;
    BigInt right;
    int scale = 0;
    align(a, b, left, right, scale);
    return {BigInt(left + right), scale};
}

Decimal operator-(const Decimal& a, const Decimal& b) {
    return a + (-b);
}

Decimal operator*(const Decimal& a, const Decimal& b) {
    return {BigInt(a.mantissa_ * b.mantissa_), a.scale_ + b.scale_};
}

Decimal operator/(const Decimal& a, const Decimal& b) {
    // a.m*10^-a.s / b.m*10^-b.s, with quotient_digits behind the point, or behind the first digit
    // of a small quotient, then without idle zeros.
    const auto length = [](const BigInt& value) {
        return value.is_zero() ? 0 : static_cast<int>(msb(BigInt(abs(value)))) * 3 / 10;
    };
    const int exponent = (length(a.mantissa_) - a.scale_) - (length(b.mantissa_) - b.scale_);
    const int digits = Decimal::quotient_digits + std::clamp(-exponent, 0, Decimal::digits_max);
    const int shift = digits + b.scale_ + 1;
    const BigInt numerator = a.mantissa_ * power_of_ten(shift);
    const Decimal raw(BigInt(numerator / b.mantissa_), a.scale_ - b.scale_ + shift);
    return raw.rounded(digits, Rounding::half_away).normalized();
}

int compare(const Decimal& a, const Decimal& b) {
    if (a.scale_ == b.scale_) {
        return a.mantissa_.compare(b.mantissa_);
    }
    BigInt left;
    BigInt right;
    int scale = 0;
    align(a, b, left, right, scale);
    return left.compare(right);
}

std::optional<int> compare_digits(std::string_view a, std::string_view b) {
    const auto left = parse_short(a);
    const auto right = parse_short(b);
    if (left && right && left->scale == right->scale) {
        return left->mantissa < right->mantissa ? -1 : (left->mantissa > right->mantissa ? 1 : 0);
    }
    const auto x = Decimal::parse(a);
    const auto y = Decimal::parse(b);
    if (!x || !y) {
        return std::nullopt;
    }
    return compare(*x, *y);
}

}  // namespace gatehouse::fhir::path
