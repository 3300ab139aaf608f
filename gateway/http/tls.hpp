#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// TLS for the listener: contexts from files, and what a verified client certificate says. OpenSSL
// types stay in this folder.

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "fhir/base/result.hpp"
#include "gateway/http/message.hpp"
#include "gateway/http/server.hpp"

namespace gatehouse::gateway {

// A context ready for handshakes, and when its certificate ends (seconds since 1970).
struct TlsContext {
    std::shared_ptr<boost::asio::ssl::context> context;
    std::int64_t not_after = 0;
};

// Errc::invalid naming the file and the reason.
Result<TlsContext> make_tls_context(const TlsOptions& options);

// For connections that we open: the server's certificate is verified against `ca_file` (PEM), or
// the system's authorities where it is empty. Whoever connects asks for the host's name too.
Result<std::shared_ptr<boost::asio::ssl::context>>
make_client_tls_context(const std::filesystem::path& ca_file);

// Errc::invalid if a file with a secret is absent, or others may read it.
Result<void> check_secret_file(const char* what, const std::filesystem::path& file);

// Subject, fingerprint and names of the verified client certificate; leaves `peer` alone if there
// is none.
void read_client_certificate(SSL* ssl, Peer& peer);

}  // namespace gatehouse::gateway
