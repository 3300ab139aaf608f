#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Lane: one I/O thread of a server: its io_context, its connections and their time limits.
// Everything in it belongs to that thread. Time limits are one deadline per connection, looked at
// ten times a second by one timer: setting a limit is a store, not a timer operation, and a request
// sets five.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/base/metrics.hpp"
#include "gateway/http/server.hpp"
#include "gateway/http/tls.hpp"

namespace gatehouse::gateway {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

// What all lanes of a server share.
struct ServerShared {
    ServerShared(ServerOptions options_, Handler handler_)
        : options(std::move(options_)), handler(std::move(handler_)) {
        budget.bytes_max = options.bodies_bytes_max;
    }
    ServerOptions options;
    Handler handler;
    BodyBudget budget;
    std::string own_host;  // "127.0.0.1:8080"
    std::mutex tls_mutex;  // taken once a connection, and by reload
    std::shared_ptr<asio::ssl::context> tls;
    std::atomic<bool> draining{false};
    std::atomic<std::uint32_t> open{0};

    Gauge connections;
    Gauge in_flight;
    Counter refused_busy;
    Counter timeouts;
    Counter handshake_failures;
    Counter exceptions;
    Counter by_class[6];  // [2]: 2xx
    Histogram seconds;
};

class Connection;

struct Lane {
    explicit Lane(ServerShared& shared_) : shared(shared_), context(1), timer(context) {}
    ServerShared& shared;
    // Before the context: connections that outlive it leave this list from its destructor.
    std::list<Connection*> connections;
    std::uint32_t live = 0;  // accepted and not yet ended
    std::uint32_t refusing = 0;
    asio::io_context context;
    asio::steady_timer timer;
    std::unique_ptr<asio::ip::tcp::acceptor> acceptor;

    // "Date: …" line, made once a second.
    const std::string& date_line();

private:
    std::string date_line_;
    Steady::time_point date_at_{};
};

// The part of a connection that the lane's timer and drain see.
class Connection {
public:
    Connection(Lane& lane, bool refuse);
    virtual ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Ends waiting operations with operation_aborted; the coroutine then says goodbye.
    virtual void cancel() = 0;
    // Ends it now.
    virtual void close() = 0;

    void limit(std::chrono::milliseconds time) { deadline = Steady::now() + time; }
    void no_limit() { deadline = Steady::time_point::max(); }

    Lane& lane;
    Steady::time_point deadline = Steady::time_point::max();
    bool expired = false;  // deadline passed once; a second time closes
    bool idle = false;     // between requests
    bool refuse = false;   // over the connection limit: answers 503 and goes
    Peer peer;

private:
    std::list<Connection*>::iterator place_;
};

// One connection from accept to close.
asio::awaitable<void> serve_plain(Lane& lane, asio::ip::tcp::socket socket, bool refuse);
asio::awaitable<void> serve_tls(Lane& lane, asio::ip::tcp::socket socket, bool refuse);

}  // namespace gatehouse::gateway
