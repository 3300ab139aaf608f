#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The conversation of one connection, for any stream: read a request, ask the handler, write the
// answer, again. Included by the two files that instantiate it (plain.cpp, tls_session.cpp),
// because composed Asio operations are what compiles slowly.
//
// g++ 12: no braces and no capturing lambda in a statement with co_await (STYLE C1). References
// here are to the session, which lives in the frame that awaits.

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "gateway/base/log.hpp"
#include "gateway/http/answer.hpp"
#include "gateway/http/coding.hpp"
#include "gateway/http/lane.hpp"

namespace gatehouse::gateway {

inline constexpr auto tok = asio::as_tuple(asio::use_awaitable);

// Bytes received and not yet consumed, in one piece.
class ReadBuffer {
public:
    [[nodiscard]] std::string_view view() const noexcept {
        return {bytes_.get() + begin_, end_ - begin_};
    }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    void consume(std::size_t count) noexcept {
        begin_ += count;
        if (begin_ == end_) {
            begin_ = end_ = 0;
        }
    }
    // Free space behind the bytes: a few kilobytes for a header, more while a body streams through.
    asio::mutable_buffer room(bool body) {
        const std::size_t wanted = body ? body_bytes : header_bytes;
        if (begin_ > 0 && (capacity_ - end_ < wanted / 2 || capacity_ < wanted)) {
            std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (capacity_ - end_ < wanted / 2) {
            grow(std::max(wanted, capacity_ * 2));
        }
        return {bytes_.get() + end_, capacity_ - end_};
    }
    void received(std::size_t count) noexcept { end_ += count; }
    // Gives a large buffer back between requests: idle connections are many.
    void rest() {
        if (empty() && capacity_ > header_bytes) {
            bytes_.reset();
            capacity_ = 0;
        }
    }

private:
    static constexpr std::size_t header_bytes = 4096;
    static constexpr std::size_t body_bytes = 65536;

    void grow(std::size_t capacity) {
        std::unique_ptr<char[]> bigger(new char[capacity]);
        if (end_ > begin_) {
            std::memcpy(bigger.get(), bytes_.get() + begin_, end_ - begin_);
        }
        end_ -= begin_;
        begin_ = 0;
        bytes_ = std::move(bigger);
        capacity_ = capacity;
    }

    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

template <class Stream> class Session final : public Connection {
public:
    template <class... Args>
    Session(Lane& lane_, bool refuse_, Args&&... args)
        : Connection(lane_, refuse_), stream(std::forward<Args>(args)...) {
        boost::system::error_code ec;
        const asio::ip::tcp::endpoint end = socket().remote_endpoint(ec);
        if (!ec) {
            peer.address = end.address().to_string();
            peer.port = end.port();
        }
    }

    void cancel() override {
        boost::system::error_code ignored;
        socket().cancel(ignored);
    }
    void close() override {
        boost::system::error_code ignored;
        socket().close(ignored);
    }

    // The socket under TLS, or the stream itself.
    asio::ip::tcp::socket& socket() {
        if constexpr (requires(Stream& s) { s.next_layer(); }) {
            return stream.next_layer();
        } else {
            return stream;
        }
    }

    Stream stream;
    ReadBuffer buffer;
};

enum class Received : std::uint8_t { complete, refused, timed_out, closed };

template <class S> asio::awaitable<bool> fill(S& session, bool body) {
    const asio::mutable_buffer room = session.buffer.room(body);
    const auto [ec, count] = co_await session.stream.async_read_some(room, tok);
    if (ec) {
        co_return false;
    }
    session.buffer.received(count);
    co_return true;
}

inline std::array<asio::const_buffer, 2> two_pieces(const std::string& a, const std::string& b) {
    return {asio::buffer(a), asio::buffer(b)};
}

template <class S> asio::awaitable<bool> send(S& session, std::string head, std::string body) {
    const ServerOptions& options = session.lane.shared.options;
    // A slow reader gets what the lowest acceptable rate needs, and no more.
    const auto bytes = static_cast<std::int64_t>(head.size() + body.size());
    const auto rate = static_cast<std::int64_t>(std::max<std::uint64_t>(options.rate_bytes_min, 1));
    session.limit(options.write_timeout + std::chrono::milliseconds(bytes * 1000 / rate));
    if (body.size() <= 16384) {
        head += body;  // one piece: one system call, one TLS record
        const auto [ec, count] =
            co_await asio::async_write(session.stream, asio::buffer(head), tok);
        co_return !ec;
    }
    const std::array<asio::const_buffer, 2> pieces = two_pieces(head, body);
    const auto [ec, count] = co_await asio::async_write(session.stream, pieces, tok);
    co_return !ec;
}

// One request into `reader`.
template <class S> asio::awaitable<Received> receive(S& session, RequestReader& reader) {
    const ServerOptions& options = session.lane.shared.options;
    session.idle = session.buffer.empty();
    session.limit(session.idle ? options.idle_timeout : options.header_timeout);
    if (session.idle) {
        session.buffer.rest();
        if (session.lane.shared.draining.load(std::memory_order_relaxed)) {
            co_return Received::closed;
        }
    }
    bool body = false;
    Steady::time_point body_began{};
    while (true) {
        if (!session.idle) {
            // An empty line or two before a request is tolerated (RFC 9112 §2.2).
            while (!reader.got_some() && session.buffer.view().starts_with("\r\n")) {
                session.buffer.consume(2);
            }
            std::size_t used = 0;
            const RequestReader::State state = reader.feed(session.buffer.view(), used);
            session.buffer.consume(used);
            if (state == RequestReader::State::complete) {
                co_return Received::complete;
            }
            if (state == RequestReader::State::failed) {
                co_return Received::refused;
            }
            if (state == RequestReader::State::header) {
                body = true;
                body_began = Steady::now();
                session.deadline = body_began + options.body_timeout;
                if (session.refuse) {
                    co_return Received::refused;
                }
                if (reader.expects_continue() && session.buffer.empty()) {
                    std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
                    const bool sent = co_await send(session, std::move(go_on), std::string());
                    if (!sent) {
                        co_return Received::closed;
                    }
                    session.deadline = body_began + options.body_timeout;
                }
                continue;
            }
        }
        const bool got = co_await fill(session, body);
        if (!got) {
            co_return session.expired && !session.idle ? Received::timed_out : Received::closed;
        }
        if (session.idle) {
            session.idle = false;
            session.limit(options.header_timeout);
        }
        if (body) {
            const auto earned = std::chrono::milliseconds(static_cast<std::int64_t>(
                reader.body_bytes_received() * 1000 /
                std::max<std::uint64_t>(options.rate_bytes_min, 1)
            ));
            session.deadline = body_began + options.body_timeout + earned;
        }
    }
}

// After an answer that ends the connection while the peer may still be sending: read on for a
// moment, or the reset that close() sends would overtake the answer.
template <class S> asio::awaitable<void> linger(S& session) {
    asio::ip::tcp::socket& socket = session.socket();
    boost::system::error_code ignored;
    socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    session.limit(std::chrono::milliseconds(2000));
    std::string waste(65536, '\0');
    for (int pieces = 0; pieces < 4096; ++pieces) {
        const auto [ec, count] = co_await socket.async_read_some(asio::buffer(waste), tok);
        if (ec) {
            break;
        }
    }
}

inline TransportRefusal timeout_refusal(std::chrono::milliseconds limit) {
    return {
        408,
        fhir::IssueType::timeout,
        "http-timeout",
        "The request did not arrive in time (" + std::to_string(limit.count()) +
            " ms plus what its size needs). Send it again on a new connection."};
}

inline TransportRefusal full_refusal() {
    return {
        503,
        fhir::IssueType::throttled,
        "http-connections",
        "The limit of connections is reached. Try again in a moment, or keep connections open "
        "and use them again."};
}

inline bool compressible(const Response& response, std::uint64_t bytes_min) {
    return response.body.size() >= bytes_min && response.status >= 200 && response.status != 204 &&
           response.status != 304 && !response.headers.has("Content-Encoding");
}

inline void count_answer(ServerShared& shared, int status, Steady::time_point received) {
    const int group = status / 100;
    if (group >= 1 && group <= 5) {
        shared.by_class[group].add();
    }
    shared.seconds.observe(std::chrono::duration<double>(Steady::now() - received).count());
}

// Compresses in the connection's own turn: an answer of a page takes a tenth of a millisecond.
inline void compress(Response& response, std::uint64_t bytes_min) {
    if (!compressible(response, bytes_min)) {
        return;
    }
    std::string smaller = gzip(response.body);
    if (!smaller.empty() && smaller.size() < response.body.size()) {
        response.body = std::move(smaller);
        response.headers.set("Content-Encoding", "gzip");
    }
    response.headers.add("Vary", "Accept-Encoding");
}

template <class S> asio::awaitable<void> refuse(S& session, TransportRefusal why) {
    ServerShared& shared = session.lane.shared;
    Response response = make_refusal(why);
    count_answer(shared, response.status, Steady::now());
    AnswerFraming framing;
    framing.close = true;
    framing.date_line = session.lane.date_line();
    std::string head = answer_head(response, framing);
    const bool sent = co_await send(session, std::move(head), std::move(response.body));
    if (sent) {
        co_await linger(session);
    }
}

template <class S> asio::awaitable<Response> ask(S& session, Request request) {
    ServerShared& shared = session.lane.shared;
    Response response;
    bool threw = false;
    shared.in_flight.add(1);
    try {
        response = co_await shared.handler(std::move(request));
    } catch (...) {
        threw = true;  // never what(): it could hold patient data
    }
    shared.in_flight.add(-1);
    if (threw) {
        shared.exceptions.add();
        log::error("handler.failed", log::with("listener", log::name(shared.options.name)));
        response = make_refusal(
            {500,
             fhir::IssueType::exception,
             "internal",
             "Something went wrong here, not in the request. It was noted; nothing was accepted."}
        );
    }
    co_return response;
}

template <class S> asio::awaitable<void> converse(S& session, bool tls) {
    ServerShared& shared = session.lane.shared;
    const ServerOptions& options = shared.options;
    while (true) {
        RequestReader reader(options.reader, shared.budget);
        const Received received = co_await receive(session, reader);
        if (received == Received::closed) {
            co_return;
        }
        if (received == Received::timed_out) {
            shared.timeouts.add();
            TransportRefusal why = timeout_refusal(options.header_timeout);
            co_await refuse(session, std::move(why));
            co_return;
        }
        if (session.refuse) {
            shared.refused_busy.add();
            TransportRefusal why = full_refusal();
            co_await refuse(session, std::move(why));
            co_return;
        }
        if (received == Received::refused) {
            TransportRefusal why = reader.refusal();
            co_await refuse(session, std::move(why));
            co_return;
        }

        Request request = std::move(reader.request());
        AnswerFraming framing;
        framing.head = request.method == "HEAD";
        framing.http_1_0 = reader.http_1_0();
        if (framing.head) {
            request.method = "GET";
        }
        const bool may_compress = accepts_gzip(request.headers.get("Accept-Encoding"));
        request.peer = session.peer;
        request.scheme = tls ? "https" : "http";
        if (request.host.empty()) {
            request.host = shared.own_host;
        }
        request.received = Steady::now();
        request.deadline = request.received + options.answer_deadline;
        const Steady::time_point began = request.received;

        session.no_limit();
        Response response = co_await ask(session, std::move(request));

        if (may_compress) {
            compress(response, options.gzip_bytes_min);
        }
        framing.close = !reader.keep_alive() || shared.draining.load(std::memory_order_relaxed);
        framing.date_line = session.lane.date_line();
        count_answer(shared, response.status, began);
        std::string head = answer_head(response, framing);
        std::string body;
        if (body_follows(response, framing)) {
            body = std::move(response.body);
        }
        const bool sent = co_await send(session, std::move(head), std::move(body));
        if (!sent || framing.close) {
            co_return;
        }
    }
}

}  // namespace gatehouse::gateway
