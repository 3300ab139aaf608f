// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/tokens.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fhir/base/arena.hpp"
#include "fhir/json/value.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway {

namespace fs = std::filesystem;

namespace {

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }
    void close() {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

private:
    int fd_;
};

Fault cannot(const char* what, const fs::path& file) {
    const int error = errno;
    return {
        error == ENOSPC || error == EDQUOT ? Errc::no_space : Errc::io,
        "tokens",
        std::string(what) + " " + file.string() + ": " + std::generic_category().message(error)};
}

Result<void> private_folder(const fs::path& folder) {
    std::error_code error;
    if (fs::create_directories(folder, error)) {
        fs::permissions(folder, fs::perms::owner_all, error);
    }
    if (error || !fs::is_directory(folder)) {
        return Fault(
            Errc::io, "tokens", "cannot make folder " + folder.string() + ": " + error.message()
        );
    }
    return {};
}

Micros number(const fhir::JsonValue& row, std::string_view name) {
    const fhir::JsonValue* value = row.find(name);
    Micros out = 0;
    if (value != nullptr && value->is(fhir::JsonValue::Kind::number)) {
        std::from_chars(value->text.data(), value->text.data() + value->text.size(), out);
    }
    return out;
}

std::string to_text(const std::vector<TokenRecord>& records) {
    fhir::JsonWriter out(true);
    out.begin_object().key("format").number(1).key("tokens").begin_array();
    for (const TokenRecord& record : records) {
        out.begin_object();
        out.key("partner").string(record.partner);
        out.key("id").string(record.id);
        out.key("hash").string(record.hash);
        out.key("created").number(record.created);
        out.key("expires").number(record.expires);
        out.key("revoked").boolean(record.revoked);
        out.end_object();
    }
    out.end_array().end_object();
    return out.take() + "\n";
}

}  // namespace

std::string token_hash(std::string_view secret) {
    return sha256_hex(secret);
}

FreshToken make_token(std::string partner, Micros now) {
    FreshToken out;
    out.secret = "gh1_" + random_hex(32);
    out.record.partner = std::move(partner);
    out.record.hash = token_hash(out.secret);
    out.record.id = out.record.hash.substr(0, 12);
    out.record.created = now;
    return out;
}

Result<std::vector<TokenRecord>> read_tokens(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        std::error_code ignored;
        if (!fs::exists(file, ignored)) {
            return Fault(Errc::not_found, "tokens", file.string() + ": no such file");
        }
        return Fault(Errc::io, "tokens", file.string() + ": cannot be read");
    }
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    Arena arena;
    const auto root = fhir::parse_json_value(text, arena);
    const fhir::JsonValue* rows = root ? root->find("tokens") : nullptr;
    if (!root || number(*root, "format") != 1 || rows == nullptr) {
        return Fault(
            Errc::corrupt,
            "tokens",
            file.string() +
                ": not a token file of format 1; restore it from a backup, or move it away "
                "and issue tokens again"
        );
    }
    std::vector<TokenRecord> out;
    for (const fhir::JsonValue& row : rows->items) {
        TokenRecord record;
        record.partner = row.string("partner");
        record.id = row.string("id");
        record.hash = row.string("hash");
        record.created = number(row, "created");
        record.expires = number(row, "expires");
        const fhir::JsonValue* revoked = row.find("revoked");
        record.revoked = revoked != nullptr && revoked->text == "true";
        out.push_back(std::move(record));
    }
    return out;
}

Result<void> write_private_file(const fs::path& file, std::string_view text) {
    GH_TRY(private_folder(file.parent_path()));
    const fs::path fresh = file.string() + ".new";
    {
        Descriptor out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (out.get() < 0) {
            return cannot("cannot write", fresh);
        }
        ::fchmod(out.get(), 0600);  // whatever an old left-over had
        std::string_view rest = text;
        while (!rest.empty()) {
            const ssize_t wrote = ::write(out.get(), rest.data(), rest.size());
            if (wrote < 0 && errno == EINTR) {
                continue;
            }
            if (wrote <= 0) {
                return cannot("cannot write", fresh);
            }
            rest.remove_prefix(static_cast<std::size_t>(wrote));
        }
        if (::fsync(out.get()) != 0) {
            return cannot("cannot sync", fresh);
        }
    }
    if (::rename(fresh.c_str(), file.c_str()) != 0) {
        return cannot("cannot replace", file);
    }
    const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
        return cannot("cannot sync the folder of", file);
    }
    return {};
}

Result<void> update_tokens(
    const fs::path& file, const std::function<Result<void>(std::vector<TokenRecord>&)>& change
) {
    GH_TRY(private_folder(file.parent_path()));
    const fs::path lock_file = file.string() + ".lock";
    const Descriptor lock(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.get() < 0 || ::flock(lock.get(), LOCK_EX) != 0) {
        return cannot("cannot lock", lock_file);
    }
    auto records = read_tokens(file);
    if (!records && records.error().code != Errc::not_found) {
        return std::move(records.error());
    }
    std::vector<TokenRecord> all = records ? std::move(*records) : std::vector<TokenRecord>();
    GH_TRY(change(all));
    return write_private_file(file, to_text(all));
}

}  // namespace gatehouse::gateway
