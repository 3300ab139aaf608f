// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the answer of a terminology server: a verdict, or the reason why there is none.
#include <cstdint>

#include "fhir/base/assert.hpp"
#include "gateway/terminology/remote_answer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const fhir::RemoteAnswer answer = gateway::read_remote_answer(200, body);
    GH_ASSERT((answer.verdict == fhir::Verdict::not_checkable) == !answer.reason.empty());
    GH_ASSERT(answer.display.size() <= 1024);
    return 0;
}
