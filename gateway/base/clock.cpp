// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/clock.hpp"

#include <array>
#include <chrono>
#include <ctime>

namespace gatehouse::gateway {

namespace {

constexpr Micros micros_per_second = 1'000'000;

struct Broken {
    std::tm parts{};
    int millis = 0;
};

Broken break_down(Micros at) {
    // Floor, so that an instant before 1970 does not get negative milliseconds.
    Micros seconds = at / micros_per_second;
    Micros rest = at % micros_per_second;
    if (rest < 0) {
        rest += micros_per_second;
        --seconds;
    }
    Broken out;
    // Not gmtime_r(): it takes a lock of the whole process, for the sake of time zones.
    const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    out.parts.tm_year = static_cast<int>(date.year()) - 1900;
    out.parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
    out.parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
    out.parts.tm_wday = static_cast<int>(std::chrono::weekday(day).c_encoding());
    out.parts.tm_hour = static_cast<int>(clock.hours().count());
    out.parts.tm_min = static_cast<int>(clock.minutes().count());
    out.parts.tm_sec = static_cast<int>(clock.seconds().count());
    out.millis = static_cast<int>(rest / 1000);
    return out;
}

void digits(std::string& out, int value, int width) {
    std::array<char, 12> text{};
    for (int i = width - 1; i >= 0; --i) {
        text[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    out.append(text.data(), static_cast<std::size_t>(width));
}

constexpr std::array<const char*, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

Micros SystemClock::now() const {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

std::string to_instant(Micros at) {
    const Broken b = break_down(at);
    std::string out;
    out.reserve(24);
    digits(out, b.parts.tm_year + 1900, 4);
    out += '-';
    digits(out, b.parts.tm_mon + 1, 2);
    out += '-';
    digits(out, b.parts.tm_mday, 2);
    out += 'T';
    digits(out, b.parts.tm_hour, 2);
    out += ':';
    digits(out, b.parts.tm_min, 2);
    out += ':';
    digits(out, b.parts.tm_sec, 2);
    out += '.';
    digits(out, b.millis, 3);
    out += 'Z';
    return out;
}

std::string to_http_date(Micros at) {
    const Broken b = break_down(at);
    std::string out;
    out.reserve(29);
    out += weekdays[static_cast<std::size_t>(b.parts.tm_wday)];
    out += ", ";
    digits(out, b.parts.tm_mday, 2);
    out += ' ';
    out += months[static_cast<std::size_t>(b.parts.tm_mon)];
    out += ' ';
    digits(out, b.parts.tm_year + 1900, 4);
    out += ' ';
    digits(out, b.parts.tm_hour, 2);
    out += ':';
    digits(out, b.parts.tm_min, 2);
    out += ':';
    digits(out, b.parts.tm_sec, 2);
    out += " GMT";
    return out;
}

}  // namespace gatehouse::gateway
