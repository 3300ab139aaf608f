// SPDX-License-Identifier: Apache-2.0
//
// The engine's subcommands as their user sees them: what they print and with which code they end.
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/json/value.hpp"
#include "gateway/cli/cli.hpp"
#include "tests/support/core_definitions.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::cli {
namespace {

struct Ran {
    int code = -1;
    std::string out;
    std::string errors;
};

Ran run(std::vector<std::string> words) {
    words.insert(words.begin(), "gatehouse");
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    const std::span<const Command> tables[] = {engine_commands()};
    Ran ran;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    ran.code = dispatch(static_cast<int>(argv.size()), argv.data(), tables);
    std::fflush(stdout);
    ran.out = testing::internal::GetCapturedStdout();
    ran.errors = testing::internal::GetCapturedStderr();
    return ran;
}

class Cli : public testing::Test {
protected:
    void SetUp() override {
        if (test::core_definitions() == nullptr) {
            GTEST_SKIP() << "the R4 definitions are not in the package cache; run "
                            "deploy/fetch-definitions";
        }
        setenv("GATEHOUSE_HOME", GATEHOUSE_SOURCE_DIR, 1);
        setenv("GATEHOUSE_CACHE", test::package_cache().c_str(), 1);
    }
    std::string write(const std::string& name, const std::string& text) {
        const auto file = folder_.path() / name;
        std::ofstream(file, std::ios::binary) << text;
        return file.string();
    }
    // The parsed lines of ndjson output.
    std::vector<fhir::JsonValue> rows(const std::string& text) {
        std::vector<fhir::JsonValue> parsed;
        std::string_view rest = arena_.copy(text);
        while (!rest.empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const auto row = fhir::parse_json_value(rest.substr(0, end), arena_);
            EXPECT_TRUE(row) << rest.substr(0, end);
            parsed.push_back(row ? *row : fhir::JsonValue{});
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return parsed;
    }

    static constexpr const char* good = R"({"resourceType":"Basic","id":"a","code":{"text":"x"}})";
    static constexpr const char* bad = R"({"resourceType":"Basic","id":"a b","code":{"text":"x"}})";

    tests::ScratchFolder folder_;
    Arena arena_;
};

TEST_F(Cli, explains_itself) {
    EXPECT_EQ(run({}).code, exit_failure);
    EXPECT_EQ(run({"nonsense"}).code, exit_failure);
    EXPECT_NE(run({"--help"}).out.find("validate"), std::string::npos);
    for (const Command& command : engine_commands()) {
        const Ran help = run({std::string(command.name), "--help"});
        EXPECT_EQ(help.code, exit_good);
        EXPECT_NE(
            help.out.find("usage: gatehouse " + std::string(command.name)), std::string::npos
        );
    }
}

TEST_F(Cli, validate_ends_with_the_verdict) {
    const std::string valid = write("good.json", good);
    const std::string invalid = write("bad.json", bad);

    EXPECT_EQ(run({"validate", valid}).code, exit_good);
    EXPECT_EQ(run({"validate", invalid}).code, exit_findings);
    EXPECT_EQ(run({"validate", valid, folder_.path() / "absent.json"}).code, exit_failure);
    EXPECT_EQ(run({"validate", "--no-package", valid}).code, exit_good);
    EXPECT_EQ(run({"validate", "--profile", "http://example.org/none", valid}).code, exit_failure);
    EXPECT_EQ(run({"validate", "--package", "absent#1", valid}).code, exit_failure);
}

TEST_F(Cli, validate_writes_a_line_per_file_in_input_order) {
    std::vector<std::string> words = {"validate", "--output", "ndjson", "--jobs", "3"};
    for (int i = 0; i < 40; ++i) {
        words.push_back(write("f" + std::to_string(i) + ".json", i % 3 == 0 ? bad : good));
    }

    const Ran ran = run(words);

    EXPECT_EQ(ran.code, exit_findings);
    const auto lines = rows(ran.out);
    ASSERT_EQ(lines.size(), 40U);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        EXPECT_EQ(lines[i].string("file"), words[i + 5]);
        EXPECT_EQ(lines[i].find("valid")->text, i % 3 == 0 ? "false" : "true");
        EXPECT_EQ(lines[i].find("outcome")->string("resourceType"), "OperationOutcome");
    }
}

TEST_F(Cli, validate_reads_folders_and_both_formats) {
    write("a.json", good);
    write(
        "b.xml",
        R"(<Basic xmlns="http://hl7.org/fhir"><id value="b c"/><code><text value="x"/></code></Basic>)"
    );
    write("c.txt", "no resource");

    const Ran ran = run({"validate", "--output", "ndjson", folder_.path()});

    const auto lines = rows(ran.out);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].find("valid")->text, "true");
    EXPECT_EQ(lines[1].find("valid")->text, "false");
}

