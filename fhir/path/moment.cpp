// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/moment.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace gatehouse::fhir::path {
namespace moments {

constexpr std::int64_t day_seconds = 86'400;

// Instants are seconds from a fixed origin and nanoseconds, so ten thousand years fit.
struct Instant {
    std::int64_t seconds = 0;
    std::int64_t nanos = 0;
    auto operator<=>(const Instant&) const = default;
};

struct Interval {
    Instant low;
    Instant high;
};

int month_days(int year, int month) {
    using namespace std::chrono;
    const year_month_day_last last{
        std::chrono::year{year}, month_day_last{std::chrono::month{static_cast<unsigned>(month)}}};
    return static_cast<int>(static_cast<unsigned>(last.day()));
}

std::int64_t days_of(int year, int month, int day) {
    using namespace std::chrono;
    const year_month_day date{
        std::chrono::year{year},
        std::chrono::month{static_cast<unsigned>(month)},
        std::chrono::day{static_cast<unsigned>(day)}};
    return sys_days{date}.time_since_epoch().count();
}

// Reads exactly `count` digits at `at`; -1 if they are not there.
int digits_at(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) {
        return -1;
    }
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

// Reads hh[:mm[:ss[.fff]]] at `at`, which it moves to what follows.
bool read_time(std::string_view text, std::size_t& at, Moment& out) {
    out.hour = digits_at(text, at, 2);
    if (out.hour < 0 || out.hour > 23) {
        return false;
    }
    out.precision = Precision::hour;
    at += 2;
    if (at >= text.size() || text[at] != ':') {
        return true;
    }
    out.minute = digits_at(text, at + 1, 2);
    if (out.minute < 0 || out.minute > 59) {
        return false;
    }
    out.precision = Precision::minute;
    at += 3;
    if (at >= text.size() || text[at] != ':') {
        return true;
    }
    out.second = digits_at(text, at + 1, 2);
    if (out.second < 0 || out.second > 60) {  // 60: a leap second is legal in a FHIR instant
        return false;
    }
    out.precision = Precision::second;
    at += 3;
    if (at >= text.size() || text[at] != '.') {
        return true;
    }
    std::int32_t nanos = 0;
    int count = 0;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
        if (count < 9) {
            nanos = nanos * 10 + (text[at] - '0');
            ++count;
        }
    }
    if (count == 0) {
        return false;
    }
    out.fraction_digits = count;
    for (; count < 9; ++count) {
        nanos *= 10;
    }
    out.nanos = nanos;
    out.precision = Precision::fraction;
    return true;
}

bool read_zone(std::string_view text, std::size_t& at, Moment& out) {
    if (at >= text.size()) {
        return true;
    }
    if (text[at] == 'Z') {
        out.has_zone = true;
        ++at;
        return true;
    }
    if (text[at] != '+' && text[at] != '-') {
        return true;
    }
    const int hours = digits_at(text, at + 1, 2);
    const int minutes = digits_at(text, at + 4, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59 || text[at + 3] != ':') {
        return false;
    }
    out.has_zone = true;
    out.zone_minutes = (hours * 60 + minutes) * (text[at] == '-' ? -1 : 1);
    at += 6;
    return true;
}

bool read_date(std::string_view text, std::size_t& at, Moment& out) {
    out.year = digits_at(text, 0, 4);
    if (out.year < 1) {
        return false;
    }
    at = 4;
    out.precision = Precision::year;
    if (at >= text.size() || text[at] != '-') {
        return true;
    }
    out.month = digits_at(text, 5, 2);
    if (out.month < 1 || out.month > 12) {
        return false;
    }
    at = 7;
    out.precision = Precision::month;
    if (at >= text.size() || text[at] != '-') {
        return true;
    }
    out.day = digits_at(text, 8, 2);
    if (out.day < 1 || out.day > month_days(out.year, out.month)) {
        return false;
    }
    at = 10;
    out.precision = Precision::day;
    return true;
}

void append_number(std::string& out, int value, std::size_t width) {
    std::array<char, 12> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    const auto size = static_cast<std::size_t>(end - buffer.data());
    out.append(width > size ? width - size : 0, '0');
    out.append(buffer.data(), size);
}

Instant instant_of(const Moment& m) {
    const std::int64_t days = m.is_time ? 0 : days_of(m.year, m.month, m.day);
    return {
        days * day_seconds + m.hour * 3600 + m.minute * 60 + m.second - m.zone_minutes * 60,
        m.nanos};
}

