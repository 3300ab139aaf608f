// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/client.hpp"

#include <algorithm>
#include <fstream>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <openssl/ssl.h>

#include "gateway/http/tls.hpp"

namespace gatehouse::gateway {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using Deadline = std::chrono::steady_clock::time_point;

namespace {

constexpr std::size_t header_bytes_max = 32U << 10U;
constexpr std::size_t token_bytes_max = 16U << 10U;

Fault broken(const char* what, const error_code& ec) {
    if (ec == asio::error::timed_out) {
        return Fault(Errc::timeout, "http client", std::string(what) + ": no answer in time");
    }
    if (ec == http::error::body_limit || ec == http::error::header_limit) {
        return Fault(Errc::too_large, "http client", "the answer is larger than allowed");
    }
    return Fault(Errc::io, "http client", std::string(what) + ": " + ec.message());
}

}  // namespace

struct HttpClient::Impl {
    explicit Impl(const HttpClientOptions& given) : options(given) {}

    // Starts an operation and runs it to its end, or to the deadline. What it has begun is over
    // when this returns: its handler refers to the caller's frame.
    template <class Start> error_code wait(Deadline deadline, Start&& start) {
        std::optional<error_code> result;
        start([&result](const error_code& ec, auto&&...) { result = ec; });
        io.restart();
        io.run_until(deadline);
        if (!result) {
            resolver.cancel();
            error_code ignored;
            lowest().close(ignored);
            io.restart();
            io.run();
            return asio::error::timed_out;
        }
        return *result;
    }
    tcp::socket& lowest() { return secure ? secure->next_layer() : plain; }
    template <class Use> auto with_stream(Use&& use) { return secure ? use(*secure) : use(plain); }

    Result<void> connect(Deadline deadline);
    Result<void> shake_hands(Deadline deadline);
    Result<Response> exchange(std::string_view target, Deadline deadline, bool& nothing_came);
    void close();

