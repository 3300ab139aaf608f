// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "gateway/http/answer.hpp"
#include "gateway/http/coding.hpp"
#include "gateway/http/reader.hpp"

namespace gatehouse::gateway {
namespace {

using State = RequestReader::State;

struct Read {
    ReaderLimits limits;
    BodyBudget budget;

    // The state after all bytes were given `step` at a time; `request` and `refusal` hold what came
    // out.
    State all(const std::string& bytes, std::size_t step = 100000) {
        RequestReader reader(limits, budget);
        std::string held;
        State state = State::more;
        for (std::size_t at = 0; at < bytes.size() || state == State::header; at += step) {
            if (at < bytes.size()) {
                held += bytes.substr(at, step);
            }
            do {
                std::size_t used = 0;
                state = reader.feed(held, used);
                held.erase(0, used);
            } while (state == State::header);
            if (state == State::failed || state == State::complete) {
                break;
            }
        }
        request = std::move(reader.request());
        refusal = reader.refusal();
        keep_alive = reader.keep_alive();
        left = held;
        return state;
    }

    Request request;
    TransportRefusal refusal;
    bool keep_alive = false;
    std::string left;
};

TEST(RequestReader, reads_a_request_in_any_pieces) {
    const std::string bytes =
        "POST /fhir/R4/Patient?x=1 HTTP/1.1\r\nHost: a.example:8080\r\nContent-Type: text/plain\r\n"
        "Content-Length: 5\r\n\r\nhelloGET /";
    for (const std::size_t step : {1U, 2U, 3U, 7U, 50U, 1000U}) {
        Read read;

        ASSERT_EQ(read.all(bytes, step), State::complete) << step;

        EXPECT_EQ(read.request.method, "POST");
        EXPECT_EQ(read.request.path(), "/fhir/R4/Patient");
        EXPECT_EQ(read.request.query(), "x=1");
        EXPECT_EQ(read.request.host, "a.example:8080");
        EXPECT_EQ(read.request.headers.get("content-type"), "text/plain");
        EXPECT_EQ(read.request.body, "hello");
        EXPECT_TRUE(read.keep_alive);
    }
}

TEST(RequestReader, reads_a_chunked_body) {
    Read read;
    ASSERT_EQ(
        read.all(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
            1
        ),
        State::complete
    );
    EXPECT_EQ(read.request.body, "abcdefg");
}

// Beast aborts over a last chunk given to it in fewer than five bytes.
TEST(RequestReader, reads_an_empty_chunked_body_that_comes_byte_by_byte) {
    for (const char* body : {"0\r\n\r\n", "00;x\r\nTrailer: y\r\n\r\n", "1\r\na\r\n0\r\n\r\n"}) {
        Read read;
        const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        EXPECT_EQ(read.all(head + body, 1), State::complete) << body;
    }
    Read broken;
    EXPECT_EQ(
        broken.all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r@", 1),
        State::more
    );
}

TEST(RequestReader, refuses_a_malformed_chunk_before_more_comes) {
    for (const char* body : {"z\r\n", "\r\n", "1\r\naxx\r\n", "1\r\na\r\n\r\n", "-1\r\n"}) {
        for (const std::size_t step : {1U, 2U, 1000U}) {
            Read read;
            const std::string head =
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            EXPECT_EQ(read.all(head + body, step), State::failed) << body << step;
            EXPECT_EQ(read.refusal.text, "The chunked body is malformed.") << body << step;
        }
    }
    Read small;
    EXPECT_EQ(
        small.all(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "2\r\n0\r\r\n1\r\n0\r\n0\r\n\r\n",
            1
        ),
        State::complete
    );
    EXPECT_EQ(small.request.body, "0\r0");
}

// Every short body of the bytes that matter: no assertion of Beast's, and one verdict whether it
// comes at once or byte by byte.
TEST(RequestReader, reads_every_short_chunked_body_alike_in_any_pieces) {
    constexpr std::string_view letters = "01\r\nx";
    constexpr std::size_t length = 6;
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::vector<std::size_t> place(length, 0);
    std::size_t count = 0;
    for (bool more = true; more; ++count) {
        std::string body;
        for (const std::size_t letter : place) {
            body.push_back(letters[letter]);
        }
        Read whole;
        Read pieces;
        const State state = whole.all(head + body);
        ASSERT_EQ(pieces.all(head + body, 1), state) << body;
        if (state == State::complete) {
            ASSERT_EQ(pieces.request.body, whole.request.body) << body;
            ASSERT_EQ(pieces.left, whole.left.substr(0, pieces.left.size())) << body;
        }
        more = false;
        for (std::size_t i = 0; i < length && !more; ++i) {
            more = ++place[i] < letters.size();
            place[i] = more ? place[i] : 0;
        }
    }
    EXPECT_EQ(count, 15'625U);
}

TEST(RequestReader, takes_absolute_targets_apart) {
    Read read;
    ASSERT_EQ(read.all("GET http://b.example/x?y HTTP/1.1\r\nHost: a\r\n\r\n"), State::complete);
    EXPECT_EQ(read.request.target, "/x?y");
    EXPECT_EQ(read.request.host, "b.example");
}

TEST(RequestReader, undoes_gzip) {
    const std::string text(5000, 'x');
    const std::string packed = gzip(text);
    Read read;

    ASSERT_EQ(
        read.all(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: " +
                std::to_string(packed.size()) + "\r\n\r\n" + packed,
            11
        ),
        State::complete
    );

    EXPECT_EQ(read.request.body, text);
    EXPECT_FALSE(read.request.headers.has("Content-Encoding"));
}

TEST(RequestReader, cuts_a_gzip_bomb_at_the_limit) {
    const std::string packed = gzip(std::string(20U << 20U, '\0'));
    Read read;
    read.limits.body_bytes_max = 1U << 20U;

    ASSERT_EQ(
        read.all(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: " +
            std::to_string(packed.size()) + "\r\n\r\n" + packed
        ),
        State::failed
    );

    EXPECT_EQ(read.refusal.status, 413);
    EXPECT_LE(read.request.body.size(), 1U << 20U);
}

TEST(RequestReader, refuses_damaged_and_cut_gzip) {
    std::string packed = gzip(std::string(5000, 'x'));
    const auto post = [](const std::string& body) {
        return "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    Read read;

    EXPECT_EQ(read.all(post(packed.substr(0, packed.size() - 4))), State::failed);
    EXPECT_EQ(read.refusal.status, 400);
    EXPECT_EQ(read.all(post(packed + "tail")), State::failed);
    packed[12] = static_cast<char>(packed[12] ^ 0x55);
    EXPECT_EQ(read.all(post(packed)), State::failed);
    EXPECT_EQ(read.all(post("not gzip at all")), State::failed);
}

TEST(RequestReader, counts_bodies_of_all_connections_together) {
    Read read;
    read.budget.bytes_max = 100;

    EXPECT_EQ(
        read.all(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x')
        ),
        State::failed
    );

    EXPECT_EQ(read.refusal.status, 503);
    EXPECT_EQ(read.budget.used.load(), 0U);
}

struct Refused {
    const char* name;
    std::string bytes;
    int status;
};

class RequestReaderRefuses : public testing::TestWithParam<Refused> {};

TEST_P(RequestReaderRefuses, with_its_status) {
    for (const std::size_t step : {1U, 4096U}) {
        Read read;
        read.limits.header_bytes_max = 4096;
        read.limits.body_bytes_max = 1000;

        EXPECT_EQ(read.all(GetParam().bytes, step), State::failed);

        EXPECT_EQ(read.refusal.status, GetParam().status);
        EXPECT_FALSE(read.refusal.text.empty());
        EXPECT_FALSE(read.keep_alive);
    }
}

const std::string host = "Host: a\r\n";
INSTANTIATE_TEST_SUITE_P(
    Requests,
    RequestReaderRefuses,
    testing::Values(
        Refused{"garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello \r\n\r\n", 400},
        Refused{"no_version", "GET /\r\n\r\n", 400},
        Refused{"http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Refused{"http_0_9", "GET / HTTP/0.9\r\n\r\n", 505},
        Refused{"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
        Refused{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Refused{"bad_host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Refused{"no_slash", "GET foo HTTP/1.1\r\n" + host + "\r\n", 400},
        Refused{"space_in_header_name", "GET / HTTP/1.1\r\n" + host + "A b: c\r\n\r\n", 400},
        Refused{"bare_line_feed", "GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400},
        Refused{
            "length_and_chunked",
            "POST / HTTP/1.1\r\n" + host +
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            400},
        Refused{
            "two_lengths",
            "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
            400},
        Refused{"signed_length", "POST / HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\n", 400},
        Refused{
            "bad_chunk",
            "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
            400},
        Refused{
            "declared_too_long",
            "POST / HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n",
            413},
        Refused{
            "chunked_too_long",
            "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                std::string(1001, 'x'),
            413},
        Refused{
            "long_target", "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
        Refused{
            "long_header",
            "GET / HTTP/1.1\r\n" + host + "A: " + std::string(5000, 'a') + "\r\n\r\n",
            431},
        Refused{
            "unknown_coding", "POST / HTTP/1.1\r\n" + host + "Content-Encoding: br\r\n\r\n", 415},
        Refused{"unknown_expectation", "POST / HTTP/1.1\r\n" + host + "Expect: 200-ok\r\n\r\n", 417}
    ),
    [](const auto& one) { return std::string(one.param.name); }
);

TEST(AcceptsGzip, honours_weights) {
    EXPECT_TRUE(accepts_gzip("gzip, deflate, br"));
    EXPECT_TRUE(accepts_gzip("br;q=1.0, GZIP;q=0.2"));
    EXPECT_TRUE(accepts_gzip("*"));
    EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
    EXPECT_FALSE(accepts_gzip("*;q=0"));
    EXPECT_FALSE(accepts_gzip("identity"));
    EXPECT_FALSE(accepts_gzip(""));
}

TEST(AnswerHead, leaves_out_a_header_that_would_split_the_answer) {
    Response response;
    response.headers.add("X-Good", "fine");
    response.headers.add("X-Bad", "a\r\nSet-Cookie: b");
    response.body = "abc";

    const std::string head = answer_head(response, {});

    EXPECT_NE(head.find("X-Good: fine\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Set-Cookie"), std::string::npos);
    EXPECT_NE(head.find("Content-Length: 3\r\n"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::gateway
