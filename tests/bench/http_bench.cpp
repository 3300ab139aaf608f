// SPDX-License-Identifier: Apache-2.0
//
// The transport alone: a handler that answers a fixed small body, for `wrk` (README, Benchmarks).
// Prints its port, serves until stdin closes.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "gateway/base/async.hpp"
#include "gateway/http/server.hpp"

namespace {

boost::asio::awaitable<gatehouse::gateway::Response>
answer(gatehouse::gateway::Request /*request*/) {
    gatehouse::gateway::Response response;
    response.headers.set("Content-Type", "application/fhir+json");
    response.body = "{\"resourceType\":\"Basic\"}";
    co_return response;
}

}  // namespace

int main(int argc, char** argv) {
    gatehouse::gateway::ServerOptions options;
    options.io_threads = argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 1;
    if (argc > 3) {
        gatehouse::gateway::TlsOptions tls;
        tls.certificate_file = argv[2];
        tls.private_key_file = argv[3];
        options.tls = tls;
    }
    auto server = gatehouse::gateway::Server::start(options, answer);
    if (!server) {
        std::fprintf(stderr, "%s\n", gatehouse::describe(server.error()).c_str());
        return 2;
    }
    std::printf("%u\n", static_cast<unsigned>((*server)->port()));
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    (*server)->drain(std::chrono::seconds(1));
    return 0;
}
