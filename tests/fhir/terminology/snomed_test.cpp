// SPDX-License-Identifier: Apache-2.0
//
// SNOMED CT from a release folder to answers: build, hierarchy, terms, reference sets, refusals.
#include <gmock/gmock.h>

#include "tests/fhir/terminology/release.hpp"

namespace gatehouse::test {
namespace {

using fhir::ConceptBudget;
using testing::HasSubstr;

class Snomed : public testing::Test {
protected:
    static void SetUpTestSuite() {
        release = std::make_unique<Rf2Release>("snomed", "--concepts 300");
        const auto report = release->build();
        ASSERT_TRUE(report) << report.error().detail;
        auto opened = open_snomed(release->index());
        ASSERT_TRUE(opened) << opened.error().detail;
        provider = *opened;
    }
    static void TearDownTestSuite() {
        provider.reset();
        release.reset();
    }
    static std::uint32_t number(const std::string& name) {
        const auto found = provider->find(release->names.at(name));
        EXPECT_TRUE(found) << name;
        return found.value_or(0);
    }
    static inline std::unique_ptr<Rf2Release> release;
    static inline std::shared_ptr<const fhir::snomed::SnomedProvider> provider;
};

TEST_F(Snomed, knows_what_is_below_what) {
    EXPECT_TRUE(provider->is_a(number("infected_fracture"), number("fracture")));
    EXPECT_TRUE(provider->is_a(number("infected_fracture"), number("infection")));
    EXPECT_TRUE(provider->is_a(number("infected_fracture"), number("arm_disorder")));
    EXPECT_TRUE(provider->is_a(number("fracture"), number("fracture")));
    EXPECT_FALSE(provider->is_a(number("fracture"), number("infected_fracture")));
    EXPECT_FALSE(provider->is_a(number("arm_fracture"), number("infection")));
    EXPECT_FALSE(provider->is_a(number("leg"), number("arm"))) << "an inactive relationship";
}

TEST_F(Snomed, intervals_agree_with_a_walk_up_the_parents) {
    const auto& index = provider->index();
    for (std::uint32_t below = 0; below < index.active_count(); ++below) {
        std::vector<bool> above(index.count());
        std::vector<std::uint32_t> open{below};
        while (!open.empty()) {
            const std::uint32_t at = open.back();
            open.pop_back();
            above[at] = true;
            for (const std::uint32_t parent : index.parents(at)) {
                open.push_back(parent);
            }
        }
        for (std::uint32_t other = 0; other < index.count(); ++other) {
            ASSERT_EQ(index.is_a(below, other), above[other]) << below << " below " << other;
        }
    }
}

TEST_F(Snomed, shows_the_preferred_term_of_the_language) {
    EXPECT_EQ(provider->display(number("tumour"), {}), "Tumour");
    EXPECT_EQ(provider->display(number("tumour"), "en-GB"), "Tumour");
    const auto us = provider->display(number("tumour"), "en-US");
    EXPECT_TRUE(us == "Tumour" || us == "Tumor");
    EXPECT_EQ(provider->definition(number("arm_fracture")), "A break of a bone of the arm.");
    std::vector<fhir::ConceptDesignation> names;
    provider->designations(number("arm_fracture"), names);
    ASSERT_EQ(names.size(), 3U);
    EXPECT_EQ(names[0].value, "Fracture of arm");
    EXPECT_EQ(names[1].value, "Fracture of arm (finding)");
    EXPECT_EQ(names[2].value, "Broken arm");
}

TEST_F(Snomed, says_which_codes_exist) {
    EXPECT_EQ(provider->knows(release->names.at("arm")), fhir::Verdict::yes);
    EXPECT_EQ(provider->knows("73211009"), fhir::Verdict::no);
    EXPECT_EQ(provider->knows("no code"), fhir::Verdict::no);
    EXPECT_EQ(
        provider->knows(release->with_ids("{fracture}:{site}={arm}")), fhir::Verdict::not_checkable
    );
    EXPECT_TRUE(provider->inactive(number("old_fracture")));
    EXPECT_EQ(
        provider->version(),
        "http://snomed.info/sct/" + release->names.at("module") + "/version/20260101"
    );
    EXPECT_TRUE(provider->answers_version("http://snomed.info/sct/" + release->names.at("module")));
    EXPECT_FALSE(provider->answers_version("http://snomed.info/sct/900000000000207008"));
}

TEST_F(Snomed, filters_and_implicit_value_sets_select_the_same) {
    ConceptBudget budget;
    const std::string fracture = release->names.at("fracture");
    const auto filtered = provider->filter({"concept", "is-a", fracture}, budget);
    const auto implicit =
        provider->implicit_value_set("http://snomed.info/sct?fhir_vs=isa/" + fracture, budget);
    const auto by_ecl = provider->implicit_value_set(
        "http://snomed.info/sct?fhir_vs=ecl/%3C%3C%20" + fracture, budget
    );
    ASSERT_TRUE(filtered && implicit && by_ecl);
    EXPECT_EQ(filtered->count(), 3U);
    EXPECT_EQ(*filtered, *implicit);
    EXPECT_EQ(*filtered, *by_ecl);
    const auto refset = provider->implicit_value_set(
        "http://snomed.info/sct?fhir_vs=refset/" + release->names.at("refset"), budget
    );
    ASSERT_TRUE(refset);
    EXPECT_TRUE(refset->contains(number("arm_fracture")));
    EXPECT_FALSE(refset->contains(number("tumour"))) << "an inactive member";
    const auto parent = provider->filter({"parent", "=", fracture}, budget);
    ASSERT_TRUE(parent);
    EXPECT_EQ(parent->count(), 1U);
    const auto attribute =
        provider->filter({release->names.at("agent"), "=", release->names.at("organism")}, budget);
    ASSERT_TRUE(attribute);
    EXPECT_TRUE(attribute->empty());
    const auto strange = provider->filter({"copyright", "=", fracture}, budget);
    ASSERT_FALSE(strange);
    EXPECT_EQ(strange.error().code, Errc::unsupported);
    const auto other = provider->implicit_value_set("http://loinc.org/vs", budget);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::not_found);
}

TEST_F(Snomed, properties_tell_attributes_in_their_groups) {
    std::vector<fhir::ConceptProperty> properties;
    provider->properties(number("tablet_half"), properties);
    const auto has = [&](const std::string& code, const std::string& value) {
        return std::any_of(properties.begin(), properties.end(), [&](const auto& one) {
            return one.code == code && one.value == value;
        });
    };
    EXPECT_TRUE(has(release->names.at("strength"), "0.50"));
    EXPECT_TRUE(has(release->names.at("label"), "Brand X"));
    EXPECT_TRUE(has("parent", release->names.at("product")));
    EXPECT_TRUE(has("inactive", "false"));
}

TEST(SnomedBuild, little_memory_makes_the_same_index) {
    Rf2Release release("spill", "--concepts 3000");
    const auto roomy = release.build();
    const auto tight = release.build(1);  // the least that a sorter takes: 1,024 rows
    ASSERT_TRUE(roomy && tight);
    EXPECT_EQ(roomy->digest, tight->digest);
    EXPECT_GT(roomy->attributes, 3000U);
}

TEST(SnomedBuild, the_newest_state_of_a_component_wins) {
    Rf2Release release("newest");
    const fs::path extension = release.folder / "release" / "extension" / "Snapshot";
    fs::create_directories(extension);
    write_whole(
        extension / "sct2_Concept_XXSnapshot_XX9999999_20260601.txt",
        release.with_ids("id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\r\n"
                         "{virus}\t20260601\t0\t{module}\t900000000000074008\r\n")
    );
    const auto report = release.build();
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_THAT(report->version, HasSubstr("/version/20260601"));
    const auto provider = open_snomed(release.index());
    ASSERT_TRUE(provider);
    EXPECT_TRUE((*provider)->inactive(*(*provider)->find(release.names.at("virus"))));
}

struct Damage {
    const char* name;
    const char* file;
    const char* find;
    const char* put;
    const char* words;
};
class DamagedRelease : public testing::TestWithParam<Damage> {};

TEST_P(DamagedRelease, is_refused_with_file_and_line) {
    Rf2Release release(std::string("damaged-") + GetParam().name);
    const fs::path file = release.file(GetParam().file);
    std::string text = read_whole(file);
    const std::string find = release.with_ids(GetParam().find);
    const std::size_t at = text.find(find);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, find.size(), release.with_ids(GetParam().put));
    write_whole(file, text);

