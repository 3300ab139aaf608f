// SPDX-License-Identifier: Apache-2.0
//
// The server over real sockets. Time limits are short where a test waits for one; nothing sleeps to
// "let it happen".
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "gateway/base/async.hpp"
#include "gateway/base/log.hpp"
#include "gateway/http/coding.hpp"
#include "gateway/http/server.hpp"
#include "tests/support/http_client.hpp"

namespace gatehouse::gateway {
namespace {

using namespace std::chrono_literals;
using tests::TestClient;
using tests::TestResponse;

std::atomic<bool> release_hold{false};

// Echoes what it was asked; some targets misbehave.
asio::awaitable<Response> echo(Request request) {
    Response response;
    response.headers.set("Content-Type", "text/plain");
    if (request.path() == "/throw") {
        throw std::runtime_error("must never be seen");
    }
    if (request.path() == "/hold") {
        while (!release_hold.load()) {
            co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        }
    }
    if (request.path() == "/big") {
        response.body.assign(3U << 20U, 'b');
        co_return response;
    }
    if (request.path() == "/empty") {
        response.status = 204;
        co_return response;
    }
    response.body = request.method + " " + request.target + " " + request.host + " " + request.body;
    co_return response;
}

std::unique_ptr<Server> start(ServerOptions options = {}) {
    auto server = Server::start(options, echo);
    EXPECT_TRUE(server) << describe(server.error());
    return std::move(*server);
}

const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

bool is_outcome(const TestResponse& response) {
    return response.header("Content-Type").starts_with("application/fhir+json") &&
           response.body.find("\"OperationOutcome\"") != std::string::npos;
}

TEST(HttpServer, answers_many_requests_on_one_connection) {
    const auto server = start();
    TestClient client(server->port());

    for (int i = 0; i < 50; ++i) {
        const TestResponse response = client.ask(get);
        ASSERT_EQ(response.status, 200);
        EXPECT_EQ(response.body, "GET /a h ");
        EXPECT_FALSE(response.header("Date").empty());
    }
}

TEST(HttpServer, answers_pipelined_requests_in_order) {
    const auto server = start();
    TestClient client(server->port());

    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: "
                "2\r\n\r\nxy"
                "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");

    EXPECT_EQ(client.receive().body, "GET /1 h ");
    EXPECT_EQ(client.receive().body, "POST /2 h xy");
    EXPECT_EQ(client.receive().body, "GET /3 h ");
}

TEST(HttpServer, closes_when_asked_and_for_http_1_0) {
    const auto server = start();
    TestClient client(server->port());
    EXPECT_EQ(
        client.ask("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").header("Connection"),
        "close"
    );
    EXPECT_TRUE(client.closed_within(2s));

    TestClient old(server->port());
    EXPECT_EQ(old.ask("GET /a HTTP/1.0\r\n\r\n").status, 200);
    EXPECT_TRUE(old.closed_within(2s));
}

TEST(HttpServer, head_has_the_headers_of_get_and_no_body) {
    const auto server = start();
    TestClient client(server->port());

    client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    const TestResponse head = client.receive(true);

    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("Content-Length"), "9");
    EXPECT_EQ(client.ask(get).body, "GET /a h ");  // nothing of a body was in between
}

TEST(HttpServer, no_content_has_no_length) {
    const auto server = start();
    TestClient client(server->port());

    const TestResponse response = client.ask("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");

    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.header("Content-Length"), "");
    EXPECT_EQ(client.ask(get).status, 200);
}

TEST(HttpServer, says_continue_before_a_body_it_will_take) {
    const auto server = start();
    TestClient client(server->port());

    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.receive().status, 100);
    client.send("abc");

    EXPECT_EQ(client.receive().body, "POST /p h abc");
}

TEST(HttpServer, refuses_a_body_it_will_not_take_before_it_is_sent) {
    ServerOptions options;
    options.reader.body_bytes_max = 1000;
    const auto server = start(options);
    TestClient client(server->port());

    client.send(
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"
    );
    const TestResponse response = client.receive();

    EXPECT_EQ(response.status, 413);
    EXPECT_TRUE(is_outcome(response));
}

TEST(HttpServer, a_client_still_sending_gets_to_read_why_it_was_refused) {
    ServerOptions options;
    options.reader.body_bytes_max = 1000;
    const auto server = start(options);
    TestClient client(server->port());

    client.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200; ++i) {
        client.send("1000\r\n" + std::string(4096, 'x') + "\r\n");
    }
    const TestResponse response = client.receive();

    EXPECT_EQ(response.status, 413);
    EXPECT_TRUE(is_outcome(response));
}

TEST(HttpServer, compresses_for_those_who_ask) {
    const auto server = start();
    TestClient client(server->port());

    const TestResponse packed =
        client.ask("GET /big HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");

    EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
    EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
    std::string plain;
    Inflater inflater;
    EXPECT_EQ(inflater.add(packed.body, 4U << 20U, plain), Inflater::State::done);
    EXPECT_EQ(plain, std::string(3U << 20U, 'b'));
    EXPECT_EQ(client.ask("GET /big HTTP/1.1\r\nHost: h\r\n\r\n").body.size(), 3U << 20U);
}

TEST(HttpServer, takes_a_large_body) {
    const auto server = start();
    TestClient client(server->port());
    const std::string body(5U << 20U, 'q');

    client.send(
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n"
    );
    client.send(body);

    EXPECT_EQ(client.receive().body.size(), body.size() + 10);
}

