// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/directory.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include <sys/stat.h>

#include <openssl/crypto.h>

#include "gateway/base/log.hpp"

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view bearer = "Bearer ";
constexpr std::int64_t look_interval_ns = 5'000'000;

Fault refuse(const char* why) {
    return {Errc::unauthorised, "authenticate", why};
}

// Which file this is and in which state; empty if there is none.
std::string file_identity(const fs::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) {
        return {};
    }
    return std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

struct Directory::Snapshot {
    struct Token {
        std::shared_ptr<const Partner> partner;
        TokenRecord record;
    };
    std::shared_ptr<const Partners> partners;
    std::vector<TokenRecord> records;
    std::unordered_map<std::string, Token> by_hash;
    std::unordered_map<std::string, std::shared_ptr<const Partner>> by_subject;
};

Directory::Directory(DirectoryOptions options) : options_(std::move(options)) {}
Directory::~Directory() = default;

Result<std::unique_ptr<Directory>> Directory::open(const DirectoryOptions& options) {
    std::unique_ptr<Directory> out(new Directory(options));
    GH_TRY_ASSIGN(auto partners, out->prepare());
    out->swap(std::move(partners), {});
    GH_TRY(out->reload_tokens());
    return out;
}

Result<std::shared_ptr<const Partners>> Directory::prepare() const {
    Problems problems;
    auto partners = std::make_shared<const Partners>(load_partners(options_.source, problems));
    if (!problems.empty()) {
        return Fault(Errc::invalid, "partners", problems.text());
    }
    return std::shared_ptr<const Partners>(std::move(partners));
}

void Directory::install(std::shared_ptr<const Partners> partners) {
    const std::lock_guard lock(refresh_mutex_);
    std::vector<TokenRecord> records = current()->records;
    swap(std::move(partners), std::move(records));
}

std::shared_ptr<const Directory::Snapshot> Directory::current() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

void Directory::swap(std::shared_ptr<const Partners> partners, std::vector<TokenRecord> tokens)
    const {
    auto fresh = std::make_shared<Snapshot>();
    fresh->partners = std::move(partners);
    fresh->records = std::move(tokens);
    std::unordered_map<std::string_view, std::shared_ptr<const Partner>> by_id;
    for (const std::shared_ptr<const Partner>& partner : *fresh->partners) {
        by_id.emplace(partner->id, partner);
        for (const std::string& subject : partner->subjects) {
            fresh->by_subject.emplace(subject, partner);
        }
    }
    for (const TokenRecord& record : fresh->records) {
        const auto owner = by_id.find(record.partner);
        // A token of a partner that is no longer declared opens nothing.
        if (!record.revoked && owner != by_id.end()) {
            fresh->by_hash.emplace(record.hash, Snapshot::Token{owner->second, record});
        }
    }
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(fresh);
}

Result<void> Directory::reload_tokens() const {
    const std::string identity = file_identity(options_.token_store);
    auto records = read_tokens(options_.token_store);
    if (!records && records.error().code != Errc::not_found) {
        return std::move(records.error());
    }
    std::vector<TokenRecord> all = records ? std::move(*records) : std::vector<TokenRecord>();
    std::shared_ptr<const Partners> partners = current()->partners;
    const bool stranger = std::any_of(all.begin(), all.end(), [&](const TokenRecord& record) {
        return std::none_of(partners->begin(), partners->end(), [&](const auto& partner) {
            return partner->id == record.partner;
        });
    });
    if (stranger) {
        // `gatehouse partner add` of a new partner wrote its file first. A set with a problem
        // elsewhere stays out, as at any reload.
        auto reread = prepare();
        if (reread) {
            partners = std::move(*reread);
        } else {
            log::warn("partners.kept", log::with("why", log::fault(reread.error())));
        }
    }
    swap(std::move(partners), std::move(all));
    seen_ = identity;
    return {};
}

void Directory::refresh() const {
    const std::lock_guard lock(refresh_mutex_);
    const std::string identity = file_identity(options_.token_store);
    if (identity == seen_) {
        return;
    }
    const auto done = reload_tokens();
    if (done) {
        log::info("tokens.reloaded", log::with("count", current()->by_hash.size()));
    } else {
        seen_ = identity;  // say it once, not ten times a second
        log::warn("tokens.kept", log::with("why", log::fault(done.error())));
    }
}

