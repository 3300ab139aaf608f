// SPDX-License-Identifier: Apache-2.0
//
// Shapes decide what the general evaluator decides: every invariant of R4 and a list of odd ones,
// over elements that they were written for and over elements that they were not.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "fhir/path/path.hpp"
#include "fhir/path/program.hpp"
#include "fhir/path/shape.hpp"
#include "tests/fhir/path/every_pair.hpp"
#include "tests/fhir/path/model.hpp"
#include "tests/fhir/path/odd_resources.hpp"

namespace gatehouse::fhir {
namespace {

// Forms that R4's own invariants do not use.
constexpr const char* odd_expressions[] = {
    "value.exists() xor code.exists()",
    "value.empty() and (code.exists() or system.exists())",
    "code.where(coding.exists()).exists()",
    "coding.where(system = 'http://loinc.org' and code = '8867-4').exists()",
    "coding.where(code != 'x').empty()",
    "coding.all(system.exists() and code.exists())",
    "coding.exists(display = 'x' or userSelected = true)",
    "name.where(use = 'official').empty().not()",
    "name.given.hasValue()",
    "$this.hasValue()",
    "hasValue().not()",
    "where(use = 'home').empty()",
    "all(use.exists())",
    "active = true",
    "active = false or active.empty()",
    "gender != 'male'",
    "birthDate = 'x'",
    "birthDate <= birthDate",
    "start < end",
    "start >= end",
    "effective < issued",
    "deceased = true",
    "deceased.exists() implies deceased != false",
    "status = 'final' implies value.exists()",
    "id = 'x'",
    "div.exists()",
    "text.status = 'generated'",
    "extension.url = 'x'",
    "extension.value.exists()",
    "contained.contained.empty() and contained.id.exists()",
    "entry.resource.exists()",
    "multipleBirth.exists() and photo.empty()",
    "(value.empty() xor component.empty()) and status.exists()",
    "length() > 3 or value.exists()",
    "value.exists() or length() > 3",
    "value.exists() and value = 4",
    "descendants().empty() or id.exists()",
    "item.where(type = 'group' and item.empty()).empty()",
    "use in ('official' | 'home')",
    "gender in ('male')",
    "birthDate in ('x' | 'y')",
    "active in ('true' | 'x') or active.empty()",
    "name.given in ('A' | 'B')",
    "status in ('x' | 'final' | 'x')",
    "name.count() > 1",
    "name.given.count() + name.count() <= 3",
    "given.count() = 2",
    "count() != 1",
    "1 = name.count()",
    "name.count() + 1 = 2",
    "name.count() < 1.5",
    "name.exists() = birthDate.exists()",
    "name.exists() != birthDate.empty()",
    "name.exists().not() = name.hasValue()",
    "gender.contains('al')",
    "gender.startsWith('ma').not()",
    "value.endsWith('x') or code.exists()",
    "birthDate.contains('x')",
    "active.contains('t') or name.exists()",
    "use.contains('')",
    "name.use.contains('o')",
};

struct Compared {
    std::size_t decided = 0;
    std::size_t deferred = 0;
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
    environment.now = "2026-02-03T04:05:06.789Z";
    environment.shortcuts = false;
    std::uint64_t steps = 0;
    const path::Expression::Program& program = expression.program();
    const path::Truth quick =
        path::shape_truth(program, program.shape_root, element, model, steps, 1'000'000);
    if (quick == path::Truth::failed) {
        ++out.deferred;
        return;
    }
    ++out.decided;
    path::Error error;
    const path::Truth slow = path::evaluate_truth(expression, &element, environment, arena, error);
    ASSERT_EQ(static_cast<int>(quick), static_cast<int>(slow))
        << expression.text() << " on " << expression_of(element) << " (" << error.message << ")";
}

std::vector<path::Expression> expressions(const TypeModel& model, const Definitions* definitions) {
    std::set<std::string> texts(std::begin(odd_expressions), std::end(odd_expressions));
    if (definitions != nullptr) {
        for (const Definition* definition : definitions->all("StructureDefinition")) {
            const Element* snapshot = definition->root()->child("snapshot");
            for (const Element* element = snapshot == nullptr ? nullptr : snapshot->first_child;
                 element != nullptr;
                 element = element->next) {
                for (const Element& constraint : element->children()) {
                    if (constraint.name == "constraint") {
                        texts.insert(std::string(constraint.child_value("expression")));
                    }
                }
            }
        }
    }
    std::vector<path::Expression> out;
    for (const std::string& text : texts) {
        path::Error error;
        path::Expression compiled = path::compile(text, model, error);
        if (compiled && compiled.program().shape_root != path::no_shape) {
            out.push_back(std::move(compiled));
        }
    }
    return out;
}

// Each expression on each element, or on every `stride`th pair of them.
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
        test::RootPairs::counted,
        [&](const path::Expression& expression, const Element& element, Arena& arena) {
            compare(expression, element, model, arena, out);
        }
    );
}

TEST(FhirpathShapes, decide_as_the_general_evaluator_on_odd_data) {
    const TypeModel* model = test::r4_model();
    if (model == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    const auto all = expressions(*model, nullptr);
    ASSERT_GT(all.size(), 30U);
    Compared compared;
    for (const char* text : test::odd_resources) {
        const auto subject = test::read_subject(text, *model);
        ASSERT_NE(subject->root, nullptr) << text;
        compare_all(all, *subject->root, *model, 1, compared);
    }
    EXPECT_GT(compared.decided, 2'000U);
    EXPECT_GT(compared.deferred, 20U);
}

TEST(FhirpathShapes, decide_as_the_general_evaluator_on_the_examples) {
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
    const auto all = expressions(*model, &definitions);
    ASSERT_GT(all.size(), 150U);
    Compared compared;
    for (const auto& entry :
         std::filesystem::directory_iterator(*shared / "conformance/examples/json")) {
        if (entry.file_size() > 60'000) {
            continue;
        }
        const auto subject = test::read_subject(test::read_text_file(entry.path()), *model);
        if (subject->root != nullptr) {
            compare_all(all, *subject->root, *model, 29, compared);
        }
        if (HasFatalFailure()) {
            return;
        }
    }
    std::printf(
        "%zu expressions with a shape, %zu decided, %zu deferred\n",
        all.size(),
        compared.decided,
        compared.deferred
    );
    EXPECT_GT(compared.decided, 100'000U);
}

}  // namespace
}  // namespace gatehouse::fhir
