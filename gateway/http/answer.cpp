// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/answer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gatehouse::gateway {

namespace {

constexpr std::array<std::pair<int, const char*>, 33> phrases = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

bool clean(std::string_view value) noexcept {
    return std::none_of(value.begin(), value.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
}

// Ours to write, whatever the handler set.
bool framing_header(std::string_view name) noexcept {
    return equal_ignoring_case(name, "Content-Length") ||
           equal_ignoring_case(name, "Transfer-Encoding") ||
           equal_ignoring_case(name, "Connection") || equal_ignoring_case(name, "Date");
}

// RFC 9110 §8.6: no Content-Length on 1xx and 204; 304 would have to repeat the 200's.
bool bodiless(int status) noexcept {
    return status < 200 || status == 204 || status == 304;
}

}  // namespace

const char* reason_phrase(int status) noexcept {
    for (const auto& [code, phrase] : phrases) {
        if (code == status) {
            return phrase;
        }
    }
    return "";
}

bool body_follows(const Response& response, const AnswerFraming& framing) noexcept {
    return !framing.head && !bodiless(response.status) && !response.body.empty();
}

std::string answer_head(const Response& response, const AnswerFraming& framing) {
    std::string out;
    out.reserve(512);
    out += "HTTP/1.1 ";
    out += std::to_string(response.status);
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\n";
    out += framing.date_line;
    for (const auto& [name, value] : response.headers.all()) {
        if (!framing_header(name) && clean(value) && clean(name)) {
            out += name;
            out += ": ";
            out += value;
            out += "\r\n";
        }
    }
    if (!bodiless(response.status)) {
        out += "Content-Length: ";
        out += std::to_string(response.body.size());
        out += "\r\n";
    }
    if (framing.close) {
        out += "Connection: close\r\n";
    } else if (framing.http_1_0) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
    return out;
}

}  // namespace gatehouse::gateway
