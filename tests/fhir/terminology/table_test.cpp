// SPDX-License-Identifier: Apache-2.0
//
// Code tables from releases to answers: dm+d, LOINC, ICD-10, plain lists, and what is refused.
#include <gmock/gmock.h>

#include "fhir/terminology/load/content.hpp"
#include "fhir/terminology/operations/operations.hpp"
#include "fhir/terminology/remote.hpp"
#include "fhir/terminology/table/loaders.hpp"
#include "fhir/terminology/table/separated.hpp"
#include "fhir/terminology/table/table_provider.hpp"
#include "tests/fhir/terminology/release.hpp"

namespace gatehouse::test {
namespace {

using fhir::ConceptBudget;
using fhir::ConceptNumber;
using fhir::Verdict;
using fhir::table::TableProvider;
using testing::ElementsAre;
using testing::HasSubstr;

using Load = Result<fhir::table::LoadReport> (*)(const fhir::table::LoadOptions&);

Result<fhir::table::LoadReport>
load(Load loader, const fs::path& source, const fs::path& out, const std::string& version = {}) {
    fhir::table::LoadOptions options;
    options.source = source;
    options.out = out;
    options.version = version;
    options.system = "https://example.nhs.uk/codes";
    return loader(options);
}

std::vector<std::shared_ptr<const fhir::CodeSystemProvider>> open(const fs::path& file) {
    auto content = fhir::load_content({file});
    EXPECT_TRUE(content) << content.error().detail;
    return content ? content->providers
                   : std::vector<std::shared_ptr<const fhir::CodeSystemProvider>>{};
}

// A list of codes in a folder of its own.
class List {
public:
    explicit List(const std::string& name) : folder(fresh_folder(name)) {}
    ~List() { fs::remove_all(folder); }
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    Result<fhir::table::LoadReport>
    build(const std::string& text, Load loader = fhir::table::load_codes) {
        write_whole(folder / "codes.csv", text);
        return load(loader, folder / "codes.csv", folder / "codes.idx", "1");
    }
    std::string refusal(const std::string& text, Load loader = fhir::table::load_codes) {
        const auto report = build(text, loader);
        return report ? "accepted" : report.error().detail;
    }
    fs::path folder;
};

class Tables : public testing::Test {
protected:
    static void SetUpTestSuite() {
        folder = fresh_folder("tables");
        const std::string support = "python3 " GATEHOUSE_SOURCE_DIR "/tests/support/";
        ASSERT_EQ(std::system((support + "make_dmd.py " + (folder / "dmd").string()).c_str()), 0);
        ASSERT_EQ(std::system((support + "make_lists.py " + folder.string()).c_str()), 0);
        std::ifstream in(folder / "dmd" / "names.tsv");
        std::string key;
        std::string id;
        while (in >> key >> id) {
            names[key] = id;
        }
        for (const auto& [name, loader] :
             {std::pair<const char*, Load>{"dmd", fhir::table::load_dmd},
              {"loinc", fhir::table::load_loinc},
              {"icd10", fhir::table::load_icd10}}) {
            const auto report = load(loader, folder / name, folder / (std::string(name) + ".idx"));
            ASSERT_TRUE(report) << report.error().detail;
        }
        dmd = open(folder / "dmd.idx").at(0);
        loinc = open(folder / "loinc.idx").at(0);
    }
    static void TearDownTestSuite() {
        dmd.reset();
        loinc.reset();
        fs::remove_all(folder);
    }
    static ConceptNumber number(const std::string& name) {
        const auto found = dmd->find(names.at(name));
        EXPECT_TRUE(found) << name;
        return found.value_or(0);
    }
    static std::vector<std::string>
    select(const fhir::CodeSystemProvider& provider, const fhir::ConceptFilter& filter) {
        ConceptBudget budget;
        const auto set = provider.filter(filter, budget);
        EXPECT_TRUE(set) << set.error().detail;
        std::vector<std::string> out;
        if (set) {
            set->for_each([&](ConceptNumber one) { out.push_back(provider.code(one)); });
        }
        return out;
    }
    static std::string property(ConceptNumber of, const std::string& name) {
        std::vector<fhir::ConceptProperty> all;
        dmd->properties(of, all);
        std::string out;
        for (const auto& one : all) {
            if (one.code == name) {
                out += (out.empty() ? "" : ",") + one.value + "/" + one.description;
            }
        }
        return out;
    }
    static inline fs::path folder;
    static inline std::map<std::string, std::string> names;
    static inline std::shared_ptr<const fhir::CodeSystemProvider> dmd;
    static inline std::shared_ptr<const fhir::CodeSystemProvider> loinc;
};

TEST_F(Tables, dmd_stands_in_a_hierarchy_of_five_classes) {
    EXPECT_EQ(dmd->system(), "https://dmd.nhs.uk");
    EXPECT_EQ(dmd->version(), "20251031");
    const auto ampp = number("sampletril_ampp");
    for (const char* above :
         {"sampletril_amp", "sampletril_vmpp", "sampletril_vmp", "sampletril_vtm"}) {
        EXPECT_TRUE(dmd->is_a(ampp, number(above))) << above;
        EXPECT_FALSE(dmd->is_a(number(above), ampp)) << above;
    }
    EXPECT_FALSE(dmd->is_a(ampp, number("testazole_vtm")));
    EXPECT_FALSE(dmd->is_a(number("sampletril_amp"), number("sampletril_vmpp")));
    EXPECT_FALSE(dmd->is_a(number("sampletril_amp"), number("sampletril_amp2")));
}

TEST_F(Tables, dmd_products_tell_names_classes_and_what_they_refer_to) {
    const auto vmp = number("sampletril_vmp");
    EXPECT_EQ(dmd->display(vmp), "Sampletril 5mg tablets");
    EXPECT_EQ(dmd->display(number("sampletril_amp2")), "Sampletril 5mg tablets (Example & Sons)");
    EXPECT_EQ(property(vmp, "concept-class"), "VMP/");
    EXPECT_EQ(property(vmp, "ROUTECD"), "26643006/Oral");
    EXPECT_EQ(property(vmp, "ISID"), names.at("sampletril_ing") + "/Sampletril");
    EXPECT_EQ(property(vmp, "VTMID"), names.at("sampletril_vtm") + "/Sampletril");
    EXPECT_EQ(property(number("sampletril_ampp"), "LEGAL_CATCD"), "3/POM");
    EXPECT_EQ(property(number("sampletril_amp"), "SUPPCD"), "2001/Sample Pharma");
}

TEST_F(Tables, dmd_invalid_products_and_previous_identifiers_are_inactive) {
    EXPECT_TRUE(dmd->inactive(number("oldamine_vmp")));
    EXPECT_TRUE(dmd->inactive(number("testazole_amp2")));
    EXPECT_FALSE(dmd->inactive(number("testazole_amp")));
    const auto old = number("old_vmp");
    EXPECT_TRUE(dmd->inactive(old));
    EXPECT_EQ(dmd->display(old), "Sampletril 5mg tablets");
    EXPECT_EQ(property(old, "replacedBy"), names.at("sampletril_vmp") + "/Sampletril 5mg tablets");
    EXPECT_EQ(dmd->knows("317972000"), Verdict::no);
}

TEST_F(Tables, dmd_filters_and_value_sets_of_its_classes) {
    EXPECT_THAT(
        select(*dmd, {"concept", "descendent-of", names.at("testazole_vmp")}),
        testing::UnorderedElementsAre(
            names.at("testazole_amp"),
            names.at("testazole_amp2"),
            names.at("testazole_vmpp"),
            names.at("testazole_ampp"),
            names.at("testazole_ampp2")
        )
    );
    EXPECT_THAT(
        select(*dmd, {"parent", "=", names.at("testazole_vtm")}),
        ElementsAre(names.at("testazole_vmp"))
    );
    ConceptBudget budget;
    const auto products = dmd->implicit_value_set("https://dmd.nhs.uk/ValueSet/VTM", budget);
    ASSERT_TRUE(products);
    EXPECT_EQ(products->count(), 3U);
    EXPECT_EQ(
        dmd->implicit_value_set("https://dmd.nhs.uk/ValueSet/XYZ", budget).error().code,
        Errc::not_found
    );
    EXPECT_EQ(dmd->filter({"nonsense", "=", "1"}, budget).error().code, Errc::unsupported);
}

TEST_F(Tables, loinc_columns_are_filters_and_parts_are_above_codes) {
    EXPECT_EQ(loinc->version(), "2.78");
    EXPECT_THAT(select(*loinc, {"SYSTEM", "=", "Urine"}), ElementsAre("99902-9"));
    EXPECT_THAT(select(*loinc, {"SCALE_TYP", "in", "Ord, Nom"}), ElementsAre("99903-7"));
    EXPECT_THAT(select(*loinc, {"copyright", "=", "3rdParty"}), ElementsAre("99903-7"));
    EXPECT_THAT(select(*loinc, {"METHOD_TYP", "exists", "true"}), ElementsAre("99903-7"));
    EXPECT_THAT(select(*loinc, {"CLASS", "regex", "SURVEY\\..*"}), ElementsAre("99903-7"));
    EXPECT_THAT(
        select(*loinc, {"ancestor", "=", "LP999000-1"}),
        ElementsAre("99901-1", "99902-9", "LP999001-9")
    );
    EXPECT_THAT(select(*loinc, {"parent", "=", "LP999001-9"}), ElementsAre("99901-1", "99902-9"));
    EXPECT_THAT(select(*loinc, {"LIST", "=", "LL9990-1"}), ElementsAre("LA99901-1", "LA99902-9"));
    EXPECT_TRUE(loinc->inactive(*loinc->find("99904-5")));
    EXPECT_TRUE(loinc->abstract(*loinc->find("LP999001-9")));
    EXPECT_EQ(loinc->display(*loinc->find("99903-7")), "Test question");
    EXPECT_EQ(loinc->definition(*loinc->find("99903-7")), "A question\nof two lines, invented.");
    EXPECT_EQ(loinc->find("la99901-1"), loinc->find("LA99901-1")) << "LOINC knows no case";
}

TEST_F(Tables, loinc_codes_that_the_loaded_files_do_not_list_are_not_refused) {
    EXPECT_EQ(loinc->knows("1234-5"), Verdict::no);
    EXPECT_EQ(loinc->knows("LP1-1"), Verdict::not_checkable) << "a part outside the hierarchy";
    EXPECT_EQ(loinc->knows("LA1-1"), Verdict::no) << "all answers are loaded";
    const auto alone =
        load(fhir::table::load_loinc, folder / "loinc/LoincTable/Loinc.csv", folder / "alone.idx");
    ASSERT_TRUE(alone) << alone.error().detail;
    EXPECT_EQ(open(folder / "alone.idx").at(0)->knows("LA1-1"), Verdict::not_checkable);
}

TEST_F(Tables, icd10_answers_to_both_of_its_urls) {
    const auto both = open(folder / "icd10.idx");
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[0]->system(), "http://hl7.org/fhir/sid/icd-10");
    EXPECT_EQ(both[1]->system(), "http://hl7.org/fhir/sid/icd-10-uk");
    EXPECT_EQ(both[1]->version(), "5.20160401");
    EXPECT_TRUE(both[1]->answers_version("5"));
    EXPECT_FALSE(both[1]->answers_version("4"));
    EXPECT_TRUE(both[0]->is_a(*both[0]->find("Z99.81"), *both[0]->find("Z99")));
    EXPECT_FALSE(both[0]->is_a(*both[0]->find("Y98"), *both[0]->find("Z99")));
    EXPECT_EQ(both[0]->display(*both[0]->find("Z99.8")), "Invented \"Z99.8\" condition");
    EXPECT_EQ(both[0]->knows("Z998"), Verdict::no) << "the other spelling is a property";
}

TEST_F(Tables, supplements_name_the_codes_of_loaded_content_too) {
    fhir::Definitions definitions;
    fhir::Issues notes;
    const std::string supplement =
        R"({"resourceType":"CodeSystem","url":"http://t.example/local-names","status":"active",)"
        R"("content":"supplement","supplements":"http://loinc.org","concept":[{"code":"99901-1",)"
        R"("designation":[{"value":"Local sampline"}]}]})";
    ASSERT_TRUE(definitions.load_text(supplement, "supplement", notes));
    const fhir::Terminology terminology(definitions, fhir::TerminologyContent{{loinc}, nullptr});
    const auto match = [&](std::string_view display) {
        return terminology.facts({"http://loinc.org", {}, "99901-1", display}).display;
    };
    EXPECT_EQ(match("local SAMPLINE"), fhir::DisplayMatch::same);
    EXPECT_EQ(match("Sampline SerPl-mCnc"), fhir::DisplayMatch::same) << "a further name";
    EXPECT_EQ(match("Sampline  SerPl-mCnc"), fhir::DisplayMatch::whitespace);
    EXPECT_EQ(match("Something else"), fhir::DisplayMatch::different);
    fhir::OperationRequest request;
    request.operation = fhir::TerminologyOperation::validate_code;
    request.type = "CodeSystem";
    for (const auto& [name, value] :
         {std::pair<const char*, const char*>{"url", "http://loinc.org"},
          {"code", "99901-1"},
          {"display", "Local sampline"}}) {
        request.parameters.push_back({name, value, nullptr, nullptr, nullptr});
    }
    EXPECT_THAT(run(terminology, request).json, HasSubstr("\"valueBoolean\":true"));
}

TEST_F(Tables, operations_show_what_a_supplement_adds) {
    fhir::Definitions definitions;
    fhir::Issues notes;
    const std::string supplement =
        R"({"resourceType":"CodeSystem","url":"http://t.example/more","status":"active","language":"cy",)"
        R"("content":"supplement","supplements":"http://loinc.org","concept":[{"code":"99901-1",)"
        R"("display":"Samplin lleol","designation":[{"language":"en","value":"Local sampline"}],)"
        R"("property":[{"code":"bench","valueString":"7"}]},{"code":"no-such","display":"x"}]})";
    ASSERT_TRUE(definitions.load_text(supplement, "supplement", notes));
    const fhir::Terminology terminology(definitions, fhir::TerminologyContent{{loinc}, nullptr});
    const auto ask = [&](fhir::TerminologyOperation operation,
                         const char* type,
                         std::vector<std::pair<std::string, std::string>> parameters) {
        fhir::OperationRequest request;
        request.operation = operation;
        request.type = type;
        for (auto& [name, value] : parameters) {
            request.parameters.push_back({name, value, nullptr, nullptr, nullptr});
        }
        return run(terminology, request).json;
    };
    const std::string looked_up =
        ask(fhir::TerminologyOperation::lookup,
            "CodeSystem",
            {{"system", "http://loinc.org"}, {"code", "99901-1"}});
    EXPECT_THAT(looked_up, HasSubstr("Samplin lleol"));
    EXPECT_THAT(looked_up, HasSubstr("Local sampline"));
    EXPECT_THAT(looked_up, HasSubstr("bench"));
    const std::string expanded = ask(
        fhir::TerminologyOperation::expand,
        "ValueSet",
        {{"url", "http://loinc.org/vs"}, {"displayLanguage", "cy"}, {"includeDesignations", "true"}}
    );
    EXPECT_THAT(expanded, HasSubstr(R"("display":"Samplin lleol")"));
    EXPECT_THAT(expanded, HasSubstr("Local sampline"));
    EXPECT_THAT(expanded, testing::Not(HasSubstr("no-such")));
}

// A terminology server that knows one member.
class OneMember final : public fhir::RemoteTerminology {
public:
    [[nodiscard]] std::string_view url() const noexcept override { return "http://far.example"; }
    [[nodiscard]] bool covers(std::string_view system) const noexcept override {
        return system == "http://snomed.info/sct" || system == "http://loinc.org";
    }
    [[nodiscard]] fhir::RemoteAnswer
    code(std::string_view, std::string_view, std::string_view, fhir::Waiting) override {
        return {};
    }
    [[nodiscard]] fhir::RemoteAnswer member(
        std::string_view value_set, std::string_view, std::string_view code, fhir::Waiting
    ) override {
        asked = value_set;
        fhir::RemoteAnswer answer;
        answer.verdict = code == "73211009" ? fhir::Verdict::yes : fhir::Verdict::no;
        return answer;
    }
    [[nodiscard]] Result<Passed> ask(std::string_view, std::string_view) override {
        return Passed{};
    }
    std::string asked;
};

TEST(RemoteContent, decides_value_sets_that_a_system_defines_by_their_url) {
    const fhir::Definitions definitions;
    const auto server = std::make_shared<OneMember>();
    const fhir::Terminology terminology(definitions, fhir::TerminologyContent{{}, server});
    const std::string ecl = "http://snomed.info/sct?fhir_vs=ecl/%3C%3C73211009";
    const auto* set = terminology.value_set(ecl);
    ASSERT_NE(set, nullptr);
    constexpr auto sct = "http://snomed.info/sct";
    EXPECT_EQ(terminology.contains(*set, sct, "73211009"), fhir::Verdict::yes);
    EXPECT_EQ(server->asked, ecl);
    EXPECT_EQ(terminology.contains(*set, sct, "22298006"), fhir::Verdict::no);
    EXPECT_EQ(terminology.contains(*set, "http://other.example", "73211009"), fhir::Verdict::no);
    EXPECT_NE(
        terminology.value_set("http://snomed.info/sct/83821000000107?fhir_vs=isa/138875005"),
        nullptr
    );
    EXPECT_NE(terminology.value_set("http://loinc.org/vs/LL715-4"), nullptr);
    EXPECT_EQ(terminology.value_set("http://other.example?fhir_vs"), nullptr) << "not covered";
    EXPECT_EQ(terminology.value_set("http://loinc.org/anything"), nullptr);
    const fhir::Terminology alone(definitions);
    EXPECT_EQ(alone.value_set(ecl), nullptr);
}

TEST_F(Tables, a_damaged_dmd_release_is_refused_with_its_place) {
    const auto refusal = [&](const std::string& file, const std::string& from, const std::string& to
                         ) {
        const fs::path copy = folder / "damaged";
        fs::remove_all(copy);
        fs::copy(folder / "dmd", copy);
        std::string text = read_whole(copy / file);
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        write_whole(copy / file, text);
        const auto report = load(fhir::table::load_dmd, copy, folder / "damaged.idx");
        return report ? "accepted" : report.error().detail;
    };
    const std::string vtm = "f_vtm2_3311025.xml";
    EXPECT_THAT(refusal(vtm, "<VTMID>10", "<VTMID>11"), HasSubstr(vtm + ":4: VTMID '11"));
    EXPECT_THAT(refusal(vtm, "</VTM>", "</VTN>"), HasSubstr("not well-formed"));
    EXPECT_THAT(refusal(vtm, "<!--", "<!DOCTYPE x><!--"), HasSubstr("not well-formed"));
    EXPECT_THAT(refusal(vtm, "<VIRTUAL", "<!DOCTYPE x []><VIRTUAL"), HasSubstr("document type"));
    EXPECT_THAT(refusal(vtm, "<NM>Sampletril</NM>", ""), HasSubstr("has no name"));
    EXPECT_THAT(
        refusal(vtm, "<NM>Sampletril</NM>", "<NM><B>x</B></NM>"), HasSubstr("elements of its own")
    );
    EXPECT_THAT(
        refusal("f_vmp2_3311025.xml", names.at("testazole_vmp"), names.at("sampletril_vmp")),
        HasSubstr("stands twice")
    );
    EXPECT_FALSE(fs::exists(folder / "damaged.idx"));
    fs::remove(folder / "damaged" / "f_amp2_3311025.xml");
    EXPECT_THAT(
        load(fhir::table::load_dmd, folder / "damaged", folder / "damaged.idx").error().detail,
        HasSubstr("no file f_amp2_*.xml")
    );
}

TEST(CodeList, takes_properties_parents_and_inactive_codes) {
    List list("list");
    const auto report =
        list.build("code,display,parent,inactive,colour\na,Alpha,,,red\nb,Beta,a,true,\n");
    ASSERT_TRUE(report) << report.error().detail;
    const auto provider = open(list.folder / "codes.idx").at(0);
    EXPECT_EQ(provider->system(), "https://example.nhs.uk/codes");
    EXPECT_TRUE(provider->inactive(*provider->find("b")));
    EXPECT_TRUE(provider->is_a(*provider->find("b"), *provider->find("a")));
    EXPECT_FALSE(provider->find("A"));
    ConceptBudget budget;
    EXPECT_EQ(provider->filter({"colour", "=", "red"}, budget)->count(), 1U);
    EXPECT_EQ(provider->filter({"inactive", "=", "false"}, budget)->count(), 1U);
}

TEST(CodeList, hostile_lists_are_refused_with_line_and_reason) {
    List list("hostile");
    EXPECT_THAT(list.refusal(""), HasSubstr("no heading"));
    EXPECT_THAT(list.refusal("display\nx\n"), HasSubstr("column 'code'"));
    EXPECT_THAT(list.refusal("code,Code\nx,y\n"), HasSubstr("stands twice in the heading"));
    EXPECT_THAT(
        list.refusal("code,display\nx\n"), HasSubstr(":2: the record has 1 fields, the heading 2")
    );
    EXPECT_THAT(list.refusal("code,display\nx,\"y\n"), HasSubstr("does not end"));
    EXPECT_THAT(list.refusal("code,display\nx,\"y\"z\n"), HasSubstr("behind the end"));
    EXPECT_THAT(
        list.refusal("code,display\nx,1\n\"x\",2\n"), HasSubstr(":3: code 'x' stands twice")
    );
    EXPECT_THAT(list.refusal("code,display\nx,\xE9\n"), HasSubstr("not UTF-8"));
    EXPECT_THAT(list.refusal("code,display\na  b,1\n"), HasSubstr("is no code"));
    EXPECT_THAT(
        list.refusal("code,display\n" + std::string(80, 'x') + ",1\n"), HasSubstr("is no code")
    );
    EXPECT_THAT(
        list.refusal("code,display\nx," + std::string(2U << 20U, 'y') + "\n"), HasSubstr("1 MiB")
    );
    EXPECT_THAT(list.refusal("code,parent\na,b\nb,a\n"), HasSubstr("cycle above code 'a'"));
    EXPECT_THAT(list.refusal("code,parent\na,a\n"), HasSubstr("its own parent"));
    EXPECT_THAT(list.refusal("code,display\n"), HasSubstr("no code in it"));
    EXPECT_FALSE(fs::exists(list.folder / "codes.idx"));
}

TEST(CodeList, parents_that_are_not_listed_are_counted) {
    List list("orphans");
    const auto report = list.build("code,parent\na,\nb,zz\n");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->table.parents_left_out, 1U);
    EXPECT_EQ(report->table.parents, 0U);
}

