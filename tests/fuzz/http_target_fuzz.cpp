// SPDX-License-Identifier: Apache-2.0
//
// What a stranger can send first: bytes of an HTTP request, and the query in its target. Holds: the
// reader comes to the same verdict and the same request whether bytes arrive at once or one by one;
// never holds more than the limits; percent_encode undoes what percent_decode did.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/base/assert.hpp"
#include "gateway/http/reader.hpp"

namespace {

using gatehouse::gateway::BodyBudget;
using gatehouse::gateway::ReaderLimits;
using gatehouse::gateway::Request;
using gatehouse::gateway::RequestReader;

constexpr std::uint64_t body_bytes_max = 20000;

struct Outcome {
    RequestReader::State state = RequestReader::State::more;
    int status = 0;
    Request request;
};

Outcome read(std::string_view bytes, std::size_t step, BodyBudget& budget) {
    ReaderLimits limits;
    limits.header_bytes_max = 4096;
    limits.body_bytes_max = body_bytes_max;
    RequestReader reader(limits, budget);
    Outcome out;
    std::string held;
    std::size_t at = 0;
    while (at < bytes.size()) {
        held += bytes.substr(at, step);
        at += step;
        do {
            std::size_t used = 0;
            out.state = reader.feed(held, used);
            GH_ASSERT(used <= held.size());
            held.erase(0, used);
        } while (out.state == RequestReader::State::header);
        if (out.state != RequestReader::State::more) {
            break;
        }
    }
    out.status = out.state == RequestReader::State::failed ? reader.refusal().status : 0;
    out.request = std::move(reader.request());
    return out;
}

void check_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> pairs;
    if (!gatehouse::gateway::parse_query(query, pairs)) {
        return;
    }
    std::string again;
    for (const auto& [name, value] : pairs) {
        again += (again.empty() ? "" : "&") + gatehouse::gateway::percent_encode(name) + "=" +
                 gatehouse::gateway::percent_encode(value);
    }
    std::vector<std::pair<std::string, std::string>> second;
    GH_ASSERT(gatehouse::gateway::parse_query(again, second));
    GH_ASSERT(second == pairs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    BodyBudget budget;
    const Outcome whole = read(bytes, size + 1, budget);
    const Outcome pieces = read(bytes, 1, budget);
    GH_ASSERT(budget.used.load() == 0);
    GH_ASSERT(whole.request.body.size() <= body_bytes_max);
    GH_ASSERT(pieces.request.body.size() <= body_bytes_max);
    if (whole.state == RequestReader::State::complete) {
        GH_ASSERT(pieces.state == RequestReader::State::complete);
        GH_ASSERT(whole.request.target == pieces.request.target);
        GH_ASSERT(whole.request.body == pieces.request.body);
        GH_ASSERT(whole.request.headers.all() == pieces.request.headers.all());
        check_query(whole.request.query());
    }
    check_query(bytes);
    return 0;
}
