#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Release Format 2: which files of a release folder are its snapshot, and their rows one by one.
// Tab-separated UTF-8, a header line, CR LF or LF. Every row is checked: number of columns,
// identifiers with check digits, dates, flags. (SNOMED CT Release File Specification §3, §4.)

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/terminology/ecl/sctid.hpp"

namespace gatehouse::fhir::snomed {

enum class Rf2Kind : std::uint8_t {
    concepts,
    descriptions,  // text definitions too: the same columns
    relationships,
    concrete_values,
    language_refset,
    association_refset,
    module_dependency,
    refset,  // any other; only who is a member matters
};

struct Rf2File {
    std::filesystem::path path;
    Rf2Kind kind = Rf2Kind::concepts;
};

// What a file name says, or nothing if it is no snapshot file of a kind that is read ("Full" and
// "Delta" files, OWL axioms, stated relationships, identifiers).
std::optional<Rf2Kind> kind_of_file(std::string_view name) noexcept;

// The snapshot files in folders and their sub-folders, in the order of their paths. Errc::not_found
// with what is missing (concept, description, relationship files).
Result<std::vector<Rf2File>> find_release_files(const std::vector<std::filesystem::path>& folders);

// One row: views into the reader's buffer, until the next row.
struct Rf2Row {
    std::vector<std::string_view> fields;
    Sctid id = 0;                // 0 in reference sets, whose ids are UUIDs
    std::uint64_t uuid[2] = {};  // reference set members only
    std::uint32_t time = 0;      // 20261118
    bool active = false;
    Sctid module = 0;
};

class Rf2Reader {
public:
    // Opens a file and reads its header. Errc::io, Errc::not_found, Errc::invalid.
    static Result<Rf2Reader> open(const Rf2File& file);
    // The same over an open handle, which the reader takes.
    static Result<Rf2Reader> from_handle(std::FILE* handle, std::string name, Rf2Kind kind);
    Rf2Reader(Rf2Reader&&) noexcept;
    Rf2Reader& operator=(Rf2Reader&&) = delete;
    ~Rf2Reader();

    // False at the end. Errc::invalid with file and line if a row is wrong or torn.
    Result<bool> next(Rf2Row& row);
    // A field as an identifier. Errc::invalid names file, line and column.
    Result<Sctid> id_at(const Rf2Row& row, std::size_t column) const;
    [[nodiscard]] Fault fault(const std::string& words) const;

private:
    Rf2Reader(std::FILE* handle, std::string name, Rf2Kind kind);
    // Result: whether there was a line.
    Result<bool> read_line(std::string_view& line);
    void split(std::string_view line, std::vector<std::string_view>& fields) const;

    std::FILE* handle_;
    std::string name_;
    Rf2Kind kind_;
    std::vector<char> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::uint64_t line_ = 0;
    std::size_t columns_ = 0;
    std::vector<std::string> column_names_;
};

}  // namespace gatehouse::fhir::snomed
