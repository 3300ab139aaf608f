// SPDX-License-Identifier: Apache-2.0
//
// Trails find what the general evaluator finds, in its order: every search parameter of R4 and a
// list of odd paths, over resources that they were written for and over elements that they were
// not.
#include <set>

#include <gtest/gtest.h>

#include "fhir/path/path.hpp"
#include "fhir/path/program.hpp"
#include "tests/fhir/path/every_pair.hpp"
#include "tests/fhir/path/model.hpp"
#include "tests/fhir/path/odd_resources.hpp"

namespace gatehouse::fhir {
namespace {

// Forms that R4's own search parameters do not use.
constexpr const char* odd_expressions[] = {
    "name",
    "$this",
    "$this.name.given",
    "Patient",
    "Resource.id",
    "DomainResource.text.status",
    "HumanName.given",
    "Element.extension",
    "Patient.name.given | Patient.name.family | Patient.name.given",
    "name.given | (name.family | name.given)",
    "name.given | name.given.count()",
    "Patient.name[0].given",
    "name.given[1]",
    "name[1].given[0] | name[9].given",
    "name.first().given.first()",
    "first()",
    "name.where(given.exists()).family",
    "name.where($index = 1)",
    "name.where($this.use = 'official' or $index > 0).given[0]",
    "name.where(use = 'official').where(given.count() > 1).given",
    "name.where(given = 'A')",
    "name.where(given.single() = 'A')",
    "where(true)",
    "where(name.exists()).name",
    "value as Quantity",
    "(value as Quantity).code",
    "(Observation.value as string) | (Observation.value as Quantity)",
    "value.ofType(string)",
    "value.ofType(System.String)",
    "value.as(Element)",
    "value.ofType(Element)",
    "deceased.ofType(dateTime) | deceased.ofType(boolean)",
    "code.coding.code | component.code.coding.code",
    "component.code.coding",
    "extension('u').value",
    "extension('http://example.org/x')",
    "contained.where(id = 'b')",
    "contained.contained.id",
    "subject.where(resolve() is Patient)",
    "Observation.subject.where(resolve() is Patient) | Observation.performer",
    "generalPractitioner.where(resolve() is Organization)",
    "entry.resource.subject.where(resolve() is Patient)",
    "entry.resource.ofType(Patient).id",
    "item.item.item.linkId",
    "Patient.Patient",
    "Practitioner.name | Patient.name",
    "resourceType",
    "text.div",
    "identifier.value | identifier.system | id",
    "telecom.where(system = 'phone').value | telecom.where(system='email').value",
    "period.start | period.end",
    "effective | issued",
    "multipleBirth | active",
    "Appointment.participant[0].actor",
};

// Members that are named like a type, references within, items that are equal to others.
constexpr const char* odd_members[] = {
    R"({"resourceType":"Patient","Patient":{"name":"x"},"Practitioner":[{"name":"y"}],"name":[{"given":["A","A","B"]},)"
    R"({"given":["B"],"family":"A"}],"identifier":[{"system":"s","value":"v"},{"system":"v","value":"s"}],"id":"v",)"
    R"("telecom":[{"system":"phone","value":"1"},{"system":"email","value":"1"},{"system":"phone"}]})",
    R"({"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Organization","id":"o"}],)"
    R"("subject":{"reference":"#p"},"performer":[{"reference":"#o"},{"reference":"#p"},{"reference":"#none"},{"display":"d"}],)"
    R"("effectiveDateTime":"2020-01-01","issued":"2020-01-01T00:00:00Z","code":{"coding":[{"code":"a"},{"code":"b"},{"code":"a"}]},)"
    R"("component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":1,"code":"g","system":"http://unitsofmeasure.org"}},)"
    R"({"valueQuantity":{"value":1000,"code":"mg","system":"http://unitsofmeasure.org"}}],"valueQuantity":{"value":1.0,"code":"g","system":"http://unitsofmeasure.org"}})",
    R"({"resourceType":"Bundle","entry":[{"fullUrl":"http://x/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},)"
    R"({"fullUrl":"http://x/fhir/Observation/2","resource":{"resourceType":"Observation","subject":{"reference":"Patient/1"}}},)"
    R"({"resource":{"resourceType":"Observation","subject":{"reference":"Patient/9"}}},{"resource":{"resourceType":"Basic"}},null]})",
    R"({"resourceType":"Questionnaire","item":[{"linkId":"1","item":[{"linkId":"1.1","item":[{"linkId":"1.1.1"}]},{"linkId":"1.2"}]}]})",
};

struct Compared {
    std::size_t evaluations = 0;
    std::size_t items = 0;
};

void compare(
    const path::Expression& expression,
    const Element& element,
    const TypeModel& model,
    Arena& arena,
    Compared& out
) {
    path::Environment environment;
    environment.types = &model;
    const path::Outcome quick = path::evaluate(expression, &element, environment, arena);
    environment.shortcuts = false;
    const path::Outcome slow = path::evaluate(expression, &element, environment, arena);
    const std::string place = expression.text() + " on " + expression_of(element);
    ASSERT_EQ(quick.failed, slow.failed) << place << quick.error.message << slow.error.message;
    ASSERT_EQ(quick.error.message, slow.error.message) << place;
    ASSERT_EQ(quick.items.size(), slow.items.size()) << place;
    for (std::size_t i = 0; i < quick.items.size(); ++i) {
        ASSERT_EQ(quick.items[i].kind, slow.items[i].kind) << place;
        ASSERT_EQ(quick.items[i].element, slow.items[i].element) << place << " item " << i;
        ASSERT_EQ(path::to_text(quick.items[i]), path::to_text(slow.items[i])) << place;
    }
    ++out.evaluations;
    out.items += quick.items.size();
}

// Each expression on each element, or on the root and every `stride`th pair of the others.
void compare_all(
    const std::vector<path::Expression>& all,
    const Element& root,
    const TypeModel& model,
    std::size_t stride,
    Compared& out
) {
    test::every_pair(
        all,
        root,
        stride,
        test::RootPairs::always,
        [&](const path::Expression& expression, const Element& element, Arena& arena) {
            compare(expression, element, model, arena, out);
        }
    );
}

void add(
    std::vector<path::Expression>& all, const TypeModel& model, std::string_view text, bool must
) {
    path::Error error;
    path::Expression compiled = path::compile(text, model, error);
    ASSERT_TRUE(compiled) << text << ": " << error.message;
    if (!compiled.program().trails.empty()) {
        all.push_back(std::move(compiled));
    } else {
        ASSERT_FALSE(must) << text << " has no trail";
    }
}

TEST(FhirpathTrails, find_as_the_general_evaluator_on_odd_data) {
    const TypeModel* model = test::r4_model();
    if (model == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    std::vector<path::Expression> all;
    for (const char* text : odd_expressions) {
        ASSERT_NO_FATAL_FAILURE(add(all, *model, text, std::string_view(text) != "resourceType"));
    }
    Compared compared;
    const auto read = [&](const char* text) {
        const auto subject = test::read_subject(text, *model);
        ASSERT_NE(subject->root, nullptr) << text;
        compare_all(all, *subject->root, *model, 1, compared);
    };
    for (const char* text : test::odd_resources) {
        ASSERT_NO_FATAL_FAILURE(read(text));
    }
    for (const char* text : odd_members) {
        ASSERT_NO_FATAL_FAILURE(read(text));
    }
    EXPECT_GT(compared.evaluations, 9'000U);
    EXPECT_GT(compared.items, 500U);
}

TEST(FhirpathTrails, spend_the_budget_and_say_so) {
    const TypeModel* model = test::r4_model();
    if (model == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    std::string text = R"({"resourceType":"Patient","name":[{"given":["0")";
    for (int i = 1; i < 500; ++i) {
        text += ",\"" + std::to_string(i) + "\"";
    }
    const auto subject = test::read_subject(text + "]}]}", *model);
    path::Error error;
    const auto expression = path::compile("Patient.name.given | Patient.id", *model, error);
    ASSERT_FALSE(expression.program().trails.empty());
    path::Environment environment;
    environment.types = model;
    environment.step_budget = 300;
    std::uint64_t steps = 0;
    environment.steps_taken = &steps;
    Arena arena;
    const path::Outcome outcome = path::evaluate(expression, subject->root, environment, arena);
    EXPECT_TRUE(outcome.failed);
    EXPECT_NE(outcome.error.message.find("300 steps"), std::string::npos) << outcome.error.message;
    EXPECT_TRUE(outcome.items.empty());
    EXPECT_EQ(steps, 300U);
}

TEST(FhirpathTrails, find_as_the_general_evaluator_on_the_examples) {
    const TypeModel* model = test::r4_model();
    const auto shared = test::path_shared_folder();
    if (model == nullptr || !shared) {
        GTEST_SKIP() << "needs R4's definitions and the shared examples";
    }
    Definitions definitions;
    Issues notes;
    const PackageRef core{(*shared / "packages/hl7.fhir.r4.core-4.0.1.tgz").string()};
    ASSERT_TRUE(definitions.load(
        core, std::filesystem::temp_directory_path() / "gatehouse-test-cache", notes
    ));
    std::set<std::string> texts;
    for (const Definition* definition : definitions.all("SearchParameter")) {
        texts.emplace(definition->root()->child_value("expression"));
    }
    texts.erase("");
    std::vector<path::Expression> all;
    for (const std::string& text : texts) {
        ASSERT_NO_FATAL_FAILURE(add(all, *model, text, false));
    }
    EXPECT_GT(all.size() * 100, texts.size() * 99) << "of R4's search parameters have a trail";
    Compared compared;
    for (const auto& entry :
         std::filesystem::directory_iterator(*shared / "conformance/examples/json")) {
        if (entry.file_size() > 60'000) {
            continue;
        }
        const auto subject = test::read_subject(test::read_text_file(entry.path()), *model);
        if (subject->root != nullptr) {
            compare_all(all, *subject->root, *model, 1009, compared);
        }
        if (HasFatalFailure()) {
            return;
        }
    }
    std::printf(
        "%zu of %zu search parameters have a trail; %zu evaluations, %zu items\n",
        all.size(),
        texts.size(),
        compared.evaluations,
        compared.items
    );
    EXPECT_GT(compared.evaluations, 100'000U);
    EXPECT_GT(compared.items, 4'500U);
}

}  // namespace
}  // namespace gatehouse::fhir
