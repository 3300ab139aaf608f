// SPDX-License-Identifier: Apache-2.0
//
// config/profiles.yaml and its format: which profile a resource gets, and what a wrong file is
// told.

#include "gateway/base/profiles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <utility>

namespace {

using gatehouse::fhir::Element;
using gatehouse::fhir::Written;
using gatehouse::gateway::DefaultProfiles;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string uk = "https://fhir.hl7.org.uk/StructureDefinition/";

// A tree by hand, so that this test needs no decoder.
class Tree {
public:
    Element& resource(std::string_view type) {
        Element& element = nodes_.emplace_back();
        element.value = type;
        element.is_resource = true;
        return element;
    }
    Element& add(Element& parent, std::string_view name, std::string_view value = {}) {
        Element& element = nodes_.emplace_back();
        element.name = name;
        element.value = value;
        element.written = value.empty() ? Written::nothing : Written::string;
        element.parent = &parent;
        Element** last = &parent.first_child;
        while (*last != nullptr) {
            last = &(*last)->next;
        }
        *last = &element;
        return element;
    }
    Element& concept_(
        Element& parent, std::string_view name, std::string_view system, std::string_view code
    ) {
        Element& coding = add(add(parent, name), "coding");
        add(coding, "system", system);
        add(coding, "code", code);
        return coding;
    }

private:
    std::deque<Element> nodes_;
};

std::vector<std::string> chosen(const DefaultProfiles& table, const Element& resource) {
    std::vector<std::string_view> profiles;
    table.choose(resource, profiles);
    return {profiles.begin(), profiles.end()};
}

DefaultProfiles shipped() {
    auto table = DefaultProfiles::load(GATEHOUSE_SOURCE_DIR "/config/profiles.yaml");
    EXPECT_TRUE(table) << (table ? "" : table.error().detail);
    return std::move(table).value();
}

std::string refusal(const std::string& text) {
    auto table = DefaultProfiles::parse(text, "p.yaml");
    return table ? "accepted" : table.error().detail;
}

TEST(DefaultProfiles, patient_gets_the_profile_of_its_type) {
    Tree tree;
    EXPECT_THAT(chosen(shipped(), tree.resource("Patient")), ElementsAre(uk + "UKCore-Patient"));
}

TEST(DefaultProfiles, vital_sign_is_chosen_by_its_loinc_code_among_several) {
    Tree tree;
    Element& observation = tree.resource("Observation");
    Element& code = tree.add(observation, "code");
    for (const auto& [system, value] :
         {std::pair("http://snomed.info/sct", "75367002"),
          std::pair("http://loinc.org", "85354-9")}) {
        Element& coding = tree.add(code, "coding");
        tree.add(coding, "system", system);
        tree.add(coding, "code", value);
    }

    EXPECT_THAT(
        chosen(shipped(), observation),
        ElementsAre(uk + "UKCore-Observation-VitalSigns-BloodPressure")
    );
}

TEST(DefaultProfiles, the_same_code_of_another_system_is_another_code) {
    Tree tree;
    Element& observation = tree.resource("Observation");
    tree.concept_(observation, "code", "http://example.org/codes", "85354-9");

    EXPECT_THAT(chosen(shipped(), observation), ElementsAre(uk + "UKCore-Observation"));
}

TEST(DefaultProfiles, laboratory_category_in_any_repetition_chooses_the_lab_profile) {
    Tree tree;
    Element& observation = tree.resource("Observation");
    const std::string_view system = "http://terminology.hl7.org/CodeSystem/observation-category";
    tree.concept_(observation, "category", system, "procedure");
    tree.concept_(observation, "category", system, "laboratory");

    EXPECT_THAT(chosen(shipped(), observation), ElementsAre(uk + "UKCore-Observation-Lab"));
}

TEST(DefaultProfiles, type_without_a_rule_gets_none) {
    Tree tree;
    EXPECT_THAT(chosen(shipped(), tree.resource("Basic")), IsEmpty());
}

TEST(DefaultProfiles, table_tells_metadata_what_it_can_choose) {
    const DefaultProfiles table = shipped();
    EXPECT_EQ(table.default_of("DiagnosticReport"), uk + "UKCore-DiagnosticReport");
    EXPECT_THAT(
        table.conditional_of("DiagnosticReport"), ElementsAre(uk + "UKCore-DiagnosticReport-Lab")
    );
    EXPECT_EQ(table.default_of("Basic"), "");
}

TEST(DefaultProfiles, path_steps_down_and_a_bare_system_fits_all_its_codes) {
    const auto table = DefaultProfiles::parse(
        "rules:\n  - {type: Encounter, when: {hospitalization.dischargeDisposition: ['urn:x|']}, "
        "profile: 'http://example.org/P'}\n",
        "p.yaml"
    );
    ASSERT_TRUE(table);
    Tree tree;
    Element& encounter = tree.resource("Encounter");
    tree.concept_(
        tree.add(encounter, "hospitalization"), "dischargeDisposition", "urn:x", "anything"
    );

    EXPECT_THAT(chosen(*table, encounter), ElementsAre("http://example.org/P"));
    EXPECT_THAT(chosen(*table, tree.resource("Encounter")), IsEmpty());
}

TEST(DefaultProfiles, primitive_code_and_coding_fit_too) {
    const auto table = DefaultProfiles::parse(
        "rules:\n"
        "  - {type: Task, when: {intent: [order]}, profile: 'urn:a'}\n"
        "  - {type: MessageHeader, when: {eventCoding: ['urn:s|e']}, profile: 'urn:b'}\n",
        "p.yaml"
    );
    ASSERT_TRUE(table);
    Tree tree;
    Element& task = tree.resource("Task");
    tree.add(task, "intent", "order");
    Element& header = tree.resource("MessageHeader");
    Element& coding = tree.add(header, "eventCoding");
    tree.add(coding, "system", "urn:s");
    tree.add(coding, "code", "e");

    EXPECT_THAT(chosen(*table, task), ElementsAre("urn:a"));
    EXPECT_THAT(chosen(*table, header), ElementsAre("urn:b"));
}

TEST(DefaultProfiles, unknown_key_is_refused_with_line_and_column) {
    EXPECT_THAT(
        refusal("rules:\n  - {type: Patient, profil: 'urn:a'}\n"),
        HasSubstr("p.yaml:2:21: unknown key 'profil'")
    );
}

TEST(DefaultProfiles, every_problem_is_listed) {
    const std::string words = refusal(
        "rules:\n  - {type: patient, profile: 'urn:a'}\n  - {type: Patient, when: {code: []}, "
        "profile: Name}\n"
    );
    EXPECT_THAT(words, HasSubstr("p.yaml:2:12: 'patient' is no resource type"));
    EXPECT_THAT(words, HasSubstr("p.yaml:3:34: expected a list of codes"));
    EXPECT_THAT(words, HasSubstr("is only a name"));
}

TEST(DefaultProfiles, rule_after_the_one_that_fits_all_is_refused) {
    EXPECT_THAT(
        refusal("rules:\n  - {type: Patient, profile: 'urn:a'}\n  - {type: Patient, when: {gender: "
                "[male]}, profile: 'urn:b'}\n"),
        HasSubstr("p.yaml:3:5: never reached: the rule in line 2 fits every Patient")
    );
}

TEST(DefaultProfiles, broken_yaml_is_refused_with_its_place) {
    EXPECT_THAT(refusal("rules:\n  - {type: Patient\n"), HasSubstr("p.yaml:3:1: "));
}

}  // namespace
