// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/snomed/rf2.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>

#include "fhir/base/utf8.hpp"

namespace gatehouse::fhir::snomed {
namespace {

constexpr std::size_t line_bytes_max = 1U << 20U;  // the longest text definitions have 4 KB
constexpr std::size_t columns_max = 64;

// The columns a kind must begin with; more may follow (maps, annotations).
std::span<const std::string_view> columns_of(Rf2Kind kind) {
    static constexpr std::array<std::string_view, 5> concepts{
        "id", "effectiveTime", "active", "moduleId", "definitionStatusId"};
    static constexpr std::array<std::string_view, 9> descriptions{
        "id",
        "effectiveTime",
        "active",
        "moduleId",
        "conceptId",
        "languageCode",
        "typeId",
        "term",
        "caseSignificanceId"};
    static constexpr std::array<std::string_view, 10> relationships{
        "id",
        "effectiveTime",
        "active",
        "moduleId",
        "sourceId",
        "destinationId",
        "relationshipGroup",
        "typeId",
        "characteristicTypeId",
        "modifierId"};
    static constexpr std::array<std::string_view, 10> values{
        "id",
        "effectiveTime",
        "active",
        "moduleId",
        "sourceId",
        "value",
        "relationshipGroup",
        "typeId",
        "characteristicTypeId",
        "modifierId"};
    static constexpr std::array<std::string_view, 7> language{
        "id",
        "effectiveTime",
        "active",
        "moduleId",
        "refsetId",
        "referencedComponentId",
        "acceptabilityId"};
    static constexpr std::array<std::string_view, 7> association{
        "id",
        "effectiveTime",
        "active",
        "moduleId",
        "refsetId",
        "referencedComponentId",
        "targetComponentId"};
    static constexpr std::array<std::string_view, 6> refset{
        "id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId"};
    switch (kind) {
    case Rf2Kind::concepts: return concepts;
    case Rf2Kind::descriptions: return descriptions;
    case Rf2Kind::relationships: return relationships;
    case Rf2Kind::concrete_values: return values;
    case Rf2Kind::language_refset: return language;
    case Rf2Kind::association_refset: return association;
    case Rf2Kind::module_dependency:
    case Rf2Kind::refset: return refset;
    }
    return refset;
}

bool is_refset(Rf2Kind kind) noexcept {
    return kind == Rf2Kind::language_refset || kind == Rf2Kind::association_refset ||
           kind == Rf2Kind::module_dependency || kind == Rf2Kind::refset;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return (x | 0x20) == (y | 0x20);
           });
}

// 8-4-4-4-12 hexadecimal digits.
bool parse_uuid(std::string_view text, std::uint64_t (&out)[2]) noexcept {
    if (text.size() != 36) {
        return false;
    }
    std::size_t digits = 0;
    out[0] = out[1] = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return false;
            }
            continue;
        }
        unsigned value = 0;
        if (c >= '0' && c <= '9') {
            value = static_cast<unsigned>(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            value = static_cast<unsigned>((c | 0x20) - 'a' + 10);
        } else {
            return false;
        }
        out[digits / 16] = out[digits / 16] << 4U | value;
        ++digits;
    }
    return true;
}

std::optional<std::uint32_t> parse_time(std::string_view text) noexcept {
    if (text.size() != 8) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + static_cast<std::uint32_t>(c - '0');
    }
    const std::uint32_t month = value / 100 % 100;
    const std::uint32_t day = value % 100;
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

