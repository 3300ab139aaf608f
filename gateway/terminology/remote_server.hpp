#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// RemoteServer: the configured FHIR terminology server behind the port of fhir/terminology. Answers
// come from a bounded cache; what is not there is asked in the background by a few threads of its
// own, so a message never waits: its first question about a code is "no answer yet", the next one
// finds the answer. Operations, which are asked for by people and not part of a message, wait for
// at most the time of one question. Only code, system and value set leave the house, never a
// display or anything else of a record.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/terminology/remote.hpp"
#include "gateway/base/async.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/http/message.hpp"
#include "gateway/terminology/answer_cache.hpp"
#include "gateway/terminology/breaker.hpp"

namespace gatehouse::gateway {

struct RemoteServerOptions {
    std::string url;                           // as configured
    std::vector<std::string> systems;          // code systems that it is asked about
    std::chrono::milliseconds timeout{2'000};  // of one question, connecting included
    std::size_t threads = 2;
    std::size_t queue_max = 256;
    std::uint64_t cache_bytes_max = 64ULL << 20U;
    std::chrono::milliseconds cache_life{24 * 3'600'000};
    std::chrono::milliseconds undecided_life{300'000};  // of answers that decide nothing
    std::uint32_t breaker_failures = 5;
    std::chrono::milliseconds breaker_pause{30'000};
};

// Asks over the network: target below the server's URL, until when. Called by several threads.
using AskServer = std::function<
    Result<Response>(const std::string& target, std::chrono::steady_clock::time_point deadline)>;

class RemoteServer final : public fhir::RemoteTerminology {
public:
    // `metrics` may be null; it outlives this.
    RemoteServer(RemoteServerOptions options, AskServer ask, Metrics* metrics);
    ~RemoteServer() override;
    RemoteServer(const RemoteServer&) = delete;
    RemoteServer& operator=(const RemoteServer&) = delete;

    [[nodiscard]] std::string_view url() const noexcept override { return options_.url; }
    [[nodiscard]] bool covers(std::string_view system) const noexcept override;
    [[nodiscard]] fhir::RemoteAnswer code(
        std::string_view system,
        std::string_view version,
        std::string_view code,
        fhir::Waiting waiting
    ) override;
    [[nodiscard]] fhir::RemoteAnswer member(
        std::string_view value_set,
        std::string_view system,
        std::string_view code,
        fhir::Waiting waiting
    ) override;
    [[nodiscard]] Result<Passed> ask(std::string_view path, std::string_view query) override;

private:
    using Time = std::chrono::steady_clock::time_point;
    struct Question {
        std::string target;   // path and query: also the key in the cache
        bool verdict = true;  // $validate-code, to be read; else passed on as it is
    };
    // What became of a question that is on its way; kept by who waits for it.
    struct Pending {
        bool done = false;
        Result<ServerAnswer> answer;
    };
    struct Counters;

    fhir::RemoteAnswer look(Question question, fhir::Waiting waiting);
    // On its way, or a fault: the breaker is open or the queue full.
    Result<std::shared_ptr<Pending>> start(const Question& question);
    Result<ServerAnswer> wait_for(const std::shared_ptr<Pending>& pending);
    void work(const Question& question);
    Result<ServerAnswer> fetch(const Question& question);

    const RemoteServerOptions options_;
    const AskServer ask_;
    AnswerCache cache_;
    Breaker breaker_;
    std::unique_ptr<Counters> counters_;
    std::mutex mutex_;
    std::condition_variable settled_;
    std::unordered_map<std::string, std::shared_ptr<Pending>> pending_;
    bool stopping_ = false;
    Pool pool_;  // last: its threads use all of the above
};

struct RemoteServerFiles {
    std::filesystem::path ca_file;
    std::filesystem::path token_file;
};
// Over HTTP or HTTPS as the URL says. Errc::invalid: the URL, the authorities or the token's file.
Result<std::shared_ptr<RemoteServer>>
open_remote_server(RemoteServerOptions options, const RemoteServerFiles& files, Metrics* metrics);

}  // namespace gatehouse::gateway
