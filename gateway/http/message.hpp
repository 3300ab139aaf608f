#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Request and Response: plain HTTP messages. The transport (http/server) turns sockets into these
// and back; everything behind it sees neither Beast nor sockets.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::gateway {

// Without the white space that may stand around a header field's value and its parts (RFC 9110
// §5.6.3): spaces and tabs.
std::string_view trimmed(std::string_view text) noexcept;

// Header fields in order; names compare without case (RFC 9110 §5.1).
class Headers {
public:
    void set(std::string_view name, std::string value);  // replaces
    void add(std::string_view name, std::string value);
    void erase(std::string_view name);
    // First value, or empty.
    [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept {
        return fields_;
    }

private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

// What the connection proved about the other end.
struct Peer {
    std::string address;  // "127.0.0.1", for the audit only
    std::uint16_t port = 0;
    bool tls = false;
    std::string certificate_subject;  // RFC 4514 text of a verified client certificate, or empty
    std::string certificate_fingerprint;         // SHA-256, lower-case hex
    std::vector<std::string> certificate_names;  // subjectAltName DNS and URI entries
};

struct Request {
    std::string method;  // "GET"
    std::string target;  // as sent: path and query
    Headers headers;
    std::string body;  // content-decoded (gzip undone)
    Peer peer;
    std::string scheme = "http";  // of the listener
    std::string host;             // Host header, or the listener's own
    std::chrono::steady_clock::time_point received{};
    std::chrono::steady_clock::time_point deadline{};  // answer by then, or 202 once accepted

    [[nodiscard]] std::string_view path() const noexcept;   // target up to '?'
    [[nodiscard]] std::string_view query() const noexcept;  // after '?', or empty
};

struct Response {
    int status = 200;
    Headers headers;
    std::string body;
};

// Percent-decoding (and '+' as space in queries). False on a malformed escape, and where the result
// is not UTF-8 or holds a NUL.
bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);
// Decoded name=value pairs of a query or form, in order. False as percent_decode().
bool parse_query(std::string_view query, std::vector<std::pair<std::string, std::string>>& out);
std::string percent_encode(std::string_view text);

}  // namespace gatehouse::gateway
