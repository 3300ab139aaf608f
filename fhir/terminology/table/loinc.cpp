// SPDX-License-Identifier: Apache-2.0
//
// LOINC from its release (LOINC Users' Guide, table structures; FHIR R4, Using LOINC with FHIR):
// the columns are properties of their names, STATUS DEPRECATED is inactive, parts (LP...) are
// groupers above the codes, answers (LA...) know their lists (LL...).
#include <algorithm>

#include "fhir/terminology/filters.hpp"
#include "fhir/terminology/table/loaders.hpp"
#include "fhir/terminology/table/separated.hpp"

namespace gatehouse::fhir::table {
namespace {

// The properties and filters that FHIR defines for LOINC, of those that are columns.
constexpr std::string_view loinc_properties[] = {
    "COMPONENT",
    "PROPERTY",
    "TIME_ASPCT",
    "SYSTEM",
    "SCALE_TYP",
    "METHOD_TYP",
    "CLASS",
    "CLASSTYPE",
    "STATUS",
    "ORDER_OBS",
    "UNITSREQUIRED",
    "EXAMPLE_UCUM_UNITS",
    "VersionLastChanged",
    "VersionFirstReleased",
    "PanelType",
};

// A file of the release by its name, in the folder or below; empty if there is none.
Result<std::filesystem::path> find_in(const std::filesystem::path& folder, std::string_view name) {
    std::error_code error;
    std::filesystem::path found;
    for (std::filesystem::recursive_directory_iterator walk(folder, error);
         !error && walk != std::filesystem::recursive_directory_iterator();
         walk.increment(error)) {
        if (walk.depth() > 8) {
            walk.disable_recursion_pending();
            continue;
        }
        // The release has translations and subsets with files of the same name deeper down.
        if (walk->path().filename() == name &&
            (found.empty() || walk->path().string().size() < found.string().size())) {
            found = walk->path();
        }
    }
    if (error) {
        return Fault(Errc::io, "LOINC release", folder.string() + ": " + error.message());
    }
    return found;
}

// "2.77" above "2.9"
bool later_version(std::string_view a, std::string_view b) noexcept {
    while (!a.empty() || !b.empty()) {
        const std::string_view x = a.substr(0, a.find('.'));
        const std::string_view y = b.substr(0, b.find('.'));
        if (x.size() != y.size()) {
            return x.size() > y.size();
        }
        if (x != y) {
            return x > y;
        }
        a.remove_prefix(std::min(a.size(), x.size() + 1));
        b.remove_prefix(std::min(b.size(), y.size() + 1));
    }
    return false;
}

struct LoincColumns {
    explicit LoincColumns(const SeparatedReader& from) : reader(from) {}
    Result<std::size_t> need(std::string_view name) const {
        if (const auto found = reader.column(name)) {
            return *found;
        }
        return reader.fault("the heading has no column '" + std::string(name) + "'");
    }
    [[nodiscard]] std::string_view
    text(const std::vector<std::string_view>& fields, std::string_view name) const {
        const auto found = reader.column(name);
        return found ? trimmed(fields[*found]) : std::string_view{};
    }
    const SeparatedReader& reader;
};

Result<std::string> read_codes(const std::filesystem::path& file, TableBuilder& builder) {
    GH_TRY_ASSIGN(SeparatedReader reader, SeparatedReader::open(file));
    const LoincColumns columns(reader);
    GH_TRY_ASSIGN(const std::size_t code_at, columns.need("LOINC_NUM"));
    GH_TRY(columns.need("COMPONENT"));
    std::vector<std::pair<std::string_view, std::size_t>> wanted;
    for (const std::string_view name : loinc_properties) {
        if (const auto found = reader.column(name)) {
            wanted.emplace_back(name, *found);
        }
    }
    std::string newest;
    std::vector<std::string_view> fields;
    while (true) {
        GH_TRY_ASSIGN(const bool more, reader.next(fields));
        if (!more) {
            return newest;
        }
        const std::string_view code = trimmed(fields[code_at]);
        if (builder.find(code)) {
            return reader.fault("code '" + std::string(code.substr(0, 64)) + "' stands twice");
        }
        auto number = builder.add(code);
        if (!number) {
            return reader.fault(number.error().detail);
        }
        std::string_view shown = columns.text(fields, "LONG_COMMON_NAME");
        const std::string_view short_name = columns.text(fields, "SHORTNAME");
        if (shown.empty()) {
            shown = short_name.empty() ? columns.text(fields, "COMPONENT") : short_name;
        }
        builder.display(*number, shown);
        if (short_name != shown) {
            builder.name(*number, short_name, "SHORTNAME");
        }
        builder.name(*number, columns.text(fields, "CONSUMER_NAME"), "CONSUMER_NAME");
        builder.name(*number, columns.text(fields, "DisplayName"), "DisplayName");
        builder.definition(*number, columns.text(fields, "DefinitionDescription"));
        if (columns.text(fields, "STATUS") == "DEPRECATED") {
            builder.inactive(*number);
        }
        for (const auto& [name, at] : wanted) {
            builder.value(*number, name, PropertyType::string, trimmed(fields[at]));
        }
        const bool third_party = !columns.text(fields, "EXTERNAL_COPYRIGHT_NOTICE").empty();
        builder.value(
            *number, "copyright", PropertyType::string, third_party ? "3rdParty" : "LOINC"
        );
        if (const auto changed = columns.text(fields, "VersionLastChanged");
            later_version(changed, newest)) {
            newest = changed;
        }
    }
}

Result<void> read_hierarchy(const std::filesystem::path& file, TableBuilder& builder) {
    GH_TRY_ASSIGN(SeparatedReader reader, SeparatedReader::open(file));
    const LoincColumns columns(reader);
    GH_TRY_ASSIGN(const std::size_t parent_at, columns.need("IMMEDIATE_PARENT"));
    GH_TRY_ASSIGN(const std::size_t code_at, columns.need("CODE"));
    GH_TRY_ASSIGN(const std::size_t words_at, columns.need("CODE_TEXT"));
    std::vector<std::string_view> fields;
    while (true) {
        GH_TRY_ASSIGN(const bool more, reader.next(fields));
        if (!more) {
            return {};
        }
        const std::string_view code = trimmed(fields[code_at]);
        auto number = builder.add(code);
        if (!number) {
            return reader.fault(number.error().detail);
        }
        if (code.starts_with("LP")) {
            builder.display(*number, trimmed(fields[words_at]));
            builder.abstract(*number);
        }
        builder.parent(*number, trimmed(fields[parent_at]));
    }
}

Result<void> read_answers(const std::filesystem::path& file, TableBuilder& builder) {
    GH_TRY_ASSIGN(SeparatedReader reader, SeparatedReader::open(file));
    const LoincColumns columns(reader);
    GH_TRY_ASSIGN(const std::size_t list_at, columns.need("AnswerListId"));
    GH_TRY_ASSIGN(const std::size_t answer_at, columns.need("AnswerStringId"));
    GH_TRY_ASSIGN(const std::size_t words_at, columns.need("DisplayText"));
    std::vector<std::string_view> fields;
    while (true) {
        GH_TRY_ASSIGN(const bool more, reader.next(fields));
        if (!more) {
            return {};
        }
        auto list = builder.add(trimmed(fields[list_at]));
        if (!list) {
            return reader.fault(list.error().detail);
        }
        builder.display(*list, columns.text(fields, "AnswerListName"));
        builder.abstract(*list);
        const std::string_view answer = trimmed(fields[answer_at]);
        if (answer.empty()) {
            continue;  // a list that is defined elsewhere
        }
        auto number = builder.add(answer);
        if (!number) {
            return reader.fault(number.error().detail);
        }
        builder.display(*number, trimmed(fields[words_at]));
        builder.value(*number, "answer-list", PropertyType::code, trimmed(fields[list_at]));
    }
}

}  // namespace

Result<LoadReport> load_loinc(const LoadOptions& options) {
    std::error_code error;
    const bool folder = std::filesystem::is_directory(options.source, error);
    std::filesystem::path codes = options.source;
    std::filesystem::path hierarchy;
    std::filesystem::path answers;
    if (folder) {
        GH_TRY_ASSIGN(codes, find_in(options.source, "Loinc.csv"));
        GH_TRY_ASSIGN(hierarchy, find_in(options.source, "ComponentHierarchyBySystem.csv"));
        GH_TRY_ASSIGN(answers, find_in(options.source, "AnswerList.csv"));
        if (codes.empty()) {
            return Fault(
                Errc::not_found,
                "LOINC release",
                options.source.string() + ": no Loinc.csv in it or its sub-folders"
            );
        }
    }
    TableBuilder builder;
    GH_TRY_ASSIGN(const std::string newest, read_codes(codes, builder));
    options.say(codes.filename().string() + ": " + std::to_string(builder.count()) + " codes");
    if (!hierarchy.empty()) {
        GH_TRY(read_hierarchy(hierarchy, builder));
        options.say(
            hierarchy.filename().string() + ": " + std::to_string(builder.count()) +
            " codes and parts"
        );
    }
    if (!answers.empty()) {
        GH_TRY(read_answers(answers, builder));
        options.say(
            answers.filename().string() + ": " + std::to_string(builder.count()) + " with answers"
        );
    }
    LoadReport report;
    report.info.kind = "loinc";
    report.info.systems = {"http://loinc.org"};
    report.info.case_sensitive = false;
    // Parts, groups and answers are LOINC codes too; the hierarchy has not all parts.
    report.info.open_prefixes = {"LP", "LG"};
    if (answers.empty()) {
        report.info.open_prefixes.insert(report.info.open_prefixes.end(), {"LA", "LL"});
    }
    report.info.version = options.version.empty() ? newest : options.version;
    if (report.info.version.empty()) {
        return Fault(
            Errc::invalid,
            "LOINC release",
            codes.string() + ": no column VersionLastChanged says which version it is; name it "
                             "with --content-version"
        );
    }
    report.info.title = "LOINC " + report.info.version;
    GH_TRY_ASSIGN(report.table, builder.write(report.info, options.out));
    return report;
}

}  // namespace gatehouse::fhir::table
