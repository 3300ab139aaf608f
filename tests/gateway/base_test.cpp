// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/base/clock.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/base/log.hpp"
#include "gateway/base/metrics.hpp"
#include "gateway/base/yaml.hpp"

namespace gatehouse::gateway {
namespace {

TEST(Clock, writes_instants_and_http_dates) {
    const Micros at = 1'795'381'200'123'456;  // 2026-11-22T21:00:00.123456Z

    EXPECT_EQ(to_instant(at), "2026-11-22T21:00:00.123Z");
    EXPECT_EQ(to_http_date(at), "Sun, 22 Nov 2026 21:00:00 GMT");
    EXPECT_EQ(to_instant(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Ids, ulids_sort_by_time_and_do_not_repeat) {
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) {
        const std::string id = make_ulid(1'795'381'200'000'000 + i * 1000);
        EXPECT_TRUE(is_ulid(id)) << id;
        EXPECT_TRUE(seen.empty() || *seen.rbegin() < id);
        EXPECT_TRUE(seen.insert(id).second);
    }
    EXPECT_FALSE(is_ulid("01ARZ3NDEKTSV4RRFFQ69G5FAU"));  // U is not in the alphabet
    EXPECT_FALSE(is_ulid("81ARZ3NDEKTSV4RRFFQ69G5FAV"));  // more than 48 bits of time
    EXPECT_FALSE(is_ulid(""));
}

TEST(Ids, time_part_matches_the_ulid_specification) {
    // 1469918176385 ms is the specification's own example, "01ARYZ6S41".
    EXPECT_EQ(make_ulid(1'469'918'176'385'000).substr(0, 10), "01ARYZ6S41");
}

TEST(Ids, derived_uuids_repeat_and_random_ones_do_not) {
    const std::string first = derived_uuid("01ARYZ6S41TSV4RRFFQ69G5FAV", 3);

    EXPECT_EQ(first, derived_uuid("01ARYZ6S41TSV4RRFFQ69G5FAV", 3));
    EXPECT_NE(first, derived_uuid("01ARYZ6S41TSV4RRFFQ69G5FAV", 4));
    EXPECT_EQ(first.size(), 36U);
    EXPECT_EQ(first[14], '8');
    EXPECT_NE(random_uuid(), random_uuid());
    EXPECT_EQ(random_uuid()[14], '4');
    EXPECT_EQ(random_hex(32).size(), 64U);
    EXPECT_EQ(random_hex(33).size(), 66U);
}

TEST(Ids, sha256_matches_the_published_vector) {
    EXPECT_EQ(
        sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

struct Lines {
    std::vector<std::string> all;
    Lines() { log::set_sink(&Lines::take, this); }
    ~Lines() { log::set_sink(nullptr, nullptr); }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    static void take(std::string_view line, void* self) {
        static_cast<Lines*>(self)->all.emplace_back(line);
    }
};

// The type is the rule: these must never compile.
static_assert(!std::is_constructible_v<log::Value, std::string>);
static_assert(!std::is_constructible_v<log::Value, std::string_view>);
static_assert(!std::is_constructible_v<log::Value, char>);

TEST(Log, writes_one_json_line_with_typed_fields) {
    Lines lines;

    log::info(
        "message.accepted",
        log::with("id", log::ulid("01ARYZ6S41TSV4RRFFQ69G5FAV")),
        log::with("status", 201),
        log::with("took_ms", std::chrono::microseconds(1500)),
        log::with("again", false),
        log::with("why", "a \"literal\"")
    );

    ASSERT_EQ(lines.all.size(), 1U);
    EXPECT_NE(
        lines.all[0].find("\"event\":\"message.accepted\",\"id\":\"01ARYZ6S41TSV4RRFFQ69G5FAV\","
                          "\"status\":201,\"took_ms\":1.500,\"again\":false,"
                          "\"why\":\"a \\\"literal\\\"\"}\n"),
        std::string::npos
    ) << lines.all[0];
}

TEST(Log, text_that_could_be_a_person_is_not_written) {
    Lines lines;

    log::warn("peer.refused", log::with("partner", log::name("9434765919")));
    log::warn("peer.refused", log::with("partner", log::name("Joan Smith")));
    log::warn("peer.refused", log::with("id", log::ulid("9434765919")));
    log::warn("peer.refused", log::with("who", log::hashed("9434765919")));

    for (const std::string& line : lines.all) {
        EXPECT_EQ(line.find("9434765919"), std::string::npos);
        EXPECT_EQ(line.find("Joan"), std::string::npos);
    }
    EXPECT_EQ(log::name("aa-development").text(), "aa-development");
}

TEST(Log, a_noisy_call_site_is_held_back_and_counted) {
    Lines lines;
    const std::uint64_t before = log::dropped();

    for (int i = 0; i < 1000; ++i) {
        log::warn("disk.warned", log::with("i", i));
    }

    // Two seconds may be touched by the loop.
    EXPECT_LE(lines.all.size(), 40U);
    EXPECT_EQ(log::dropped() - before, 1000 - lines.all.size());
}

TEST(Metrics, one_series_for_one_name_and_labels) {
    Metrics registry;
    const Counter first = registry.counter("gatehouse_test_total", "help", {{"stage", "guard"}});
    const Counter second = registry.counter("gatehouse_test_total", "help", {{"stage", "guard"}});

    first.add();
    second.add(2);
    registry.histogram("gatehouse_test_seconds", "help").observe(0.003);

    const std::string text = registry.text();
    EXPECT_NE(text.find("gatehouse_test_total{stage=\"guard\"} 3"), std::string::npos) << text;
    EXPECT_NE(text.find("gatehouse_test_seconds_bucket{le=\"0.005\"} 1"), std::string::npos)
        << text;
}

TEST(Yaml, keeps_text_and_place) {
    const auto root = parse_yaml("a: NO\nb:\n  - 1e3\n  - '7'\nc:\n", "f.yaml");

    ASSERT_TRUE(root) << describe(root.error());
    EXPECT_EQ(root->find("a")->text, "NO");
    EXPECT_EQ(root->find("b")->items[0].text, "1e3");
    EXPECT_EQ(root->find("b")->items[0].line, 3U);
    EXPECT_EQ(root->find("b")->items[0].column, 5U);
    EXPECT_TRUE(root->find("b")->items[1].quoted);
    EXPECT_TRUE(root->find("c")->is(YamlNode::Kind::null));
    EXPECT_EQ(root->find("d"), nullptr);
}

TEST(Yaml, refuses_with_line_and_column) {
    EXPECT_EQ(parse_yaml("a: 1\na: 2\n", "f").error().detail, "f:2:1: key 'a' appears twice");
    EXPECT_EQ(parse_yaml("a: [1\n", "f").error().detail.substr(0, 4), "f:2:");
    EXPECT_FALSE(parse_yaml("a: 1\n---\nb: 1\n", "f"));
    EXPECT_FALSE(parse_yaml(std::string(1000, '['), "f"));
    EXPECT_EQ(load_yaml("does/not/exist.yaml").error().code, Errc::not_found);
}

TEST(Yaml, typed_readings_take_the_whole_text) {
    const auto scalar = [](const char* text) { return *parse_yaml(text, "f"); };

    EXPECT_EQ(yaml_integer(scalar("12")), 12);
    EXPECT_FALSE(yaml_integer(scalar("12x")));
    EXPECT_FALSE(yaml_integer(scalar("0x10")));
    EXPECT_EQ(yaml_boolean(scalar("true")), true);
    EXPECT_FALSE(yaml_boolean(scalar("yes")));
    EXPECT_FALSE(yaml_boolean(scalar("'true'")));
    EXPECT_TRUE(is_calendar_date("2028-02-29"));
    EXPECT_FALSE(is_calendar_date("2027-02-29"));
    EXPECT_FALSE(is_calendar_date("2027-2-9"));
}

}  // namespace
}  // namespace gatehouse::gateway
