// SPDX-License-Identifier: Apache-2.0
//
// Advisors: HL7's short form and the long one, what they change in a verdict, what is refused.

#include <gtest/gtest.h>

#include "fhir/engine/engine.hpp"
#include "fhir/validate/advisor.hpp"
#include "tests/fhir/validate/engine.hpp"

namespace gatehouse::fhir::test {
namespace {

std::shared_ptr<const Advisor>
advisor(std::string_view text, Advisor::Reach reach = Advisor::Reach::errors_too) {
    auto out = Advisor::parse(text, "a.json", reach);
    EXPECT_TRUE(out) << (out ? "" : describe(out.error()));
    return out ? *out : nullptr;
}

std::string refusal(std::string_view text) {
    const auto out = Advisor::parse(text, "a.json", Advisor::Reach::errors_too);
    return out ? "" : out.error().detail;
}

Issue finding(Severity severity, std::string rule, std::string message, std::string at) {
    Issue issue;
    issue.severity = severity;
    issue.rule = std::move(rule);
    issue.message_id = std::move(message);
    issue.expression = std::move(at);
    issue.profile = "http://x.org/StructureDefinition/a|1.0";
    return issue;
}

TEST(Advisor, takes_hl7s_files) {
    const auto one = advisor(R"({"suppress": ["Validation_VAL_Profile_Minimum@Patient.name",
                                               "Display_Name_for__should_be_one_of__instead_of"]})"
    );
    ASSERT_NE(one, nullptr);
    Advised out;
    const auto judge = [&](const Issue& issue) {
        return one->judge(issue, "Patient", issue.expression, out);
    };
    EXPECT_FALSE(judge(finding(
        Severity::error, "cardinality-min", "Validation_VAL_Profile_Minimum", "Patient.name[0]"
    )));
    EXPECT_TRUE(judge(finding(
        Severity::error, "cardinality-min", "Validation_VAL_Profile_Minimum", "Patient.contact[0]"
    )));
    EXPECT_FALSE(judge(finding(
        Severity::error,
        "display-wrong",
        "Display_Name_for__should_be_one_of__instead_of",
        "Patient.maritalStatus.coding[0]"
    )));
    EXPECT_EQ(out.suppressed, 2U);
}

TEST(Advisor, an_id_that_no_rule_has_is_named) {
    const auto one = advisor(R"({"suppress": ["No_Such_Message", "cardinality-min"]})");
    ASSERT_NE(one, nullptr);
    ASSERT_EQ(one->unknown().size(), 1U);
    EXPECT_EQ(one->unknown()[0], "No_Such_Message");
}

TEST(Advisor, entries_narrow_by_path_type_and_profile) {
    const auto one = advisor(R"({"rules": [
        {"rule": "inv:*", "type": "Observation", "path": "Observation.component*",
         "profile": "http://x.org/StructureDefinition/a", "action": "warning", "reason": "known"}]})"
    );
    ASSERT_NE(one, nullptr);
    Advised out;
    const Issue in_bundle = finding(
        Severity::error,
        "inv:a-1",
        "",
        "Bundle.entry[3].resource.component[1].value.ofType(Quantity)"
    );
    EXPECT_EQ(
        one->judge(
            in_bundle, "Observation", "Observation.component[1].value.ofType(Quantity)", out
        ),
        Severity::warning
    );
    EXPECT_EQ(one->judge(in_bundle, "Patient", "Patient.component[1]", out), Severity::error);
    EXPECT_EQ(one->judge(in_bundle, "Observation", "Observation.note[0]", out), Severity::error);
    Issue other = in_bundle;
    other.profile = "http://x.org/StructureDefinition/b|1.0";
    EXPECT_EQ(one->judge(other, "Observation", "Observation.component[1]", out), Severity::error);
    EXPECT_EQ(out.demoted, 1U);
}