    const auto report = release.build();

    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().detail, HasSubstr(GetParam().words));
    EXPECT_FALSE(fs::exists(release.index()));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    DamagedRelease,
    testing::Values(
        Damage{"header", "sct2_Concept", "effectiveTime", "time", "column 2 of the first line"},
        Damage{"digit", "sct2_Concept", "138875005", "138875004", ":2: 'id' is not a SNOMED CT"},
        Damage{"date", "sct2_Concept", "138875005\t20260101", "138875005\t20261301", "not a date"},
        Damage{"flag", "sct2_Concept", "\t1\t", "\ttrue\t", "neither 0 nor 1"},
        Damage{"columns", "sct2_Relationship_", "\t900000000000451002\r\n", "\r\n", "9 columns"},
        Damage{"uuid", "LanguageSnapshot", "00000001-0000", "0000001-0000", "not a UUID"},
        Damage{"utf8", "sct2_Description", "Fracture of arm", "Fracture \xFF of arm", "not UTF-8"},
        Damage{"value", "ConcreteValues", "#5", "5", "neither #NUMBER"},
        Damage{
            "parent",
            "sct2_Relationship_",
            "{fracture}\t{finding}",
            "{fracture}\t73211009",
            "concept 73211009 is in none of the concept files"},
        Damage{
            "circle",
            "sct2_Relationship_",
            "{fracture}\t{finding}",
            "{fracture}\t{arm_fracture}",
            "run in a circle"}
    ),
    [](const auto& one) { return one.param.name; }
);