TEST_F(Cli, validate_answers_a_batch_row_by_row) {
    const std::string batch = write(
        "batch.ndjson",
        std::string(
            R"({"id":"1","profile":null,"resource":"{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"}}"})"
        ) + "\n" +
            R"({"id":2,"resource":"{"})" + "\n\n" + R"({"id":"3"})" + "\nnot json\n" +
            R"({"id":"5","profile":"http://example.org/none","resource":"{\"resourceType\":\"Basic\"}"})" +
            "\n"
    );

    const Ran ran = run({"validate", "--batch", batch, "--jobs", "2"});

    EXPECT_EQ(ran.code, exit_findings);
    const auto lines = rows(ran.out);
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0].string("id"), "1");
    EXPECT_EQ(lines[0].find("valid")->text, "true");
    EXPECT_EQ(lines[1].find("id")->text, "2");
    for (std::size_t i = 1; i < 5; ++i) {
        EXPECT_EQ(lines[i].find("valid")->text, "false") << i;
    }
}

TEST_F(Cli, validate_json_is_one_outcome_or_a_bundle_of_them) {
    const std::string file = write("good.json", good);

    const Ran one = run({"validate", "--output", "json", file});
    const Ran two = run({"validate", "--output", "json", file, file});

    EXPECT_EQ(
        rows(one.out.substr(0, one.out.size() - 1))[0].string("resourceType"), "OperationOutcome"
    );
    std::string joined = two.out;
    std::erase(joined, '\n');
    const auto bundle = rows(joined);
    ASSERT_EQ(bundle.size(), 1U);
    EXPECT_EQ(bundle[0].string("resourceType"), "Bundle");
    EXPECT_EQ(bundle[0].find("entry")->items.size(), 2U);
}

TEST_F(Cli, fhirpath_prints_items_and_says_why_not) {
    const std::string file =
        write("p.json", R"({"resourceType":"Patient","name":[{"given":["A","B"]}]})");

    EXPECT_EQ(run({"fhirpath", "name.given", file}).out, "A\nB\n");
    EXPECT_EQ(run({"fhirpath", "1 + 1"}).out, "2\n");
    EXPECT_EQ(
        run({"fhirpath", "--output", "json", "name", file}).out,
        "[{\"type\":\"HumanName\",\"value\":{\"given\":[\"A\",\"B\"]}}]\n"
    );
    EXPECT_EQ(run({"fhirpath", "1 +"}).code, exit_failure);
    EXPECT_EQ(run({"fhirpath", "true", folder_.path() / "absent"}).code, exit_failure);
}

TEST_F(Cli, fhirpath_answers_a_batch) {
    write("p.json", R"({"resourceType":"Patient","active":true})");
    write("plain.json", R"({"a":{"b":[1.50,"x"]}})");
    const std::string batch = write(
        "batch.ndjson",
        R"({"id":"1","expression":"active","resource":"p.json"})"
        "\n"
        R"({"id":"2","expression":"4 'mg'","resource":null})"
        "\n"
        R"({"id":"3","expression":"1 +"})"
        "\n"
        R"({"id":"4","expression":"Patient.nonsense","resource":"p.json","mode":"strict"})"
        "\n"
        R"({"id":"5","expression":"a.b","resource":"plain.json"})"
        "\n"
        R"({"id":"6","expression":"a","resource":"absent.json"})"
        "\n"
    );

    const Ran ran = run({"fhirpath", "--batch", batch});

    EXPECT_EQ(ran.code, exit_good);
    const auto lines = rows(ran.out);
    ASSERT_EQ(lines.size(), 6U);
    EXPECT_EQ(lines[0].find("result")->items[0].string("type"), "boolean");
    EXPECT_EQ(lines[0].find("result")->items[0].string("value"), "true");
    EXPECT_EQ(lines[1].find("result")->items[0].string("value"), "4 'mg'");
    EXPECT_EQ(lines[2].find("error")->string("phase"), "syntax");
    EXPECT_EQ(lines[3].find("error")->string("phase"), "semantic");
    EXPECT_EQ(lines[4].find("result")->items.size(), 2U);
    EXPECT_EQ(lines[4].find("result")->items[0].string("value"), "1.50");
    EXPECT_EQ(lines[5].find("error")->string("phase"), "execution");
}

