// SPDX-License-Identifier: Apache-2.0
//
// Any text as an expression constraint: parsing ends with a tree whose references stay inside it,
// or with a reason that has words.
#include <cstdint>
#include <string_view>

#include "fhir/base/assert.hpp"
#include "fhir/terminology/ecl/ecl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    const auto parsed = fhir::ecl::parse({reinterpret_cast<const char*>(data), size});
    if (!parsed) {
        GH_ASSERT(!parsed.error().detail.empty());
        return 0;
    }
    GH_ASSERT(parsed->root < parsed->nodes.size());
    for (const auto& node : parsed->nodes) {
        for (const std::uint32_t operand : node.operands) {
            GH_ASSERT(operand < parsed->nodes.size());
        }
        GH_ASSERT(
            (node.kind == fhir::ecl::NodeKind::refined) ==
            (node.refinement < parsed->refinements.size())
        );
    }
    return 0;
}
