// SPDX-License-Identifier: Apache-2.0
//
// FHIRPath: what an invariant costs on one element, and R4's search parameters over example
// resources. Needs R4's definitions; the examples are JSON files of the shared conformance
// material.

#include <benchmark/benchmark.h>

#include "fhir/path/path.hpp"
#include "tests/fhir/path/model.hpp"

namespace {

using namespace gatehouse;
using namespace gatehouse::fhir;

constexpr std::string_view patient =
    R"({"resourceType":"Patient","id":"p","meta":{"versionId":"1"},"active":true,"identifier":[{"system":)"
    R"("http://example.org/ids","value":"1"}],"name":[{"use":"official","family":"Sample","given":["Alex",)"
    R"("Kim"]},{"use":"usual","given":["Al"]}],"telecom":[{"system":"phone","value":"0"}],"gender":)"
    R"("female","birthDate":"1974-12-25","address":[{"line":["1 Example Road"],"city":"Example"}]})";

void collect_elements(const Element& element, std::vector<const Element*>& out) {
    out.push_back(&element);
    for (const Element& child : element.children()) {
        collect_elements(child, out);
    }
}

// One invariant on every element of a Patient; items/s are single checks.
void invariant(benchmark::State& state, std::string_view text) {
    const TypeModel* model = test::r4_model();
    if (model == nullptr) {
        state.SkipWithError("needs R4's definitions");
        return;
    }
    const auto subject = test::read_subject(std::string(patient), *model);
    std::vector<const Element*> elements;
    collect_elements(*subject->root, elements);
    path::Error error;
    const auto expression = path::compile(text, *model, error);
    path::Environment environment;
    environment.types = model;
    Arena arena;
    for (auto _ : state) {
        for (const Element* element : elements) {
            benchmark::DoNotOptimize(
                path::evaluate_truth(expression, element, environment, arena, error)
            );
        }
        arena.reset();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(elements.size()));
}

// Every search parameter of R4 on every example; items/s are expressions.
void search_parameters(benchmark::State& state) {
    const TypeModel* model = test::r4_model();
    const auto shared = test::path_shared_folder();
    if (model == nullptr || !shared) {
        state.SkipWithError("needs R4's definitions and the shared examples");
        return;
    }
    Definitions definitions;
    Issues notes;
    const auto core = (*shared / "packages/hl7.fhir.r4.core-4.0.1.tgz").string();
    if (!definitions.load(
            PackageRef{core}, std::filesystem::temp_directory_path() / "gatehouse-test-cache", notes
        )) {
        state.SkipWithError("R4's core package does not load");
        return;
    }
    std::vector<std::unique_ptr<test::Subject>> subjects;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(*shared / "conformance/examples")) {
        if (entry.path().extension() == ".json" && entry.file_size() < 200'000) {
            auto subject = test::read_subject(test::read_text_file(entry.path()), *model);
            if (subject->root != nullptr) {
                subjects.push_back(std::move(subject));
            }
        }
    }
    struct Work {
        const Element* root;
        const path::Expression* expression;
    };
    std::vector<std::unique_ptr<path::Expression>> expressions;
    std::vector<Work> work;
    for (const Definition* definition : definitions.all("SearchParameter")) {
        const Element* parameter = definition->root();
        path::Error error;
        auto expression = path::compile(parameter->child_value("expression"), *model, error);
        if (!expression) {
            continue;
        }
        expressions.push_back(std::make_unique<path::Expression>(std::move(expression)));
        for (const Element& base : parameter->children()) {
            if (base.name != "base") {
                continue;
            }
            for (const auto& subject : subjects) {
                const TypeId type = model->find(base.value);
                if (model->is_a(subject->root->type, type)) {
                    work.push_back({subject->root, expressions.back().get()});
                }
            }
        }
    }
    path::Environment environment;
    environment.types = model;
    Arena arena;
    std::int64_t found = 0;
    for (auto _ : state) {
        for (const Work& one : work) {
            const auto outcome = path::evaluate(*one.expression, one.root, environment, arena);
            found += static_cast<std::int64_t>(outcome.items.size());
            arena.reset();
        }
    }
    benchmark::DoNotOptimize(found);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(work.size()));
    state.counters["resources"] = static_cast<double>(subjects.size());
    state.counters["expressions"] = static_cast<double>(expressions.size());
}

void compile_expression(benchmark::State& state) {
    const TypeModel* model = test::r4_model();
    if (model == nullptr) {
        state.SkipWithError("needs R4's definitions");
        return;
    }
    path::Error error;
    for (auto _ : state) {
        benchmark::DoNotOptimize(path::compile(
            "contained.where((('#'+id in (%resource.descendants().reference | "
            "%resource.descendants().as(canonical) | %resource.descendants().as(uri) | "
            "%resource.descendants().as(url))) or descendants().where(reference = '#').exists() or "
            "descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', "
            "id).empty()",
            *model,
            error
        ));
    }
}

BENCHMARK_CAPTURE(invariant, ele_1, "hasValue() or (children().count() > id.count())");
BENCHMARK_CAPTURE(invariant, ext_1, "extension.exists() != value.exists()");
BENCHMARK_CAPTURE(invariant, contained_empty, "contained.contained.empty()");
BENCHMARK_CAPTURE(invariant, code_comparison, "use.empty() or use = 'official' or use = 'usual'");
BENCHMARK_CAPTURE(
    invariant,
    dom_3,
    "contained.where((('#'+id in (%resource.descendants().reference)) or "
    "descendants().where(reference = '#').exists()).not()).empty()"
);
BENCHMARK(compile_expression);
BENCHMARK(search_parameters)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
