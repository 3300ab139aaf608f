#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Response -> bytes of HTTP/1.1: framing headers are ours, and a header value with a control
// character is left out rather than split the answer in two.

#include <string>
#include <string_view>

#include "gateway/http/message.hpp"

namespace gatehouse::gateway {

struct AnswerFraming {
    bool head = false;  // HEAD: headers of the GET, no body
    bool close = false;
    bool http_1_0 = false;
    std::string_view date_line;
};

// Status line and headers, blank line included. `response.body` follows unless body_follows() says
// no.
std::string answer_head(const Response& response, const AnswerFraming& framing);
bool body_follows(const Response& response, const AnswerFraming& framing) noexcept;
const char* reason_phrase(int status) noexcept;

}  // namespace gatehouse::gateway
