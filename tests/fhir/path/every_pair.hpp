#pragma once
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include "fhir/base/arena.hpp"
#include "fhir/model/element.hpp"
#include "fhir/path/path.hpp"

namespace gatehouse::fhir::test {

enum class RootPairs { counted, always };

// Calls compare(expression, element, arena) for every `stride`th pair of an expression and an
// element of the tree; with RootPairs::always each expression also meets the root, and only the
// other pairs are counted. Ends at the first fatal failure.
template <class Compare>
void every_pair(
    const std::vector<path::Expression>& all,
    const Element& root,
    std::size_t stride,
    RootPairs root_pairs,
    const Compare& compare
) {
    Arena arena;
    std::size_t turn = 0;
    std::vector<const Element*> stack{&root};
    while (!stack.empty()) {
        const Element* element = stack.back();
        stack.pop_back();
        for (const Element& child : element->children()) {
            stack.push_back(&child);
        }
        const bool always = root_pairs == RootPairs::always && element == &root;
        for (const path::Expression& expression : all) {
            if (always || ++turn % stride == 0) {
                compare(expression, *element, arena);
                if (testing::Test::HasFatalFailure()) {
                    return;
                }
            }
        }
        arena.reset();
    }
}

}  // namespace gatehouse::fhir::test
