// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_client.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace gatehouse::tests {

void write_file(const std::string& path, std::string_view text, unsigned mode) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    ::chmod(path.c_str(), mode);
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

namespace {

std::string bio_text(BIO* bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string out(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
}

EVP_PKEY* read_key(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return key;
}

X509* read_certificate(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return certificate;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension != nullptr) {
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
}

}  // namespace

TestCertificate make_certificate(
    const std::string& common_name,
    const std::vector<std::string>& dns_names,
    const TestCertificate* issuer,
    bool authority
) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    static long serial = 1000;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
    const auto* organisation = reinterpret_cast<const unsigned char*>("Test Trust");
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, organisation, -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0);

    X509* signer = issuer != nullptr ? read_certificate(issuer->certificate_pem) : certificate;
    EVP_PKEY* signing_key = issuer != nullptr ? read_key(issuer->key_pem) : key;
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    add_extension(
        certificate, signer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE"
    );
    std::string names;
    for (const std::string& dns : dns_names) {
        names += (names.empty() ? "DNS:" : ",DNS:") + dns;
    }
    if (!names.empty()) {
        add_extension(certificate, signer, NID_subject_alt_name, names);
    }
    X509_sign(certificate, signing_key, EVP_sha256());

    TestCertificate out;
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    out.certificate_pem = bio_text(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    out.key_pem = bio_text(bio);
    if (issuer != nullptr) {
        X509_free(signer);
        EVP_PKEY_free(signing_key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return out;
}

std::string TestResponse::header(std::string_view name) const {
    const auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
            return static_cast<char>(std::tolower(c));
        });
        return text;
    };
    const std::string wanted = "\r\n" + lower(std::string(name)) + ": ";
    const std::size_t at = lower(head).find(wanted);
    if (at == std::string::npos) {
        return {};
    }
    const std::size_t begin = at + wanted.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

struct TestClient::Impl {
    int fd = -1;
    bool good = false;
    SSL_CTX* context = nullptr;
    SSL* ssl = nullptr;
    std::string pending;

    // Bytes read, 0 closed, -1 time is up.
    int read(char* out, int size, std::chrono::milliseconds limit) {
        if (ssl == nullptr || SSL_pending(ssl) == 0) {
            pollfd wait{fd, POLLIN, 0};
            if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0) {
                return -1;
            }
        }
        if (ssl != nullptr) {
            const int got = SSL_read(ssl, out, size);
            return got > 0 ? got : 0;
        }
        const ssize_t got = ::recv(fd, out, static_cast<std::size_t>(size), 0);
        return got > 0 ? static_cast<int>(got) : 0;
    }

    bool start_tls(const ClientTls& tls) {
        context = SSL_CTX_new(TLS_client_method());
        if (tls.version_max != 0) {
            SSL_CTX_set_min_proto_version(context, 0);
            SSL_CTX_set_max_proto_version(context, tls.version_max);
            SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
        }
        if (tls.certificate != nullptr) {
            X509* certificate = read_certificate(tls.certificate->certificate_pem);
            EVP_PKEY* key = read_key(tls.certificate->key_pem);
            SSL_CTX_use_certificate(context, certificate);
            SSL_CTX_use_PrivateKey(context, key);
            X509_free(certificate);
            EVP_PKEY_free(key);
        }
        if (!tls.ca_pem.empty()) {
            X509* ca = read_certificate(tls.ca_pem);
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
            X509_free(ca);
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        }
        ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        return SSL_connect(ssl) == 1;
    }
};

TestClient::TestClient(std::uint16_t port, ClientTls tls) : impl_(std::make_unique<Impl>()) {
    std::signal(SIGPIPE, SIG_IGN);
    impl_->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(impl_->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr address{};
    std::memcpy(&address, &to, sizeof(to));
    impl_->good = ::connect(impl_->fd, &address, sizeof(to)) == 0;
    if (impl_->good && tls.on) {
        impl_->good = impl_->start_tls(tls);
    }
}

TestClient::~TestClient() {
    if (impl_->ssl != nullptr) {
        SSL_free(impl_->ssl);
    }
    if (impl_->context != nullptr) {
        SSL_CTX_free(impl_->context);
    }
    ::close(impl_->fd);
}

bool TestClient::connected() const noexcept {
    return impl_->good;
}

bool TestClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t sent = 0;
        if (impl_->ssl != nullptr) {
            sent = SSL_write(impl_->ssl, bytes.data(), static_cast<int>(bytes.size()));
        } else {
            sent = ::send(impl_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        }
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void TestClient::shut() {
    ::shutdown(impl_->fd, SHUT_WR);
}

TestResponse TestClient::receive(bool head, std::chrono::milliseconds limit) {
    TestResponse out;
    std::string& text = impl_->pending;
    const auto until = std::chrono::steady_clock::now() + limit;
    std::size_t head_end = std::string::npos;
    std::size_t wanted = 0;
    while (true) {
        if (head_end == std::string::npos &&
            (head_end = text.find("\r\n\r\n")) != std::string::npos) {
            out.head = text.substr(0, head_end + 2);
            const std::string length = out.header("Content-Length");
            wanted = head_end + 4 + (head || length.empty() ? 0 : std::stoul(length));
        }
        if (head_end != std::string::npos && text.size() >= wanted) {
            break;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now()
        );
        char piece[16384];
        const int got = left.count() > 0 ? impl_->read(piece, sizeof(piece), left) : -1;
        if (got <= 0) {
            return {};
        }
        text.append(piece, static_cast<std::size_t>(got));
    }
    out.status = std::stoi(out.head.substr(9, 3));
    out.body = text.substr(head_end + 4, wanted - head_end - 4);
    text.erase(0, wanted);
    return out;
}

bool TestClient::closed_within(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now()
        );
        char piece[16384];
        const int got = left.count() > 0 ? impl_->read(piece, sizeof(piece), left) : -1;
        if (got <= 0) {
            return got == 0;
        }
    }
}

std::string TestClient::drain(std::chrono::milliseconds limit) {
    std::string out = std::exchange(impl_->pending, {});
    const auto until = std::chrono::steady_clock::now() + limit;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now()
        );
        char piece[16384];
        const int got = left.count() > 0 ? impl_->read(piece, sizeof(piece), left) : -1;
        if (got <= 0) {
            return out;
        }
        out.append(piece, static_cast<std::size_t>(got));
    }
}

std::string TestClient::tls_version() const {
    return impl_->ssl != nullptr ? SSL_get_version(impl_->ssl) : "";
}

}  // namespace gatehouse::tests
