#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Decimal: an exact decimal number that remembers how many digits stood behind the point ("1.00"
// has scale 2), which precision(), boundaries and equivalence ask for. A value is mantissa x
// 10^-scale. Mantissas up to 128 bits live inside the object; only larger ones allocate.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/multiprecision/cpp_int.hpp>

namespace gatehouse::fhir::path {

using BigInt = boost::multiprecision::cpp_int;

enum class Rounding : std::uint8_t { half_away, floor, ceiling, truncate };

class Decimal {
public:
    // Digits that an input may have, either side of the point. Far past any measurement, near
    // enough to keep "1e999999999" from filling memory.
    static constexpr int digits_max = 400;
    // Digits behind the point of a quotient that does not end; FHIRPath asks for at least 8.
    static constexpr int quotient_digits = 28;

    Decimal() = default;
    explicit Decimal(std::int64_t value) : mantissa_(value) {}
    Decimal(BigInt mantissa, int scale) : mantissa_(std::move(mantissa)), scale_(scale) {}

    // "-12.50", "+3", "1.5e3"; empty if it is not a number or exceeds digits_max.
    static std::optional<Decimal> parse(std::string_view text);

    // Digits without an exponent, with all `scale` digits behind the point.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] int scale() const noexcept { return scale_; }
    [[nodiscard]] const BigInt& mantissa() const noexcept { return mantissa_; }
    [[nodiscard]] bool is_zero() const { return mantissa_.is_zero(); }
    [[nodiscard]] bool is_negative() const { return mantissa_.sign() < 0; }
    [[nodiscard]] bool is_integral() const;
    // True once results have grown past what is worth computing with; operators treat it as
    // overflow.
    [[nodiscard]] bool is_too_large() const;
    // The value if it is integral and fits.
    [[nodiscard]] std::optional<std::int64_t> to_int64() const;
    [[nodiscard]] double to_double() const;

    // Same value with `scale` digits behind the point.
    [[nodiscard]] Decimal rounded(int scale, Rounding mode) const;
    // Same value without trailing zeros behind the point.
    [[nodiscard]] Decimal normalized() const;

    Decimal operator-() const { return {-mantissa_, scale_}; }
    friend Decimal operator+(const Decimal& a, const Decimal& b);
    friend Decimal operator-(const Decimal& a, const Decimal& b);
    friend Decimal operator*(const Decimal& a, const Decimal& b);
    // `b` must not be zero.
    friend Decimal operator/(const Decimal& a, const Decimal& b);
    friend int compare(const Decimal& a, const Decimal& b);

private:
    BigInt mantissa_;
    int scale_ = 0;
};

// 10^exponent, exponent >= 0.
BigInt power_of_ten(int exponent);

// Compares two numbers in text form without building Decimals where both are short; empty if either
// is not a number.
std::optional<int> compare_digits(std::string_view a, std::string_view b);

}  // namespace gatehouse::fhir::path
