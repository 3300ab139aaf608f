#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The yardstick of the engine's benchmark: RapidJSON's SAX reader with the flags that make it safe
// for records (UTF-8 checked, no recursion, numbers as text) and a handler that does nothing.

#include <string>

namespace gatehouse::bench {

// False if the text is not JSON. `text` must be NUL-terminated.
bool rapidjson_sax_safe(const std::string& text);

}  // namespace gatehouse::bench
