// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/tls.hpp"

#include <array>
#include <ctime>

#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace gatehouse::gateway {

namespace asio = boost::asio;

namespace {

// TLS 1.2 suites of the NCSC's guidance (forward secrecy and authenticated encryption only).
// TLS 1.3 has no weak ones; OpenSSL's order there is already AES-256-GCM, ChaCha20, AES-128-GCM.
constexpr const char* tls12_suites = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                     "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                     "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

template <class T, void (*Free)(T*)> struct Deleter {
    void operator()(T* object) const noexcept { Free(object); }
};
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using BioText = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES, GENERAL_NAMES_free>>;

Fault bad_file(const char* what, const std::filesystem::path& file, const std::string& reason) {
    return {Errc::invalid, "tls", std::string(what) + " " + file.string() + ": " + reason};
}

std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* text = ERR_reason_error_string(code);
    ERR_clear_error();
    return text != nullptr ? text : "cannot be read";
}

std::int64_t end_of(const X509* certificate) {
    std::tm parts{};
    if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
        return 0;
    }
    return static_cast<std::int64_t>(::timegm(&parts));
}

int select_http11(
    SSL* /*ssl*/,
    const unsigned char** out,
    unsigned char* out_size,
    const unsigned char* in,
    unsigned int in_size,
    void* /*argument*/
) {
    static constexpr std::array<unsigned char, 9> ours = {
        8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(
            &chosen, out_size, ours.data(), static_cast<unsigned>(ours.size()), in, in_size
        ) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;  // a client without http/1.1 in its list still gets HTTP/1.1
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

Result<void> use_client_ca(asio::ssl::context& context, const TlsOptions& options) {
    SSL_CTX* handle = context.native_handle();
    if (options.client_certificates == ClientCertificates::none) {
        context.set_verify_mode(asio::ssl::verify_none);
        return {};
    }
    if (SSL_CTX_load_verify_locations(handle, options.client_ca_file.c_str(), nullptr) != 1) {
        return bad_file("client CA", options.client_ca_file, openssl_reason());
    }
    SSL_CTX_set_client_CA_list(handle, SSL_load_client_CA_file(options.client_ca_file.c_str()));
    const bool required = options.client_certificates == ClientCertificates::required;
    context.set_verify_mode(
        asio::ssl::verify_peer | (required ? asio::ssl::verify_fail_if_no_peer_cert : 0)
    );
    return {};
}

void add_name(const GENERAL_NAME* name, Peer& peer) {
    if (name->type != GEN_DNS && name->type != GEN_URI) {
        return;
    }
    const ASN1_IA5STRING* text =
        name->type == GEN_DNS ? name->d.dNSName : name->d.uniformResourceIdentifier;
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    const std::string value(bytes, static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (value.find('\0') == std::string::npos) {  // "good.example\0.evil.example"
        peer.certificate_names.push_back(value);
    }
}

}  // namespace

// A key that others can read is a key that others have.
Result<void> check_secret_file(const char* what, const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) {
        return bad_file(what, file, "no such file, or not readable by this user");
    }
    if ((info.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        return bad_file(what, file, "may be read by others; chmod 600 (or 640) it");
    }
    return {};
}

Result<std::shared_ptr<asio::ssl::context>>
make_client_tls_context(const std::filesystem::path& ca_file) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX* handle = context->native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_options(handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    if (SSL_CTX_set_cipher_list(handle, tls12_suites) != 1 ||
        SSL_CTX_set1_groups_list(handle, "X25519:P-256:P-384") != 1) {
        return Fault(Errc::internal, "tls", "OpenSSL does not know the configured suites");
    }
    const bool trusted = ca_file.empty()
                             ? SSL_CTX_set_default_verify_paths(handle) == 1
                             : SSL_CTX_load_verify_locations(handle, ca_file.c_str(), nullptr) == 1;
    if (!trusted) {
        return bad_file("certificate authority", ca_file, openssl_reason());
    }
    context->set_verify_mode(asio::ssl::verify_peer);
    return context;
}

Result<TlsContext> make_tls_context(const TlsOptions& options) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX* handle = context->native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_options(
        handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE
    );
    SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);  // idle connections are many
    static constexpr std::array<unsigned char, 9> session_context = {
        'g', 'a', 't', 'e', 'h', 'o', 'u', 's', 'e'};
    SSL_CTX_set_session_id_context(handle, session_context.data(), session_context.size());
    SSL_CTX_set_alpn_select_cb(handle, select_http11, nullptr);
    if (SSL_CTX_set_cipher_list(handle, tls12_suites) != 1 ||
        SSL_CTX_set1_groups_list(handle, "X25519:P-256:P-384") != 1) {
        return Fault(Errc::internal, "tls", "OpenSSL does not know the configured suites");
    }
    if (SSL_CTX_use_certificate_chain_file(handle, options.certificate_file.c_str()) != 1) {
        return bad_file("certificate", options.certificate_file, openssl_reason());
    }
    GH_TRY(check_secret_file("private key", options.private_key_file));
    if (SSL_CTX_use_PrivateKey_file(handle, options.private_key_file.c_str(), SSL_FILETYPE_PEM) !=
        1) {
        return bad_file("private key", options.private_key_file, openssl_reason());
    }
    if (SSL_CTX_check_private_key(handle) != 1) {
        return bad_file(
            "private key", options.private_key_file, "does not belong to the certificate"
        );
    }
    GH_TRY(use_client_ca(*context, options));
    TlsContext out;
    out.not_after = end_of(SSL_CTX_get0_certificate(handle));
    out.context = std::move(context);
    return out;
}

Result<void> check_tls_files(const TlsOptions& options) {
    GH_TRY(make_tls_context(options));
    return {};
}

void read_client_certificate(SSL* ssl, Peer& peer) {
    const Certificate certificate(SSL_get1_peer_certificate(ssl));
    if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) {
        return;
    }
    const BioText text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(
        text.get(),
        X509_get_subject_name(certificate.get()),
        0,
        XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB
    );
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text.get(), &bytes);
    peer.certificate_subject.assign(bytes, static_cast<std::size_t>(size));

    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int digest_size = 0;
    if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &digest_size) == 1) {
        constexpr std::string_view hex = "0123456789abcdef";
        for (unsigned int i = 0; i < digest_size; ++i) {
            peer.certificate_fingerprint += hex[digest[i] >> 4U];
            peer.certificate_fingerprint += hex[digest[i] & 15U];
        }
    }
    const Names names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)
    ));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        add_name(sk_GENERAL_NAME_value(names.get(), i), peer);
    }
}

}  // namespace gatehouse::gateway