TEST(HttpServer, a_handler_that_throws_is_a_500_without_its_words) {
    const auto server = start();
    TestClient client(server->port());

    const TestResponse response = client.ask("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");

    EXPECT_EQ(response.status, 500);
    EXPECT_TRUE(is_outcome(response));
    EXPECT_EQ(response.body.find("never be seen"), std::string::npos);
    EXPECT_EQ(client.ask(get).status, 200);
}

TEST(HttpServer, garbage_is_answered_and_closed) {
    const auto server = start();
    TestClient client(server->port());

    const TestResponse response = client.ask("\x01\x02\x03\xff garbage\r\n\r\n");

    EXPECT_EQ(response.status, 400);
    EXPECT_TRUE(is_outcome(response));
    EXPECT_TRUE(client.closed_within(3s));
}

TEST(HttpServer, a_slow_header_is_answered_408) {
    ServerOptions options;
    options.header_timeout = 300ms;
    const auto server = start(options);
    TestClient client(server->port());

    client.send("GET /a HTTP/1.1\r\nHo");
    const TestResponse response = client.receive();

    EXPECT_EQ(response.status, 408);
    EXPECT_TRUE(is_outcome(response));
    EXPECT_TRUE(client.closed_within(4s));
}

TEST(HttpServer, a_drip_of_header_bytes_does_not_buy_time) {
    ServerOptions options;
    options.header_timeout = 400ms;
    const auto server = start(options);
    TestClient client(server->port());
    const auto began = std::chrono::steady_clock::now();

    client.send("GET /a HTTP/1.1\r\nA: ");
    while (client.send("x") && client.drain(20ms).empty() &&
           std::chrono::steady_clock::now() - began < 5s) {
    }

    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

TEST(HttpServer, a_slow_body_is_answered_408) {
    ServerOptions options;
    options.body_timeout = 300ms;
    const auto server = start(options);
    TestClient client(server->port());

    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");

    EXPECT_EQ(client.receive().status, 408);
}

TEST(HttpServer, an_idle_connection_is_closed_in_silence) {
    ServerOptions options;
    options.idle_timeout = 300ms;
    const auto server = start(options);
    TestClient client(server->port());

    EXPECT_EQ(client.ask(get).status, 200);

    EXPECT_EQ(client.drain(3s), "");
    EXPECT_TRUE(client.closed_within(1s));
}

TEST(HttpServer, a_reader_that_does_not_read_is_let_go) {
    ServerOptions options;
    options.write_timeout = 200ms;
    options.rate_bytes_min = 1U << 30U;
    const auto server = start(options);
    std::vector<std::unique_ptr<TestClient>> clients;

    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<TestClient>(server->port()));
        for (int n = 0; n < 8; ++n) {  // more than the socket buffers take
            clients.back()->send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        }
    }

    const auto until = std::chrono::steady_clock::now() + 8s;
    while (server->connections() > 0 && std::chrono::steady_clock::now() < until) {
        std::this_thread::yield();
    }
    EXPECT_EQ(server->connections(), 0U);
}

TEST(HttpServer, connections_over_the_limit_are_told_503) {
    ServerOptions options;
    options.connections_max = 2;
    const auto server = start(options);
    TestClient first(server->port());
    TestClient second(server->port());
    ASSERT_EQ(first.ask(get).status, 200);
    ASSERT_EQ(second.ask(get).status, 200);

    TestClient third(server->port());
    const TestResponse response = third.ask(get);

    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.header("Retry-After"), "1");
    EXPECT_TRUE(is_outcome(response));
    EXPECT_EQ(first.ask(get).status, 200);
}

TEST(HttpServer, a_second_server_on_the_same_port_is_refused_in_words) {
    ServerOptions options;
    options.io_threads = 2;
    const auto server = start(options);
    options.port = server->port();

    const auto second = Server::start(options, echo);

    ASSERT_FALSE(second);
    EXPECT_NE(second.error().detail.find("another process listens there"), std::string::npos);
}

TEST(HttpServer, drain_finishes_what_is_in_flight_and_closes_what_idles) {
    release_hold = false;
    const auto server = start();
    TestClient idle(server->port());
    ASSERT_EQ(idle.ask(get).status, 200);
    TestClient busy(server->port());
    busy.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::uint16_t port = server->port();
    while (server->connections() < 2) {
        std::this_thread::yield();
    }

    bool clean = false;
    std::thread drainer([&] { clean = server->drain(10s); });
    EXPECT_TRUE(idle.closed_within(2s));
    EXPECT_FALSE(TestClient(port).connected());
    release_hold = true;
    const TestResponse response = busy.receive();
    drainer.join();

    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_TRUE(clean);
}

TEST(HttpServer, serves_from_several_threads_under_churn) {
    ServerOptions options;
    options.io_threads = 2;
    const auto server = start(options);
    std::atomic<int> good{0};
    std::vector<std::thread> threads;

    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                TestClient client(server->port());
                good += client.ask(get).status == 200 ? 1 : 0;
                good += client.ask(get).status == 200 ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }

    EXPECT_EQ(good.load(), 400);
    EXPECT_TRUE(server->drain(2s));
}

}  // namespace
}  // namespace gatehouse::gateway
