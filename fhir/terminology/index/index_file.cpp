// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/index/index_file.hpp"

#include <algorithm>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace gatehouse::fhir::content {
namespace {

constexpr char index_magic[8] = {'G', 'H', 'T', 'E', 'R', 'M', '\r', '\n'};
constexpr std::uint32_t byte_order_mark = 0x01020304;
constexpr std::uint32_t sections_max = 64;

std::string digest_text(const unsigned char* digest) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out = "sha256-";
    for (int i = 0; i < 32; ++i) {
        out += digits[digest[i] >> 4U];
        out += digits[digest[i] & 15U];
    }
    return out;
}

std::string system_words(int error) {
    return std::generic_category().message(error);
}

}  // namespace

std::string_view info_value(std::string_view info, std::string_view key) noexcept {
    while (!info.empty()) {
        const std::size_t end = info.find('\n');
        const std::string_view line = info.substr(0, end);
        if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=') {
            return line.substr(key.size() + 1);
        }
        info = end == std::string_view::npos ? std::string_view{} : info.substr(end + 1);
    }
    return {};
}

Fault IndexFile::corrupt(const std::string& words) const {
    return Fault(
        Errc::corrupt,
        "terminology index",
        name_ + ": " + words + "; build it again with 'gatehouse terminology build'"
    );
}

Result<void> IndexFile::check_starts(
    std::span<const std::uint32_t> starts, std::size_t concepts, std::size_t rows, const char* what
) const {
    if (starts.size() != concepts + 1 || starts.front() != 0 || starts.back() != rows ||
        !std::is_sorted(starts.begin(), starts.end())) {
        return corrupt(std::string("the ") + what + " of its concepts do not add up");
    }
    return {};
}

Result<std::shared_ptr<const IndexFile>> IndexFile::open(const std::filesystem::path& file) {
    std::shared_ptr<IndexFile> index(new IndexFile());
    index->name_ = file.string();
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        const int error = errno;
        return Fault(
            error == ENOENT ? Errc::not_found : Errc::io,
            "terminology index",
            index->name_ + ": " + system_words(error)
        );
    }
    struct stat status {};
    const bool sized = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (sized && status.st_size >= static_cast<off_t>(sizeof(IndexHeader))) {
        index->size_ = static_cast<std::size_t>(status.st_size);
        void* address = ::mmap(nullptr, index->size_, PROT_READ, MAP_SHARED, descriptor, 0);
        index->mapped_ = address == MAP_FAILED ? nullptr : address;
    }
    ::close(descriptor);
    if (!sized || status.st_size < static_cast<off_t>(sizeof(IndexHeader))) {
        return index->corrupt("is no terminology index (shorter than its header)");
    }
    if (index->mapped_ == nullptr) {
        return Fault(Errc::io, "terminology index", index->name_ + ": cannot be mapped");
    }
    index->data_ = static_cast<const char*>(index->mapped_);
    GH_TRY(index->check(false));
    return std::shared_ptr<const IndexFile>(std::move(index));
}

Result<std::shared_ptr<const IndexFile>>
IndexFile::from_bytes(std::string_view bytes, std::string_view name, bool trusted_digest) {
    std::shared_ptr<IndexFile> index(new IndexFile());
    index->name_ = name;
    index->owned_.resize((bytes.size() + 7) / 8);
    if (!bytes.empty()) {
        std::memcpy(index->owned_.data(), bytes.data(), bytes.size());
    }
    index->data_ = reinterpret_cast<const char*>(index->owned_.data());
    index->size_ = bytes.size();
    GH_TRY(index->check(trusted_digest));
    return std::shared_ptr<const IndexFile>(std::move(index));
}

IndexFile::~IndexFile() {
    if (mapped_ != nullptr) {
        ::munmap(mapped_, size_);
    }
}

Result<void> IndexFile::check(bool trusted_digest) {
    IndexHeader header{};
    if (size_ < sizeof header) {
        return corrupt("is no terminology index (shorter than its header)");
    }
    std::memcpy(&header, data_, sizeof header);
    if (std::memcmp(header.magic, index_magic, sizeof index_magic) != 0) {
        return corrupt("is no terminology index (other first bytes)");
    }
    if (header.byte_order != byte_order_mark) {
        return corrupt("was built on a machine with another byte order");
    }
    if (header.format != index_format) {
        return corrupt(
            "has format " + std::to_string(header.format) + ", this program reads " +
            std::to_string(index_format)
        );
    }
    if (header.file_bytes != size_) {
        return corrupt(
            "should have " + std::to_string(header.file_bytes) + " bytes and has " +
            std::to_string(size_)
        );
    }
    if (header.kind != static_cast<std::uint32_t>(IndexKind::snomed) &&
        header.kind != static_cast<std::uint32_t>(IndexKind::table)) {
        return corrupt("is of unknown kind " + std::to_string(header.kind));
    }
    kind_ = static_cast<IndexKind>(header.kind);
    const std::uint64_t table_bytes = std::uint64_t{header.section_count} * sizeof(SectionEntry);
    if (header.section_count > sections_max || table_bytes > size_ - sizeof header ||
        (size_ - table_bytes) % 8 != 0) {
        return corrupt("has a broken section table");
    }
    const std::uint64_t table_at = size_ - table_bytes;
    sections_ = {
        reinterpret_cast<const SectionEntry*>(data_ + table_at), std::size_t{header.section_count}};
    for (const SectionEntry& entry : sections_) {
        if (entry.offset % 8 != 0 || entry.offset < sizeof header || entry.offset > table_at ||
            entry.bytes > table_at - entry.offset || entry.row_bytes == 0 ||
            entry.bytes % entry.row_bytes != 0) {
            return corrupt("section " + std::to_string(entry.id) + " lies outside the file");
        }
    }
    digest_ = digest_text(header.digest);
    if (!trusted_digest) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int length = 0;
        const int done = EVP_Digest(
            data_ + sizeof header, size_ - sizeof header, digest, &length, EVP_sha256(), nullptr
        );
        GH_ASSERT(done == 1 && length == sizeof header.digest);
        if (std::memcmp(digest, header.digest, sizeof header.digest) != 0) {
            return corrupt("its content does not have the digest " + digest_);
        }
    }
    return {};
}

