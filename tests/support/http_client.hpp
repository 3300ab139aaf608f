#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A blocking HTTP client for tests that must be able to misbehave: it sends the bytes it is given,
// at the pace it is told, plain or over TLS, and reads what comes back with a time limit.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::tests {

void write_file(const std::string& path, std::string_view text, unsigned mode = 0600);
std::string read_file(const std::string& path);

// A self-signed or CA-signed P-256 certificate, valid for a day.
struct TestCertificate {
    std::string certificate_pem;
    std::string key_pem;
};
TestCertificate make_certificate(
    const std::string& common_name,
    const std::vector<std::string>& dns_names = {},
    const TestCertificate* issuer = nullptr,
    bool authority = false
);

struct TestResponse {
    int status = 0;    // 0: the connection ended or the time was up before an answer
    std::string head;  // status line and headers
    std::string body;  // by Content-Length
    // First value of a header, compared without case.
    [[nodiscard]] std::string header(std::string_view name) const;
};

struct ClientTls {
    bool on = false;
    int version_max = 0;  // 0: any; TLS1_1_VERSION and so on
    const TestCertificate* certificate = nullptr;
    std::string ca_pem;  // empty: the server is not checked
};

class TestClient {
public:
    explicit TestClient(std::uint16_t port, ClientTls tls = {});
    ~TestClient();
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    [[nodiscard]] bool connected() const noexcept;
    // False when the peer has gone.
    bool send(std::string_view bytes);
    // Half-close.
    void shut();
    TestResponse
    receive(bool head = false, std::chrono::milliseconds limit = std::chrono::seconds(10));
    TestResponse ask(std::string_view bytes) {
        send(bytes);
        return receive();
    }
    // True when the peer closes within the limit; what it still sends is thrown away.
    bool closed_within(std::chrono::milliseconds limit);
    // Bytes as they come, until closed or the limit.
    std::string drain(std::chrono::milliseconds limit);
    [[nodiscard]] std::string tls_version() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::tests
