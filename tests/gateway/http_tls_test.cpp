// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "gateway/base/async.hpp"
#include "gateway/http/server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

using namespace std::chrono_literals;
using tests::ClientTls;
using tests::make_certificate;
using tests::TestCertificate;
using tests::TestClient;

asio::awaitable<Response> who(Request request) {
    Response response;
    response.body = request.scheme + "|" + request.peer.certificate_subject + "|" +
                    request.peer.certificate_fingerprint + "|";
    for (const std::string& name : request.peer.certificate_names) {
        response.body += name + ",";
    }
    co_return response;
}

const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

struct Tls {
    tests::ScratchFolder folder;
    TestCertificate ca = make_certificate("Test CA", {}, nullptr, true);
    TestCertificate leaf = make_certificate("localhost", {"localhost"}, &ca);
    ServerOptions options;

    explicit Tls(ClientCertificates clients = ClientCertificates::none) {
        install(leaf);
        tests::write_file(file("ca.pem"), ca.certificate_pem);
        TlsOptions tls;
        tls.certificate_file = file("cert.pem");
        tls.private_key_file = file("key.pem");
        tls.client_ca_file = file("ca.pem");
        tls.client_certificates = clients;
        options.tls = tls;
    }
    [[nodiscard]] std::string file(const char* name) const { return folder.path() / name; }
    void install(const TestCertificate& certificate) const {
        tests::write_file(file("cert.pem"), certificate.certificate_pem);
        tests::write_file(file("key.pem"), certificate.key_pem);
    }
    [[nodiscard]] std::unique_ptr<Server> start() const {
        auto server = Server::start(options, who);
        EXPECT_TRUE(server) << describe(server.error());
        return std::move(*server);
    }
    [[nodiscard]] ClientTls client(const TestCertificate* certificate = nullptr) const {
        ClientTls out;
        out.on = true;
        out.ca_pem = ca.certificate_pem;
        out.certificate = certificate;
        return out;
    }
};

TEST(Tls, speaks_1_3_and_1_2_and_nothing_older) {
    const Tls tls;
    const auto server = tls.start();

    TestClient newest(server->port(), tls.client());
    ASSERT_TRUE(newest.connected());
    EXPECT_EQ(newest.tls_version(), "TLSv1.3");
    EXPECT_EQ(newest.ask(get).body, "https|||");
    EXPECT_EQ(newest.ask(get).status, 200);

    ClientTls older = tls.client();
    older.version_max = TLS1_2_VERSION;
    TestClient second(server->port(), older);
    EXPECT_EQ(second.tls_version(), "TLSv1.2");
    EXPECT_EQ(second.ask(get).status, 200);

    ClientTls oldest = tls.client();
    oldest.version_max = TLS1_1_VERSION;
    EXPECT_FALSE(TestClient(server->port(), oldest).connected());
}

TEST(Tls, passes_on_what_a_client_certificate_proves) {
    const Tls tls(ClientCertificates::optional);
    const auto server = tls.start();
    const TestCertificate mine = make_certificate("partner-1", {"partner.example"}, &tls.ca);

    TestClient with(server->port(), tls.client(&mine));
    const std::string body = with.ask(get).body;
    EXPECT_EQ(body.substr(0, 31), "https|CN=partner-1,O=Test Trust") << body;
    EXPECT_NE(body.find("|partner.example,"), std::string::npos);
    EXPECT_EQ(body.find("||"), std::string::npos);

    TestClient without(server->port(), tls.client());
    EXPECT_EQ(without.ask(get).body, "https|||");
}

TEST(Tls, required_client_certificates_are_required_and_must_be_ours) {
    const Tls tls(ClientCertificates::required);
    const auto server = tls.start();
    const TestCertificate mine = make_certificate("partner-1", {}, &tls.ca);
    const TestCertificate stranger = make_certificate("stranger");

    EXPECT_EQ(TestClient(server->port(), tls.client(&mine)).ask(get).status, 200);
    EXPECT_EQ(TestClient(server->port(), tls.client()).ask(get).status, 0);
    EXPECT_EQ(TestClient(server->port(), tls.client(&stranger)).ask(get).status, 0);
}

TEST(Tls, plain_http_on_the_tls_port_is_told_so) {
    const Tls tls;
    const auto server = tls.start();

    const auto response = TestClient(server->port()).ask(get);

    EXPECT_EQ(response.status, 400);
    EXPECT_NE(response.body.find("HTTPS only"), std::string::npos);
}

TEST(Tls, garbage_and_aborted_handshakes_harm_nobody) {
    Tls tls;
    tls.options.header_timeout = 300ms;
    const auto server = tls.start();

    TestClient silent(server->port());
    for (int i = 0; i < 20; ++i) {
        TestClient garbage(server->port());
        garbage.send("\x16\x03\x01\x00\x05 nonsense");
    }

    EXPECT_TRUE(silent.closed_within(5s));
    EXPECT_EQ(TestClient(server->port(), tls.client()).ask(get).status, 200);
}

TEST(Tls, reload_takes_the_new_certificate_or_keeps_the_old) {
    const Tls tls;
    const auto server = tls.start();
    const TestCertificate other_ca = make_certificate("Other CA", {}, nullptr, true);
    const TestCertificate fresh = make_certificate("localhost", {}, &other_ca);
    ClientTls trusts_other = tls.client();
    trusts_other.ca_pem = other_ca.certificate_pem;
    TestClient before(server->port(), tls.client());

    tests::write_file(tls.file("cert.pem"), "rubbish");
    EXPECT_FALSE(server->reload_certificates());
    EXPECT_TRUE(TestClient(server->port(), tls.client()).connected());
    tls.install(fresh);
    EXPECT_TRUE(server->reload_certificates());

    EXPECT_FALSE(TestClient(server->port(), tls.client()).connected());
    EXPECT_TRUE(TestClient(server->port(), trusts_other).connected());
    EXPECT_EQ(before.ask(get).status, 200);
}

TEST(Tls, refuses_to_start_with_bad_files_and_says_which) {
    Tls tls;
    tests::write_file(tls.file("key.pem"), tls.leaf.key_pem, 0644);
    auto server = Server::start(tls.options, who);
    ASSERT_FALSE(server);
    EXPECT_NE(server.error().detail.find("key.pem: may be read by others"), std::string::npos);

    tests::write_file(tls.file("key.pem"), make_certificate("x").key_pem);
    server = Server::start(tls.options, who);
    ASSERT_FALSE(server);
    EXPECT_NE(server.error().detail.find("key.pem"), std::string::npos);

    tls.options.tls->certificate_file = tls.file("nowhere.pem");
    server = Server::start(tls.options, who);
    ASSERT_FALSE(server);
    EXPECT_NE(server.error().detail.find("nowhere.pem"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::gateway