// The last nanosecond of the moment's written precision.
Moment latest(Moment m) {
    if (m.precision < Precision::month && !m.is_time) {
        m.month = 12;
    }
    if (m.precision < Precision::day && !m.is_time) {
        m.day = month_days(m.year, m.month);
    }
    if (m.precision < Precision::hour) {
        m.hour = 23;
    }
    if (m.precision < Precision::minute) {
        m.minute = 59;
    }
    if (m.precision < Precision::second) {
        m.second = 59;
        m.nanos = 999'999'999;
    }
    return m;
}

// A moment without a zone may be anywhere from UTC+14 to UTC-12 when it meets one that has a zone.
Interval interval_of(const Moment& m, bool other_has_zone) {
    Interval out{instant_of(m), instant_of(latest(m))};
    if (!m.has_zone && other_has_zone) {
        out.low.seconds -= 14 * 3600;
        out.high.seconds += 12 * 3600;
    }
    return out;
}

// Seconds and fractions are one precision.
Precision comparable_precision(const Moment& m) {
    return m.precision == Precision::fraction ? Precision::second : m.precision;
}

bool decided(const Moment& a, const Moment& b) {
    return comparable_precision(a) == comparable_precision(b) && a.has_zone == b.has_zone;
}

}  // namespace moments

std::string Moment::text() const {
    using moments::append_number;
    std::string out;
    if (!is_time) {
        append_number(out, year, 4);
        if (precision >= Precision::month) {
            out += '-';
            append_number(out, month, 2);
        }
        if (precision >= Precision::day) {
            out += '-';
            append_number(out, day, 2);
        }
        if (precision >= Precision::hour) {
            out += 'T';
        }
    }
    if (precision >= Precision::hour) {
        append_number(out, hour, 2);
    }
    if (precision >= Precision::minute) {
        out += ':';
        append_number(out, minute, 2);
    }
    if (precision >= Precision::second) {
        out += ':';
        append_number(out, second, 2);
    }
    if (precision == Precision::fraction) {
        std::string digits;
        append_number(digits, nanos, 9);
        out += '.';
        out.append(digits, 0, static_cast<std::size_t>(std::max(fraction_digits, 1)));
    }
    if (has_zone && precision >= Precision::hour) {
        if (zone_minutes == 0) {
            out += 'Z';
        } else {
            out += zone_minutes < 0 ? '-' : '+';
            append_number(out, std::abs(zone_minutes) / 60, 2);
            out += ':';
            append_number(out, std::abs(zone_minutes) % 60, 2);
        }
    }
    return out;
}

std::optional<Moment> parse_date(std::string_view text) {
    Moment out;
    std::size_t at = 0;
    if (!moments::read_date(text, at, out) || at != text.size()) {
        return std::nullopt;
    }
    return out;
}

std::optional<Moment> parse_date_time(std::string_view text) {
    Moment out;
    std::size_t at = 0;
    if (!moments::read_date(text, at, out)) {
        return std::nullopt;
    }
    if (at == text.size()) {
        return out;
    }
    if (text[at] != 'T') {
        return std::nullopt;
    }
    if (++at == text.size()) {  // "2015-02T": a DateTime without a time
        return out;
    }
    if (out.precision != Precision::day || !moments::read_time(text, at, out) ||
        !moments::read_zone(text, at, out) || at != text.size()) {
        return std::nullopt;
    }
    return out;
}

std::optional<Moment> parse_time(std::string_view text) {
    Moment out;
    out.is_time = true;
    std::size_t at = 0;
    if (!moments::read_time(text, at, out) || at != text.size()) {
        return std::nullopt;
    }
    return out;
}

std::optional<bool> equal(const Moment& a, const Moment& b) {
    if (a.is_time != b.is_time) {
        return false;
    }
    const auto left = moments::interval_of(a, b.has_zone);
    const auto right = moments::interval_of(b, a.has_zone);
    if (moments::decided(a, b)) {
        return left.low == right.low;
    }
    if (left.high < right.low || right.high < left.low) {
        return false;
    }
    return std::nullopt;
}

std::optional<int> compare(const Moment& a, const Moment& b) {
    const auto left = moments::interval_of(a, b.has_zone);
    const auto right = moments::interval_of(b, a.has_zone);
    if (left.high < right.low) {
        return -1;
    }
    if (right.high < left.low) {
        return 1;
    }
    if (moments::decided(a, b)) {
        return left.low < right.low ? -1 : (right.low < left.low ? 1 : 0);
    }
    return std::nullopt;
}

bool equivalent(const Moment& a, const Moment& b) {
    return a.is_time == b.is_time && moments::decided(a, b) &&
           moments::instant_of(a) == moments::instant_of(b);
}

}  // namespace gatehouse::fhir::path
