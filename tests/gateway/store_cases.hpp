#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The case files tests/cases/search/store*.json: records that are indexed and stored as a write
// would, and queries as they come over HTTP, with the ids that they must find, in order.

#include <functional>
#include <string>
#include <string_view>

#include "adapters/sqlite/sqlite_store.hpp"
#include "fhir/json/value.hpp"
#include "gateway/api/search_parameters.hpp"
#include "tests/support/core_engine.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway::store_cases {

inline constexpr std::string_view own_base = "http://127.0.0.1:8080/fhir/R4";

inline NewVersion to_version(std::string_view text, Micros at) {
    Arena arena;
    const auto engine = test::core_engine();
    fhir::Decoded decoded = engine->read(text, fhir::Format::json, arena);
    EXPECT_NE(decoded.root, nullptr) << text;
    NewVersion version;
    if (decoded.root == nullptr) {
        return version;
    }
    version.type = decoded.root->resource_type();
    version.id = decoded.root->child_value("id");
    version.json = {std::string(text.substr(0, text.rfind('}'))) + R"(,"meta":{)", "}}"};
    version.last_updated = at;
    version.message_id = "01HF0000000000000000000000";
    version.source = "practice";
    engine->search()->extract(*decoded.root, arena, version.index, own_base);
    return version;
}

// "Type?name=value&name=value", not percent-encoded.
inline ParsedSearch parse(std::string_view text) {
    const std::size_t mark = text.find('?');
    const std::string type(text.substr(0, mark));
    std::vector<std::pair<std::string, std::string>> parameters;
    for (text.remove_prefix(mark + 1); !text.empty();) {
        const std::string_view one = text.substr(0, text.find('&'));
        const std::size_t equals = one.find('=');
        parameters.emplace_back(one.substr(0, equals), one.substr(equals + 1));
        text.remove_prefix(std::min(text.size(), one.size() + 1));
    }
    SearchLimits limits;
    limits.base = own_base;
    limits.now = 1'700'000'000'000'000;
    return parse_search(type, parameters, *test::core_engine(), limits);
}

// Each case in a store of its own: what is expected are its members "query": "ids". `name`: file
// and case, for people.
inline void each(const std::function<void(
                     Store& store,
                     const std::filesystem::path& file,
                     const std::string& name,
                     const fhir::JsonValue& expected
                 )>& run) {
    const std::filesystem::path folder =
        std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/cases/search";
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        const std::string file_name = file.path().filename().string();
        if (!file_name.starts_with("store")) {
            continue;
        }
        Arena arena;
        const std::string text = test::read_file(file.path());
        const auto cases = fhir::parse_json_value(text, arena);
        ASSERT_TRUE(cases) << file.path() << ": " << describe(cases.error());
        for (const fhir::JsonValue& test_case : cases->items) {
            const tests::ScratchFolder scratch;
            auto store = adapters::open_sqlite_store({.file = scratch.path() / "store.db"});
            ASSERT_TRUE(store);
            const auto stored = (*store)->transact([&](StoreWriter& writer) -> Result<void> {
                Micros at = 1'700'000'000'000'000;
                for (const fhir::JsonValue& input : test_case.find("input")->items) {
                    GH_TRY(writer.put(to_version(input.text, at += 1'000'000)));
                }
                return {};
            });
            ASSERT_TRUE(stored) << describe(stored.error());
            run(**store,
                scratch.path() / "store.db",
                file_name + ": " + std::string(test_case.string("name")),
                *test_case.find("expect"));
        }
    }
}

}  // namespace gatehouse::gateway::store_cases
