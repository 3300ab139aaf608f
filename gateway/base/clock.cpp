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
    const auto time = static_cast<std::time_t>(seconds);
    ::gmtime_r(&time, &out.parts);
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
