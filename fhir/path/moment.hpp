#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Moment: a FHIRPath Date, DateTime or Time with only as much of it as was written (FHIRPath N1
// §4.1, partial dates). Comparison asks for intervals, so "2018-03" against "2018-03-01" is
// undecided.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/path/decimal.hpp"

namespace gatehouse::fhir::path {

// How far a moment is written out. Seconds and their fraction are one precision (N1 §6.2).
enum class Precision : std::uint8_t { year, month, day, hour, minute, second, fraction };

struct Moment {
    int year = 1;
    int month = 1;
    int day = 1;
    int hour = 0;
    int minute = 0;
    int second = 0;
    std::int32_t nanos = 0;
    int fraction_digits = 0;  // as written, at most 9 kept
    int zone_minutes = 0;
    bool has_zone = false;
    bool is_time = false;  // hour is the first part
    Precision precision = Precision::year;

    // ISO text: "2015", "2015-02-04T14:34:28.123+10:00", "14:34".
    [[nodiscard]] std::string text() const;
};

// "2015", "2015-02", "2015-02-04"; empty if it is not a real calendar date.
std::optional<Moment> parse_date(std::string_view text);
// A date, or a date with "T" and up to the whole of a time and a zone ("2015-02-04T",
// "...T14:34Z").
std::optional<Moment> parse_date_time(std::string_view text);
// "14", "14:34", "14:34:28.123"; no zone.
std::optional<Moment> parse_time(std::string_view text);

// Both empty: undecided because one is written further than the other or lacks a zone.
std::optional<bool> equal(const Moment& a, const Moment& b);
// -1, 0, 1, or empty.
std::optional<int> compare(const Moment& a, const Moment& b);
// `~`: same precision and same instant.
bool equivalent(const Moment& a, const Moment& b);

// Units of calendar arithmetic.
enum class CalendarUnit : std::uint8_t {
    year,
    month,
    week,
    day,
    hour,
    minute,
    second,
    millisecond
};
std::optional<CalendarUnit> calendar_unit(std::string_view word);

// moment + amount of units (amount may be negative; its fraction is dropped, N1 §6.6.7). Units
// finer than the moment's precision are turned into that precision first. Empty if the year
// leaves 1..9999.
std::optional<Moment> add(const Moment& moment, const Decimal& amount, CalendarUnit unit);

// Digits that are written, without separators: 2014 -> 4, T10:30 -> 4, with fraction up to 17 or 9.
int precision_digits(const Moment& moment);

// Earliest (or latest) moment that this one may stand for, written to `digits` digits; empty if no
// moment has that many digits. `date_only` keeps it a date.
std::optional<Moment> boundary(const Moment& moment, int digits, bool high, bool date_only);

}  // namespace gatehouse::fhir::path
