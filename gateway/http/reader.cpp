// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/reader.hpp"

#include <utility>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "fhir/outcome/outcome.hpp"
#include "gateway/http/coding.hpp"

namespace gatehouse::gateway {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;

namespace {

std::string_view plain(beast::string_view text) {
    return {text.data(), text.size()};
}

// Any error of ours inside Beast's callbacks: refusal_ says which.
Error refused() {
    return http::make_error_code(http::error::unexpected_body);
}

bool plausible_host(std::string_view host) {
    for (const char c : host) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') ||
                          std::string_view(".-_:[]").find(c) != std::string_view::npos;
        if (!good) {
            return false;
        }
    }
    return host.size() <= 255;
}

class Parser final : public http::basic_parser<true> {
public:
    Parser(const ReaderLimits& limits, BodyBudget& budget) : limits_(limits), budget_(budget) {
        header_limit(limits.header_bytes_max);
        body_limit(limits.body_bytes_max);
    }
    ~Parser() override { budget_.used.fetch_sub(reserved_, std::memory_order_relaxed); }
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    Request request;
    TransportRefusal refusal;
    bool refused_here = false;
    bool line_seen = false;
    bool expects = false;
    int version = 11;  // 10 or 11
    std::uint64_t received = 0;

    void refuse(int status, fhir::IssueType type, const char* rule, std::string text) {
        refused_here = true;
        refusal = TransportRefusal{status, type, rule, std::move(text)};
    }

    void finish_header_checks(Error& ec);

private:
    void on_request_impl(
        http::verb /*verb*/,
        beast::string_view method,
        beast::string_view target,
        int http_version,
        Error& /*ec*/
    ) override {
        line_seen = true;
        version = http_version;
        request.method = plain(method);
        request.target = plain(target);
    }

    void
    on_response_impl(int /*code*/, beast::string_view /*reason*/, int /*version*/, Error& /*ec*/)
        override {}

    void on_field_impl(
        http::field /*field*/, beast::string_view name, beast::string_view value, Error& ec
    ) override {
        if (request.headers.all().size() >= limits_.header_fields_max) {
            refuse(
                431,
                fhir::IssueType::too_long,
                "http-header",
                "The request has more than " + std::to_string(limits_.header_fields_max) +
                    " header fields."
            );
            ec = refused();
            return;
        }
        request.headers.add(plain(name), std::string(plain(value)));
    }

    void on_header_impl(Error& ec) override { finish_header_checks(ec); }

    void on_body_init_impl(
        const boost::optional<std::uint64_t>& length, Error& /*ec*/
    ) override {
        if (length && !inflater_) {
            // Only what a small body needs: a declared length is a claim, not a body.
            request.body.reserve(
                static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1U << 20U))
            );
        }
    }

    std::size_t on_body_impl(beast::string_view body, Error& ec) override {
        add_body(plain(body), ec);
        return body.size();
    }

    void
    on_chunk_header_impl(std::uint64_t /*size*/, beast::string_view /*extensions*/, Error& /*ec*/)
        override {}

    std::size_t
    on_chunk_body_impl(std::uint64_t /*remain*/, beast::string_view body, Error& ec) override {
        add_body(plain(body), ec);
        return body.size();
    }

    void on_finish_impl(Error& ec) override {
        if (inflater_ && received > 0 && inflater_->state() != Inflater::State::done) {
            refuse(
                400,
                fhir::IssueType::structure,
                "http-coding",
                "The body says Content-Encoding: gzip but ends before its data does."
            );
            ec = refused();
        }
    }

    void add_body(std::string_view bytes, Error& ec);
    bool reserve(std::uint64_t bytes);
    bool choose_coding();

    const ReaderLimits& limits_;
    BodyBudget& budget_;
    std::uint64_t reserved_ = 0;
    std::unique_ptr<Inflater> inflater_;
};

// Once Beast has seen the line of a last chunk it asserts that it is given five bytes, "0\r\n\r\n"
// (basic_parser::parse_chunk_header), and would abort over one that comes in pieces. In fewer bytes
// that line begins with a zero: what follows another chunk's data has two more in front. All else
// it sees at once, so that what is malformed is refused and not waited for.
bool may_be_last_chunk_in_pieces(std::string_view rest) {
    return rest.size() < 5 && rest.starts_with('0');
}

std::string limit_text(std::uint64_t bytes) {
    return std::to_string(bytes) + " bytes";
}