    HttpClientOptions options;
    std::shared_ptr<asio::ssl::context> trust;  // null without TLS
    asio::io_context io{1};
    tcp::resolver resolver{io};
    tcp::socket plain{io};
    std::unique_ptr<asio::ssl::stream<tcp::socket>> secure;
    boost::beast::flat_buffer buffer;
    std::string authorization;
    bool open = false;
};

Result<void> HttpClient::Impl::connect(Deadline deadline) {
    close();
    if (!options.token_file.empty()) {
        GH_TRY_ASSIGN(const std::string token, read_token_file(options.token_file));
        authorization = "Bearer " + token;
    }
    if (trust) {
        secure = std::make_unique<asio::ssl::stream<tcp::socket>>(io, *trust);
    }
    tcp::resolver::results_type found;
    const error_code named = wait(deadline, [&](auto&& done) {
        resolver.async_resolve(
            options.server.host,
            options.server.port,
            [done, &found](const error_code& ec, tcp::resolver::results_type results) {
                found = std::move(results);
                done(ec);
            }
        );
    });
    if (named) {
        return broken("the server's name", named);
    }
    const error_code connected =
        wait(deadline, [&](auto&& done) { asio::async_connect(lowest(), found, done); });
    if (connected) {
        return broken("connecting", connected);
    }
    error_code ignored;
    lowest().set_option(tcp::no_delay(true), ignored);
    if (secure) {
        GH_TRY(shake_hands(deadline));
    }
    open = true;
    return {};
}

Result<void> HttpClient::Impl::shake_hands(Deadline deadline) {
    error_code literal;
    asio::ip::make_address(options.server.host, literal);
    // SSL_set_tlsext_host_name() is a macro with an old cast in it.
    if (literal && SSL_ctrl(
                       secure->native_handle(),
                       SSL_CTRL_SET_TLSEXT_HOSTNAME,
                       TLSEXT_NAMETYPE_host_name,
                       options.server.host.data()
                   ) != 1) {
        return Fault(Errc::io, "http client", "the server's name cannot be asked for");
    }
    secure->set_verify_callback(asio::ssl::host_name_verification(options.server.host));
    const error_code shaken = wait(deadline, [&](auto&& done) {
        secure->async_handshake(asio::ssl::stream_base::client, done);
    });
    return shaken ? broken("TLS", shaken) : Result<void>();
}

void HttpClient::Impl::close() {
    error_code ignored;
    lowest().close(ignored);
    secure.reset();
    plain = tcp::socket(io);
    buffer.clear();
    open = false;
}

Result<Response>
HttpClient::Impl::exchange(std::string_view target, Deadline deadline, bool& nothing_came) {
    http::request<http::empty_body> request(
        http::verb::get, options.server.path + std::string(target), 11
    );
    const bool v6 = options.server.host.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + options.server.host + "]" : options.server.host;
    request.set(http::field::host, host + ":" + options.server.port);
    request.set(http::field::accept, options.accept);
    request.set(http::field::user_agent, "gatehouse");
    if (!authorization.empty()) {
        request.set(http::field::authorization, authorization);
    }
    http::response_parser<http::string_body> parser;
    parser.body_limit(options.body_bytes_max);
    parser.header_limit(header_bytes_max);
    const error_code sent = wait(deadline, [&](auto&& done) {
        with_stream([&](auto& stream) { http::async_write(stream, request, done); });
    });
    if (sent) {
        nothing_came = sent != asio::error::timed_out;
        return broken("asking", sent);
    }
    const error_code read = wait(deadline, [&](auto&& done) {
        with_stream([&](auto& stream) { http::async_read(stream, buffer, parser, done); });
    });
    if (read) {
        nothing_came = read != asio::error::timed_out && !parser.got_some();
        return broken("the answer", read);
    }
    Response out;
    out.status = static_cast<int>(parser.get().result_int());
    for (const auto& field : parser.get()) {
        const auto name = field.name_string();
        const auto value = field.value();
        out.headers.add({name.data(), name.size()}, std::string(value.data(), value.size()));
    }
    out.body = std::move(parser.get().body());
    if (!parser.get().keep_alive()) {
        close();
    }
    return out;
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::make(const HttpClientOptions& options) {
    auto impl = std::make_unique<Impl>(options);
    if (options.server.tls) {
        GH_TRY_ASSIGN(impl->trust, make_client_tls_context(options.ca_file));
    }
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Result<Response> HttpClient::get(std::string_view target, Deadline deadline) {
    // A kept connection may have been closed in the meantime: then a new one, once.
    const bool kept = impl_->open;
    for (const bool again : {false, true}) {
        if (!impl_->open) {
            if (auto connected = impl_->connect(deadline); !connected) {
                impl_->close();
                return std::move(connected.error());
            }
        }
        bool nothing_came = false;
        auto answer = impl_->exchange(target, deadline, nothing_came);
        if (answer) {
            return answer;
        }
        impl_->close();
        if (again || !kept || !nothing_came) {
            return answer;
        }
    }
    return Fault(Errc::internal, "http client", "unreachable");
}

Result<HttpServerAddress> parse_server_url(std::string_view url) {
    const auto wrong = [&](const char* why) {
        return Fault(
            Errc::invalid, "server URL", "'" + std::string(url.substr(0, 200)) + "' " + why
        );
    };
    HttpServerAddress out;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        out.tls = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return wrong("is neither http:// nor https://");
    }
    for (const char c : rest) {
        if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 127 ||
            c == '?' || c == '#' || c == '@') {
            return wrong("must be host and path alone, without user, query or fragment");
        }
    }
    const std::size_t slash = rest.find('/');
    std::string_view authority = rest.substr(0, slash);
    if (slash != std::string_view::npos) {
        out.path = rest.substr(slash);
        while (out.path.ends_with('/')) {
            out.path.pop_back();
        }
    }
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) {
            return wrong("has an address without its closing bracket");
        }
        out.host = authority.substr(1, end - 1);
        authority.remove_prefix(end + 1);
        port = authority.starts_with(':') ? authority.substr(1) : std::string_view{};
    } else {
        const std::size_t colon = authority.find(':');
        out.host = authority.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon + 1);
    }
    const bool digits =
        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (out.host.empty() || !digits || port.size() > 5) {
        return wrong("has no host, or a port that is no number");
    }
    out.port = port.empty() ? (out.tls ? "443" : "80") : std::string(port);
    return out;
}

Result<std::string> read_token_file(const std::filesystem::path& file) {
    const auto wrong = [&](const char* why) {
        return Fault(Errc::invalid, "token file", file.string() + ": " + why);
    };
    GH_TRY(check_secret_file("token", file));
    std::ifstream in(file, std::ios::binary);
    std::string token(token_bytes_max + 1, '\0');
    in.read(token.data(), static_cast<std::streamsize>(token.size()));
    token.resize(static_cast<std::size_t>(in.gcount()));
    while (token.ends_with('\n') || token.ends_with('\r')) {
        token.pop_back();
    }
    const bool good =
        !token.empty() && token.size() <= token_bytes_max &&
        std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
    if (!good) {
        return wrong("holds no token: one line of printable characters without spaces");
    }
    return token;
}

}  // namespace gatehouse::gateway
