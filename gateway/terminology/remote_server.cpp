// SPDX-License-Identifier: Apache-2.0
#include "gateway/terminology/remote_server.hpp"

#include <algorithm>

#include "gateway/http/client.hpp"
#include "gateway/terminology/remote_answer.hpp"

namespace gatehouse::gateway {

using fhir::RemoteAnswer;
using fhir::Verdict;
using fhir::Waiting;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::size_t target_bytes_max = 4096;

void add_parameter(std::string& target, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        target.append(target.find('?') == std::string::npos ? "?" : "&");
        target.append(name).append("=").append(percent_encode(value));
    }
}

// Clients to lend: as many connections as there are threads that ask.
class Clients {
public:
    explicit Clients(HttpClientOptions options) : options_(std::move(options)) {}

    Result<Response> get(const std::string& target, SteadyClock::time_point deadline) {
        std::unique_ptr<HttpClient> client;
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                client = std::move(idle_.back());
                idle_.pop_back();
            }
        }
        if (!client) {
            GH_TRY_ASSIGN(client, HttpClient::make(options_));
        }
        auto answer = client->get(target, deadline);
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(client));
        return answer;
    }

private:
    HttpClientOptions options_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace

struct RemoteServer::Counters {
    Counter hits;
    Counter misses;
    Counter answered;
    Counter undecided;
    Counter failed;
    Counter timed_out;
    Counter turned_away;
    Histogram seconds;

    explicit Counters(Metrics& metrics) {
        const auto cache = [&](const char* outcome) {
            return metrics.counter(
                "gatehouse_terminology_cache_total",
                "Questions about codes by whether the terminology server's answer was at hand",
                {{"outcome", outcome}}
            );
        };
        hits = cache("hit");
        misses = cache("miss");
        const auto requests = [&](const char* outcome) {
            return metrics.counter(
                "gatehouse_terminology_requests_total",
                "Requests to the terminology server by what became of them",
                {{"outcome", outcome}}
            );
        };
        answered = requests("answered");
        undecided = requests("undecided");
        failed = requests("failed");
        timed_out = requests("timeout");
        turned_away = requests("not_sent");
        seconds = metrics.histogram(
            "gatehouse_terminology_request_seconds", "Time the terminology server took"
        );
    }
};

RemoteServer::RemoteServer(RemoteServerOptions options, AskServer ask, Metrics* metrics)
    : options_(std::move(options)), ask_(std::move(ask)), cache_(options_.cache_bytes_max),
      breaker_(options_.breaker_failures, options_.breaker_pause),
      counters_(metrics == nullptr ? nullptr : std::make_unique<Counters>(*metrics)),
      pool_(options_.threads, options_.queue_max) {}

RemoteServer::~RemoteServer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    pool_.join();
}

bool RemoteServer::covers(std::string_view system) const noexcept {
    return std::find(options_.systems.begin(), options_.systems.end(), system) !=
           options_.systems.end();
}

RemoteAnswer RemoteServer::code(
    std::string_view system, std::string_view version, std::string_view code, Waiting waiting
) {
    Question question;
    question.target = "/CodeSystem/$validate-code";
    add_parameter(question.target, "url", system);
    add_parameter(question.target, "version", version);
    add_parameter(question.target, "code", code);
    return look(std::move(question), waiting);
}

RemoteAnswer RemoteServer::member(
    std::string_view value_set, std::string_view system, std::string_view code, Waiting waiting
) {
    const std::size_t bar = value_set.find('|');
    Question question;
    question.target = "/ValueSet/$validate-code";
    add_parameter(question.target, "url", value_set.substr(0, bar));
    if (bar != std::string_view::npos) {
        add_parameter(question.target, "valueSetVersion", value_set.substr(bar + 1));
    }
    add_parameter(question.target, "system", system);
    add_parameter(question.target, "code", code);
    return look(std::move(question), waiting);
}

Result<fhir::RemoteTerminology::Passed>
RemoteServer::ask(std::string_view path, std::string_view query) {
    Question question;
    question.verdict = false;
    question.target = "/" + std::string(path);
    if (!query.empty()) {
        question.target.append("?").append(query);
    }
    if (question.target.size() > target_bytes_max) {
        return Fault(Errc::too_large, "terminology server", "the question is too long to be asked");
    }
    if (auto found = cache_.find(question.target, SteadyClock::now())) {
        return Passed{found->answer.status, std::move(found->answer.body)};
    }
    GH_TRY_ASSIGN(const std::shared_ptr<Pending> pending, start(question));
    GH_TRY_ASSIGN(ServerAnswer answer, wait_for(pending));
    return Passed{answer.status, std::move(answer.body)};
}