TEST_F(Cli, convert_goes_both_ways) {
    const std::string json = R"({"resourceType":"Basic","id":"a","code":{"text":"x"}})";
    const std::string file = write("a.json", json);

    const Ran to_xml = run({"convert", "--to", "xml", file});
    const Ran back = run({"convert", "--to", "json", write("a.xml", to_xml.out)});

    EXPECT_EQ(to_xml.code, exit_good);
    EXPECT_EQ(back.out, json + "\n");
    EXPECT_EQ(run({"convert", "--to", "xml", write("b.json", "{")}).code, exit_failure);
    EXPECT_EQ(
        run({"convert", "--to", "xml", write("c.json", R"({"resourceType":"Basic","code":{}})")})
            .code,
        exit_findings
    );
    EXPECT_EQ(run({"convert", file}).code, exit_failure);
}

TEST_F(Cli, snapshot_prints_json_or_a_reason) {
    const std::string profile = write(
        "p.xml",
        R"(<StructureDefinition xmlns="http://hl7.org/fhir"><url value="http://example.org/p"/><name value="P"/>)"
        R"(<status value="draft"/><kind value="resource"/><abstract value="false"/><type value="Basic"/>)"
        R"(<baseDefinition value="http://hl7.org/fhir/StructureDefinition/Basic"/><derivation value="constraint"/>)"
        R"(<differential><element id="Basic.subject"><path value="Basic.subject"/><min value="1"/></element></differential>)"
        R"(</StructureDefinition>)"
    );

    const Ran ran = run({"snapshot", "--no-package", profile});

    EXPECT_EQ(ran.code, exit_good) << ran.errors;
    std::string joined = ran.out;
    std::erase(joined, '\n');
    const auto parsed = rows(joined);
    EXPECT_GT(parsed[0].find("snapshot")->find("element")->items.size(), 10U);
    const Ran wrong = run({"snapshot", write("b.json", R"({"resourceType":"Basic"})")});
    EXPECT_EQ(wrong.code, exit_failure);
    EXPECT_FALSE(wrong.errors.empty());
}

TEST_F(Cli, packages_are_listed_added_and_verified) {
    const auto lock = folder_.path() / "lock.json";
    const auto package = folder_.path() / "mine";
    std::filesystem::create_directories(package / "package");
    write(
        "mine/package/package.json", R"({"name":"mine","version":"1.0.0","fhirVersions":["4.0.1"]})"
    );
    write(
        "mine/package/CodeSystem-a.json",
        R"({"resourceType":"CodeSystem","url":"http://example.org/cs","version":"1","status":"active","content":"complete"})"
    );
    setenv("GATEHOUSE_CACHE", (folder_.path() / "cache").c_str(), 1);

    const Ran added = run({"packages", "add", package, "--lock", "--lock-file", lock});
    const Ran listed = run({"packages", "list", "--lock-file", lock});
    const Ran verified = run({"packages", "verify", "--lock-file", lock});

    EXPECT_EQ(added.code, exit_good) << added.errors;
    EXPECT_NE(listed.out.find("mine#1.0.0"), std::string::npos);
    EXPECT_NE(listed.out.find("configured"), std::string::npos);
    EXPECT_EQ(verified.code, exit_good) << verified.out;
    std::filesystem::remove_all(folder_.path() / "cache");
    EXPECT_EQ(run({"packages", "verify", "--lock-file", lock}).code, exit_findings);
    EXPECT_EQ(run({"packages", "add", "absent#1"}).code, exit_failure);
    EXPECT_EQ(run({"packages", "dance"}).code, exit_failure);
}

}  // namespace
}  // namespace gatehouse::cli
