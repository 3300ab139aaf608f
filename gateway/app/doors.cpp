// SPDX-License-Identifier: Apache-2.0
#include "gateway/app/doors.hpp"

#include <utility>

#include "fhir/json/value.hpp"
#include "gateway/base/metrics.hpp"

namespace gatehouse::gateway {

namespace {

Response text_answer(int status, const char* type, std::string body) {
    Response out;
    out.status = status;
    out.headers.set("Content-Type", type);
    out.headers.set("Cache-Control", "no-store");
    out.body = std::move(body);
    return out;
}

Response ready_answer(const AdminView& view) {
    std::string why;
    const bool ready = view.ready(why);
    fhir::JsonWriter out;
    out.begin_object().key("status").string(ready ? "ready" : "not ready");
    if (!why.empty()) {
        out.key("why").string(why);
    }
    out.end_object();
    return text_answer(ready ? 200 : 503, "application/json", out.take() + "\n");
}

Response admin_answer(const Request& request, const AdminView& view) {
    if (request.method != "GET") {
        Response out = text_answer(405, "text/plain; charset=utf-8", "Only GET and HEAD here.\n");
        out.headers.set("Allow", "GET, HEAD");
        return out;
    }
    const std::string_view path = request.path();
    if (path == "/livez") {
        return text_answer(200, "application/json", "{\"status\":\"live\"}\n");
    }
    if (path == "/readyz") {
        return ready_answer(view);
    }
    if (path == "/_status") {
        return text_answer(200, "application/json", view.status() + "\n");
    }
    if (path == "/metrics") {
        return text_answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics().text());
    }
    return text_answer(
        404, "text/plain; charset=utf-8", "Pages of this port: /livez /readyz /_status /metrics\n"
    );
}

boost::asio::awaitable<Response>
admin_page(Request request, std::shared_ptr<const AdminView> view) {
    co_return admin_answer(request, *view);
}

TransportRefusal starting() {
    return {
        503,
        fhir::IssueType::transient,
        "starting",
        "The gateway is starting and replays its journal. Try again in a moment."};
}

}  // namespace

Handler FrontDoor::handler() {
    return [this](Request request) { return handle(std::move(request)); };
}

boost::asio::awaitable<Response> FrontDoor::handle(Request request) {
    Pipeline* pipeline = pipeline_.load(std::memory_order_acquire);
    if (pipeline == nullptr) {
        co_return make_refusal(starting());
    }
    const bool tls = request.peer.tls;
    Response response = co_await pipeline->run(std::move(request));
    if (response.status == 401 && !response.headers.has("WWW-Authenticate")) {
        response.headers.add("WWW-Authenticate", "Bearer realm=\"gatehouse\"");
    }
    // Records must not stay in a browser's or proxy's cache, nor be taken for something else.
    if (!response.headers.has("Cache-Control")) {
        response.headers.add("Cache-Control", "no-store");
    }
    response.headers.add("X-Content-Type-Options", "nosniff");
    if (tls) {
        response.headers.add("Strict-Transport-Security", "max-age=31536000");
    }
    co_return response;
}

Handler admin_handler(std::shared_ptr<const AdminView> view) {
    return
        [view = std::move(view)](Request request) { return admin_page(std::move(request), view); };
}

ServerOptions front_options(const Config& config) {
    const Config::Http& http = config.http;
    ServerOptions out;
    out.name = "fhir";
    out.address = http.address;
    out.port = http.port;
    out.io_threads = config.io_thread_count();
    out.reader.header_bytes_max = http.header_bytes_max;
    out.reader.body_bytes_max = http.body_bytes_max;
    out.bodies_bytes_max = http.bodies_bytes_max;
    out.connections_max = http.connections_max;
    out.header_timeout = http.header_timeout;
    out.body_timeout = http.body_timeout;
    out.write_timeout = http.write_timeout;
    out.rate_bytes_min = http.rate_bytes_per_second_min;
    out.idle_timeout = http.idle_timeout;
    out.answer_deadline = http.answer_deadline;
    out.gzip_bytes_min = http.gzip_bytes_min;
    if (http.tls.enabled) {
        TlsOptions tls;
        tls.certificate_file = http.tls.certificate_file;
        tls.private_key_file = http.tls.key_file;
        tls.client_ca_file = http.tls.client_ca_file;
        switch (http.tls.client_certificates) {
        case ClientCertificateMode::none: tls.client_certificates = ClientCertificates::none; break;
        case ClientCertificateMode::optional:
            tls.client_certificates = ClientCertificates::optional;
            break;
        case ClientCertificateMode::required:
            tls.client_certificates = ClientCertificates::required;
            break;
        }
        out.tls = std::move(tls);
    }
    return out;
}

ServerOptions admin_options(const Config& config) {
    ServerOptions out;
    out.name = "admin";
    out.address = config.admin.address;
    out.port = config.admin.port;
    out.reader.body_bytes_max = 1024;  // nothing here takes a body
    out.connections_max = 64;
    return out;
}

}  // namespace gatehouse::gateway
