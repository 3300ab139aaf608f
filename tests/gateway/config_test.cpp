// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "gateway/base/config.hpp"
#include "gateway/base/yaml.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;

const fs::path reference = fs::path(GATEHOUSE_SOURCE_DIR) / "config" / "gatehouse.yaml";

std::string reference_text() {
    std::ifstream in(reference);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct ConfigTest : testing::Test {
    tests::ScratchFolder folder;
    ConfigSource source;

    void SetUp() override {
        source.home = GATEHOUSE_SOURCE_DIR;
        source.environment = false;
    }
    Result<Config> load(const std::string& text) {
        source.file = folder.path() / "c.yaml";
        std::ofstream(source.file) << text;
        return load_config(source);
    }
    // The reference with one line put in the place of another.
    Result<Config> with(const std::string& from, const std::string& to) {
        std::string text = reference_text();
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return load(text.replace(at, from.size(), to));
    }
    static std::string contradictions(const Result<Config>& result) {
        Problems problems;
        if (result) {
            check_settings(*result, problems);
        }
        return problems.text();
    }
    static std::string fault(const Result<Config>& result) {
        return result ? "loaded" : result.error().detail;
    }
};

TEST_F(ConfigTest, the_shipped_file_loads_and_states_every_key) {
    const auto config = load_config(source);

    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->http.port, 8080);
    EXPECT_EQ(config->admin.port, 9090);
    EXPECT_EQ(config->deduplication.window, std::chrono::hours(7 * 24));
    EXPECT_EQ(config->data.dir, fs::path(GATEHOUSE_SOURCE_DIR) / "data");
    const auto root = load_yaml(reference);
    ASSERT_TRUE(root);
    for (const std::string& key : config_keys()) {
        const YamlNode* at = &*root;
        std::string rest = key;
        while (at != nullptr && !rest.empty()) {
            const std::size_t dot = rest.find('.');
            at = at->find(rest.substr(0, dot));
            rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
        }
        EXPECT_NE(at, nullptr) << key << " is not in config/gatehouse.yaml";
    }
}

TEST_F(ConfigTest, the_reference_states_the_defaults) {
    // A file with the required keys alone must mean the same as the reference.
    const auto small =
        load("profile: development\nhttp: {address: 127.0.0.1, port: 8080, tls: {enabled: false}}\n"
             "admin: {address: 127.0.0.1, port: 9090}\ndata: {dir: data}\n"
             "packages: {lock_file: config/packages/lock.json, cache: .cache/packages}\n"
             "partners: {folder: config/partners}\npolicies: {folder: config/policies}\n"
             "journal: {retention_hours: 168}\ndeduplication: {window_hours: 168}\n");
    source.file.clear();
    const auto full = load_config(source);

    ASSERT_TRUE(small) << fault(small);
    ASSERT_TRUE(full);
    EXPECT_EQ(small->http.connections_max, full->http.connections_max);
    EXPECT_EQ(small->http.header_bytes_max, full->http.header_bytes_max);
    EXPECT_EQ(small->http.body_bytes_max, full->http.body_bytes_max);
    EXPECT_EQ(small->http.bodies_bytes_max, full->http.bodies_bytes_max);
    EXPECT_EQ(small->http.header_timeout, full->http.header_timeout);
    EXPECT_EQ(small->http.idle_timeout, full->http.idle_timeout);
    EXPECT_EQ(small->http.answer_deadline, full->http.answer_deadline);
    EXPECT_EQ(small->data.warn_free_bytes, full->data.warn_free_bytes);
    EXPECT_EQ(small->data.refuse_free_bytes, full->data.refuse_free_bytes);
    EXPECT_EQ(small->data.warn_free_percent, full->data.warn_free_percent);
    EXPECT_EQ(small->decode.elements_max, full->decode.elements_max);
    EXPECT_EQ(small->journal.segment_bytes, full->journal.segment_bytes);
    EXPECT_EQ(small->audit.queue_max, full->audit.queue_max);
    EXPECT_EQ(small->store.checkpoint_interval, full->store.checkpoint_interval);
    EXPECT_EQ(small->api.page_max, full->api.page_max);
    EXPECT_EQ(small->pools.cpu_queue_max, full->pools.cpu_queue_max);
}

