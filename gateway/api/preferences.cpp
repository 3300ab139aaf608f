// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/preferences.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace gatehouse::gateway {
namespace {

// Calls visit(piece) for every trimmed piece between any of `separators`.
template <class Visit>
void for_each_piece(std::string_view text, std::string_view separators, const Visit& visit) {
    while (!text.empty()) {
        const auto end = text.find_first_of(separators);
        const std::string_view piece = trimmed(text.substr(0, end));
        if (!piece.empty()) {
            visit(piece);
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
}

bool digits(std::string_view text, int& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Preferences preferences_of(const Headers& headers) {
    Preferences out;
    for (const auto& [name, value] : headers.all()) {
        if (!equal_ignoring_case(name, "Prefer")) {
            continue;
        }
        for_each_piece(value, ",;", [&](std::string_view piece) {
            const auto equals = piece.find('=');
            const std::string_view key = trimmed(piece.substr(0, equals));
            std::string_view wish = equals == std::string_view::npos
                                        ? std::string_view{}
                                        : trimmed(piece.substr(equals + 1));
            if (wish.size() >= 2 && wish.front() == '"' && wish.back() == '"') {
                wish = wish.substr(1, wish.size() - 2);
            }
            if (equal_ignoring_case(key, "return") && out.return_what.empty()) {
                for (const char* known : {"minimal", "representation", "OperationOutcome"}) {
                    if (equal_ignoring_case(wish, known)) {
                        out.return_what = known;
                    }
                }
            } else if (equal_ignoring_case(key, "handling")) {
                out.lenient = equal_ignoring_case(wish, "lenient");
            } else if (equal_ignoring_case(key, "respond-async")) {
                out.async = true;
            }
        });
    }
    return out;
}

bool read_view(const RestCall& call, View& out) {
    out = View{};
    for (const auto& [name, value] : call.parameters) {
        if (name == "_summary") {
            if (value == "true") {
                out.summary = View::Summary::yes;
            } else if (value == "text") {
                out.summary = View::Summary::text;
            } else if (value == "data") {
                out.summary = View::Summary::data;
            } else if (value != "false" && value != "count") {
                return false;
            }
        } else if (name == "_elements") {
            for_each_piece(value, ",", [&](std::string_view piece) {
                out.elements.emplace_back(piece);
            });
        }
    }
    return true;
}

std::optional<Micros> read_http_date(std::string_view text) {
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    static constexpr std::array<std::string_view, 12> months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int day = 0;
    int year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
        !digits(text.substr(5, 2), day) || !digits(text.substr(12, 4), year) ||
        !digits(text.substr(17, 2), hour) || !digits(text.substr(20, 2), minute) ||
        !digits(text.substr(23, 2), second)) {
        return std::nullopt;
    }
    const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
    if (month == months.end()) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date(
        std::chrono::year(year),
        std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
        std::chrono::day(static_cast<unsigned>(day))
    );
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    const auto days = std::chrono::sys_days(date).time_since_epoch();
    const auto moment = days + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                        std::chrono::seconds(second);
    return std::chrono::duration_cast<std::chrono::microseconds>(moment).count();
}

bool caller_is_current(const Headers& headers, std::uint64_t version, Micros last_modified) {
    const auto none_match = headers.get("If-None-Match");
    if (!none_match.empty()) {
        const std::string own = "\"" + std::to_string(version) + "\"";
        bool current = false;
        for_each_piece(none_match, ",", [&](std::string_view tag) {
            if (tag.starts_with("W/")) {
                tag.remove_prefix(2);
            }
            current = current || tag == "*" || tag == own;
        });
        return current;
    }
    const auto since = read_http_date(headers.get("If-Modified-Since"));
    // HTTP dates know whole seconds.
    constexpr Micros second = 1'000'000;
    return since && last_modified / second <= *since / second;
}

}  // namespace gatehouse::gateway