TEST(Advisor, never_makes_a_finding_worse_or_touches_a_fatal_one) {
    const auto one = advisor(R"({"rules": [
        {"rule": "display-wrong", "action": "warning", "reason": "x"}]})");
    Advised out;
    EXPECT_EQ(
        one->judge(finding(Severity::information, "display-wrong", "", "A"), "A", "A", out),
        Severity::information
    );
    EXPECT_EQ(
        one->judge(finding(Severity::fatal, "display-wrong", "", "A"), "A", "A", out),
        Severity::fatal
    );
    EXPECT_FALSE(out.any());
}

TEST(Advisor, out_of_its_reach_errors_stay_and_are_counted) {
    const auto one = advisor(R"({"suppress": ["display-wrong"]})", Advisor::Reach::lesser_only);
    Advised out;
    EXPECT_EQ(
        one->judge(finding(Severity::error, "display-wrong", "", "A"), "A", "A", out),
        Severity::error
    );
    EXPECT_FALSE(one->judge(finding(Severity::warning, "display-wrong", "", "A"), "A", "A", out));
    EXPECT_EQ(out.kept, 1U);
    EXPECT_EQ(out.suppressed, 1U);
}

TEST(Advisor, mistakes_are_refused_with_their_line) {
    EXPECT_EQ(
        refusal(
            "{\"rules\": [\n {\"rule\": \"cardinality-mim\", \"action\": \"warning\", \"reason\": "
            "\"x\"}]}"
        ),
        "a.json:2: there is no rule 'cardinality-mim'; 'gatehouse rules' lists them"
    );
    EXPECT_NE(
        refusal("{\"rules\": [{\"rule\": \"display-wrong\"}]}").find("action"), std::string::npos
    );
    EXPECT_NE(
        refusal("{\"rules\": [{\"rule\": \"display-wrong\", \"action\": \"suppress\"}]}")
            .find("reason"),
        std::string::npos
    );
    EXPECT_NE(refusal("{\"supress\": []}").find("unknown key 'supress'"), std::string::npos);
    EXPECT_NE(
        refusal("{\"suppress\": [\"budget-exhausted\"]}").find("cannot be advised"),
        std::string::npos
    );
    EXPECT_NE(refusal("{\"suppress\": [\"*\"]}").find("all of them"), std::string::npos);
    EXPECT_NE(
        refusal("{\"suppress\": [\"display-wrong@^Patient\\\\..*$\"]}")
            .find("no regular expression"),
        std::string::npos
    );
    EXPECT_NE(refusal("{").find("a.json: "), std::string::npos);
}

// Through an engine: what it did is said, and its digest is in the verdict's.
TEST(Advisor, changes_the_verdict_and_says_so) {
    const auto package = core_package();
    if (!package) {
        GTEST_SKIP() << "R4 core is not here (deploy/fetch-definitions)";
    }
    EngineOptions options;
    options.packages.push_back({*package});
    options.cache = package_cache();
    options.search = false;
    const auto plain = fhir::Engine::load(options);
    ASSERT_TRUE(plain) << describe(plain.error());
    options.advisor = advisor(R"({"suppress": ["binding-required@Patient.gender"]})");
    const auto advised = fhir::Engine::load(options);
    ASSERT_TRUE(advised) << describe(advised.error());
    EXPECT_NE((*plain)->digest(), (*advised)->digest());

    const std::string text = R"({"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "urn:uuid:7188c7ad-7802-4d43-9775-4d9d684600d5",
         "resource": {"resourceType": "Patient", "gender": "m"}}]})";
    const auto judge = [&](const fhir::Engine& engine) {
        Arena arena;
        const Decoded decoded = engine.read(text, Format::json, arena);
        return engine.validator().validate(*decoded.root, text, {}, nullptr, {}, arena);
    };
    EXPECT_FALSE(judge(**plain).valid);
    const Validation found = judge(**advised);
    EXPECT_TRUE(found.valid);
    EXPECT_EQ(found.advised.suppressed, 1U);
    ASSERT_FALSE(found.issues.empty());
    EXPECT_EQ(found.issues.back().rule, "advisor");
    EXPECT_EQ(found.issues.back().severity, Severity::information);
}

}  // namespace
}  // namespace gatehouse::fhir::test