TEST_F(ConfigTest, lists_every_problem_with_its_place) {
    const auto config =
        load("profile: staging\nhttp:\n  address: 127.0.0.1\n  prot: 1\n  port: 70000\n"
             "  tls: {enabled: yes}\nadmin: 3\n");

    const std::string text = fault(config);
    const std::string file = (folder.path() / "c.yaml").string();
    EXPECT_NE(
        text.find(file + ":1:10: profile: found 'staging', expected development or production"),
        std::string::npos
    ) << text;
    EXPECT_NE(
        text.find(file + ":4:3: unknown key 'http.prot'; did you mean 'http.port'?"),
        std::string::npos
    ) << text;
    EXPECT_NE(
        text.find(file + ":5:9: http.port: found '70000', expected a whole number from 0 to 65535"),
        std::string::npos
    ) << text;
    EXPECT_NE(
        text.find(":6:18: http.tls.enabled: found 'yes', expected true or false"), std::string::npos
    ) << text;
    EXPECT_NE(text.find(":7:1: 'admin' must be a section"), std::string::npos) << text;
    EXPECT_NE(text.find("key 'data.dir' is missing"), std::string::npos) << text;
    EXPECT_NE(text.find("key 'journal.retention_hours' is missing"), std::string::npos) << text;
}

TEST_F(ConfigTest, settings_win_over_environment_over_file) {
    ::setenv("GATEHOUSE_HTTP__PORT", "1001", 1);
    ::setenv("GATEHOUSE_ADMIN__PORT", "1002", 1);
    source.environment = true;
    source.settings = {{"http.port", "1003"}, {"packages.load", "[a#1, b]"}};

    const auto config = load_config(source);
    ::unsetenv("GATEHOUSE_HTTP__PORT");
    ::unsetenv("GATEHOUSE_ADMIN__PORT");

    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->http.port, 1003);
    EXPECT_EQ(config->admin.port, 1002);
    EXPECT_EQ(config->packages.load, (std::vector<std::string>{"a#1", "b"}));
}

TEST_F(ConfigTest, wrong_settings_are_named) {
    source.settings = {{"http.prt", "1"}, {"http.port", "x"}};
    const std::string text = fault(load_config(source));

    EXPECT_NE(
        text.find("--set http.prt: unknown key 'http.prt'; did you mean 'http.port'?"),
        std::string::npos
    ) << text;
    EXPECT_NE(text.find("--set http.port: http.port: found 'x'"), std::string::npos) << text;
    EXPECT_FALSE(parse_setting("novalue"));
    EXPECT_EQ(parse_setting("a=b=c")->second, "b=c");
}

TEST_F(ConfigTest, typed_paths_are_relative_to_where_they_were_typed) {
    source.settings = {{"data.dir", "somewhere/else"}};
    const auto config = load_config(source);

    ASSERT_TRUE(config);
    EXPECT_EQ(config->data.dir, fs::current_path() / "somewhere/else");
    EXPECT_EQ(config->folders.partners, fs::path(GATEHOUSE_SOURCE_DIR) / "config/partners");
}

TEST_F(ConfigTest, production_refuses_plain_http) {
    EXPECT_NE(
        contradictions(with("profile: development", "profile: production"))
            .find("production refuses plain HTTP"),
        std::string::npos
    );
}

TEST_F(ConfigTest, settings_that_contradict_each_other_are_refused) {
    EXPECT_NE(
        contradictions(with("enabled: false", "enabled: true"))
            .find("needs http.tls.certificate_file"),
        std::string::npos
    );
    EXPECT_NE(
        contradictions(with("client_certificates: none", "client_certificates: required"))
            .find("client_ca_file"),
        std::string::npos
    );
    EXPECT_NE(
        contradictions(with("page_default: 20", "page_default: 501"))
            .find("page_default is larger"),
        std::string::npos
    );
    EXPECT_NE(
        contradictions(with("bodies_bytes_max: 536870912", "bodies_bytes_max: 67108863"))
            .find("could never arrive"),
        std::string::npos
    );
}

}  // namespace
}  // namespace gatehouse::gateway
