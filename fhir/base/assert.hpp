#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// GH_ASSERT: a broken invariant of our own code, never a judgement on input. It stays on in release:
// a gateway that goes on after a broken invariant could lose or misplace a record, while one that
// stops is restarted and replays its journal. It prints the place and the expression only, because a
// value could be patient data.

#include <cstdio>
#include <cstdlib>

namespace gatehouse {

[[noreturn]] inline void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "gatehouse: assertion failed: %s at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace gatehouse

#define GH_ASSERT(expression)                                                   \
    ((expression) ? static_cast<void>(0)                                        \
                  : ::gatehouse::assertion_failed(#expression, __FILE__, __LINE__))
