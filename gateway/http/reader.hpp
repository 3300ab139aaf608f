#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// RequestReader: bytes from a connection -> one Request. Beast's parser does the grammar (RFC
// 9112), this keeps our limits and undoes Content-Encoding while the body arrives, so that a gzip
// bomb is cut at the limit and never held. No sockets here: tests and the fuzzer feed it directly.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/outcome/issue.hpp"
#include "gateway/http/message.hpp"

namespace gatehouse::gateway {

// Bytes of request bodies that all connections of a server may hold together: without it,
// connections times body limit would be the memory one needs.
struct BodyBudget {
    std::uint64_t bytes_max = 512ULL << 20U;
    std::atomic<std::uint64_t> used{0};
};

struct ReaderLimits {
    std::uint32_t header_bytes_max = 32U << 10U;
    std::uint32_t header_fields_max = 256;
    std::uint64_t body_bytes_max = 64ULL << 20U;  // as sent, and again as decoded
};

// A request that transport itself refuses; becomes an OperationOutcome.
struct TransportRefusal {
    int status = 400;
    fhir::IssueType type = fhir::IssueType::structure;
    const char* rule = "";  // "http-syntax"
    std::string text;       // what was found, what was expected, way out
};

Response make_refusal(const TransportRefusal& refusal);

class RequestReader {
public:
    enum class State : std::uint8_t {
        more,      // give more bytes
        header,    // said once: the header is complete, the body may follow
        complete,  // request() is whole
        failed,    // refusal() says why; the connection cannot be used any further
    };

    RequestReader(const ReaderLimits& limits, BodyBudget& budget);
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    // Takes what it can from `bytes` and says how much in `used`; the rest must be given again,
    // with more behind it, for a header must lie in one piece.
    State feed(std::string_view bytes, std::size_t& used);

    Request& request() noexcept;
    [[nodiscard]] const TransportRefusal& refusal() const noexcept;
    // Persistent connection, by version and Connection header. False after a failure.
    [[nodiscard]] bool keep_alive() const noexcept;
    [[nodiscard]] bool http_1_0() const noexcept;
    // The client waits for "100 Continue" before it sends the body.
    [[nodiscard]] bool expects_continue() const noexcept;
    [[nodiscard]] bool got_some() const noexcept;
    [[nodiscard]] std::uint64_t body_bytes_received() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::gateway
