// SPDX-License-Identifier: Apache-2.0
//
// Connections with TLS: handshake, who the client is, the conversation, goodbye.
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "gateway/http/connection.hpp"

namespace gatehouse::gateway {

namespace {

using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

// Somebody spoke plain HTTP to the TLS port; say so instead of hanging up.
bool spoke_http(const boost::system::error_code& ec) {
    return ec.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_HTTP_REQUEST;
}

std::string speak_tls_text(const std::string& date_line) {
    const Response response = make_refusal(
        {400, fhir::IssueType::security, "http-tls", "This port speaks HTTPS only. Use https://."}
    );
    AnswerFraming framing;
    framing.close = true;
    framing.date_line = date_line;
    return answer_head(response, framing) + response.body;
}

std::shared_ptr<asio::ssl::context> current_context(ServerShared& shared) {
    const std::lock_guard lock(shared.tls_mutex);
    return shared.tls;
}

}  // namespace

asio::awaitable<void> serve_tls(Lane& lane, asio::ip::tcp::socket socket, bool refuse) {
    // Held for the life of the connection: a reload must not pull the context from under it.
    const std::shared_ptr<asio::ssl::context> context = current_context(lane.shared);
    Session<TlsStream> session(lane, refuse, std::move(socket), *context);
    session.limit(lane.shared.options.header_timeout);
    const auto [ec] = co_await session.stream.async_handshake(asio::ssl::stream_base::server, tok);
    if (ec) {
        lane.shared.handshake_failures.add();
        if (spoke_http(ec)) {
            const std::string text = speak_tls_text(lane.date_line());
            session.limit(std::chrono::milliseconds(2000));
            const auto [write_ec, count] =
                co_await asio::async_write(session.stream.next_layer(), asio::buffer(text), tok);
            if (!write_ec) {
                co_await linger(session);
            }
        }
        session.close();
        co_return;
    }
    session.peer.tls = true;
    read_client_certificate(session.stream.native_handle(), session.peer);

    co_await converse(session, true);

    // A peer may never answer close_notify (boostorg/beast#2807): 2 s, then the socket goes anyway.
    if (session.stream.lowest_layer().is_open()) {
        session.limit(std::chrono::milliseconds(2000));
        const auto [shutdown_ec] = co_await session.stream.async_shutdown(tok);
        static_cast<void>(shutdown_ec);
    }
    session.close();
}

}  // namespace gatehouse::gateway
