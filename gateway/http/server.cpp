// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/server.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/base/clock.hpp"
#include "gateway/base/log.hpp"
#include "gateway/http/lane.hpp"

namespace gatehouse::gateway {

using asio::ip::tcp;

namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds tick_time{100};
// Over the connection limit, so many more per thread are told so in words; the rest is closed.
constexpr std::uint32_t refusing_max = 256;
// Linux caps this at net.core.somaxconn; a burst of new connections must not see a full queue.
constexpr int backlog = 4096;

// Ends with every connection: nothing may get out of a connection but a count and a line.
struct Ended {
    Lane* lane;
    bool counted;
    void operator()(const std::exception_ptr& error) const {
        ServerShared& shared = lane->shared;
        if (error) {
            shared.exceptions.add();
            log::error("connection.failed", log::with("listener", log::name(shared.options.name)));
        }
        if (counted) {
            --lane->live;
            shared.connections.add(-1);
            shared.open.fetch_sub(1);
        }
    }
};

void take(Lane& lane, tcp::socket socket) {
    ServerShared& shared = lane.shared;
    const std::uint32_t open = shared.open.load(std::memory_order_relaxed);
    const bool refuse = open >= shared.options.connections_max;
    if (refuse && lane.refusing >= refusing_max) {
        shared.refused_busy.add();
        return;  // closes
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto conversation = shared.tls ? serve_tls(lane, std::move(socket), refuse)
                                   : serve_plain(lane, std::move(socket), refuse);
    ++lane.live;
    shared.connections.add(1);
    shared.open.fetch_add(1);
    asio::co_spawn(lane.context, std::move(conversation), Ended{&lane, true});
}

asio::awaitable<void> accept_loop(Lane& lane) {
    while (lane.acceptor->is_open()) {
        auto [ec, socket] = co_await lane.acceptor->async_accept(token);
        if (!ec) {
            take(lane, std::move(socket));
            continue;
        }
        if (ec == asio::error::operation_aborted) {
            break;
        }
        // Out of descriptors or memory: wait for connections to end instead of spinning.
        log::warn("connection.refused", log::with("os_error", ec.value()));
        asio::steady_timer pause(lane.context, std::chrono::milliseconds(50));
        const auto [ignored] = co_await pause.async_wait(token);
        static_cast<void>(ignored);
    }
}

void look_after(Lane& lane, Steady::time_point now) {
    for (Connection* connection : lane.connections) {
        if (connection->deadline > now) {
            continue;
        }
        if (connection->expired) {
            connection->close();
            continue;
        }
        connection->expired = true;
        connection->limit(std::chrono::milliseconds(2000));
        connection->cancel();
    }
}

// Also what keeps the thread's run() going until the last connection has gone.
asio::awaitable<void> tick_loop(Lane& lane) {
    while (!lane.shared.draining.load() || lane.live > 0) {
        lane.timer.expires_after(tick_time);
        const auto [ignored] = co_await lane.timer.async_wait(token);
        static_cast<void>(ignored);
        look_after(lane, Steady::now());
    }
}

class HttpServer final : public Server {
public:
    HttpServer(ServerOptions options, Handler handler)
        : shared_(std::move(options), std::move(handler)) {}

    ~HttpServer() override {
        if (!threads_.empty()) {
            drain(std::chrono::milliseconds(0));
        }
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    Result<void> open();
    [[nodiscard]] std::uint16_t port() const override { return port_; }
    Result<void> reload_certificates() override;
    bool drain(std::chrono::milliseconds limit) override;
    [[nodiscard]] std::uint32_t connections() const override { return shared_.open.load(); }

private:
    Result<void> listen();
    void register_metrics();
    bool wait_for_none(std::chrono::milliseconds limit) const;

    ServerShared shared_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::vector<std::thread> threads_;
    std::uint16_t port_ = 0;
    Gauge certificate_expiry_;
};

Fault cannot_listen(const ServerOptions& options, const char* what, int error) {
    std::string text = options.address + ":" + std::to_string(options.port) + ": " + what + ": ";
    switch (error) {
    case EADDRINUSE: text += "another process listens there; stop it or choose another port"; break;
    case EACCES: text += "not allowed; ports below 1024 need CAP_NET_BIND_SERVICE"; break;
    case EADDRNOTAVAIL: text += "this machine does not have that address"; break;
    default: text += "error " + std::to_string(error); break;
    }
    return {Errc::io, "listen", text};
}

Result<void> HttpServer::listen() {
    const ServerOptions& options = shared_.options;
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(options.address, ec);
    if (ec) {
        return Fault(Errc::invalid, "listen", options.address + " is not an IP address");
    }
    port_ = options.port;
    const std::uint32_t count = std::max<std::uint32_t>(options.io_threads, 1);
    {
        // With SO_REUSEPORT a second gateway of the same user could share the port unnoticed and
        // take half the requests. A plain bind tells.
        asio::io_context context(1);
        tcp::acceptor probe(context);
        probe.open(address.is_v6() ? tcp::v6() : tcp::v4(), ec);
        probe.set_option(asio::socket_base::reuse_address(true), ec);
        probe.bind(tcp::endpoint(address, port_), ec);
        if (ec) {
            return cannot_listen(options, "cannot bind", ec.value());
        }
        port_ = probe.local_endpoint(ec).port();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        auto lane = std::make_unique<Lane>(shared_);
        lane->acceptor = std::make_unique<tcp::acceptor>(lane->context);
        tcp::acceptor& acceptor = *lane->acceptor;
        acceptor.open(address.is_v6() ? tcp::v6() : tcp::v4(), ec);
        if (ec) {
            return cannot_listen(options, "cannot open a socket", ec.value());
        }
        acceptor.set_option(asio::socket_base::reuse_address(true), ec);
        const int on = 1;
        if (count > 1) {
            ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        }
        acceptor.bind(tcp::endpoint(address, port_), ec);
        if (ec) {
            return cannot_listen(options, "cannot bind", ec.value());
        }
        acceptor.listen(backlog, ec);
        if (ec) {
            return cannot_listen(options, "cannot listen", ec.value());
        }
        lanes_.push_back(std::move(lane));
    }
    const bool v6 = address.is_v6();
    shared_.own_host =
        (v6 ? "[" + options.address + "]" : options.address) + ":" + std::to_string(port_);
    return {};
}

void HttpServer::register_metrics() {
    Metrics& all = metrics();
    const Labels labels = {{"listener", shared_.options.name}};
    const auto with = [&](const char* name, const char* value) {
        Labels out = labels;
        out.emplace_back(name, value);
        return out;
    };
    shared_.connections = all.gauge("gatehouse_http_connections", "Open connections", labels);
    shared_.in_flight =
        all.gauge("gatehouse_http_requests_in_flight", "Requests being answered", labels);
    shared_.seconds = all.histogram(
        "gatehouse_http_request_seconds", "From complete request to answer ready", labels
    );
    static constexpr const char* classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    for (int i = 1; i <= 5; ++i) {
        shared_.by_class[i] = all.counter(
            "gatehouse_http_responses_total", "Answers by status class", with("status", classes[i])
        );
    }
    const char* lost = "gatehouse_http_peers_refused_total";
    const char* help = "Connections refused or ended by transport";
    shared_.refused_busy = all.counter(lost, help, with("reason", "connection_limit"));
    shared_.timeouts = all.counter(lost, help, with("reason", "timeout"));
    shared_.handshake_failures = all.counter(lost, help, with("reason", "tls_handshake"));
    shared_.exceptions =
        all.counter("gatehouse_http_exceptions_total", "Handlers that threw: bugs", labels);
    if (shared_.options.tls) {
        certificate_expiry_ = all.gauge(
            "gatehouse_tls_certificate_expiry_seconds",
            "When the listener's certificate ends, seconds since 1970",
            labels
        );
    }
}

Result<void> HttpServer::open() {
    register_metrics();
    if (shared_.options.tls) {
        GH_TRY(reload_certificates());
    }
    GH_TRY(listen());
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        asio::co_spawn(lane->context, accept_loop(*lane), Ended{lane.get(), false});
        asio::co_spawn(lane->context, tick_loop(*lane), Ended{lane.get(), false});
        threads_.emplace_back([context = &lane->context] { context->run(); });
    }
    return {};
}

Result<void> HttpServer::reload_certificates() {
    if (!shared_.options.tls) {
        return {};
    }
    GH_TRY_ASSIGN(TlsContext fresh, make_tls_context(*shared_.options.tls));
    certificate_expiry_.set(static_cast<double>(fresh.not_after));
    const std::lock_guard lock(shared_.tls_mutex);
    shared_.tls = std::move(fresh.context);
    return {};
}

bool HttpServer::wait_for_none(std::chrono::milliseconds limit) const {
    const auto until = Steady::now() + limit;
    while (shared_.open.load() > 0) {
        if (Steady::now() >= until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

bool HttpServer::drain(std::chrono::milliseconds limit) {
    shared_.draining.store(true);
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        asio::post(lane->context, [here = lane.get()] {
            boost::system::error_code ignored;
            here->acceptor->close(ignored);
            here->timer.cancel();
            for (Connection* connection : here->connections) {
                if (connection->idle) {
                    connection->cancel();
                }
            }
        });
    }
    const bool clean = wait_for_none(limit);
    if (!clean) {
        for (const std::unique_ptr<Lane>& lane : lanes_) {
            asio::post(lane->context, [here = lane.get()] {
                for (Connection* connection : here->connections) {
                    connection->close();
                }
            });
        }
        if (!wait_for_none(std::chrono::milliseconds(5000))) {
            // Handlers that hang: their frames go with the context. The journal, not this, is what
            // keeps what they were doing.
            for (const std::unique_ptr<Lane>& lane : lanes_) {
                lane->context.stop();
            }
        }
    }
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
    return clean;
}

}  // namespace

const std::string& Lane::date_line() {
    const Steady::time_point now = Steady::now();
    if (date_line_.empty() || now - date_at_ >= std::chrono::seconds(1)) {
        date_line_ = "Date: " + to_http_date(SystemClock().now()) + "\r\n";
        date_at_ = now;
    }
    return date_line_;
}

Connection::Connection(Lane& lane_, bool refuse_) : lane(lane_), refuse(refuse_) {
    place_ = lane.connections.insert(lane.connections.end(), this);
    lane.refusing += refuse ? 1 : 0;
}

Connection::~Connection() {
    lane.connections.erase(place_);
    lane.refusing -= refuse ? 1 : 0;
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
    auto server = std::make_unique<HttpServer>(options, std::move(handler));
    GH_TRY(server->open());
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace gatehouse::gateway