std::optional<Rf2Kind> kind_of_file(std::string_view name) noexcept {
    if (!name.ends_with(".txt")) {
        return std::nullopt;
    }
    if (name.starts_with('x')) {  // pre-production
        name.remove_prefix(1);
    }
    const bool component = name.starts_with("sct2_");
    if (!component && !name.starts_with("der2_")) {
        return std::nullopt;
    }
    name.remove_prefix(5);
    const std::size_t bar = name.find('_');
    if (bar == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view content = name.substr(0, bar);
    std::string_view summary = name.substr(bar + 1);
    summary = summary.substr(0, summary.find('_'));
    if (summary.find("Snapshot") == std::string_view::npos) {
        return std::nullopt;
    }
    if (component) {
        if (content == "Concept") {
            return Rf2Kind::concepts;
        }
        if (content == "Description" || content == "TextDefinition") {
            return Rf2Kind::descriptions;
        }
        if (content == "Relationship") {
            return Rf2Kind::relationships;
        }
        if (content == "RelationshipConcreteValues") {
            return Rf2Kind::concrete_values;
        }
        return std::nullopt;
    }
    if (!content.ends_with("Refset")) {
        return std::nullopt;
    }
    const auto has = [&](std::string_view word) {
        return summary.find(word) != std::string_view::npos;
    };
    if (content == "cRefset" && has("Language")) {
        return Rf2Kind::language_refset;
    }
    if (content == "cRefset" && has("Association")) {
        return Rf2Kind::association_refset;
    }
    if (has("ModuleDependency")) {
        return Rf2Kind::module_dependency;
    }
    return Rf2Kind::refset;
}

Result<std::vector<Rf2File>> find_release_files(const std::vector<std::filesystem::path>& folders) {
    std::vector<Rf2File> files;
    for (const std::filesystem::path& folder : folders) {
        std::error_code error;
        std::filesystem::recursive_directory_iterator walk(folder, error);
        for (; !error && walk != std::filesystem::recursive_directory_iterator();
             walk.increment(error)) {
            if (walk.depth() > 16) {
                walk.pop(error);
                continue;
            }
            if (const auto kind = kind_of_file(walk->path().filename().string());
                kind && walk->is_regular_file()) {
                files.push_back({walk->path(), *kind});
            }
        }
        if (error) {
            return Fault(
                error == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::io,
                "SNOMED CT release",
                folder.string() + ": " + error.message()
            );
        }
    }
    std::sort(files.begin(), files.end(), [](const Rf2File& a, const Rf2File& b) {
        return a.path < b.path;
    });
    const auto require = [&](Rf2Kind kind, const char* pattern) -> Result<void> {
        if (std::any_of(files.begin(), files.end(), [kind](const Rf2File& file) {
                return file.kind == kind;
            })) {
            return {};
        }
        return Fault(
            Errc::not_found,
            "SNOMED CT release",
            (folders.empty() ? std::string("no folder") : folders.front().string()) + ": no file " +
                pattern + " in it or its sub-folders. Name the unpacked release folder"
        );
    };
    GH_TRY(require(Rf2Kind::concepts, "sct2_Concept_*Snapshot*.txt"));
    GH_TRY(require(Rf2Kind::descriptions, "sct2_Description_*Snapshot*.txt"));
    GH_TRY(require(Rf2Kind::relationships, "sct2_Relationship_*Snapshot*.txt"));
    return files;
}

Rf2Reader::Rf2Reader(std::FILE* handle, std::string name, Rf2Kind kind)
    : handle_(handle), name_(std::move(name)), kind_(kind), buffer_(std::size_t{1} << 18U) {}

Rf2Reader::Rf2Reader(Rf2Reader&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), name_(std::move(other.name_)),
      kind_(other.kind_), buffer_(std::move(other.buffer_)), at_(other.at_), end_(other.end_),
      line_(other.line_), columns_(other.columns_), column_names_(std::move(other.column_names_)) {}

Rf2Reader::~Rf2Reader() {
    if (handle_ != nullptr) {
        std::fclose(handle_);
    }
}

Result<Rf2Reader> Rf2Reader::open(const Rf2File& file) {
    std::FILE* handle = std::fopen(file.path.c_str(), "rbe");
    if (handle == nullptr) {
        const int error = errno;
        return Fault(
            Errc::io,
            "SNOMED CT release",
            file.path.string() + ": " + std::generic_category().message(error)
        );
    }
    return from_handle(handle, file.path.filename().string(), file.kind);
}

Result<Rf2Reader> Rf2Reader::from_handle(std::FILE* handle, std::string name, Rf2Kind kind) {
    Rf2Reader reader(handle, std::move(name), kind);
    std::string_view line;
    GH_TRY_ASSIGN(const bool any, reader.read_line(line));
    if (!any) {
        return reader.fault("the file is empty; its first line must name the columns");
    }
    if (line.starts_with("\xEF\xBB\xBF")) {
        line.remove_prefix(3);
    }
    std::vector<std::string_view> fields;
    reader.split(line, fields);
    const auto wanted = columns_of(kind);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (i >= fields.size() || !same_name(fields[i], wanted[i])) {
            return reader.fault(
                "column " + std::to_string(i + 1) + " of the first line must be '" +
                std::string(wanted[i]) + "'; is this a Release Format 2 snapshot file?"
            );
        }
    }
    if (fields.size() > columns_max) {
        return reader.fault("more than " + std::to_string(columns_max) + " columns");
    }
    reader.columns_ = fields.size();
    reader.column_names_.assign(fields.begin(), fields.end());
    return reader;
}

