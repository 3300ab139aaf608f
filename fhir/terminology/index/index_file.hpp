#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// IndexFile: the container of compiled terminology content: numbered sections of plain rows in one
// file that is mapped, not read. open() checks the header, the bounds of every section and a
// SHA-256 over everything behind the header, so that a torn, truncated or altered file is refused
// before anything of it is used. What the rows mean is checked by who reads them (SnomedIndex,
// CodeTable).
//
// Layout, little-endian: header of 64 bytes (magic, format, kind, length of the file, number of
// sections, byte order mark, digest), the sections, each from a multiple of 8, and the section
// table. The writer makes "FILE.part" and renames it, so a file that is mapped is never changed.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fhir/base/result.hpp"

namespace gatehouse::fhir::content {

enum class IndexKind : std::uint32_t { snomed = 1, table = 2 };

inline constexpr std::uint32_t index_format = 1;  // rises with every change of the layout

struct IndexHeader {
    char magic[8];
    std::uint32_t format;
    std::uint32_t kind;
    std::uint64_t file_bytes;
    std::uint32_t section_count;
    std::uint32_t byte_order;
    unsigned char digest[32];
};
static_assert(sizeof(IndexHeader) == 64 && std::is_trivially_copyable_v<IndexHeader>);

struct SectionEntry {
    std::uint32_t id;
    std::uint32_t row_bytes;
    std::uint64_t offset;
    std::uint64_t bytes;
};
static_assert(sizeof(SectionEntry) == 24);

class IndexFile {
public:
    // Maps and checks `file`. Errc::not_found, Errc::io, or Errc::corrupt with what is wrong.
    static Result<std::shared_ptr<const IndexFile>> open(const std::filesystem::path& file);
    // The same over bytes in memory. `trusted_digest`: the digest is taken as right, so that tests
    // and fuzzing reach the checks behind it.
    static Result<std::shared_ptr<const IndexFile>>
    from_bytes(std::string_view bytes, std::string_view name, bool trusted_digest = false);
    IndexFile(const IndexFile&) = delete;
    IndexFile& operator=(const IndexFile&) = delete;
    ~IndexFile();

    [[nodiscard]] IndexKind kind() const noexcept { return kind_; }
    // "sha256-<hex>" of the content.
    [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return size_; }

    // The rows of a section. Errc::corrupt if there is none, or its rows have another size.
    template <class Row> [[nodiscard]] Result<std::span<const Row>> rows(std::uint32_t id) const {
        static_assert(std::is_trivially_copyable_v<Row> && alignof(Row) <= 8);
        GH_TRY_ASSIGN(const std::string_view raw, section(id, sizeof(Row)));
        return std::span<const Row>(
            reinterpret_cast<const Row*>(raw.data()), raw.size() / sizeof(Row)
        );
    }
    [[nodiscard]] Result<std::string_view> text(std::uint32_t id) const { return section(id, 1); }
    // That `starts` divides `rows` rows among `concepts` concepts: one start for each and the end.
    // `what` names the rows in the fault ("parents").
    [[nodiscard]] Result<void> check_starts(
        std::span<const std::uint32_t> starts,
        std::size_t concepts,
        std::size_t rows,
        const char* what
    ) const;
    // A fault about this file.
    [[nodiscard]] Fault corrupt(const std::string& words) const;

private:
    IndexFile() = default;
    Result<void> check(bool trusted_digest);
    [[nodiscard]] Result<std::string_view> section(std::uint32_t id, std::size_t row_bytes) const;

    std::string name_;
    std::vector<std::uint64_t> owned_;  // words, so that rows are aligned
    void* mapped_ = nullptr;
    const char* data_ = nullptr;
    std::size_t size_ = 0;
    IndexKind kind_ = IndexKind::snomed;
    std::string digest_;
    std::span<const SectionEntry> sections_;
};

// Of a text of "key=value" lines: the value, empty if there is none.
std::string_view info_value(std::string_view info, std::string_view key) noexcept;

// Writes one index file, section after section, without holding any of it in memory. Errors are
// kept and reported by finish().
class IndexWriter {
public:
    IndexWriter(std::filesystem::path file, IndexKind kind);
    IndexWriter(const IndexWriter&) = delete;
    IndexWriter& operator=(const IndexWriter&) = delete;
    ~IndexWriter();

    void begin(std::uint32_t id, std::size_t row_bytes);
    void write(const void* bytes, std::size_t size);
    template <class Row> void row(const Row& value) {
        static_assert(std::is_trivially_copyable_v<Row>);
        write(&value, sizeof(Row));
    }
    template <class Row> void section(std::uint32_t id, std::span<const Row> values) {
        begin(id, sizeof(Row));
        write(values.data(), values.size_bytes());
    }
    template <class Row> void section(std::uint32_t id, const std::vector<Row>& values) {
        section(id, std::span<const Row>(values));
    }
    void text(std::uint32_t id, std::string_view value) {
        begin(id, 1);
        write(value.data(), value.size());
    }
    // Makes the file durable under its name; returns its digest. Errc::io or Errc::no_space.
    Result<std::string> finish();

private:
    void put(const void* bytes, std::size_t size);

    std::filesystem::path file_;
    std::filesystem::path part_;
    IndexKind kind_;
    std::FILE* out_ = nullptr;
    void* hash_ = nullptr;  // EVP_MD_CTX
    std::uint64_t at_ = 0;
    std::vector<SectionEntry> sections_;
    int error_ = 0;  // errno of the first failure
};

}  // namespace gatehouse::fhir::content
