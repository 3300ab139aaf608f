#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The two listeners' handlers: FHIR requests into the pipeline, and the operators' pages.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "gateway/base/config.hpp"
#include "gateway/http/server.hpp"
#include "gateway/pipeline/pipeline.hpp"

namespace gatehouse::gateway {

// The front door. Requests that come before there is a pipeline are told 503.
class FrontDoor {
public:
    void open(Pipeline* pipeline) { pipeline_.store(pipeline); }
    Handler handler();

private:
    boost::asio::awaitable<Response> handle(Request request);
    std::atomic<Pipeline*> pipeline_{nullptr};
};

// What the admin listener tells. The functions are called on its thread and must be quick.
struct AdminView {
    std::function<bool(std::string& why)> ready;  // false: why not
    std::function<std::string()> status;          // JSON
};
// /livez /readyz /_status /metrics.
Handler admin_handler(std::shared_ptr<const AdminView> view);

ServerOptions front_options(const Config& config);
ServerOptions admin_options(const Config& config);

}  // namespace gatehouse::gateway