Result<Credential> Directory::authenticate(const Request& request) const {
    // A revoked token must not open the door for as long as it takes to type the next command, and
    // a stat() now and then costs nothing: one caller looks, the others go on.
    const std::int64_t tick = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::steady_clock::now().time_since_epoch()
    )
                                  .count();
    std::int64_t due = look_again_.load(std::memory_order_relaxed);
    if (tick >= due && look_again_.compare_exchange_strong(due, tick + look_interval_ns)) {
        refresh();
    }
    const std::shared_ptr<const Snapshot> now = current();
    std::shared_ptr<const Partner> proven;
    std::string proof;
    if (!request.peer.certificate_fingerprint.empty()) {
        auto at = now->by_subject.find(request.peer.certificate_subject);
        if (at == now->by_subject.end()) {
            at = now->by_subject.find("sha256:" + request.peer.certificate_fingerprint);
        }
        for (const std::string& name : request.peer.certificate_names) {
            at = at == now->by_subject.end() ? now->by_subject.find(name) : at;
        }
        if (at != now->by_subject.end()) {
            proven = at->second;
            proof = request.peer.certificate_fingerprint;
        }
    }
    const std::string_view header = request.headers.get("Authorization");
    if (header.empty()) {
        if (!proven) {
            return request.peer.certificate_fingerprint.empty()
                       ? refuse("No credential was sent. Send 'Authorization: Bearer <token>', or "
                                "use a "
                                "client certificate that is registered here.")
                       : refuse("The client certificate is not registered here for any partner.");
        }
        return Credential{std::move(proven), "mtls", std::move(proof)};
    }
    if (header.size() <= bearer.size() ||
        !equal_ignoring_case(header.substr(0, bearer.size()), bearer)) {
        return refuse("Authorization must be 'Bearer <token>'.");
    }
    std::string_view secret = header.substr(bearer.size());
    while (!secret.empty() && secret.front() == ' ') {
        secret.remove_prefix(1);
    }
    const std::string hash = token_hash(secret);
    const auto at = now->by_hash.find(hash);
    // The look-up goes by digest, which a caller cannot steer towards a stored one; the comparison
    // of what was found takes the same time wherever it differs.
    if (at == now->by_hash.end() || at->first.size() != hash.size() ||
        CRYPTO_memcmp(at->first.data(), hash.data(), hash.size()) != 0) {
        return refuse("The bearer token is not valid here. It may have been rotated or revoked.");
    }
    const TokenRecord& record = at->second.record;
    if (record.expires != 0 && options_.clock->now() >= record.expires) {
        return refuse("The bearer token has expired.");
    }
    if (proven && proven->id != at->second.partner->id) {
        return refuse("The client certificate and the bearer token belong to different partners.");
    }
    return Credential{at->second.partner, "bearer", record.id};
}

std::vector<std::shared_ptr<const Partner>> Directory::partners() const {
    return *current()->partners;
}

Result<void> Directory::mint_sample_tokens() {
    const std::shared_ptr<const Snapshot> now = current();
    std::vector<std::string> wanting;
    for (const std::shared_ptr<const Partner>& partner : *now->partners) {
        const bool known =
            std::any_of(now->records.begin(), now->records.end(), [&](const auto& record) {
                return record.partner == partner->id;
            });
        if (partner->sample && !known) {
            wanting.push_back(partner->id);
        }
    }
    if (wanting.empty()) {
        return {};
    }
    const Micros at = options_.clock->now();
    GH_TRY(update_tokens(
        options_.token_store,
        [&](std::vector<TokenRecord>& records) -> Result<void> {
            for (const std::string& id : wanting) {
                FreshToken token = make_token(id, at);
                // The clear text first: a token that nobody can read would be useless for good.
                GH_TRY(write_private_file(options_.token_folder / id, token.secret + "\n"));
                records.push_back(std::move(token.record));
            }
            return {};
        }
    ));
    return reload_tokens();
}

}  // namespace gatehouse::gateway