Result<std::string_view> IndexFile::section(std::uint32_t id, std::size_t row_bytes) const {
    for (const SectionEntry& entry : sections_) {
        if (entry.id != id) {
            continue;
        }
        if (entry.row_bytes != row_bytes) {
            return corrupt("section " + std::to_string(id) + " has rows of another size");
        }
        return std::string_view(data_ + entry.offset, static_cast<std::size_t>(entry.bytes));
    }
    return corrupt("section " + std::to_string(id) + " is missing");
}

// ---- Writing ----

IndexWriter::IndexWriter(std::filesystem::path file, IndexKind kind)
    : file_(std::move(file)), part_(file_.string() + ".part"), kind_(kind) {
    out_ = std::fopen(part_.c_str(), "wbe");
    if (out_ == nullptr) {
        error_ = errno;
        return;
    }
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    GH_ASSERT(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1);
    hash_ = context;
    const IndexHeader empty{};
    if (std::fwrite(&empty, sizeof empty, 1, out_) != 1) {
        error_ = errno;
    }
    at_ = sizeof empty;
}

IndexWriter::~IndexWriter() {
    EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(hash_));
    if (out_ != nullptr) {
        std::fclose(out_);
        std::error_code ignored;
        std::filesystem::remove(part_, ignored);
    }
}

void IndexWriter::put(const void* bytes, std::size_t size) {
    if (error_ != 0 || size == 0) {
        return;
    }
    if (std::fwrite(bytes, 1, size, out_) != size) {
        error_ = errno == 0 ? EIO : errno;
        return;
    }
    GH_ASSERT(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(hash_), bytes, size) == 1);
    at_ += size;
}

void IndexWriter::begin(std::uint32_t id, std::size_t row_bytes) {
    static constexpr char zeros[8] = {};
    put(zeros, (8 - at_ % 8) % 8);
    GH_ASSERT(sections_.size() < sections_max);
    sections_.push_back({id, static_cast<std::uint32_t>(row_bytes), at_, 0});
}

void IndexWriter::write(const void* bytes, std::size_t size) {
    GH_ASSERT(!sections_.empty());
    put(bytes, size);
    sections_.back().bytes += size;
}

Result<std::string> IndexWriter::finish() {
    static constexpr char zeros[8] = {};
    put(zeros, (8 - at_ % 8) % 8);
    put(sections_.data(), sections_.size() * sizeof(SectionEntry));
    IndexHeader header{};
    if (error_ == 0) {
        std::memcpy(header.magic, index_magic, sizeof index_magic);
        header.format = index_format;
        header.kind = static_cast<std::uint32_t>(kind_);
        header.file_bytes = at_;
        header.section_count = static_cast<std::uint32_t>(sections_.size());
        header.byte_order = byte_order_mark;
        unsigned int length = 0;
        unsigned char digest[EVP_MAX_MD_SIZE];
        const int done = EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(hash_), digest, &length);
        GH_ASSERT(done == 1 && length == sizeof header.digest);
        std::memcpy(header.digest, digest, sizeof header.digest);
        if (std::fseek(out_, 0, SEEK_SET) != 0 ||
            std::fwrite(&header, sizeof header, 1, out_) != 1 || std::fflush(out_) != 0 ||
            ::fsync(::fileno(out_)) != 0) {
            error_ = errno == 0 ? EIO : errno;
        }
    }
    if (out_ != nullptr) {
        if (std::fclose(out_) != 0 && error_ == 0) {
            error_ = errno;
        }
        out_ = nullptr;
    }
    if (error_ == 0 && std::rename(part_.c_str(), file_.c_str()) != 0) {
        error_ = errno;
    }
    if (error_ != 0) {
        std::error_code ignored;
        std::filesystem::remove(part_, ignored);
        return Fault(
            error_ == ENOSPC ? Errc::no_space : Errc::io,
            "terminology build",
            "cannot write " + file_.string() + ": " + system_words(error_)
        );
    }
    return digest_text(header.digest);
}

}  // namespace gatehouse::fhir::content
