// SPDX-License-Identifier: Apache-2.0
//
// FHIRPath text: what parses prints, and what was printed parses to the same; evaluation with a
// small budget on a small tree ends, and a truth agrees with its collection.

#include <cstdint>
#include <string_view>

#include "fhir/base/assert.hpp"
#include "fhir/json/json.hpp"
#include "fhir/path/path.hpp"
#include "tests/support/small_types.hpp"

namespace {

using namespace gatehouse;  // a fuzz target is one file with one purpose
using namespace gatehouse::fhir;

constexpr std::string_view subject =
    R"({"resourceType":"Patient","id":"p","contained":[{"resourceType":"Patient","id":"c"}],)"
    R"("extension":[{"url":"u","valueQuantity":{"value":1.50,"unit":"kg"}}],"active":true,)"
    R"("name":[{"family":"Sample","given":["Alex","Kim"]},{"given":["Al"]}],"multipleBirthInteger":2})";

Element* root_of_subject() {
    static Arena arena;
    static Element* const root = [] {
        Element* read = read_json(subject, arena, test::small_types().symbols()).root;
        GH_ASSERT(read != nullptr);
        annotate(*read, test::small_types());
        return read;
    }();
    return root;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) {
        return 0;
    }
    const TypeModel& model = test::small_types();
    Element* const root = root_of_subject();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    path::Error error;
    const auto expression = path::compile(text, model, error);
    if (!expression) {
        GH_ASSERT(!error.message.empty() && error.offset <= text.size());
        return 0;
    }
    const std::string printed = path::print(expression);
    const auto again = path::compile(printed, model, error);
    // Brackets that printing adds may pass the nesting limit, which is no inequality.
    if (again) {
        GH_ASSERT(path::print(again) == printed);
    } else {
        GH_ASSERT(
            error.message.find("nested") != std::string::npos ||
            error.message.find("longer") != std::string::npos
        );
    }
    path::CompileOptions strict;
    strict.strict = true;
    strict.context_type = "Patient";
    (void)path::compile(text, model, error, strict);

    Arena arena;
    path::Environment environment;
    environment.types = &model;
    environment.now = "2026-01-02T03:04:05Z";
    environment.step_budget = 20'000;
    const auto outcome = path::evaluate(expression, root, environment, arena);
    const path::Truth truth = path::evaluate_truth(expression, root, environment, arena, error);
    if (!outcome.failed && outcome.items.size() == 1 &&
        outcome.items[0].kind == path::ItemKind::boolean) {
        GH_ASSERT(truth == (outcome.items[0].truth ? path::Truth::yes : path::Truth::no));
    }
    // Shapes (fhir/path/shape.hpp) decide as the general evaluator, if that has the steps to
    // decide.
    environment.shortcuts = false;
    const path::Truth slow = path::evaluate_truth(expression, root, environment, arena, error);
    GH_ASSERT(truth == slow || slow == path::Truth::failed);
    // Trails (fhir/path/trail.hpp) find what it finds.
    const auto found = path::evaluate(expression, root, environment, arena);
    if (!found.failed) {
        GH_ASSERT(!outcome.failed && outcome.items.size() == found.items.size());
        for (std::size_t i = 0; i < found.items.size(); ++i) {
            GH_ASSERT(
                outcome.items[i].kind == found.items[i].kind &&
                outcome.items[i].element == found.items[i].element &&
                path::to_text(outcome.items[i]) == path::to_text(found.items[i])
            );
        }
    }
    for (const auto& item : outcome.items) {
        (void)path::to_text(item);
        GH_ASSERT(!path::type_name(item, model).empty());
    }
    return 0;
}
