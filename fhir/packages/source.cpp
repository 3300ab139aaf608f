// SPDX-License-Identifier: Apache-2.0
#include "fhir/packages/source.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace gatehouse::fhir::packages {
namespace fs = std::filesystem;
namespace {

// SHA-256 over several pieces.
class Sha256 {
public:
    Sha256() : context_(EVP_MD_CTX_new()) {
        GH_ASSERT(context_ != nullptr);
        GH_ASSERT(EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
    }
    ~Sha256() { EVP_MD_CTX_free(context_); }
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void add(std::string_view bytes) {
        GH_ASSERT(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
    }
    std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        GH_ASSERT(EVP_DigestFinal_ex(context_, digest.data(), &size) == 1);
        static constexpr std::string_view digits = "0123456789abcdef";
        std::string text = "sha256-";
        for (unsigned i = 0; i < size; ++i) {
            text += digits[digest[i] >> 4];
            text += digits[digest[i] & 15U];
        }
        return text;
    }

private:
    EVP_MD_CTX* context_;
};

bool has_part(std::string_view path, std::string_view part) {
    for (std::size_t at = path.find(part); at != std::string_view::npos;
         at = path.find(part, at + 1)) {
        const bool starts = at == 0 || path[at - 1] == '/';
        const std::size_t end = at + part.size();
        if (starts && end < path.size() && path[end] == '/') {
            return true;
        }
    }
    return false;
}

bool ends_with_any_case(std::string_view text, std::string_view ending) {
    return text.size() >= ending.size() &&
           std::equal(ending.rbegin(), ending.rend(), text.rbegin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
}

// A member's path without "./" and "package/"; empty if it tries to leave the folder.
std::string clean_path(std::string_view path) {
    while (path.starts_with("./")) {
        path.remove_prefix(2);
    }
    if (path.starts_with("/") || path == ".." || path.starts_with("../") ||
        path.find("/../") != std::string_view::npos || path.ends_with("/..")) {
        return {};
    }
    if (path.starts_with("package/")) {
        path.remove_prefix(8);
    }
    return std::string(path);
}

void sort_members(Source& source) {
    std::sort(source.members.begin(), source.members.end(), [](const Member& a, const Member& b) {
        return a.path < b.path;
    });
}

Result<Source> read_open_archive(struct archive* reader, MemberFilter wanted) {
    Source source;
    source.is_archive = true;
    std::uint64_t total = 0;
    struct archive_entry* entry = nullptr;
    for (;;) {
        const int status = archive_read_next_header(reader, &entry);
        if (status == ARCHIVE_EOF) {
            break;
        }
        if (status < ARCHIVE_WARN) {
            return Fault{
                Errc::invalid,
                "read archive",
                std::string("not a readable tgz, jar or zip: ") + archive_error_string(reader)};
        }
        const char* name = archive_entry_pathname(entry);
        if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) {
            continue;
        }
        std::string path = clean_path(name);
        if (path.empty() || !wanted(path)) {
            continue;
        }
        if (source.members.size() >= source_members_max) {
            return Fault{
                Errc::too_large, "read archive", "more members than any definition package"};
        }
        std::string bytes;
        std::array<char, 65536> buffer{};
        for (;;) {
            const auto got = archive_read_data(reader, buffer.data(), buffer.size());
            if (got < 0) {
                return Fault{Errc::invalid, "read archive", "member " + path + " is damaged"};
            }
            if (got == 0) {
                break;
            }
            bytes.append(buffer.data(), static_cast<std::size_t>(got));
            total += static_cast<std::uint64_t>(got);
            if (bytes.size() > member_bytes_max || total > source_bytes_max) {
                return Fault{
                    Errc::too_large, "read archive", "unpacks to more than the limit at " + path};
            }
        }
        source.members.push_back({std::move(path), std::move(bytes)});
    }
    sort_members(source);
    return source;
}

struct archive* new_reader() {
    struct archive* reader = archive_read_new();
    GH_ASSERT(reader != nullptr);
    archive_read_support_filter_gzip(reader);
    archive_read_support_format_tar(reader);
    archive_read_support_format_zip(reader);
    return reader;
}

// The folder that holds the package: itself, or its "package".
fs::path package_root(const fs::path& folder) {
    std::error_code error;
    const fs::path inner = folder / "package";
    if (!fs::exists(folder / "package.json", error) && fs::is_directory(inner, error)) {
        return inner;
    }
    return folder;
}

// Calls `visit(path, entry)` for each regular file below the folder; links to files are followed,
// folders behind links are not (they could turn in circles).
template <class Visit> Result<void> walk_folder(const fs::path& root, Visit visit) {
    std::error_code error;
    fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, error);
    if (error) {
        return Fault{Errc::io, "read folder", root.string() + ": " + error.message()};
    }
    for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
        if (error) {
            return Fault{Errc::io, "read folder", root.string() + ": " + error.message()};
        }
        const std::string name = at->path().filename().string();
        if (at->is_directory(error)) {
            if (name.starts_with(".") || name == "node_modules") {
                at.disable_recursion_pending();
            }
            continue;
        }
        if (at->is_regular_file(error)) {
            visit(at->path().lexically_relative(root).generic_string(), *at);
        }
    }
    return {};
}

