// SPDX-License-Identifier: Apache-2.0
//
// Every invariant and search path of R4 compiles, and runs over the example resources without
// failing.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "fhir/path/path.hpp"
#include "tests/fhir/path/model.hpp"

namespace gatehouse::fhir {
namespace {

struct Invariant {
    std::string key;
    path::Expression expression;
};

// Constraints by the path they stand on, from specializations only (profiles need a validator).
using Invariants = std::map<std::string, std::vector<Invariant>>;

std::optional<Definitions> load_core() {
    const auto shared = test::path_shared_folder();
    if (!shared) {
        return std::nullopt;
    }
    Definitions definitions;
    Issues notes;
    const PackageRef core{(*shared / "packages/hl7.fhir.r4.core-4.0.1.tgz").string()};
    if (!definitions.load(
            core, std::filesystem::temp_directory_path() / "gatehouse-test-cache", notes
        )) {
        return std::nullopt;
    }
    return definitions;
}

TEST(FhirpathInvariants, of_r4_compile_and_run) {
    const TypeModel* model = test::r4_model();
    auto definitions = load_core();
    if (model == nullptr || !definitions) {
        GTEST_SKIP() << "needs R4's definitions and the shared examples";
    }
    Invariants by_path;
    std::set<std::string> texts;
    for (const Definition* definition : definitions->all("StructureDefinition")) {
        const Element* snapshot = definition->root()->child("snapshot");
        if (snapshot == nullptr || definition->root()->child_value("derivation") == "constraint") {
            continue;
        }
        for (const Element& element : snapshot->children()) {
            for (const Element& constraint : element.children()) {
                const std::string_view text = constraint.child_value("expression");
                if (constraint.name != "constraint" || text.empty()) {
                    continue;
                }
                path::Error error;
                auto expression = path::compile(text, *model, error);
                EXPECT_TRUE(expression) << constraint.child_value("key") << ": " << error.message
                                        << " at " << error.offset << " of " << text;
                texts.insert(std::string(text));
                by_path[std::string(element.child_value("path"))].push_back(
                    {std::string(constraint.child_value("key")), std::move(expression)}
                );
            }
        }
    }
    EXPECT_GT(texts.size(), 190U);

    const auto folder = *test::path_shared_folder() / "conformance/examples/json";
    std::map<std::string, int> violated;
    std::int64_t runs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto subject = test::read_subject(test::read_text_file(entry.path()), *model);
        if (subject->root == nullptr) {
            continue;
        }
        path::Environment environment;
        environment.types = model;
        environment.now = "2026-02-03T04:05:06.789Z";
        Arena arena;
        std::vector<const Element*> stack{subject->root};
        while (!stack.empty()) {
            const Element* element = stack.back();
            stack.pop_back();
            for (const Element& child : element->children()) {
                stack.push_back(&child);
            }
            if (element->type == unknown_type) {
                continue;
            }
            const auto found = by_path.find(model->type(element->type).name);
            if (found == by_path.end()) {
                continue;
            }
            for (const Invariant& invariant : found->second) {
                path::Error error;
                const auto truth =
                    path::evaluate_truth(invariant.expression, element, environment, arena, error);
                ++runs;
                ASSERT_NE(truth, path::Truth::failed)
                    << entry.path().filename() << " " << invariant.key << " on "
                    << expression_of(*element) << ": " << error.message;
                if (truth == path::Truth::no) {
                    ++violated[invariant.key];
                }
            }
            arena.reset();
        }
    }
    std::printf("%zu expressions, %ld runs\n", texts.size(), static_cast<long>(runs));
    for (const auto& [key, count] : violated) {
        std::printf("%s violated %d times\n", key.c_str(), count);
    }
}

TEST(FhirpathSearch, paths_of_r4_compile) {
    const TypeModel* model = test::r4_model();
    auto definitions = load_core();
    if (model == nullptr || !definitions) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    int count = 0;
    for (const Definition* definition : definitions->all("SearchParameter")) {
        const std::string_view text = definition->root()->child_value("expression");
        if (text.empty()) {
            continue;
        }
        path::Error error;
        EXPECT_TRUE(path::compile(text, *model, error))
            << definition->id << ": " << error.message << " in " << text;
        ++count;
    }
    EXPECT_GT(count, 1000);
}

}  // namespace
}  // namespace gatehouse::fhir
