// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/cases/route/*.json: files of routes, and either the complaints that must come
// (problems) or where messages go (match).

#include <fstream>

#include <gtest/gtest.h>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "gateway/journal/file.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/pipeline/route_table.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;
using fhir::JsonValue;

const fs::path source_folder = GATEHOUSE_SOURCE_DIR;

std::vector<std::string> texts(const JsonValue* list) {
    std::vector<std::string> out;
    if (list != nullptr) {
        for (const JsonValue& item : list->items) {
            out.emplace_back(item.text);
        }
    }
    return out;
}

void run_case(const JsonValue& test) {
    const tests::ScratchFolder scratch;
    const fs::path folder = scratch.path() / "routes";
    const JsonValue* files = test.find("files");
    ASSERT_NE(files, nullptr);
    if (test.find("shipped") != nullptr) {
        fs::copy(source_folder / "config/routes", folder);
    } else if (!files->members.empty()) {
        fs::create_directories(folder);
    }
    for (const auto& [name, lines] : files->members) {
        std::ofstream out(folder / name);
        for (const std::string& line : texts(&lines)) {
            out << line << '\n';
        }
    }
    const auto table = RouteTable::load(folder, source_folder / "config/owners");
    if (const JsonValue* problems = test.find("problems")) {
        ASSERT_FALSE(table.has_value()) << "loaded, and should not have";
        for (const std::string& wanted : texts(problems)) {
            EXPECT_NE(table.error().detail.find(wanted), std::string::npos)
                << wanted << "\nnot in\n"
                << table.error().detail;
        }
        return;
    }
    ASSERT_TRUE(table.has_value()) << table.error().detail;
    const JsonValue* match = test.find("match");
    ASSERT_NE(match, nullptr);
    for (const JsonValue& one : match->items) {
        const std::string partner(one.string("partner"));
        const std::string organisation(one.string("organisation"));
        const std::string interaction(one.string("interaction"));
        const RouteTable::Facts facts{texts(one.find("types")), partner, organisation, interaction};
        EXPECT_EQ((*table)->destinations(facts), texts(one.find("expect"))) << one.string("name");
    }
}

TEST(Routes, Cases) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(source_folder / "tests/cases/route")) {
        const auto text = read_whole(entry.path());
        ASSERT_TRUE(text.has_value());
        Arena arena;
        const auto cases = fhir::parse_json_value(*text, arena);
        ASSERT_TRUE(cases.has_value()) << entry.path();
        for (const JsonValue& test : cases->items) {
            SCOPED_TRACE(std::string(test.string("name")));
            run_case(test);
            ++count;
        }
    }
    EXPECT_GE(count, 10U);
}

// The journal keeps where a message goes; records from before there were routes still decode.
TEST(Routes, JournalKeepsDestinations) {
    JournalRecord record;
    record.message_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const auto older = decode_record(encode_record(record));
    ASSERT_TRUE(older.has_value());
    EXPECT_TRUE(older->destinations.empty());
    record.destinations = {"record", "feed"};
    const auto back = decode_record(encode_record(record));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->destinations, record.destinations);
}

}  // namespace
}  // namespace gatehouse::gateway