Fault Rf2Reader::fault(const std::string& words) const {
    return Fault(
        Errc::invalid, "SNOMED CT release", name_ + ":" + std::to_string(line_) + ": " + words
    );
}

Result<bool> Rf2Reader::read_line(std::string_view& line) {
    std::size_t searched = at_;
    while (true) {
        if (const void* found = std::memchr(&buffer_[0] + searched, '\n', end_ - searched)) {
            const auto stop =
                static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
            line = {&buffer_[0] + at_, stop - at_};
            at_ = stop + 1;
            ++line_;
            if (line.ends_with('\r')) {
                line.remove_suffix(1);
            }
            return true;
        }
        std::memmove(&buffer_[0], &buffer_[0] + at_, end_ - at_);
        end_ -= at_;
        at_ = 0;
        searched = end_;
        if (end_ == buffer_.size()) {
            if (buffer_.size() >= line_bytes_max) {
                ++line_;
                return fault("a line of more than 1 MiB; the file is damaged");
            }
            buffer_.resize(buffer_.size() * 2);
        }
        const std::size_t got = std::fread(&buffer_[0] + end_, 1, buffer_.size() - end_, handle_);
        end_ += got;
        if (got == 0) {
            if (std::ferror(handle_) != 0) {
                return Fault(Errc::io, "SNOMED CT release", name_ + ": cannot be read");
            }
            if (end_ != 0) {
                ++line_;
                return fault(
                    "the file ends in the middle of a line (every row ends with a line break); it "
                    "is truncated, unpack the release again"
                );
            }
            return false;
        }
    }
}

void Rf2Reader::split(std::string_view line, std::vector<std::string_view>& fields) const {
    fields.clear();
    std::size_t from = 0;
    while (fields.size() <= columns_max) {
        const std::size_t tab = line.find('\t', from);
        fields.push_back(line.substr(from, tab - from));
        if (tab == std::string_view::npos) {
            return;
        }
        from = tab + 1;
    }
}

Result<bool> Rf2Reader::next(Rf2Row& row) {
    std::string_view line;
    GH_TRY_ASSIGN(const bool any, read_line(line));
    if (!any) {
        return false;
    }
    split(line, row.fields);
    if (row.fields.size() != columns_) {
        return fault(
            std::to_string(row.fields.size()) + " columns where the first line has " +
            std::to_string(columns_)
        );
    }
    if (is_refset(kind_)) {
        if (!parse_uuid(row.fields[0], row.uuid)) {
            return fault("'id' is not a UUID");
        }
    } else {
        GH_TRY_ASSIGN(row.id, id_at(row, 0));
    }
    const auto time = parse_time(row.fields[1]);
    if (!time) {
        return fault("'effectiveTime' is not a date such as 20261118");
    }
    row.time = *time;
    if (row.fields[2] != "0" && row.fields[2] != "1") {
        return fault("'active' is neither 0 nor 1");
    }
    row.active = row.fields[2] == "1";
    GH_TRY_ASSIGN(row.module, id_at(row, 3));
    if (kind_ == Rf2Kind::descriptions &&
        invalid_utf8_at(row.fields[7]) != std::string_view::npos) {
        return fault("'term' is not UTF-8");
    }
    return true;
}

Result<Sctid> Rf2Reader::id_at(const Rf2Row& row, std::size_t column) const {
    if (const auto id = parse_sctid(row.fields[column])) {
        return *id;
    }
    return fault(
        "'" + column_names_[column] +
        "' is not a SNOMED CT identifier (6 to 18 digits, the last a check digit)"
    );
}

}  // namespace gatehouse::fhir::snomed
