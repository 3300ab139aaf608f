// SPDX-License-Identifier: Apache-2.0
//
// Connections without TLS.
#include "gateway/http/connection.hpp"

namespace gatehouse::gateway {

asio::awaitable<void> serve_plain(Lane& lane, asio::ip::tcp::socket socket, bool refuse) {
    Session<asio::ip::tcp::socket> session(lane, refuse, std::move(socket));
    co_await converse(session, false);
    session.close();
}

}  // namespace gatehouse::gateway
