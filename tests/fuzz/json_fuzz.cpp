// SPDX-License-Identifier: Apache-2.0
//
// JSON: what is read without a finding can be written and reads as the same tree, annotated or not;
// what has findings of form (a text where an object belongs) may lose that part, but only once.
// A Bundle read in pieces is the one read as a whole, and types set while reading are annotate()'s.
#include <cstddef>
#include <cstdint>

#include "fhir/base/assert.hpp"
#include "fhir/json/json.hpp"
#include "tests/fhir/same_reading.hpp"
#include "tests/fhir/tree_compare.hpp"
#include "tests/support/small_types.hpp"

namespace {

void compare_readings(std::string_view text) {
    using namespace gatehouse;
    const fhir::TypeModel& types = test::small_types();
    const Helpers same{1, [](const std::function<void()>& task) { task(); }};
    Arena arena;
    fhir::DecodeLimits limits;
    limits.read_past_bad_bytes = text.size() % 2 == 0;
    const fhir::Decoded whole =
        fhir::read_json(text, arena, types.symbols(), limits, {.types = &types});
    for (const std::size_t bytes : {std::size_t{1}, text.size() / 5 + 1}) {
        const fhir::Decoded pieces = fhir::read_json(
            text,
            arena,
            types.symbols(),
            limits,
            {.types = &types, .helpers = &same, .piece_bytes = bytes}
        );
        GH_ASSERT(test::reading_difference(whole, pieces).empty());
    }
    if (whole.root != nullptr && whole.issues.empty()) {
        const fhir::Decoded plain = fhir::read_json(text, arena, types.symbols(), limits);
        fhir::annotate(*plain.root, types);
        GH_ASSERT(test::reading_difference(whole, plain).empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    const fhir::TypeModel& types = test::small_types();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    compare_readings(text);
    Arena arena;
    const fhir::Decoded first = fhir::read_json(text, arena, types.symbols());
    if (first.root == nullptr) {
        GH_ASSERT(!first.issues.empty());
        return 0;
    }

    const std::string plain = fhir::write_json(*first.root, nullptr);
    const fhir::Decoded again = fhir::read_json(plain, arena, types.symbols());
    GH_ASSERT(again.root != nullptr);
    const bool sound = first.issues.empty();
    if (sound) {
        GH_ASSERT(test::difference(*first.root, *again.root).empty());
        GH_ASSERT(fhir::write_json(*again.root, nullptr) == plain);
    }

    fhir::annotate(*first.root, types);
    fhir::WriteOptions pretty;
    pretty.pretty = true;
    const std::string typed = fhir::write_json(*first.root, &types, pretty);
    const fhir::Decoded typed_again = fhir::read_json(typed, arena, types.symbols());
    GH_ASSERT(typed_again.root != nullptr);
    if (sound) {
        GH_ASSERT(test::difference(*first.root, *typed_again.root).empty());
    }
    return 0;
}
