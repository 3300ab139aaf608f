// SPDX-License-Identifier: Apache-2.0
//
// FHIR dates as ranges of instants (FHIR R4 §3.1.1.4.6). A value without a zone is taken as
// Europe/London, whose rule is written out here: summer time (+01:00) from 01:00 UTC on the last
// Sunday of March to 01:00 UTC on the last Sunday of October, as the law has had it since 1996 (SI
// 1994/2798, then EU directive 2000/84 as kept in UK law). From 1981 to 1995 it ended on the Sunday
// after the fourth Saturday of October, which can be a week earlier; from 1972 to 1980 it also
// began otherwise, on the Sunday after the third Saturday of March, and turned at 02:00. Before
// 1972 UTC is used: a birth date is compared with dates of the same rule, so nothing is lost.

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "fhir/search/search.hpp"

namespace gatehouse::fhir {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::sys_days;

// Last Sunday of a month, or for the older rule the Sunday after its nth Saturday.
sys_days sunday(std::chrono::year year, std::chrono::month month, unsigned after_saturday) {
    using namespace std::chrono;
    if (after_saturday == 0) {
        return sys_days{year / month / Sunday[last]};
    }
    return sys_days{year / month / Saturday[after_saturday]} + days{1};
}

// Offset of UK clocks for a wall-clock time (as if it were UTC).
std::chrono::seconds london_offset(std::chrono::sys_time<microseconds> wall) {
    const std::chrono::year_month_day date{std::chrono::floor<days>(wall)};
    const std::chrono::year year = date.year();
    if (year < std::chrono::year{1972}) {
        return std::chrono::seconds{0};
    }
    const hours turn{year < std::chrono::year{1981} ? 2 : 1};
    const auto begin =
        sunday(year, std::chrono::March, year < std::chrono::year{1981} ? 3 : 0) + turn;
    // In wall-clock terms summer ends an hour later; the hour that comes twice counts as summer.
    const auto end = sunday(year, std::chrono::October, year < std::chrono::year{1996} ? 4 : 0) +
                     turn + hours{1};
    return wall >= begin && wall < end ? std::chrono::seconds{3600} : std::chrono::seconds{0};
}

struct Digits {
    std::string_view text;
    std::size_t at = 0;

    // Exactly `count` digits, or -1.
    int number(std::size_t count) {
        if (at + count > text.size()) {
            return -1;
        }
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const char c = text[at + i];
            if (c < '0' || c > '9') {
                return -1;
            }
            value = value * 10 + (c - '0');
        }
        at += count;
        return value;
    }
    bool take(char wanted) {
        if (at < text.size() && text[at] == wanted) {
            ++at;
            return true;
        }
        return false;
    }
    [[nodiscard]] bool done() const { return at == text.size(); }
};

// Reads "Z" or "+hh:mm". 1: a zone, 0: none, -1: malformed.
int read_zone(Digits& digits, std::chrono::seconds& offset) {
    if (digits.done()) {
        return 0;
    }
    if (digits.take('Z')) {
        return 1;
    }
    // A query string that was not escaped turns "+01:00" into " 01:00".
    const bool minus = digits.take('-');
    if (!minus && !digits.take('+') && !digits.take(' ')) {
        return -1;
    }
    const int hour = digits.number(2);
    if (hour < 0 || hour > 14 || !digits.take(':')) {
        return -1;
    }
    const int minute = digits.number(2);
    if (minute < 0 || minute > 59) {
        return -1;
    }
    offset = std::chrono::seconds{(minus ? -1 : 1) * (hour * 3600 + minute * 60)};
    return 1;
}

// Time of day after 'T': its start and its width.
bool read_time(Digits& digits, microseconds& start, microseconds& width) {
    const int hour = digits.number(2);
    if (hour < 0 || hour > 24 || !digits.take(':')) {
        return false;
    }
    const int minute = digits.number(2);
    if (minute < 0 || minute > 59 || (hour == 24 && minute != 0)) {
        return false;
    }
    start = hours{hour} + std::chrono::minutes{minute};
    width = std::chrono::minutes{1};
    if (!digits.take(':')) {
        return true;
    }
    const int second = digits.number(2);
    if (second < 0 || second > 60) {
        return false;
    }
    start += std::chrono::seconds{second};
    width = std::chrono::seconds{1};
    if (!digits.take('.')) {
        return true;
    }
    std::int64_t unit = 1'000'000;
    std::int64_t fraction = 0;
    std::size_t count = 0;
    for (int digit = digits.number(1); digit >= 0; digit = digits.number(1)) {
        ++count;
        if (unit > 1) {
            unit /= 10;
            fraction += unit * digit;
        }
    }
    if (count == 0) {
        return false;
    }
    start += microseconds{fraction};
    width = microseconds{unit};
    return true;
}

// The instant of a wall-clock time in the value's zone.
std::int64_t to_micros(sys_days day, microseconds time, bool zoned, std::chrono::seconds offset) {
    const std::chrono::sys_time<microseconds> wall = day + time;
    const auto shift = zoned ? offset : london_offset(wall);
    return (wall.time_since_epoch() - shift).count();
}

}  // namespace

bool date_range(std::string_view text, std::int64_t& low, std::int64_t& high) {
    using namespace std::chrono;
    Digits digits{text};
    const int y = digits.number(4);
    if (y < 1) {
        return false;
    }
    const year year_part{y};
    if (digits.done()) {
        low = to_micros(sys_days{year_part / January / 1}, {}, false, {});
        high = to_micros(sys_days{(year_part + years{1}) / January / 1}, {}, false, {});
        return true;
    }
    if (!digits.take('-')) {
        return false;
    }
    const int m = digits.number(2);
    if (m < 1 || m > 12) {
        return false;
    }
    const year_month month_part{year_part, month{static_cast<unsigned>(m)}};
    if (digits.done()) {
        low = to_micros(sys_days{month_part / 1}, {}, false, {});
        high = to_micros(sys_days{(month_part + months{1}) / 1}, {}, false, {});
        return true;
    }
    if (!digits.take('-')) {
        return false;
    }
    const int d = digits.number(2);
    const year_month_day date = month_part / day{static_cast<unsigned>(d < 0 ? 0 : d)};
    if (d < 1 || !date.ok()) {
        return false;
    }
    if (digits.done()) {
        low = to_micros(sys_days{date}, {}, false, {});
        high = to_micros(sys_days{date} + days{1}, {}, false, {});
        return true;
    }
    microseconds start{};
    microseconds width{};
    seconds offset{};
    if (!digits.take('T') || !read_time(digits, start, width)) {
        return false;
    }
    const int zone = read_zone(digits, offset);
    if (zone < 0 || !digits.done()) {
        return false;
    }
    low = to_micros(sys_days{date}, start, zone == 1, offset);
    high = low + width.count();
    return true;
}

}  // namespace gatehouse::fhir