bool Parser::reserve(std::uint64_t bytes) {
    if (bytes <= reserved_) {
        return true;
    }
    const std::uint64_t more = bytes - reserved_;
    if (budget_.used.fetch_add(more, std::memory_order_relaxed) + more > budget_.bytes_max) {
        budget_.used.fetch_sub(more, std::memory_order_relaxed);
        return false;
    }
    reserved_ += more;
    return true;
}

void Parser::add_body(std::string_view bytes, Error& ec) {
    received += bytes.size();
    Inflater::State decoded = Inflater::State::more;
    if (inflater_) {
        decoded = inflater_->add(bytes, limits_.body_bytes_max, request.body);
    } else {
        request.body.append(bytes);
    }
    if (decoded == Inflater::State::too_large) {
        refuse(
            413,
            fhir::IssueType::too_long,
            "http-body",
            "The body decompresses to more than the limit of " +
                limit_text(limits_.body_bytes_max) + "."
        );
        ec = refused();
    } else if (decoded == Inflater::State::corrupt) {
        refuse(
            400,
            fhir::IssueType::structure,
            "http-coding",
            "The body is not what its Content-Encoding says: the compressed data is damaged."
        );
        ec = refused();
    } else if (!reserve(request.body.size())) {
        refuse(
            503,
            fhir::IssueType::throttled,
            "http-busy",
            "Too much request data is being received at once. Send this request again later."
        );
        ec = refused();
    }
}

// Sets up the inflater; false for a coding that we do not know.
bool Parser::choose_coding() {
    const std::string_view coding = request.headers.get("Content-Encoding");
    if (coding.empty() || equal_ignoring_case(coding, "identity")) {
        return true;
    }
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip") ||
        equal_ignoring_case(coding, "deflate")) {
        inflater_ = std::make_unique<Inflater>();
        // What the rest of the gateway sees is the decoded body.
        request.headers.erase("Content-Encoding");
        request.headers.erase("Content-Length");
        return true;
    }
    return false;
}

void Parser::finish_header_checks(Error& ec) {
    Headers& headers = request.headers;
    std::string_view target = request.target;
    // RFC 9112 §3.2.2: a server must understand the absolute form that proxies send.
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.size() > scheme.size() &&
            equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
            const std::size_t slash = target.find('/', scheme.size());
            const std::size_t end = slash == std::string_view::npos ? target.size() : slash;
            headers.set("Host", std::string(target.substr(scheme.size(), end - scheme.size())));
            request.target =
                slash == std::string_view::npos ? "/" : std::string(target.substr(slash));
            break;
        }
    }
    std::size_t hosts = 0;
    for (const auto& [name, value] : headers.all()) {
        hosts += equal_ignoring_case(name, "Host") ? 1 : 0;
    }
    request.host = headers.get("Host");
    const bool origin_form = request.target.starts_with('/') || request.target == "*";
    if (!origin_form || hosts > 1 || (hosts == 0 && version >= 11) ||
        !plausible_host(request.host)) {
        refuse(
            400,
            fhir::IssueType::structure,
            "http-syntax",
            origin_form
                ? "The request needs exactly one Host header that names a host (RFC 9112 §3.2)."
                : "The request target must start with '/' (RFC 9112 §3.2.1)."
        );
        ec = refused();
        return;
    }
    const std::string_view expect = headers.get("Expect");
    expects = equal_ignoring_case(expect, "100-continue");
    if (!expect.empty() && !expects) {
        refuse(
            417,
            fhir::IssueType::not_supported,
            "http-expect",
            "Only 'Expect: 100-continue' is understood."
        );
        ec = refused();
    } else if (!choose_coding()) {
        refuse(
            415,
            fhir::IssueType::not_supported,
            "http-coding",
            "Content-Encoding must be gzip, deflate or identity."
        );
        ec = refused();
    }
}

// "GET / HTTP/2.0": a request line all right, but of a version that is not spoken here.
bool other_version(std::string_view line) {
    const std::size_t at = line.rfind(" HTTP/");
    return at != std::string_view::npos && line.size() >= at + 9 && line[at + 6] >= '0' &&
           line[at + 6] <= '9' && line.find('\n') == std::string_view::npos;
}

