#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Directory: the Identity the gateway runs with. An immutable snapshot of partners and token
// hashes, swapped whole when partners are reloaded or the token file changes.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/identity/identity.hpp"
#include "gateway/identity/partners.hpp"
#include "gateway/identity/tokens.hpp"

namespace gatehouse::gateway {

struct DirectoryOptions {
    PartnerSource source;
    std::filesystem::path token_store;   // <data>/identity/tokens.json
    std::filesystem::path token_folder;  // <data>/tokens: sample partners' tokens in clear
    const Clock* clock = nullptr;
};

class Directory final : public Identity {
public:
    // Loads partners and tokens. Errc::invalid lists every problem of the partner files.
    static Result<std::unique_ptr<Directory>> open(const DirectoryOptions& options);
    ~Directory() override;
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    Result<Credential> authenticate(const Request& request) const override;
    [[nodiscard]] std::vector<std::shared_ptr<const Partner>> partners() const override;

    // A token for every sample partner that never had one, written to <token_folder>/<partner>
    // (0600).
    Result<void> mint_sample_tokens();

    // Partners read and checked but not yet in force: reload is two steps, so that partners,
    // policies and packages change together or not at all.
    Result<std::shared_ptr<const Partners>> prepare() const;
    void install(std::shared_ptr<const Partners> partners);

    // Looks whether the token file changed and takes it up; authenticate() does so by itself, every
    // few milliseconds. A file that cannot be read leaves the old tokens in force, with a warning.
    void refresh() const;

private:
    struct Snapshot;
    explicit Directory(DirectoryOptions options);
    Result<void> reload_tokens() const;
    void swap(std::shared_ptr<const Partners> partners, std::vector<TokenRecord> tokens) const;
    [[nodiscard]] std::shared_ptr<const Snapshot> current() const;

    DirectoryOptions options_;
    mutable std::mutex mutex_;
    // What callers see as constant is the answer's meaning; the snapshot behind it follows the
    // files.
    mutable std::shared_ptr<const Snapshot> snapshot_;
    mutable std::mutex refresh_mutex_;
    mutable std::string seen_;                         // identity of the token file last read
    mutable std::atomic<std::int64_t> look_again_{0};  // steady nanoseconds
};

}  // namespace gatehouse::gateway
