// SPDX-License-Identifier: Apache-2.0
//
// The terminology server's cache, breaker, queue and reading of answers, without a network: the
// network is tests/end_to_end/test_remote_terminology.py.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>

#include "gateway/http/client.hpp"
#include "gateway/terminology/remote_answer.hpp"
#include "gateway/terminology/remote_server.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Verdict;
using fhir::Waiting;
using std::chrono::milliseconds;
using testing::HasSubstr;
using Steady = std::chrono::steady_clock;

constexpr const char* system_url = "http://example.org/codes";

Response says(bool result) {
    Response out;
    out.body =
        std::string(R"({"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":)"
        ) +
        (result ? "true" : "false") + R"(},{"name":"display","valueString":"Alpha"}]})";
    return out;
}

RemoteServerOptions small() {
    RemoteServerOptions out;
    out.url = "http://tx.example/fhir";
    out.systems = {system_url};
    out.timeout = milliseconds(5'000);
    out.breaker_failures = 2;
    out.breaker_pause = milliseconds(60'000);
    return out;
}

TEST(RemoteServer, a_message_gets_no_answer_yet_and_the_next_one_finds_it) {
    std::promise<void> go;
    auto gone = go.get_future().share();
    std::atomic<int> asked{0};
    RemoteServer server(
        small(),
        [&](const std::string&, Steady::time_point) -> Result<Response> {
            ++asked;
            gone.wait();
            return says(true);
        },
        nullptr
    );

    const auto first = server.code(system_url, {}, "a", Waiting::never);
    EXPECT_EQ(first.verdict, Verdict::not_checkable);
    EXPECT_THAT(first.reason, HasSubstr("no answer yet"));
    const auto again = server.code(system_url, {}, "a", Waiting::never);
    EXPECT_EQ(again.verdict, Verdict::not_checkable) << "joins the question on its way";
    go.set_value();
    const auto waited = server.code(system_url, {}, "a", Waiting::a_while);
    EXPECT_EQ(waited.verdict, Verdict::yes);
    EXPECT_EQ(waited.display, "Alpha");
    EXPECT_EQ(server.code(system_url, {}, "a", Waiting::never).verdict, Verdict::yes);
    EXPECT_EQ(asked.load(), 1);
}

TEST(RemoteServer, asks_with_what_is_needed_and_nothing_else) {
    std::mutex mutex;
    std::vector<std::string> targets;
    RemoteServer server(
        small(),
        [&](const std::string& target, Steady::time_point) -> Result<Response> {
            const std::lock_guard lock(mutex);
            targets.push_back(target);
            return says(false);
        },
        nullptr
    );

    EXPECT_EQ(server.code(system_url, "2", "a b&c", Waiting::a_while).verdict, Verdict::no);
    EXPECT_EQ(
        server.member("http://example.org/vs|3", system_url, "a", Waiting::a_while).verdict,
        Verdict::no
    );
    ASSERT_EQ(targets.size(), 2U);
    EXPECT_EQ(
        targets[0],
        "/CodeSystem/$validate-code?url=http://example.org/codes&version=2&code=a%20b%26c"
    );
    EXPECT_EQ(
        targets[1],
        "/ValueSet/$validate-code?url=http://example.org/vs&valueSetVersion=3"
        "&system=http://example.org/codes&code=a"
    );
    EXPECT_FALSE(server.covers("http://example.org/other"));
    EXPECT_THAT(
        server.code(system_url, {}, std::string(5000, 'x'), Waiting::a_while).reason,
        HasSubstr("too long")
    );
}

TEST(RemoteServer, stops_asking_a_server_that_fails) {
    std::atomic<int> asked{0};
    RemoteServer server(
        small(),
        [&](const std::string&, Steady::time_point) -> Result<Response> {
            ++asked;
            return Fault(Errc::io, "test", "connection refused");
        },
        nullptr
    );

    EXPECT_THAT(
        server.code(system_url, {}, "a", Waiting::a_while).reason, HasSubstr("connection refused")
    );
    EXPECT_EQ(server.code(system_url, {}, "b", Waiting::a_while).verdict, Verdict::not_checkable);
    EXPECT_THAT(
        server.code(system_url, {}, "c", Waiting::a_while).reason, HasSubstr("not asked at present")
    );
    EXPECT_EQ(asked.load(), 2);
    EXPECT_EQ(server.ask("ValueSet/$expand", "url=x").error().code, Errc::busy);
}

TEST(RemoteServer, a_full_queue_turns_questions_away_at_once) {
    RemoteServerOptions options = small();
    options.threads = 1;
    options.queue_max = 1;
    std::promise<void> go;
    auto gone = go.get_future().share();
    std::latch busy(1);
    RemoteServer server(
        options,
        [&](const std::string& target, Steady::time_point) -> Result<Response> {
            if (target.ends_with("=a")) {
                busy.count_down();
                gone.wait();
            }
            return says(true);
        },
        nullptr
    );

    (void)server.code(system_url, {}, "a", Waiting::never);
    busy.wait();
    (void)server.code(system_url, {}, "b", Waiting::never);
    EXPECT_THAT(server.code(system_url, {}, "c", Waiting::never).reason, HasSubstr("too many"));
    go.set_value();
    EXPECT_EQ(server.code(system_url, {}, "b", Waiting::a_while).verdict, Verdict::yes);
}

TEST(RemoteServer, an_operation_waits_no_longer_than_the_time_of_one_question) {
    RemoteServerOptions options = small();
    options.timeout = milliseconds(30);
    std::promise<void> go;
    auto gone = go.get_future().share();
    RemoteServer server(
        options,
        [&](const std::string&, Steady::time_point) -> Result<Response> {
            gone.wait();
            return says(true);
        },
        nullptr
    );

    EXPECT_EQ(server.ask("CodeSystem/$lookup", "code=a").error().code, Errc::timeout);
    EXPECT_THAT(server.code(system_url, {}, "a", Waiting::a_while).reason, HasSubstr("in time"));
    go.set_value();
}

TEST(RemoteServer, passes_an_operation_on_and_keeps_its_answer) {
    std::atomic<int> asked{0};
    RemoteServer server(
        small(),
        [&](const std::string&, Steady::time_point) -> Result<Response> {
            ++asked;
            Response out;
            out.body = R"({"resourceType":"ValueSet"})";
            return out;
        },
        nullptr
    );

    for (int i = 0; i < 2; ++i) {
        const auto passed = server.ask("ValueSet/$expand", "url=http%3A%2F%2Fx");
        ASSERT_TRUE(passed);
        EXPECT_EQ(passed->body, R"({"resourceType":"ValueSet"})");
    }
    EXPECT_EQ(asked.load(), 1);
}

TEST(Breaker, opens_after_failures_in_a_row_and_lets_one_try_after_the_pause) {
    const Breaker::Time start{};
    Breaker breaker(2, milliseconds(100));
    breaker.failed(start);
    breaker.succeeded();
    breaker.failed(start);
    EXPECT_TRUE(breaker.allow(start)) << "one in a row";
    breaker.failed(start);
    EXPECT_FALSE(breaker.allow(start + milliseconds(99)));
    EXPECT_TRUE(breaker.open(start + milliseconds(99)));
    EXPECT_TRUE(breaker.allow(start + milliseconds(100)));
    EXPECT_FALSE(breaker.allow(start + milliseconds(100))) << "one at a time";
    breaker.failed(start + milliseconds(110));
    EXPECT_FALSE(breaker.allow(start + milliseconds(209)));
    EXPECT_TRUE(breaker.allow(start + milliseconds(210)));
    breaker.succeeded();
    EXPECT_TRUE(breaker.allow(start + milliseconds(211)));
    EXPECT_TRUE(breaker.allow(start + milliseconds(211)));
}

ServerAnswer body_of(std::size_t bytes) {
    ServerAnswer out;
    out.body.assign(bytes, 'x');
    return out;
}

TEST(AnswerCache, forgets_with_time_and_says_when_an_answer_ages) {
    const AnswerCache::Time start{};
    AnswerCache cache(1U << 20U);
    cache.put("a", body_of(10), start, milliseconds(100));
    EXPECT_FALSE(cache.find("a", start + milliseconds(49))->ageing);
    EXPECT_TRUE(cache.find("a", start + milliseconds(50))->ageing);
    EXPECT_FALSE(cache.find("a", start + milliseconds(100)));
    EXPECT_EQ(cache.bytes(), 0U);
    EXPECT_FALSE(cache.find("b", start));
}

TEST(AnswerCache, stays_within_its_bytes_and_drops_what_was_asked_for_least_recently) {
    const AnswerCache::Time now{};
    AnswerCache cache(20'000);
    for (int i = 0; i < 100; ++i) {
        (void)cache.find("0", now);
        cache.put(std::to_string(i), body_of(700), now, milliseconds(1000));
        EXPECT_LE(cache.bytes(), 20'000U);
    }
    EXPECT_TRUE(cache.find("0", now)) << "asked for all the time";
    EXPECT_TRUE(cache.find("99", now));
    EXPECT_FALSE(cache.find("1", now));
    cache.put("large", body_of(5'000), now, milliseconds(1000));
    EXPECT_FALSE(cache.find("large", now)) << "more than a sixteenth";
    const auto entries = cache.entries();
    cache.put("99", body_of(10), now, milliseconds(1000));
    EXPECT_EQ(cache.entries(), entries) << "replaced";
}

TEST(RemoteAnswer, a_no_from_ignorance_is_no_no) {
    const auto read = [](const std::string& parameters) {
        return read_remote_answer(
            200, R"({"resourceType":"Parameters","parameter":[)" + parameters + "]}"
        );
    };
    EXPECT_EQ(
        read(R"({"name":"result","valueBoolean":true},{"name":"inactive","valueBoolean":true})")
            .verdict,
        Verdict::yes
    );
    EXPECT_TRUE(
        read(R"({"name":"result","valueBoolean":true},{"name":"inactive","valueBoolean":true})")
            .inactive
    );
    EXPECT_EQ(read(R"({"name":"result","valueBoolean":false})").verdict, Verdict::no);
    EXPECT_EQ(
        read(
            R"({"name":"result","valueBoolean":false},{"name":"x-caused-by-unknown-system","valueCanonical":"x"})"
        )
            .verdict,
        Verdict::not_checkable
    );
    EXPECT_EQ(
        read(
            R"({"name":"result","valueBoolean":false},{"name":"issues","resource":{"issue":[{"details":{"coding":[{"code":"not-found"}]}}]}})"
        )
            .verdict,
        Verdict::not_checkable
    );
    EXPECT_EQ(read(R"({"name":"result","valueString":"true"})").verdict, Verdict::not_checkable);
    EXPECT_EQ(read_remote_answer(404, "{}").verdict, Verdict::not_checkable);
    EXPECT_EQ(read_remote_answer(200, "<html>").verdict, Verdict::not_checkable);
    EXPECT_EQ(
        read_remote_answer(200, R"({"resourceType":"Parameters"})").verdict, Verdict::not_checkable
    );
}

TEST(ServerUrl, is_host_and_path_alone) {
    const auto plain = parse_server_url("http://127.0.0.1:8080/fhir/");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->host + "|" + plain->port + "|" + plain->path, "127.0.0.1|8080|/fhir");
    EXPECT_FALSE(plain->tls);
    const auto named = parse_server_url("https://tx.example.nhs.uk");
    ASSERT_TRUE(named);
    EXPECT_TRUE(named->tls);
    EXPECT_EQ(named->port + "|" + named->path, "443|");
    EXPECT_EQ(parse_server_url("https://[::1]:9/x")->host, "::1");
    for (const char* wrong :
         {"ftp://x",
          "http://",
          "http://a@b/",
          "http://a/?x",
          "http://a/#x",
          "http://a:b/",
          "http://[::1/",
          "http://a b"}) {
        EXPECT_FALSE(parse_server_url(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace gatehouse::gateway
