// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/moments.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace gatehouse::search_reference {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hour_us = 3600 * second_us;
constexpr std::int64_t day_us = 24 * hour_us;

bool leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}
int days_in(int year, int month) {
    static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}
// Days from 1970-01-01, counted year by year: slow and plain.
std::int64_t day_number(int year, int month, int day) {
    std::int64_t days = day - 1;
    for (int y = 1970; y < year; ++y) {
        days += leap(y) ? 366 : 365;
    }
    for (int y = year; y < 1970; ++y) {
        days -= leap(y) ? 366 : 365;
    }
    for (int m = 1; m < month; ++m) {
        days += days_in(year, m);
    }
    return days;
}
// 0: Sunday. 1970-01-01 was a Thursday.
int weekday(std::int64_t day) {
    return static_cast<int>(((day + 4) % 7 + 7) % 7);
}
std::int64_t last_sunday(int year, int month) {
    const std::int64_t last = day_number(year, month, days_in(year, month));
    return last - weekday(last);
}
std::int64_t sunday_after_saturday(int year, int month, int nth) {
    const std::int64_t first = day_number(year, month, 1);
    const int to_saturday = (6 - weekday(first) + 7) % 7;
    return first + to_saturday + 7 * (nth - 1) + 1;
}

// Is this wall-clock time in British Summer Time? The Summer Time Orders since 1972: from 1981 the
// last Sunday of March at 01:00 GMT (before: the day after the third Saturday, 02:00 GMT), until
// the day after the fourth Saturday of October, from 1996 its last Sunday. The hour that comes
// twice counts as summer; before 1972 zones are not told apart.
bool summer(int year, std::int64_t wall) {
    if (year < 1972) {
        return false;
    }
    const std::int64_t turn = year < 1981 ? 2 * hour_us : hour_us;
    const std::int64_t spring =
        year < 1981 ? sunday_after_saturday(year, 3, 3) : last_sunday(year, 3);
    const std::int64_t autumn =
        year < 1996 ? sunday_after_saturday(year, 10, 4) : last_sunday(year, 10);
    return wall >= spring * day_us + turn && wall < autumn * day_us + turn + hour_us;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) {
        return std::nullopt;
    }
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        }
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

}  // namespace

std::optional<Span> read_moment(std::string_view text) {
    const auto year = digits(text, 0, 4);
    if (!year || *year == 0) {
        return std::nullopt;
    }
    int month = 1;
    int day = 1;
    enum { to_year, to_month, to_day, to_time } precision = to_year;
    if (text.size() >= 7 && text[4] == '-') {
        month = digits(text, 5, 2).value_or(0);
        precision = to_month;
    }
    if (text.size() >= 10 && text[7] == '-') {
        day = digits(text, 8, 2).value_or(0);
        precision = to_day;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in(*year, month)) {
        return std::nullopt;
    }
    const auto local = [&](int y, int m, int d) {
        const std::int64_t wall = day_number(y, m, d) * day_us;
        return wall - (summer(y, wall) ? hour_us : 0);
    };
    if (text.size() > 10) {
        precision = to_time;
    } else if (text.size() != (precision == to_year ? 4U : precision == to_month ? 7U : 10U)) {
        return std::nullopt;
    }
    switch (precision) {
    case to_year: return Span{local(*year, 1, 1), local(*year + 1, 1, 1)};
    case to_month:
        return Span{
            local(*year, month, 1),
            month == 12 ? local(*year + 1, 1, 1) : local(*year, month + 1, 1)};
    case to_day: {
        const bool last = day == days_in(*year, month);
        const std::int64_t next = !last         ? local(*year, month, day + 1)
                                  : month == 12 ? local(*year + 1, 1, 1)
                                                : local(*year, month + 1, 1);
        return Span{local(*year, month, day), next};
    }
    case to_time: break;
    }
    const auto hour = digits(text, 11, 2);
    const auto minute = digits(text, 14, 2);
    if (text[10] != 'T' || !hour || !minute || text[13] != ':') {
        return std::nullopt;
    }
    std::int64_t wall =
        day_number(*year, month, day) * day_us + *hour * hour_us + *minute * 60 * second_us;
    std::int64_t width = 60 * second_us;
    std::size_t at = 16;
    if (at < text.size() && text[at] == ':') {
        wall += digits(text, 17, 2).value_or(0) * second_us;
        width = second_us;
        at = 19;
        if (at < text.size() && text[at] == '.') {
            ++at;
            while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
                width /= 10;
                wall += (text[at] - '0') * width;
                ++at;
            }
        }
    }
    const std::string_view zone = text.substr(at);
    std::int64_t offset = summer(*year, wall) ? hour_us : 0;
    if (zone == "Z") {
        offset = 0;
    } else if (zone.size() == 6) {
        offset = digits(zone, 1, 2).value_or(0) * hour_us +
                 digits(zone, 4, 2).value_or(0) * 60 * second_us;
        offset = zone[0] == '-' ? -offset : offset;
    } else if (!zone.empty()) {
        return std::nullopt;
    }
    return Span{wall - offset, wall - offset + width};
}

// FHIR R4 search, "Prefixes": the range searched for, the range above it, the range below it.
Truth compare_spans(Prefix prefix, const Span& searched, const Span& target, std::int64_t now) {
    const bool contained = target.begin >= searched.begin && target.end <= searched.end;
    const bool reaches_above = target.end > searched.end;
    const bool reaches_below = target.begin < searched.begin;
    const bool overlaps = target.begin < searched.end && target.end > searched.begin;
    if (target.end <= target.begin && (prefix == Prefix::eq || prefix == Prefix::eb)) {
        return Truth::free;  // a period that ends before it begins: no rule is about such a one
    }
    switch (prefix) {
    case Prefix::eq: return truth(contained);
    case Prefix::ne: return truth(!contained);
    case Prefix::gt: return truth(reaches_above);
    case Prefix::lt: return truth(reaches_below);
    // "Greater or equal" by the table is: above, or contained. A period that begins before the day
    // asked for and ends within it is neither, though some of it is "on the day or after"; which of
    // the two a server holds to is READINGS 1.
    case Prefix::ge: return truth(reaches_above || overlaps);
    case Prefix::le: return truth(reaches_below || overlaps);
    case Prefix::sa: return truth(target.begin >= searched.end);
    case Prefix::eb: return truth(target.end <= searched.begin);
    case Prefix::ap: break;
    }
    // "A recommended value is 10% of the gap between now and the date": recommended, so a server
    // may be narrower, down to nothing, or wider to some degree.
    if (overlaps) {
        return Truth::yes;
    }
    const std::int64_t gap = std::max(std::abs(now - searched.begin), std::abs(now - searched.end));
    const std::int64_t margin = std::max(gap / 5, 2 * day_us);
    const bool near = (target.begin == before_all || target.begin < searched.end + margin) &&
                      (target.end == after_all || target.end > searched.begin - margin);
    return near ? Truth::free : Truth::no;
}

}  // namespace gatehouse::search_reference