RemoteAnswer RemoteServer::look(Question question, Waiting waiting) {
    if (question.target.size() > target_bytes_max) {
        return undecided_answer("the code is too long to be asked about");
    }
    const auto found = cache_.find(question.target, SteadyClock::now());
    if (counters_) {
        (found ? counters_->hits : counters_->misses).add();
    }
    if (found) {
        if (found->ageing) {
            (void)start(question
            );  // beside its use; if it cannot be asked the old answer serves on
        }
        return found->answer.answer;
    }
    const auto pending = start(question);
    if (!pending) {
        return undecided_answer(pending.error().detail);
    }
    if (waiting == Waiting::never) {
        return undecided_answer("the terminology server has given no answer yet");
    }
    auto answer = wait_for(*pending);
    return answer ? std::move(answer->answer) : undecided_answer(answer.error().detail);
}

Result<std::shared_ptr<RemoteServer::Pending>> RemoteServer::start(const Question& question) {
    const std::lock_guard lock(mutex_);
    if (const auto on_its_way = pending_.find(question.target); on_its_way != pending_.end()) {
        return on_its_way->second;
    }
    if (stopping_ || breaker_.open(SteadyClock::now()) || !pool_.try_reserve()) {
        if (counters_) {
            counters_->turned_away.add();
        }
        return Fault(
            Errc::busy,
            "terminology server",
            "the terminology server is not asked at present: it did not answer, or too many "
            "questions wait"
        );
    }
    auto pending = std::make_shared<Pending>();
    pending_.emplace(question.target, pending);
    pool_.post_reserved([this, question] { work(question); });
    return pending;
}

Result<ServerAnswer> RemoteServer::wait_for(const std::shared_ptr<Pending>& pending) {
    std::unique_lock lock(mutex_);
    // The queue's time counts too: a question behind others is given up like a slow one.
    const bool done = settled_.wait_for(lock, options_.timeout, [&] { return pending->done; });
    if (!done) {
        return Fault(
            Errc::timeout, "terminology server", "the terminology server gave no answer in time"
        );
    }
    return pending->answer;
}

void RemoteServer::work(const Question& question) {
    Result<ServerAnswer> answer = fetch(question);
    if (answer) {
        const bool decided = question.verdict ? answer->answer.verdict != Verdict::not_checkable
                                              : answer->status == 200;
        cache_.put(
            question.target,
            *answer,
            SteadyClock::now(),
            decided ? options_.cache_life : options_.undecided_life
        );
    }
    {
        const std::lock_guard lock(mutex_);
        const auto place = pending_.find(question.target);
        place->second->done = true;
        place->second->answer = std::move(answer);
        pending_.erase(place);
    }
    settled_.notify_all();
}

Result<ServerAnswer> RemoteServer::fetch(const Question& question) {
    const auto began = SteadyClock::now();
    bool allowed = breaker_.allow(began);
    {
        const std::lock_guard lock(mutex_);
        allowed = allowed && !stopping_;
    }
    if (!allowed) {
        if (counters_) {
            counters_->turned_away.add();
        }
        return Fault(
            Errc::busy, "terminology server", "the terminology server is not asked at present"
        );
    }
    auto response = ask_(question.target, began + options_.timeout);
    const auto ended = SteadyClock::now();
    if (counters_) {
        counters_->seconds.observe(std::chrono::duration<double>(ended - began).count());
    }
    // A server that refuses is alive; one that says 5xx or 429 is not to be pressed.
    const bool failed = !response || response->status >= 500 || response->status == 429;
    if (failed) {
        breaker_.failed(ended);
    } else {
        breaker_.succeeded();
    }
    if (!response) {
        if (counters_) {
            (response.error().code == Errc::timeout ? counters_->timed_out : counters_->failed)
                .add();
        }
        return std::move(response.error());
    }
    if (failed) {
        if (counters_) {
            counters_->failed.add();
        }
        return Fault(
            Errc::io,
            "terminology server",
            "the terminology server fails with status " + std::to_string(response->status)
        );
    }
    ServerAnswer out;
    out.status = response->status;
    if (question.verdict) {
        out.answer = read_remote_answer(response->status, response->body);
    } else {
        out.body = std::move(response->body);
    }
    if (counters_) {
        const bool decided =
            question.verdict ? out.answer.verdict != Verdict::not_checkable : out.status == 200;
        (decided ? counters_->answered : counters_->undecided).add();
    }
    return out;
}

Result<std::shared_ptr<RemoteServer>>
open_remote_server(RemoteServerOptions options, const RemoteServerFiles& files, Metrics* metrics) {
    HttpClientOptions client;
    GH_TRY_ASSIGN(client.server, parse_server_url(options.url));
    client.ca_file = files.ca_file;
    client.token_file = files.token_file;
    if (!files.token_file.empty()) {
        GH_TRY(read_token_file(files.token_file));
    }
    GH_TRY(HttpClient::make(client));  // the authorities can be read
    auto clients = std::make_shared<Clients>(std::move(client));
    AskServer ask = [clients](const std::string& target, SteadyClock::time_point deadline) {
        return clients->get(target, deadline);
    };
    return std::make_shared<RemoteServer>(std::move(options), std::move(ask), metrics);
}

}  // namespace gatehouse::gateway
