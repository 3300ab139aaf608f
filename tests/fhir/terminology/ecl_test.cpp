// SPDX-License-Identifier: Apache-2.0
//
// Expression constraints: what each selects from the synthetic release, and where a wrong one goes
// wrong.
#include <gmock/gmock.h>

#include <set>

#include "fhir/terminology/snomed/ecl_evaluate.hpp"
#include "tests/fhir/terminology/release.hpp"

namespace gatehouse::test {
namespace {

struct EclCase {
    std::string constraint;  // {name} is a concept of the release
    std::set<std::string> selects;
};

class Ecl : public testing::Test {
protected:
    static void SetUpTestSuite() {
        release = std::make_unique<Rf2Release>("ecl");
        const auto report = release->build();
        ASSERT_TRUE(report) << report.error().detail;
        auto opened = open_snomed(release->index());
        ASSERT_TRUE(opened);
        provider = *opened;
    }
    static void TearDownTestSuite() {
        provider.reset();
        release.reset();
    }
    static Result<std::set<std::string>> select(const std::string& text) {
        GH_TRY_ASSIGN(const auto constraint, fhir::ecl::parse(release->with_ids(text)));
        fhir::ConceptBudget budget;
        GH_TRY_ASSIGN(
            const auto set, fhir::snomed::evaluate(constraint, provider->index(), budget)
        );
        std::map<std::string, std::string> by_id;
        for (const auto& [name, id] : release->names) {
            by_id[id] = name;
        }
        std::set<std::string> out;
        set.for_each([&](std::uint32_t number) {
            const std::string code = provider->code(number);
            out.insert(by_id.contains(code) ? by_id[code] : code);
        });
        return out;
    }
    static inline std::unique_ptr<Rf2Release> release;
    static inline std::shared_ptr<const fhir::snomed::SnomedProvider> provider;
};

TEST_F(Ecl, selects_what_the_specification_says) {
    const EclCase cases[] = {
        {"{arm}", {"arm"}},
        {"{arm} |Arm (body structure)|", {"arm"}},
        {"<< {fracture}", {"fracture", "arm_fracture", "infected_fracture"}},
        {"< {fracture}", {"arm_fracture", "infected_fracture"}},
        {"<{fracture}/* a comment */", {"arm_fracture", "infected_fracture"}},
        {"<! {fracture}", {"arm_fracture"}},
        {"<<! {fracture}", {"fracture", "arm_fracture"}},
        {"> {arm_fracture}", {"fracture", "arm_disorder", "finding", "root"}},
        {">> {fracture}", {"fracture", "finding", "root"}},
        {">! {arm_fracture}", {"fracture", "arm_disorder"}},
        {">>! {arm_fracture}", {"arm_fracture", "fracture", "arm_disorder"}},
        {"^ {refset}", {"arm_fracture", "bacterial", "old_fracture"}},
        {"< ^ {refset}", {"infected_fracture"}},
        {"<< {fracture} AND << {infection}", {"infected_fracture"}},
        {"<< {fracture}, << {infection}", {"infected_fracture"}},
        {"{arm} OR {leg} OR {forearm}", {"arm", "leg", "forearm"}},
        {"<< {fracture} MINUS << {infection}", {"fracture", "arm_fracture"}},
        {"(<< {fracture} MINUS << {infection}) OR {arm}", {"fracture", "arm_fracture", "arm"}},
        {"!!> (<< {fracture} OR {arm})", {"fracture", "arm"}},
        {"!!< (<< {fracture} OR {arm})", {"infected_fracture", "arm"}},
        // Refinement
        {"< {finding} : {site} = << {arm}", {"arm_fracture", "infected_fracture"}},
        {"< {finding} : {site} = {arm}", {"arm_fracture"}},
        {"< {finding} : {site} = *", {"arm_fracture", "infected_fracture"}},
        {"< {finding} : {site} != << {arm}", {"infected_fracture"}},
        {"* : << {attribute} = {bacterium}", {"bacterial", "infected_fracture"}},
        {"* : {site} = {forearm}, {agent} = {virus}", {"infected_fracture"}},
        {"* : { {site} = {forearm}, {agent} = {virus} }", {}},
        {"* : { {site} = {forearm}, {agent} = {bacterium} }", {"infected_fracture"}},
        {"* : { {agent} = {bacterium} }", {"bacterial", "infected_fracture"}},
        {"* : {site} = {arm} OR {agent} = {bacterium}",
         {"arm_fracture", "bacterial", "infected_fracture"}},
        {"* : ({site} = {arm} OR {agent} = {bacterium}), {site} = *",
         {"arm_fracture", "infected_fracture"}},
        {"* : [2..*] {site} = *", {"infected_fracture"}},
        {"<< {finding} : [0..0] {site} = *, {agent} = *", {"bacterial"}},
        {"* : [2..2] { {site} = * }", {"infected_fracture"}},
        {"<< {fracture} : [0..0] { {site} = * }", {"fracture"}},
        {"* : ({site} OR {agent}) = {virus}", {"infected_fracture"}},
        {"<< {body} : R {site} = {arm_fracture}", {"arm"}},
        {"<< {body} : [0..0] R {site} = *", {"body"}},
        // Dotted and nested
        {"<< {fracture} . {site}", {"arm", "forearm", "leg"}},
        {"<< {fracture} . ({site} OR {agent})", {"arm", "forearm", "leg", "bacterium", "virus"}},
        {"* : {site} = (<< {arm} MINUS {arm})", {"infected_fracture"}},
        {"* : {agent} = ({bacterium} OR {virus})", {"bacterial", "infected_fracture"}},
        // Concrete values
        {"* : {strength} = #5.0", {"tablet_5"}},
        {"* : {strength} >= #0.5", {"tablet_5", "tablet_half"}},
        {"* : {strength} < #1", {"tablet_half"}},
        {"* : {strength} != #5", {"tablet_half"}},
        {"* : {label} = \"brand\"", {"tablet_half"}},
        {"* : {label} = wild:\"*x\"", {"tablet_half"}},
        {"* : {label} = \"other\"", {}},
        // Filters
        {"* {{ term = \"arm frac\" }}", {"arm_fracture", "infected_fracture"}},
        {"* {{ term = wild:\"broken*\" }}", {"arm_fracture"}},
        {"* {{ D term = \"tumor\", language = en }}", {"tumour"}},
        {"* {{ term = \"tumor\", dialect = en-gb }}", {}},
        {"* {{ type = def }}", {"arm_fracture"}},
        {"* {{ C active = false }}", {"old_fracture", "older_fracture"}},
        {"<< {fracture} {{ C definitionStatus = defined }}", {}},
        {"<! {fracture} {{ C effectiveTime >= \"20260101\" }}", {"arm_fracture"}},
        {"<! {fracture} {{ C moduleId != {module} }}", {}},
        // History
        {"{arm_fracture} {{ +HISTORY-MIN }}", {"arm_fracture", "old_fracture"}},
        {"{arm_fracture} {{ +HISTORY }}", {"arm_fracture", "old_fracture", "older_fracture"}},
        {"{arm_fracture} {{ + HISTORY (900000000000526001) }}", {"arm_fracture", "older_fracture"}},
        {"{arm} {{ +HISTORY-MOD }}", {"arm"}},
    };
    for (const EclCase& one : cases) {
        const auto found = select(one.constraint);
        ASSERT_TRUE(found) << one.constraint << ": " << found.error().detail;
        EXPECT_EQ(*found, one.selects) << one.constraint;
    }
}

TEST_F(Ecl, says_where_a_constraint_goes_wrong) {
    const std::pair<std::string, std::string> cases[] = {
        {"", "character 1 "},
        {"<< ", "character 4 "},
        {"<< 138875004",
         "character 4 of the expression constraint: expected a SNOMED CT identifier"},
        {"138875005 |Root", "expected '|' behind the term"},
        {"138875005 AND", "character 14 "},
        {"138875005 AND 138875005 OR 138875005", "character 25 "},
        {"138875005 MINUS 138875005 MINUS 138875005", "no precedence"},
        {"(138875005", "expected ')'"},
        {"138875005)", "character 10 "},
        {"* : 138875005", "expected a comparison"},
        {"* : { 138875005 = *", "expected '}'"},
        {"* : [2..1] 138875005 = *", "cardinality"},
        {"* : 138875005 > 138875005", "only numbers have an order"},
        {"* {{ term = tumour }}", "a text in quotes"},
        {"* {{ colour = red }}", "expected term, language"},
        {"* /* open", "character 3 "},
        {"* {{ M mapTarget = \"J45\" }}", "member filters ({{ M ... }}) are not supported here"},
        {"^ [mapTarget] 138875005", "selected reference set fields"},
        {"descendantOf 138875005", "the long syntax"},
        {"LOINC#54486-6", "alternate identifiers"},
        {"* : 138875005 = true", "boolean attribute values"},
        {"<< 73211009", "is not in http://snomed.info/sct/"},
    };
    for (const auto& [constraint, words] : cases) {
        const auto found = select(constraint);
        ASSERT_FALSE(found) << constraint;
        EXPECT_THAT(found.error().detail, testing::HasSubstr(words)) << constraint;
    }
}

TEST_F(Ecl, nesting_and_work_are_bounded) {
    const auto deep = fhir::ecl::parse(std::string(100'000, '(') + "*");
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().code, Errc::too_large);
    std::string names = "*:";
    for (int i = 0; i < 60; ++i) {
        names += '(';
    }
    EXPECT_FALSE(fhir::ecl::parse(names));
    fhir::ConceptBudget budget{10};
    const auto constraint = fhir::ecl::parse("* : * = *");
    ASSERT_TRUE(constraint);
    const auto found = fhir::snomed::evaluate(*constraint, provider->index(), budget);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::too_large);
}

TEST_F(Ecl, a_list_of_ids_needs_no_content) {
    const auto list = fhir::ecl::parse("(138875005 |Root| OR 116680003)");
    ASSERT_TRUE(list);
    std::vector<fhir::snomed::Sctid> ids;
    EXPECT_TRUE(list->lists_ids(ids));
    EXPECT_EQ(ids, (std::vector<fhir::snomed::Sctid>{138875005, 116680003}));
    const auto below = fhir::ecl::parse("138875005 OR << 116680003");
    ASSERT_TRUE(below);
    EXPECT_FALSE(below->lists_ids(ids));
}

}  // namespace
}  // namespace gatehouse::test
