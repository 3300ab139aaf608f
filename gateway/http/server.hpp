#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Server: one listener, plain or TLS, HTTP/1.1. Each I/O thread has its own io_context and its own
// listening socket (SO_REUSEPORT); a connection lives and dies on one thread, so nothing on the way
// from socket to handler takes a lock or changes thread. Requests of a connection are answered in
// order. Everything that transport refuses is an OperationOutcome, and a peer that is slow, greedy
// or broken costs one entry in a list until its time is up.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "fhir/base/result.hpp"
#include "gateway/http/message.hpp"
#include "gateway/http/reader.hpp"

namespace gatehouse::gateway {

enum class ClientCertificates : std::uint8_t { none, optional, required };

// TLS 1.2 and 1.3 with the suites of the NCSC's guidance: ECDHE with AES-GCM or ChaCha20.
struct TlsOptions {
    std::filesystem::path certificate_file;  // PEM, the chain, leaf first
    std::filesystem::path private_key_file;  // PEM; must not be readable by others
    std::filesystem::path client_ca_file;    // PEM; who may sign client certificates
    ClientCertificates client_certificates = ClientCertificates::none;
};

struct ServerOptions {
    std::string name = "fhir";  // in logs and metrics
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
    std::uint32_t io_threads = 1;
    std::optional<TlsOptions> tls;
    ReaderLimits reader;
    std::uint64_t bodies_bytes_max = 512ULL << 20U;  // of all connections together
    std::uint32_t connections_max = 4096;
    std::chrono::milliseconds header_timeout{10'000};  // handshake, and first byte to end of header
    std::chrono::milliseconds body_timeout{30'000};    // on top of what body_rate_min allows
    std::chrono::milliseconds write_timeout{30'000};   // likewise
    std::uint64_t rate_bytes_min = 8192;               // per second, both ways
    std::chrono::milliseconds idle_timeout{75'000};    // between requests
    std::chrono::milliseconds answer_deadline{10'000};  // Request::deadline
    std::uint64_t gzip_bytes_min = 1024;                // shorter answers are not compressed
};

// Whether a listener could start with these files; Errc::invalid says which cannot be used and why.
Result<void> check_tls_files(const TlsOptions& options);

// Called on the connection's thread; resumes there. What it throws becomes a 500.
using Handler = std::function<boost::asio::awaitable<Response>(Request)>;

class Server {
public:
    // Binds, listens and starts its threads. Errc::io when the address is taken or not ours,
    // Errc::invalid when a certificate, key or CA cannot be used.
    static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
    virtual ~Server() = default;

    [[nodiscard]] virtual std::uint16_t port() const = 0;
    // Reads certificate, key and CA again for connections from now on; on a fault the old ones
    // stay.
    virtual Result<void> reload_certificates() = 0;
    // Stops accepting, closes what idles, lets requests in flight finish until `limit`, then closes
    // them. Blocking; not from an I/O thread. True if everything finished by itself.
    virtual bool drain(std::chrono::milliseconds limit) = 0;
    [[nodiscard]] virtual std::uint32_t connections() const = 0;
};

}  // namespace gatehouse::gateway
