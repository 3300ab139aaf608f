// SPDX-License-Identifier: Apache-2.0
//
// ICD-10 and plain lists of codes.
#include <algorithm>
#include <optional>

#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/filters.hpp"
#include "fhir/terminology/table/loaders.hpp"
#include "fhir/terminology/table/separated.hpp"

namespace gatehouse::fhir::table {
namespace {

using Column = std::optional<std::size_t>;

Column first_column(const SeparatedReader& reader, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        if (const Column found = reader.column(name)) {
            return found;
        }
    }
    return std::nullopt;
}

std::string_view field_at(const std::vector<std::string_view>& fields, Column column) noexcept {
    return column ? trimmed(fields[*column]) : std::string_view{};
}

bool says_inactive(std::string_view text) noexcept {
    for (const std::string_view word : {"true", "1", "yes", "inactive", "retired", "deprecated"}) {
        if (equal_folded(text, word)) {
            return true;
        }
    }
    return false;
}

struct ListColumns {
    Column code;
    Column display;
    Column parent;
    Column definition;
    Column inactive;

    [[nodiscard]] bool holds(std::size_t column) const noexcept {
        return column == code || column == display || column == parent || column == definition ||
               column == inactive;
    }
};

// Every record of the file as a concept; the other columns are its properties.
Result<void> read_list(SeparatedReader& reader, const ListColumns& columns, TableBuilder& builder) {
    std::vector<std::string_view> fields;
    while (true) {
        GH_TRY_ASSIGN(const bool more, reader.next(fields));
        if (!more) {
            return {};
        }
        const std::string_view code = field_at(fields, columns.code);
        if (builder.find(code)) {
            return reader.fault("code '" + std::string(code.substr(0, 64)) + "' stands twice");
        }
        auto number = builder.add(code);
        if (!number) {
            return reader.fault(number.error().detail);
        }
        builder.display(*number, field_at(fields, columns.display));
        builder.definition(*number, field_at(fields, columns.definition));
        builder.parent(*number, field_at(fields, columns.parent));
        if (says_inactive(field_at(fields, columns.inactive))) {
            builder.inactive(*number);
        }
        for (std::size_t i = 0; i < fields.size(); ++i) {
            if (!columns.holds(i) && !reader.heading()[i].empty()) {
                builder.value(
                    *number, reader.heading()[i], PropertyType::string, trimmed(fields[i])
                );
            }
        }
    }
}

Result<std::filesystem::path> icd10_file(const std::filesystem::path& source) {
    std::error_code error;
    if (!std::filesystem::is_directory(source, error)) {
        return source;
    }
    std::filesystem::path found;
    for (std::filesystem::recursive_directory_iterator walk(source, error);
         !error && walk != std::filesystem::recursive_directory_iterator();
         walk.increment(error)) {
        const std::string name = walk->path().filename().string();
        if (name.find("CodesAndTitlesAndMetadata") != std::string::npos && name.ends_with(".txt")) {
            if (!found.empty()) {
                return Fault(
                    Errc::invalid,
                    "ICD-10 release",
                    "two files with codes: " + found.string() + " and " + walk->path().string() +
                        "; name one of them"
                );
            }
            found = walk->path();
        }
    }
    if (found.empty()) {
        return Fault(
            Errc::not_found,
            "ICD-10 release",
            source.string() + ": no file *CodesAndTitlesAndMetadata*.txt in it; name the file"
        );
    }
    return found;
}

// "ICD10_Edition5_CodesAndTitlesAndMetadata_GB_20160401.txt" -> "5.20160401"
std::string icd10_version(const std::string& name) {
    constexpr std::string_view start = "ICD10_Edition";
    const std::size_t date = name.rfind('_');
    if (!name.starts_with(start) || name.size() <= start.size() || date == std::string::npos) {
        return {};
    }
    return name.substr(start.size(), 1) + "." + name.substr(date + 1);
}

// "M00.01" stands under "M00.0", that under "M00": the longest beginning that is listed.
void link_beginnings(const std::vector<std::string>& codes, TableBuilder& builder) {
    for (const std::string& code : codes) {
        std::string_view above = code;
        while (above.size() > 1) {
            above.remove_suffix(1);
            if (above.ends_with('.')) {
                continue;
            }
            if (builder.find(above)) {
                builder.parent(*builder.find(code), above);
                break;
            }
        }
    }
}

}  // namespace

Result<LoadReport> load_icd10(const LoadOptions& options) {
    GH_TRY_ASSIGN(const std::filesystem::path file, icd10_file(options.source));
    GH_TRY_ASSIGN(SeparatedReader reader, SeparatedReader::open(file));
    ListColumns columns;
    columns.code = first_column(reader, {"CODE", "ICD10", "ICD-10"});
    columns.display = first_column(reader, {"DESCRIPTION", "TITLE", "DISPLAY"});
    columns.parent = reader.column("PARENT");
    columns.inactive = reader.column("INACTIVE");
    if (!columns.code || !columns.display) {
        return reader.fault("the heading needs the columns CODE and DESCRIPTION");
    }
    TableBuilder builder;
    const bool flat = !columns.parent;
    std::vector<std::string> codes;
    GH_TRY(read_list(reader, columns, builder));
    if (flat) {
        for (ConceptNumber i = 0; i < builder.count(); ++i) {
            codes.emplace_back(builder.code_of(i));
        }
        link_beginnings(codes, builder);
    }
    LoadReport report;
    report.info.kind = "icd-10";
    report.info.systems = {"http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-uk"};
    report.info.version =
        options.version.empty() ? icd10_version(file.stem().string()) : options.version;
    if (report.info.version.empty()) {
        return Fault(
            Errc::invalid,
            "ICD-10 release",
            file.string() + ": its name does not say which edition it is; name it with "
                            "--content-version"
        );
    }
    report.info.title = "ICD-10 " + report.info.version;
    options.say(file.filename().string() + ": " + std::to_string(builder.count()) + " codes");
    GH_TRY_ASSIGN(report.table, builder.write(report.info, options.out));
    return report;
}

Result<LoadReport> load_codes(const LoadOptions& options) {
    GH_TRY_ASSIGN(SeparatedReader reader, SeparatedReader::open(options.source));
    ListColumns columns;
    columns.code = reader.column("code");
    columns.display = first_column(reader, {"display", "description", "title", "name"});
    columns.parent = reader.column("parent");
    columns.definition = reader.column("definition");
    columns.inactive = first_column(reader, {"inactive", "status"});
    if (!columns.code) {
        return reader.fault("the heading needs a column 'code'");
    }
    TableBuilder builder;
    GH_TRY(read_list(reader, columns, builder));
    LoadReport report;
    report.info.kind = "codes";
    report.info.systems = {options.system};
    report.info.version = options.version;
    report.info.title = options.title.empty() ? options.source.stem().string() : options.title;
    options.say(
        options.source.filename().string() + ": " + std::to_string(builder.count()) + " codes"
    );
    GH_TRY_ASSIGN(report.table, builder.write(report.info, options.out));
    return report;
}

}  // namespace gatehouse::fhir::table
