// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/rapidjson_scale.hpp"

#include <rapidjson/reader.h>

namespace gatehouse::bench {

bool rapidjson_sax_safe(const std::string& text) {
    rapidjson::StringStream stream(text.c_str());
    rapidjson::BaseReaderHandler<> nothing;
    rapidjson::Reader reader;
    constexpr unsigned flags = rapidjson::kParseIterativeFlag |
                               rapidjson::kParseValidateEncodingFlag |
                               rapidjson::kParseNumbersAsStringsFlag;
    return !reader.Parse<flags>(stream, nothing).IsError();
}

}  // namespace gatehouse::bench
