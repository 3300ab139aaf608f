// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/cases/search/extract*.json: a record, and for some parameters all their index entries.

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "fhir/search/search.hpp"
#include "tests/support/core_definitions.hpp"

namespace gatehouse::fhir {
namespace {

struct Loaded {
    std::shared_ptr<const Definitions> definitions;
    std::unique_ptr<TypeModel> types;
    std::unique_ptr<SearchParameters> parameters;
    Issues notes;
};

const Loaded* loaded() {
    static const std::unique_ptr<Loaded> instance = []() -> std::unique_ptr<Loaded> {
        auto made = std::make_unique<Loaded>();
        made->definitions = test::core_definitions();
        if (made->definitions == nullptr) {
            const auto shared = test::shared_folder();
            if (!shared) {
                return nullptr;
            }
            auto core = std::make_shared<Definitions>();
            const PackageRef ref{(*shared / "packages/hl7.fhir.r4.core-4.0.1.tgz").string()};
            if (!core->load(ref, test::package_cache(), made->notes)) {
                return nullptr;
            }
            made->definitions = core;
        }
        std::vector<const Element*> structures;
        for (const Definition* definition : made->definitions->all("StructureDefinition")) {
            structures.push_back(definition->root());
        }
        auto model = TypeModel::build(structures);
        if (!model) {
            return nullptr;
        }
        made->types = std::make_unique<TypeModel>(std::move(*model));
        made->notes.clear();
        made->parameters =
            std::make_unique<SearchParameters>(*made->types, *made->definitions, made->notes);
        return made;
    }();
    return instance.get();
}

std::string instant(std::int64_t at) {
    if (at == date_min || at == date_max) {
        return "open";
    }
    using namespace std::chrono;
    const sys_time<microseconds> time{microseconds{at}};
    const auto midnight = floor<days>(time);
    const year_month_day date{midnight};
    const hh_mm_ss clock{floor<seconds>(time - midnight)};
    char text[40];
    std::snprintf(
        text,
        sizeof text,
        "%04d-%02u-%02uT%02d:%02d:%02dZ",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count())
    );
    return text;
}

std::string spell(const IndexEntry& entry) {
    const std::string words = entry.kind == EntryKind::identifier  ? "identifier "
                              : entry.kind == EntryKind::contained ? "contained "
                              : entry.kind == EntryKind::of_type   ? "of-type "
                                                                   : "";
    if (entry.kind == EntryKind::text) {
        return "text " + entry.folded;
    }
    if (entry.component != 0) {
        // item.component of the rows' name
        return std::to_string(entry.item) + "." + std::to_string(entry.component) + " of " +
               entry.part->rows + ": " +
               (entry.number.empty() ? entry.system + "|" : entry.number + " ") + entry.value;
    }
    switch (entry.parameter->type) {
    case SearchType::date: return instant(entry.low) + "/" + instant(entry.high);
    case SearchType::string: return entry.value + "=" + entry.folded;
    case SearchType::reference:
        if (entry.kind == EntryKind::value) {
            const std::string place = entry.local < 0 ? "" : " is " + std::to_string(entry.local);
            return (entry.system.empty() ? entry.value : entry.system + "/" + entry.value) + place;
        }
        break;
    case SearchType::uri: return entry.value;
    case SearchType::number:
    case SearchType::quantity: {
        const std::string number =
            entry.is_range ? entry.number + ".." + entry.number_high : entry.number;
        return entry.parameter->type == SearchType::number
                   ? number
                   : number + " " + entry.system + "|" + entry.value;
    }
    default: break;
    }
    return words + entry.system + "|" + entry.value;
}

std::vector<IndexEntry> extract(std::string_view text, std::string_view base, Arena& arena) {
    Decoded decoded = read_json(text, arena, loaded()->types->symbols());
    EXPECT_NE(decoded.root, nullptr);
    std::vector<IndexEntry> entries;
    if (decoded.root != nullptr) {
        annotate(*decoded.root, *loaded()->types);
        loaded()->parameters->extract(*decoded.root, arena, entries, base);
    }
    return entries;
}

TEST(SearchExtract, cases) {
    if (loaded() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    const std::filesystem::path folder =
        std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/cases/search";
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (!file.path().filename().string().starts_with("extract")) {
            continue;
        }
        Arena arena;
        const std::string text = test::read_file(file.path());
        const auto cases = parse_json_value(text, arena);
        ASSERT_TRUE(cases) << file.path() << ": " << describe(cases.error());
        for (const JsonValue& test_case : cases->items) {
            ++count;
            const std::string name =
                file.path().filename().string() + ": " + std::string(test_case.string("name"));
            Arena own;
            const std::string input(test_case.string("input"));
            // The definitions from Maven Central leave out the parameters that HL7's package
            // defines on extensions: such a case runs where the package is the source.
            const auto only = test_case.string("only_where_defined");
            const auto type = test_case.string("type");
            if (!only.empty() && loaded()->parameters->find(type, only) == nullptr) {
                std::printf(
                    "passed over (%s is not defined here): %s\n",
                    std::string(only).c_str(),
                    name.c_str()
                );
                continue;
            }
            const auto entries = extract(input, test_case.string("base"), own);
            const JsonValue* expect = test_case.find("expect");
            ASSERT_NE(expect, nullptr) << name;
            for (const JsonValue::Member& member : expect->members) {
                std::vector<std::string> found;
                for (const IndexEntry& entry : entries) {
                    if (entry.parameter->code == member.name) {
                        found.push_back(
                            (entry.holder == 0 ? "" : std::to_string(entry.holder) + ": ") +
                            spell(entry)
                        );
                    }
                }
                std::vector<std::string> wanted;
                for (const JsonValue& item : member.value.items) {
                    wanted.emplace_back(item.text);
                }
                std::ranges::sort(found);
                std::ranges::sort(wanted);
                EXPECT_EQ(found, wanted) << name << ", parameter " << member.name;
            }
        }
    }
    EXPECT_GT(count, 20U);
}

TEST(SearchExtract, every_parameter_of_r4_is_understood) {
    if (loaded() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    for (const Issue& note : loaded()->notes) {
        ADD_FAILURE() << note.diagnostics;
    }
    std::size_t searchable = 0;
    for (const SearchParameter* parameter : loaded()->parameters->all("Observation")) {
        searchable += parameter->searchable ? 1 : 0;
    }
    EXPECT_GT(searchable, 30U);
    EXPECT_TRUE(loaded()->parameters->find("Observation", "code-value-quantity")->searchable);
    EXPECT_TRUE(loaded()->parameters->find("Location", "near")->searchable);
    if (const SearchParameter* filter = loaded()->parameters->find("Patient", "_filter")) {
        EXPECT_FALSE(filter->searchable);  // HL7's package has it, the pinned one has not
    }
    EXPECT_TRUE(loaded()->parameters->find("Patient", "_id")->searchable);
    EXPECT_EQ(loaded()->parameters->find("Patient", "nonsense"), nullptr);
    EXPECT_EQ(loaded()->parameters->find("Nothing", "_id"), nullptr);
}

TEST(SearchExtract, takes_every_example_and_is_quick) {
    const auto shared = test::shared_folder();
    if (loaded() == nullptr || !shared ||
        !std::filesystem::exists(*shared / "conformance/examples/json")) {
        GTEST_SKIP() << "no shared conformance material (set GATEHOUSE_SHARED)";
    }
    std::size_t files = 0;
    std::size_t entries = 0;
    std::chrono::nanoseconds spent{};
    for (const auto& file :
         std::filesystem::directory_iterator(*shared / "conformance/examples/json")) {
        const std::string text = test::read_file(file.path());
        Arena arena;
        Decoded decoded = read_json(text, arena, loaded()->types->symbols());
        if (decoded.root == nullptr) {
            continue;
        }
        annotate(*decoded.root, *loaded()->types);
        std::vector<IndexEntry> out;
        const auto begin = std::chrono::steady_clock::now();
        loaded()->parameters->extract(*decoded.root, arena, out);
        spent += std::chrono::steady_clock::now() - begin;
        ++files;
        entries += out.size();
    }
    std::printf(
        "%zu examples, %.1f entries and %.1f us each\n",
        files,
        static_cast<double>(entries) / static_cast<double>(files),
        static_cast<double>(spent.count()) / 1000.0 / static_cast<double>(files)
    );
    EXPECT_GT(files, 100U);
    EXPECT_GT(entries, files);
}

}  // namespace
}  // namespace gatehouse::fhir