TEST(CodeList, the_same_list_gives_the_same_bytes) {
    List list("bytes");
    ASSERT_TRUE(list.build("code,parent\nb,a\na,\n"));
    const std::string first = read_whole(list.folder / "codes.idx");
    ASSERT_TRUE(list.build("code,parent\nb,a\na,\n"));
    EXPECT_EQ(read_whole(list.folder / "codes.idx"), first);
}

// With the digest taken as right, the checks behind it have to hold.
TEST(CodeTable, refuses_rows_that_contradict_each_other) {
    List list("rows");
    ASSERT_TRUE(list.build("code,display,parent\na,Alpha,\nb,Beta,a\n"));
    const std::string good = read_whole(list.folder / "codes.idx");
    std::size_t refused = 0;
    for (std::size_t at = sizeof(fhir::content::IndexHeader); at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x5A);
        const auto file = fhir::content::IndexFile::from_bytes(bad, "bad", true);
        if (!file) {
            ++refused;
            continue;
        }
        const auto tables = TableProvider::open(*file);
        if (!tables) {
            EXPECT_EQ(tables.error().code, Errc::corrupt);
            ++refused;
            continue;
        }
        const auto& table = *tables->front();
        std::vector<fhir::ConceptProperty> properties;
        for (ConceptNumber i = 0; i < table.concept_count(); ++i) {
            table.properties(i, properties);
            (void)table.is_a(i, 0);
        }
    }
    EXPECT_GT(refused, good.size() / 4);
    EXPECT_FALSE(fhir::content::IndexFile::from_bytes(good + "x", "longer"));
}

}  // namespace
}  // namespace gatehouse::test
