// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/message.hpp"

#include <algorithm>

#include "fhir/base/percent.hpp"
#include "fhir/base/utf8.hpp"

namespace gatehouse::gateway {
namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return lower(x) == lower(y);
           });
}

void Headers::set(std::string_view name, std::string value) {
    for (auto it = fields_.begin(); it != fields_.end(); ++it) {
        if (equal_ignoring_case(it->first, name)) {
            it->second = std::move(value);
            fields_.erase(
                std::remove_if(
                    it + 1,
                    fields_.end(),
                    [&](const auto& field) { return equal_ignoring_case(field.first, name); }
                ),
                fields_.end()
            );
            return;
        }
    }
    fields_.emplace_back(std::string(name), std::move(value));
}

void Headers::add(std::string_view name, std::string value) {
    fields_.emplace_back(std::string(name), std::move(value));
}

void Headers::erase(std::string_view name) {
    std::erase_if(fields_, [&](const auto& field) {
        return equal_ignoring_case(field.first, name);
    });
}

std::string_view Headers::get(std::string_view name) const noexcept {
    for (const auto& [key, value] : fields_) {
        if (equal_ignoring_case(key, name)) {
            return value;
        }
    }
    return {};
}

bool Headers::has(std::string_view name) const noexcept {
    return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) {
        return equal_ignoring_case(field.first, name);
    });
}

std::string_view Request::path() const noexcept {
    return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const noexcept {
    const auto mark = target.find('?');
    return mark == std::string::npos ? std::string_view{}
                                     : std::string_view(target).substr(mark + 1);
}

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
    // Names and values come back in answers, which are UTF-8; no text of FHIR holds a NUL.
    return percent_decoded(text, plus_is_space, out) &&
           invalid_utf8_at(out) == std::string_view::npos && out.find('\0') == std::string::npos;
}

bool parse_query(std::string_view query, std::vector<std::pair<std::string, std::string>>& out) {
    while (!query.empty()) {
        const auto end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
        if (pair.empty()) {
            continue;
        }
        const auto equals = pair.find('=');
        std::string name;
        std::string value;
        if (!percent_decode(pair.substr(0, equals), true, name) ||
            (equals != std::string_view::npos &&
             !percent_decode(pair.substr(equals + 1), true, value))) {
            return false;
        }
        out.emplace_back(std::move(name), std::move(value));
    }
    return true;
}

std::string percent_encode(std::string_view text) {
    return percent_encoded(text, "/:,");
}

}  // namespace gatehouse::gateway