// `bytes`: what the parser was looking at.
TransportRefusal
explain(const Error& ec, bool line_seen, std::string_view bytes, const ReaderLimits& limits) {
    using fhir::IssueType;
    if (ec == http::error::header_limit) {
        return line_seen || bytes.find("\r\n") != std::string_view::npos
                   ? TransportRefusal{431, IssueType::too_long, "http-header",
                                      "The request header is longer than the limit of " +
                                          limit_text(limits.header_bytes_max) + "."}
                   : TransportRefusal{414, IssueType::too_long, "http-target",
                                      "The request target is longer than the limit of " +
                                          limit_text(limits.header_bytes_max) +
                                          ". Use POST with _search for a long search."};
    }
    if (ec == http::error::body_limit) {
        return {
            413,
            IssueType::too_long,
            "http-body",
            "The body is longer than the limit of " + limit_text(limits.body_bytes_max) + "."};
    }
    if (ec == http::error::bad_version && other_version(bytes.substr(0, bytes.find("\r\n")))) {
        return {
            505,
            IssueType::not_supported,
            "http-version",
            "Only HTTP/1.1 and HTTP/1.0 are spoken."};
    }
    const char* what = "The bytes received are not an HTTP/1.1 request.";
    if (ec == http::error::bad_content_length || ec == http::error::multiple_content_length) {
        what =
            "The Content-Length header is not one plain number, or comes with Transfer-Encoding.";
    } else if (ec == http::error::bad_transfer_encoding) {
        what = "Transfer-Encoding must be 'chunked' alone, without Content-Length.";
    } else if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension) {
        what = "The chunked body is malformed.";
    } else if (ec == http::error::bad_field || ec == http::error::bad_value || ec == http::error::bad_obs_fold || ec == http::error::bad_line_ending) {
        what = "A header field is malformed.";
    } else if (ec == http::error::bad_target) {
        what = "The request target holds characters that must be percent-encoded.";
    }
    return {400, IssueType::structure, "http-syntax", what};
}

}  // namespace

struct RequestReader::Impl {
    Impl(const ReaderLimits& limits_, BodyBudget& budget)
        : limits(limits_), parser(limits_, budget) {}
    const ReaderLimits& limits;
    Parser parser;
    bool header_said = false;
    bool failed = false;
};

RequestReader::RequestReader(const ReaderLimits& limits, BodyBudget& budget)
    : impl_(std::make_unique<Impl>(limits, budget)) {}
RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::feed(std::string_view bytes, std::size_t& used) {
    used = 0;
    Impl& in = *impl_;
    while (!in.failed) {
        if (in.parser.is_header_done() && !in.header_said) {
            in.header_said = true;
            return State::header;
        }
        if (in.parser.is_done()) {
            return State::complete;
        }
        if (bytes.size() == used) {
            return State::more;
        }
        if (in.header_said && in.parser.chunked() &&
            may_be_last_chunk_in_pieces(bytes.substr(used))) {
            return State::more;
        }
        Error ec;
        const boost::asio::const_buffer rest(bytes.data() + used, bytes.size() - used);
        const std::size_t took = in.parser.put(rest, ec);
        used += took;
        if (ec == http::error::need_more) {
            return State::more;
        }
        if (ec) {
            in.failed = true;
            if (!in.parser.refused_here) {
                in.parser.refusal = explain(ec, in.parser.line_seen, bytes, in.limits);
            }
        }
    }
    return State::failed;
}

Request& RequestReader::request() noexcept {
    return impl_->parser.request;
}
const TransportRefusal& RequestReader::refusal() const noexcept {
    return impl_->parser.refusal;
}
bool RequestReader::keep_alive() const noexcept {
    return !impl_->failed && impl_->parser.is_header_done() && impl_->parser.keep_alive();
}
bool RequestReader::http_1_0() const noexcept {
    return impl_->parser.is_header_done() && impl_->parser.version == 10;
}
bool RequestReader::expects_continue() const noexcept {
    return impl_->parser.expects && !impl_->parser.is_done();
}
bool RequestReader::got_some() const noexcept {
    return impl_->parser.got_some();
}
std::uint64_t RequestReader::body_bytes_received() const noexcept {
    return impl_->parser.received;
}

Response make_refusal(const TransportRefusal& refusal) {
    fhir::Issue issue;
    issue.type = refusal.type;
    issue.rule = refusal.rule;
    issue.diagnostics = refusal.text;
    if (refusal.status == 400) {
        issue.spine_code = "BAD_REQUEST";
    }
    Response out;
    out.status = refusal.status;
    out.headers.set("Content-Type", "application/fhir+json; charset=utf-8");
    out.headers.set("Cache-Control", "no-store");
    if (refusal.status == 503) {
        out.headers.set("Retry-After", "1");
    }
    out.body = fhir::outcome_json({issue});
    return out;
}

}  // namespace gatehouse::gateway
