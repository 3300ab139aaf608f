// SPDX-License-Identifier: Apache-2.0
//
// dm+d, the NHS dictionary of medicines and devices, from the XML files that TRUD distributes (dm+d
// Technical Specification of data files). Properties have the names of its fields.
#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "fhir/terminology/ecl/sctid.hpp"
#include "fhir/terminology/table/loaders.hpp"
#include "fhir/xml/record_stream.hpp"

namespace gatehouse::fhir::table {
namespace {

// A field that becomes a property; with `lookup` its words are in that section of f_lookup2.
struct FieldRule {
    std::string_view field;
    std::string_view property;
    std::string_view lookup;
};

// Fields of products, of any class: no name means two things.
constexpr FieldRule product_fields[] = {
    {"BASISCD", "BASISCD", "BASIS_OF_NAME"},
    {"PRES_STATCD", "PRES_STATCD", "VIRTUAL_PRODUCT_PRES_STATUS"},
    {"COMBPRODCD", "COMBPRODCD", "COMBINATION_PROD_IND"},
    {"NON_AVAILCD", "NON_AVAILCD", "VIRTUAL_PRODUCT_NON_AVAIL"},
    {"DF_INDCD", "DF_INDCD", "DF_INDICATOR"},
    {"UDFS", "UDFS", ""},
    {"UDFS_UOMCD", "UDFS_UOMCD", "UNIT_OF_MEASURE"},
    {"UNIT_DOSE_UOMCD", "UNIT_DOSE_UOMCD", "UNIT_OF_MEASURE"},
    {"SUG_F", "SUG_F", ""},
    {"GLU_F", "GLU_F", ""},
    {"PRES_F", "PRES_F", ""},
    {"CFC_F", "CFC_F", ""},
    {"SUPPCD", "SUPPCD", "SUPPLIER"},
    {"LIC_AUTHCD", "LIC_AUTHCD", "LICENSING_AUTHORITY"},
    {"FLAVOURCD", "FLAVOURCD", "FLAVOUR"},
    {"EMA", "EMA", ""},
    {"PARALLEL_IMPORT", "PARALLEL_IMPORT", ""},
    {"AVAIL_RESTRICTCD", "AVAIL_RESTRICTCD", "AVAILABILITY_RESTRICTION"},
    {"QTYVAL", "QTYVAL", ""},
    {"QTY_UOMCD", "QTY_UOMCD", "UNIT_OF_MEASURE"},
    {"COMBPACKCD", "COMBPACKCD", "COMBINATION_PACK_IND"},
    {"LEGAL_CATCD", "LEGAL_CATCD", "LEGAL_CATEGORY"},
    {"SUBP", "SUBP", ""},
    {"DISCCD", "DISCCD", "DISCONTINUED_IND"},
};

// A record about a product that another record has: which field names the product, which it adds.
struct SideRule {
    std::string_view record;
    std::string_view product;
    FieldRule rule;
};
constexpr SideRule side_records[] = {
    {"DFORM", "VPID", {"FORMCD", "FORMCD", "FORM"}},
    {"DROUTE", "VPID", {"ROUTECD", "ROUTECD", "ROUTE"}},
    {"ONT", "VPID", {"FORMCD", "ONT_FORMCD", "ONT_FORM_ROUTE"}},
    {"CONTROL_INFO", "VPID", {"CATCD", "CATCD", "CONTROL_DRUG_CATEGORY"}},
    {"VPI", "VPID", {"ISID", "ISID", ""}},
    {"AP_ING", "APID", {"ISID", "ISID", ""}},
    {"LIC_ROUTE", "APID", {"ROUTECD", "ROUTECD", "ROUTE"}},
};

// The classes of dm+d: record, identifier, previous identifier, the fields that name its parents.
struct ClassRule {
    std::string_view record;
    std::string_view file;  // how its file's name begins
    std::string_view id;
    std::string_view previous;
    std::string_view display;  // NM where this is absent
    std::array<std::string_view, 2> parents;
    bool required;
};
constexpr ClassRule classes[] = {
    {"ING", "f_ingredient2", "ISID", "ISIDPREV", "NM", {}, false},
    {"VTM", "f_vtm2", "VTMID", "VTMIDPREV", "NM", {}, true},
    {"VMP", "f_vmp2", "VPID", "VPIDPREV", "NM", {"VTMID"}, true},
    {"AMP", "f_amp2", "APID", "", "DESC", {"VPID"}, true},
    {"VMPP", "f_vmpp2", "VPPID", "", "NM", {"VPID"}, true},
    {"AMPP", "f_ampp2", "APPID", "", "NM", {"VPPID", "APID"}, true},
};

std::string_view last_part(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The last part but one: the section of a record.
std::string_view section_of(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : last_part(path.substr(0, slash));
}

class DmdLoader {
public:
    explicit DmdLoader(const LoadOptions& options) : options_(options) {}

    Result<LoadReport> run() {
        GH_TRY(find_files());
        if (const auto lookup = files_.find("f_lookup2"); lookup != files_.end()) {
            GH_TRY(read(lookup->second, [this](const XmlRecord& record) {
                return keep_word(record);
            }));
        }
        for (const ClassRule& rule : classes) {
            const auto file = files_.find(rule.file);
            if (file == files_.end()) {
                continue;
            }
            GH_TRY(read(file->second, [this, &rule](const XmlRecord& record) {
                return take(rule, record);
            }));
        }
        GH_TRY(add_previous());
        LoadReport report;
        report.info.kind = "dmd";
        report.info.systems = {"https://dmd.nhs.uk"};
        report.info.version = options_.version.empty() ? version_of_files() : options_.version;
        if (report.info.version.empty()) {
            return Fault(
                Errc::invalid,
                "dm+d release",
                "the names of the files do not say their date (f_vtm2_3DDMMYY.xml); name it with "
                "--content-version"
            );
        }
        report.info.title = "NHS dm+d " + report.info.version;
        GH_TRY_ASSIGN(report.table, builder_.write(report.info, options_.out));
        return report;
    }

private:
    Result<void> find_files() {
        std::error_code error;
        std::filesystem::recursive_directory_iterator walk(options_.source, error);
        for (; !error && walk != std::filesystem::recursive_directory_iterator();
             walk.increment(error)) {
            if (walk.depth() > 8) {
                walk.disable_recursion_pending();
                continue;
            }
            const std::string name = walk->path().filename().string();
            if (!name.ends_with(".xml") || !walk->is_regular_file(error)) {
                continue;
            }
            const std::string start = name.substr(0, name.find_first_of("_.", 2));
            const auto [place, added] = files_.emplace(start, walk->path());
            if (!added && wanted(start)) {
                return Fault(
                    Errc::invalid,
                    "dm+d release",
                    "two files of one kind: " + place->second.string() + " and " +
                        walk->path().string() + "; name the folder of one release"
                );
            }
        }
        if (error) {
            return Fault(
                error == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::io,
                "dm+d release",
                options_.source.string() + ": " + error.message()
            );
        }
        for (const ClassRule& rule : classes) {
            if (rule.required && !files_.contains(rule.file)) {
                return Fault(
                    Errc::not_found,
                    "dm+d release",
                    options_.source.string() + ": no file " + std::string(rule.file) +
                        "_*.xml in it or its sub-folders. Name the unpacked release folder"
                );
            }
        }
        return {};
    }
    static bool wanted(std::string_view start) {
        return start == "f_lookup2" ||
               std::any_of(std::begin(classes), std::end(classes), [&](const ClassRule& rule) {
                   return rule.file == start;
               });
    }

    // "f_vtm2_3311024.xml" -> "20241031"
    [[nodiscard]] std::string version_of_files() const {
        const std::string name = files_.find("f_vtm2")->second.stem().string();
        if (name.size() < 8) {
            return {};
        }
        const std::string digits = name.substr(name.size() - 7);
        const bool numeric =
            std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!numeric || name[name.size() - 8] != '_') {
            return {};
        }
        return "20" + digits.substr(5, 2) + digits.substr(3, 2) + digits.substr(1, 2);
    }

    template <class Visit> Result<void> read(const std::filesystem::path& file, Visit&& visit) {
        file_ = file.string();
        records_ = 0;
        GH_TRY(read_xml_records(file, [&](const XmlRecord& record) -> Result<void> {
            line_ = record.line;
            ++records_;
            return visit(record);
        }));
        options_.say(file.filename().string() + ": " + std::to_string(records_) + " records");
        return {};
    }
    [[nodiscard]] Fault fault(const std::string& words) const {
        return Fault(
            Errc::invalid, "dm+d release", file_ + ":" + std::to_string(line_) + ": " + words
        );
    }

    Result<void> keep_word(const XmlRecord& record) {
        const std::string_view section = section_of(record.path);
        const std::string_view code = record.text("CD");
        if (!section.empty() && !code.empty()) {
            words_[key(section, code)] = record.text("DESC");
        }
        return {};
    }
    static std::string key(std::string_view section, std::string_view code) {
        std::string out(section);
        out.append("/").append(code);
        return out;
    }
    [[nodiscard]] std::string_view word(std::string_view section, std::string_view code) const {
        const auto found = words_.find(key(section, code));
        return found == words_.end() ? std::string_view{} : std::string_view(found->second);
    }

    Result<std::string_view> id_in(const XmlRecord& record, std::string_view field) const {
        const std::string_view text = record.text(field);
        const auto id = snomed::parse_sctid(text);
        if (!id) {
            return fault(
                std::string(field) + " '" + std::string(text.substr(0, 40)) +
                "' is no SNOMED CT identifier"
            );
        }
        return text;
    }

    void add_value(ConceptNumber number, const FieldRule& rule, std::string_view value) {
        if (value.empty()) {
            return;
        }
        std::string_view words;
        if (!rule.lookup.empty()) {
            words = word(rule.lookup, value);
        }
        const bool coded = !rule.lookup.empty() || rule.field == "ISID";
        builder_.value(
            number, rule.property, coded ? PropertyType::code : PropertyType::string, value, words
        );
    }

    Result<void> take(const ClassRule& rule, const XmlRecord& record) {
        const std::string_view kind = last_part(record.path);
        if (kind == rule.record) {
            return take_product(rule, record);
        }
        for (const SideRule& side : side_records) {
            if (side.record != kind) {
                continue;
            }
            GH_TRY_ASSIGN(const std::string_view id, id_in(record, side.product));
            if (const auto number = builder_.find(id)) {
                add_value(*number, side.rule, record.text(side.rule.field));
            }
        }
        return {};
    }

    Result<void> take_product(const ClassRule& rule, const XmlRecord& record) {
        GH_TRY_ASSIGN(const std::string_view id, id_in(record, rule.id));
        if (builder_.find(id)) {
            return fault("identifier " + std::string(id) + " stands twice in the release");
        }
        GH_TRY_ASSIGN(const ConceptNumber number, builder_.add(id));
        const std::string_view name = record.text("NM");
        const std::string_view shown = record.text(rule.display);
        if (name.empty() && shown.empty()) {
            return fault("identifier " + std::string(id) + " has no name");
        }
        builder_.display(number, shown.empty() ? name : shown);
        if (!shown.empty() && name != shown) {
            builder_.name(number, name, "NM");
        }
        builder_.name(number, record.text("ABBREVNM"), "ABBREVNM");
        for (const std::string_view previous : {"NMPREV", "NM_PREV"}) {
            builder_.name(number, record.text(previous), previous);
        }
        if (record.text("INVALID") == "1") {
            builder_.inactive(number);
        }
        builder_.value(number, "concept-class", PropertyType::code, rule.record);
        for (const std::string_view parent : rule.parents) {
            if (!parent.empty() && !record.text(parent).empty()) {
                GH_TRY_ASSIGN(const std::string_view above, id_in(record, parent));
                builder_.parent(number, above);
                builder_.value(number, parent, PropertyType::code, above);
            }
        }
        for (const FieldRule& field : product_fields) {
            add_value(number, field, record.text(field.field));
        }
        if (!rule.previous.empty() && !record.text(rule.previous).empty()) {
            GH_TRY_ASSIGN(const std::string_view old, id_in(record, rule.previous));
            builder_.value(number, rule.previous, PropertyType::code, old);
            previous_.push_back({std::string(old), std::string(id), rule.record});
        }
        return {};
    }

    // An identifier that was given up is known, inactive, and says what it became.
    Result<void> add_previous() {
        for (const Previous& one : previous_) {
            const bool listed = builder_.find(one.old).has_value();
            GH_TRY_ASSIGN(const ConceptNumber number, builder_.add(one.old));
            builder_.value(number, "replacedBy", PropertyType::code, one.now);
            if (listed) {
                continue;
            }
            builder_.inactive(number);
            builder_.value(number, "concept-class", PropertyType::code, one.kind);
            if (const auto now = builder_.find(one.now)) {
                builder_.display(number, std::string(builder_.display_of(*now)));
            }
        }
        return {};
    }

    struct Previous {
        std::string old;
        std::string now;
        std::string_view kind;
    };
    const LoadOptions& options_;
    TableBuilder builder_;
    std::map<std::string, std::filesystem::path, std::less<>> files_;
    std::unordered_map<std::string, std::string> words_;
    std::vector<Previous> previous_;
    std::string file_;
    std::size_t line_ = 0;
    std::size_t records_ = 0;
};

}  // namespace

Result<LoadReport> load_dmd(const LoadOptions& options) {
    return DmdLoader(options).run();
}

}  // namespace gatehouse::fhir::table
