// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fhir/json/value.hpp"
#include "fhir/outcome/outcome.hpp"

namespace gatehouse::fhir {
namespace {

Issue issue_of(Severity severity, std::string rule) {
    Issue issue;
    issue.severity = severity;
    issue.type = IssueType::business_rule;
    issue.rule = std::move(rule);
    issue.diagnostics = "words \"quoted\"";
    return issue;
}

TEST(Outcome, says_all_ok_without_issues) {
    EXPECT_EQ(
        outcome_json({}),
        R"({"resourceType":"OperationOutcome","issue":[{"severity":"information",)"
        R"("code":"informational","diagnostics":"All OK"}]})"
    );
}

TEST(Outcome, puts_errors_first_and_keeps_the_order_within_a_severity) {
    const Issues issues = {
        issue_of(Severity::warning, "w1"),
        issue_of(Severity::error, "e1"),
        issue_of(Severity::fatal, "f1"),
        issue_of(Severity::warning, "w2"),
        issue_of(Severity::error, "e2"),
    };
    Arena arena;

    const Element* outcome = make_outcome(issues, arena);

    std::string order;
    for (const Element& issue : outcome->children()) {
        order += issue.child("details")->child("coding")->child_value("code");
        order += ' ';
    }
    EXPECT_EQ(order, "f1 e1 e2 w1 w2 ");
}

TEST(Outcome, carries_every_fact_of_an_issue) {
    Issue issue = issue_of(Severity::error, "G05");
    issue.type = IssueType::code_invalid;
    issue.message_id = "MSG";
    issue.spine_code = "INVALID_NHS_NUMBER";
    issue.expression = "Patient.identifier[0].value";
    issue.line = 3;
    issue.column = 14;
    Arena arena;

    const std::string text = outcome_json({issue});
    const auto json = parse_json_value(text, arena);

    ASSERT_TRUE(json);
    const JsonValue& first = json->find("issue")->items[0];
    EXPECT_EQ(first.string("severity"), "error");
    EXPECT_EQ(first.string("code"), "code-invalid");
    EXPECT_EQ(first.string("diagnostics"), "words \"quoted\"");
    EXPECT_EQ(first.find("expression")->items[0].text, "Patient.identifier[0].value");
    const auto codings = first.find("details")->find("coding")->items;
    ASSERT_EQ(codings.size(), 3U);
    EXPECT_EQ(codings[0].string("code"), "INVALID_NHS_NUMBER");
    EXPECT_EQ(codings[1].string("system"), rule_system);
    EXPECT_EQ(codings[2].string("system"), "http://hl7.org/fhir/java-core-messageId");
    EXPECT_EQ(codings[2].string("code"), "MSG");
    const auto extensions = first.find("extension")->items;
    ASSERT_EQ(extensions.size(), 4U);
    EXPECT_EQ(extensions[0].find("valueInteger")->text, "3");
    EXPECT_EQ(extensions[1].find("valueInteger")->text, "14");
    EXPECT_EQ(extensions[3].string("valueString"), "MSG");
}

TEST(Outcome, is_utf8_that_xml_can_say_whatever_it_quotes) {
    Issue issue;
    // Cut inside the four bytes of U+1D4E3, a byte that starts nothing, and control characters.
    issue.diagnostics = "cut \xF0\x9D\x93 and \xFF and \x01\x1F\ttab";
    issue.expression = "Patient.\xF0\x9D";
    Arena arena;

    const Element* shown = make_outcome({issue}, arena)->child("issue");

    EXPECT_EQ(
        shown->child_value("diagnostics"),
        "cut \xEF\xBF\xBD and \xEF\xBF\xBD and \xEF\xBF\xBD\xEF\xBF\xBD\ttab"
    );
    EXPECT_EQ(shown->child_value("expression"), "Patient.\xEF\xBF\xBD");
}

TEST(Outcome, leaves_out_what_an_issue_does_not_have) {
    Issue issue;
    issue.diagnostics = "x";

    EXPECT_EQ(
        outcome_json({issue}),
        R"({"resourceType":"OperationOutcome","issue":[{"severity":"error",)"
        R"("code":"invalid","diagnostics":"x"}]})"
    );
}

}  // namespace
}  // namespace gatehouse::fhir
