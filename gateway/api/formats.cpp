// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/formats.hpp"

#include <array>
#include <string>

#include "gateway/http/message.hpp"

namespace gatehouse::gateway {
namespace {

constexpr std::array json_types = {
    std::string_view("application/fhir+json"),
    std::string_view("application/json"),
    std::string_view("application/json+fhir"),
    std::string_view("text/json"),
    std::string_view("text/fhir+json"),
};
constexpr std::array xml_types = {
    std::string_view("application/fhir+xml"),
    std::string_view("application/xml"),
    std::string_view("application/xml+fhir"),
    std::string_view("text/xml"),
    std::string_view("text/fhir+xml"),
};

// Calls visit(name, value) for each ";name=value" parameter after a media type.
template <class Visit> void each_parameter(std::string_view rest, Visit visit) {
    while (!rest.empty()) {
        const auto end = rest.find(';');
        const std::string_view part = trimmed(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const auto equals = part.find('=');
        if (equals != std::string_view::npos) {
            std::string_view value = trimmed(part.substr(equals + 1));
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
                value = value.substr(1, value.size() - 2);
            }
            visit(trimmed(part.substr(0, equals)), value);
        }
    }
}

}  // namespace

std::optional<fhir::Format> format_of_media_type(std::string_view media_type) {
    const auto semicolon = media_type.find(';');
    const std::string_view name = trimmed(media_type.substr(0, semicolon));
    if (semicolon != std::string_view::npos) {
        bool ours = true;
        each_parameter(
            media_type.substr(semicolon + 1),
            [&](std::string_view key, std::string_view value) {
                if (equal_ignoring_case(key, "fhirVersion")) {
                    ours = ours && value.substr(0, 3) == "4.0";
                }
            }
        );
        if (!ours) {
            return std::nullopt;
        }
    }
    for (const auto known : json_types) {
        if (equal_ignoring_case(name, known)) {
            return fhir::Format::json;
        }
    }
    for (const auto known : xml_types) {
        if (equal_ignoring_case(name, known)) {
            return fhir::Format::xml;
        }
    }
    return std::nullopt;
}

std::string_view media_type_parameter(std::string_view media_type, std::string_view name) {
    std::string_view found;
    const auto semicolon = media_type.find(';');
    if (semicolon != std::string_view::npos) {
        each_parameter(
            media_type.substr(semicolon + 1),
            [&](std::string_view key, std::string_view value) {
                if (equal_ignoring_case(key, name)) {
                    found = value;
                }
            }
        );
    }
    return found;
}

std::optional<fhir::Format> format_of_parameter(std::string_view value) {
    if (equal_ignoring_case(value, "json")) {
        return fhir::Format::json;
    }
    if (equal_ignoring_case(value, "xml")) {
        return fhir::Format::xml;
    }
    std::string restored(value);
    for (char& c : restored) {
        if (c == ' ') {
            c = '+';
        }
    }
    if (auto format = format_of_media_type(restored)) {
        return format;
    }
    return format_of_media_type(value);
}

std::optional<fhir::Format> format_of_accept(std::string_view accept) {
    if (trimmed(accept).empty()) {
        return fhir::Format::json;
    }
    std::optional<fhir::Format> best;
    double best_quality = 0;
    while (!accept.empty()) {
        const auto end = accept.find(',');
        const std::string_view range = trimmed(accept.substr(0, end));
        accept = end == std::string_view::npos ? std::string_view{} : accept.substr(end + 1);
        const auto semicolon = range.find(';');
        const std::string_view name = trimmed(range.substr(0, semicolon));
        double quality = 1;
        if (semicolon != std::string_view::npos) {
            each_parameter(
                range.substr(semicolon + 1),
                [&](std::string_view key, std::string_view value) {
                    if (key == "q") {
                        quality = std::strtod(std::string(value).c_str(), nullptr);
                    }
                }
            );
        }
        std::optional<fhir::Format> format;
        if (name == "*/*" || equal_ignoring_case(name, "application/*") ||
            equal_ignoring_case(name, "text/*")) {
            format = fhir::Format::json;
        } else {
            format = format_of_media_type(range);
        }
        if (format && quality > best_quality) {
            best = format;
            best_quality = quality;
        }
    }
    return best;
}

}  // namespace gatehouse::gateway
