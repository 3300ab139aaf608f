// SPDX-License-Identifier: Apache-2.0
//
// Date arithmetic (FHIRPath N1 §6.6.7) and boundaries of partial moments.
#include <array>
#include <chrono>

#include "fhir/path/moment.hpp"

namespace gatehouse::fhir::path {
namespace calendar {

// Words of FHIRPath's calendar durations, singular; the plural adds an s.
struct Word {
    std::string_view text;
    CalendarUnit unit;
};
constexpr std::array<Word, 8> words{{
    {"year", CalendarUnit::year},
    {"month", CalendarUnit::month},
    {"week", CalendarUnit::week},
    {"day", CalendarUnit::day},
    {"hour", CalendarUnit::hour},
    {"minute", CalendarUnit::minute},
    {"second", CalendarUnit::second},
    {"millisecond", CalendarUnit::millisecond},
}};

std::int64_t unit_milliseconds(CalendarUnit unit) {
    switch (unit) {
    case CalendarUnit::week: return 7LL * 86'400'000;
    case CalendarUnit::day: return 86'400'000;
    case CalendarUnit::hour: return 3'600'000;
    case CalendarUnit::minute: return 60'000;
    case CalendarUnit::second: return 1'000;
    default: return 1;
    }
}

int days_in_month(int year, int month) {
    using namespace std::chrono;
    const year_month_day_last last{
        std::chrono::year{year}, month_day_last{std::chrono::month{static_cast<unsigned>(month)}}};
    return static_cast<int>(static_cast<unsigned>(last.day()));
}

std::optional<Moment> add_months(Moment m, std::int64_t months) {
    const std::int64_t total = m.year * 12LL + (m.month - 1) + months;
    const std::int64_t year = total >= 0 ? total / 12 : -1;
    if (year < 1 || year > 9999) {
        return std::nullopt;
    }
    m.year = static_cast<int>(year);
    m.month = static_cast<int>(total % 12) + 1;
    m.day = std::min(m.day, days_in_month(m.year, m.month));
    return m;
}

std::optional<Moment> add_milliseconds(Moment m, std::int64_t milliseconds) {
    using namespace std::chrono;
    constexpr std::int64_t day_ms = 86'400'000;
    std::int64_t in_day = ((m.hour * 60LL + m.minute) * 60 + m.second) * 1000 + m.nanos / 1'000'000;
    in_day += milliseconds;
    std::int64_t days = in_day / day_ms;
    in_day %= day_ms;
    if (in_day < 0) {
        in_day += day_ms;
        --days;
    }
    m.hour = static_cast<int>(in_day / 3'600'000);
    m.minute = static_cast<int>(in_day / 60'000 % 60);
    m.second = static_cast<int>(in_day / 1000 % 60);
    m.nanos = static_cast<std::int32_t>(in_day % 1000) * 1'000'000 + m.nanos % 1'000'000;
    if (m.is_time) {  // times go round the clock
        return m;
    }
    const sys_days start{year_month_day{
        std::chrono::year{m.year},
        std::chrono::month{static_cast<unsigned>(m.month)},
        std::chrono::day{static_cast<unsigned>(m.day)}}};
    const std::int64_t target = start.time_since_epoch().count() + days;
    constexpr std::int64_t first_day = -719'162;  // 0001-01-01
    constexpr std::int64_t last_day = 2'932'896;  // 9999-12-31
    if (target < first_day || target > last_day) {
        return std::nullopt;
    }
    const year_month_day date{sys_days{std::chrono::days{static_cast<int>(target)}}};
    m.year = static_cast<int>(date.year());
    m.month = static_cast<int>(static_cast<unsigned>(date.month()));
    m.day = static_cast<int>(static_cast<unsigned>(date.day()));
    return m;
}

}  // namespace calendar

std::optional<CalendarUnit> calendar_unit(std::string_view word) {
    for (const auto& entry : calendar::words) {
        if (word == entry.text || (word.size() == entry.text.size() + 1 && word.back() == 's' &&
                                   word.substr(0, entry.text.size()) == entry.text)) {
            return entry.unit;
        }
    }
    return std::nullopt;
}

std::optional<Moment> add(const Moment& moment, const Decimal& amount, CalendarUnit unit) {
    // N1 §6.6.7: the fraction of an amount is dropped, but for seconds, whose fraction is
    // milliseconds. The cap keeps the products below in range; any amount past it leaves the
    // calendar anyway.
    const bool fractional = unit == CalendarUnit::second && moment.precision >= Precision::second;
    if (fractional) {
        unit = CalendarUnit::millisecond;
    }
    const auto whole =
        (fractional ? amount * Decimal(1000) : amount).rounded(0, Rounding::truncate).to_int64();
    if (!whole || *whole > 400'000'000'000'000 || *whole < -400'000'000'000'000) {
        return std::nullopt;
    }
    std::int64_t count = *whole;
    if (unit == CalendarUnit::year || unit == CalendarUnit::month) {
        if (moment.is_time) {
            return std::nullopt;
        }
        if (count > 200'000 || count < -200'000) {
            return std::nullopt;
        }
        const std::int64_t months = unit == CalendarUnit::year ? count * 12 : count;
        return calendar::add_months(
            moment, moment.precision == Precision::year ? months / 12 * 12 : months
        );
    }
    const std::int64_t unit_ms = calendar::unit_milliseconds(unit);
    if (count > 400'000'000'000'000 / unit_ms || count < -400'000'000'000'000 / unit_ms) {
        return std::nullopt;
    }
    std::int64_t milliseconds = count * unit_ms;
    if (!moment.is_time && moment.precision < Precision::day) {
        const std::int64_t days = milliseconds / 86'400'000;  // a year is 365 days, a month 30
        const std::int64_t months =
            moment.precision == Precision::year ? days / 365 * 12 : days / 30;
        return calendar::add_months(moment, months);
    }
    std::int64_t grain = 1;
    switch (moment.precision) {
    case Precision::day: grain = 86'400'000; break;
    case Precision::hour: grain = 3'600'000; break;
    case Precision::minute: grain = 60'000; break;
    default: break;
    }
    milliseconds = milliseconds / grain * grain;
    auto out = calendar::add_milliseconds(moment, milliseconds);
    if (out && out->precision == Precision::second && milliseconds % 1000 != 0) {
        out->precision = Precision::fraction;
        out->fraction_digits = 3;
    } else if (out && out->precision == Precision::fraction && milliseconds % 1000 != 0) {
        out->fraction_digits = std::max(out->fraction_digits, 3);
    }
    return out;
}

int precision_digits(const Moment& m) {
    const int base = m.is_time ? 0 : 8;
    switch (m.precision) {
    case Precision::year: return 4;
    case Precision::month: return 6;
    case Precision::day: return 8;
    case Precision::hour: return base + 2;
    case Precision::minute: return base + 4;
    case Precision::second: return base + 6;
    case Precision::fraction: return base + 6 + m.fraction_digits;
    }
    return 0;
}

std::optional<Moment> boundary(const Moment& moment, int digits, bool high, bool date_only) {
    const int base = moment.is_time ? 0 : 8;
    const int most = date_only ? 8 : base + 9;
    if (digits < (moment.is_time ? 2 : 4) || digits > most) {
        return std::nullopt;
    }
    Precision wanted = Precision::fraction;
    if (!moment.is_time && digits <= 8) {
        wanted = digits < 6 ? Precision::year : (digits < 8 ? Precision::month : Precision::day);
    } else if (digits < base + 9) {
        wanted = digits < base + 4   ? Precision::hour
                 : digits < base + 6 ? Precision::minute
                                     : Precision::second;
    }
    Moment out = moment;
    if (moment.precision < Precision::month && !moment.is_time) {
        out.month = high ? 12 : 1;
    }
    if (moment.precision < Precision::day && !moment.is_time) {
        out.day = high ? calendar::days_in_month(out.year, out.month) : 1;
    }
    if (moment.precision < Precision::hour) {
        out.hour = high ? 23 : 0;
    }
    if (moment.precision < Precision::minute) {
        // FHIR has no time that stops at the hour, so HL7's suite reads "T08" as 08:00 and expects
        // a high boundary of 08:00:59.999 for it.
        out.minute = high && moment.precision < Precision::hour ? 59 : 0;
    }
    if (moment.precision < Precision::second) {
        out.second = high ? 59 : 0;
    }
    if (moment.precision < Precision::second || (moment.precision == Precision::second)) {
        out.nanos = high ? 999'000'000 : 0;
    }
    out.fraction_digits = moment.precision == Precision::fraction ? moment.fraction_digits : 3;
    out.fraction_digits = std::max(out.fraction_digits, 3);
    if (!moment.is_time && !date_only && wanted >= Precision::hour && !moment.has_zone) {
        out.has_zone = true;
        out.zone_minutes = high ? -12 * 60 : 14 * 60;  // the last and first zones on earth
    }
    out.precision = wanted;
    if (wanted < Precision::hour) {
        out.has_zone = false;
        out.zone_minutes = 0;
    }
    return out;
}

}  // namespace gatehouse::fhir::path