TEST(SnomedBuild, a_truncated_file_is_refused) {
    Rf2Release release("truncated");
    const fs::path file = release.file("sct2_Description");
    fs::resize_file(file, fs::file_size(file) - 20);
    const auto report = release.build();
    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().detail, HasSubstr("ends in the middle of a line"));
}

TEST(SnomedBuild, a_folder_without_a_release_is_refused_in_words) {
    const fs::path folder = fresh_folder("empty");
    fhir::snomed::BuildOptions options;
    options.folders = {folder};
    options.out = folder / "out";
    const auto report = fhir::snomed::build_index(options);
    ASSERT_FALSE(report);
    EXPECT_THAT(report.error().detail, HasSubstr("sct2_Concept_*Snapshot*.txt"));
    fs::remove_all(folder);
}

TEST(SnomedIndexFile, any_changed_or_missing_byte_is_noticed) {
    Rf2Release release("bytes");
    ASSERT_TRUE(release.build());
    const std::string whole = read_whole(release.index());
    ASSERT_TRUE(fhir::content::IndexFile::from_bytes(whole, "whole"));
    for (std::size_t at = 0; at < whole.size(); at += 997) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 0x40);
        EXPECT_FALSE(fhir::content::IndexFile::from_bytes(changed, "changed")) << at;
        EXPECT_FALSE(fhir::content::IndexFile::from_bytes(whole.substr(0, at), "cut")) << at;
    }
}

TEST(SnomedIndexFile, rows_that_point_outside_are_refused_even_with_a_right_digest) {
    Rf2Release release("rows");
    ASSERT_TRUE(release.build());
    const std::string whole = read_whole(release.index());
    std::size_t refused = 0;
    for (std::size_t at = 64; at + 4 <= whole.size(); at += 52) {
        std::string changed = whole;
        changed.replace(at, 4, "\xFF\xFF\xFF\x7F");
        auto file = fhir::content::IndexFile::from_bytes(changed, "changed", true);
        if (!file) {
            ++refused;
            continue;
        }
        auto index = fhir::snomed::SnomedIndex::open(*file);
        if (!index) {
            EXPECT_EQ(index.error().code, Errc::corrupt);
            ++refused;
            continue;
        }
        // What is accepted can be read from end to end.
        const fhir::snomed::SnomedProvider provider(std::move(*index));
        for (std::uint32_t number = 0; number < provider.concept_count(); ++number) {
            std::vector<fhir::ConceptProperty> properties;
            std::vector<fhir::ConceptDesignation> names;
            provider.properties(number, properties);
            provider.designations(number, names);
        }
    }
    EXPECT_GT(refused, 10U);
}

}  // namespace
}  // namespace gatehouse::test
