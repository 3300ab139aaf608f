// SPDX-License-Identifier: Apache-2.0
//
// JSON Patch: input is [document, patch]. What a patch makes is JSON again, within the limits, and
// the same patch on the same document makes the same.
#include <cstddef>
#include <cstdint>

#include "fhir/base/assert.hpp"
#include "fhir/patch/json_tree.hpp"
#include "fhir/patch/patch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Arena arena;
    const auto input = fhir::parse_json_value(text, arena);
    if (!input || input->items.size() != 2) {
        return 0;
    }
    std::string document;
    std::string operations;
    fhir::patch::write(fhir::patch::node_of(input->items[0]), document);
    fhir::patch::write(fhir::patch::node_of(input->items[1]), operations);
    fhir::JsonPatch patch;
    if (const auto fault = fhir::JsonPatch::read(operations, patch)) {
        GH_ASSERT(!fault->text.empty());
        return 0;
    }
    std::string once;
    std::string twice;
    const auto first = patch.apply(document, once);
    const auto second = patch.apply(document, twice);
    GH_ASSERT(first.has_value() == second.has_value());
    if (first) {
        GH_ASSERT(first->operation == second->operation && !first->text.empty());
        return 0;
    }
    GH_ASSERT(once == twice);
    std::string plain;
    // Deeper than parse_json_value() reads is possible (patch_depth_max), and then is refused
    // later.
    if (const auto again = fhir::parse_json_value(once, arena)) {
        fhir::patch::write(fhir::patch::node_of(*again), plain);
        GH_ASSERT(plain == once);
    }
    return 0;
}