Result<Source> read_folder(const fs::path& folder, MemberFilter wanted) {
    const fs::path root = package_root(folder);
    std::vector<std::string> paths;
    GH_TRY(walk_folder(root, [&](std::string path, const fs::directory_entry&) {
        if (wanted(path)) {
            paths.push_back(std::move(path));
        }
    }));
    std::sort(paths.begin(), paths.end());
    Source source;
    std::uint64_t total = 0;
    for (std::string& path : paths) {
        GH_TRY_ASSIGN(std::string bytes, read_file(root / path));
        total += bytes.size();
        if (total > source_bytes_max) {
            return Fault{
                Errc::too_large, "read folder", root.string() + " holds more than the limit"};
        }
        source.members.push_back({std::move(path), std::move(bytes)});
    }
    return source;
}

bool looks_like_archive(std::string_view bytes) {
    return bytes.starts_with("\x1f\x8b") || bytes.starts_with("PK\x03\x04") ||
           bytes.starts_with("PK\x05\x06") ||
           (bytes.size() > 262 && bytes.substr(257, 5) == "ustar");
}

}  // namespace

const Member* Source::find(std::string_view path) const {
    const auto at = std::lower_bound(
        members.begin(),
        members.end(),
        path,
        [](const Member& member, std::string_view wanted) { return member.path < wanted; }
    );
    return at != members.end() && at->path == path ? &*at : nullptr;
}

bool is_definition_member(std::string_view path) {
    if (!ends_with_any_case(path, ".json") && !ends_with_any_case(path, ".xml")) {
        return false;
    }
    const auto slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    return !name.starts_with('.') && name != "package.json" && name != "package-lock.json" &&
           name != "pom.xml" && !has_part(path, "META-INF") && !has_part(path, "example") &&
           !has_part(path, "examples") && !has_part(path, "openapi") && !has_part(path, "other") &&
           !has_part(path, "node_modules");
}

Result<Source> read_source(const fs::path& path, MemberFilter wanted) {
    std::error_code error;
    if (!fs::exists(path, error)) {
        return Fault{Errc::not_found, "read package", path.string() + " does not exist"};
    }
    if (fs::is_directory(path, error)) {
        return read_folder(path, wanted);
    }
    GH_TRY_ASSIGN(std::string bytes, read_file(path));
    if (looks_like_archive(bytes)) {
        auto source = read_archive_bytes(bytes, wanted);
        if (!source) {
            return Fault{
                source.error().code, "read package", path.string() + ": " + source.error().detail};
        }
        return source;
    }
    Source source;
    source.is_file = true;
    source.members.push_back({path.filename().string(), std::move(bytes)});
    return source;
}

Result<Source> read_archive_bytes(std::string_view bytes, MemberFilter wanted) {
    struct archive* reader = new_reader();
    if (archive_read_open_memory(reader, bytes.data(), bytes.size()) != ARCHIVE_OK) {
        std::string why =
            archive_error_string(reader) == nullptr ? "unknown form" : archive_error_string(reader);
        archive_read_free(reader);
        return Fault{Errc::invalid, "read archive", "not a readable tgz, jar or zip: " + why};
    }
    auto source = read_open_archive(reader, wanted);
    archive_read_free(reader);
    return source;
}

std::string stamp_source(const fs::path& path) {
    std::error_code error;
    Sha256 hash;
    std::vector<std::string> lines;
    const auto add = [&lines](const std::string& name, const fs::path& file) {
        struct stat status {};
        if (::stat(file.c_str(), &status) == 0) {
            lines.push_back(
                name + '\n' + std::to_string(status.st_size) + ' ' +
                std::to_string(status.st_mtim.tv_sec) + '.' +
                std::to_string(status.st_mtim.tv_nsec) + '\n'
            );
        }
    };
    if (fs::is_directory(path, error)) {
        const auto walked = walk_folder(
            package_root(path),
            [&](const std::string& name, const fs::directory_entry& entry) {
                if (is_definition_member(name) || name == "package.json") {
                    add(name, entry.path());
                }
            }
        );
        if (!walked) {
            return {};
        }
    } else {
        add(path.filename().string(), path);
    }
    std::sort(lines.begin(), lines.end());
    for (const std::string& line : lines) {
        hash.add(line);
    }
    return hash.hex();
}

std::string digest_members(const std::vector<Member>& members) {
    // package.json stays out: name and version are pinned beside the digest, and a core definitions
    // jar has none. Members come sorted by path.
    Sha256 all;
    for (const Member& member : members) {
        if (is_definition_member(member.path)) {
            all.add(member.path);
            all.add("\n");
            all.add(sha256_text(member.bytes));
            all.add("\n");
        }
    }
    return all.hex();
}

std::string sha256_text(std::string_view bytes) {
    Sha256 hash;
    hash.add(bytes);
    return hash.hex();
}

}  // namespace gatehouse::fhir::packages
