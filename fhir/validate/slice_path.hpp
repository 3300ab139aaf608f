#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What deciding a slice (slicing.cpp) and explaining it (slice_words.cpp) share.

#include <string>
#include <string_view>

#include "fhir/validate/plan.hpp"

namespace gatehouse::fhir::judge {

inline std::string slice_name(const PlanRule& slice) {
    return slice.rule->slice.empty() ? slice.rule->id : slice.rule->slice;
}

// The next step of a discriminator path and what is left: "a.b.resolve()" -> "a", "b.resolve()".
inline std::string_view take_step(std::string_view& path) {
    std::size_t end = 0;
    int parentheses = 0;
    while (end < path.size() && (path[end] != '.' || parentheses > 0)) {
        parentheses += path[end] == '(' ? 1 : path[end] == ')' ? -1 : 0;
        ++end;
    }
    const std::string_view step = path.substr(0, end);
    path = end < path.size() ? path.substr(end + 1) : std::string_view{};
    return step;
}

// extension('url') and ofType(X): what stands between the parentheses, without quotes.
inline std::string_view argument_of(std::string_view step) {
    const std::size_t open = step.find('(');
    const std::size_t close = step.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close <= open) {
        return {};
    }
    std::string_view inner = step.substr(open + 1, close - open - 1);
    while (!inner.empty() && (inner.front() == '\'' || inner.front() == '"' || inner.front() == ' ')
    ) {
        inner.remove_prefix(1);
    }
    while (!inner.empty() && (inner.back() == '\'' || inner.back() == '"' || inner.back() == ' ')) {
        inner.remove_suffix(1);
    }
    return inner;
}

}  // namespace gatehouse::fhir::judge
