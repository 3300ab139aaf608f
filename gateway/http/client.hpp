#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// HttpClient: GET requests to one configured server, over TLS with its certificate verified, or
// plain. Blocking with a hard deadline, so it belongs on a thread of its own and never on a
// message's way. Keeps its connection. Follows no redirect: nothing but the configured server is
// ever called.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "fhir/base/result.hpp"
#include "gateway/http/message.hpp"

namespace gatehouse::gateway {

struct HttpServerAddress {
    bool tls = false;
    std::string host;  // name or address, an IPv6 one without its brackets
    std::string port;
    std::string path;  // "/fhir", empty for the root; never ends with '/'
};
// "https://tx.example.nhs.uk/fhir". Errc::invalid: no http or https URL, with user information, a
// query or a fragment.
Result<HttpServerAddress> parse_server_url(std::string_view url);

struct HttpClientOptions {
    HttpServerAddress server;
    std::filesystem::path ca_file;     // PEM; empty: the system's authorities
    std::filesystem::path token_file;  // bearer token, read for every connection; empty: none
    std::string accept = "application/fhir+json";
    std::uint64_t body_bytes_max = 8U << 20U;
};

class HttpClient {
public:
    // Reads the authorities. Errc::invalid naming the file.
    static Result<std::unique_ptr<HttpClient>> make(const HttpClientOptions& options);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // `target` is appended to the server's path and must begin with '/'. Errc::timeout past
    // `deadline`; Errc::io: no connection, no trust, a broken answer; Errc::too_large: its body.
    // Not thread-safe.
    Result<Response> get(std::string_view target, std::chrono::steady_clock::time_point deadline);

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// The bearer token in a file, without the line break behind it. Errc::invalid if others can read
// the file, it is empty, or it holds what no header may.
Result<std::string> read_token_file(const std::filesystem::path& file);

}  // namespace gatehouse::gateway
