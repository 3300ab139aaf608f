// SPDX-License-Identifier: Apache-2.0
#include "fhir/packages/packages.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "fhir/packages/facts.hpp"
#include "fhir/packages/source.hpp"

namespace gatehouse::fhir {
namespace {

namespace fs = std::filesystem;

const fs::path source_dir = GATEHOUSE_SOURCE_DIR;

fs::path cache_dir() {
    const char* set = std::getenv("GATEHOUSE_CACHE");
    return set != nullptr ? fs::path(set) : source_dir / ".cache/packages";
}

// The shared material beside the repository, or an empty path.
fs::path shared_dir() {
    if (const char* set = std::getenv("GATEHOUSE_SHARED"); set != nullptr) {
        return set;
    }
    for (const char* beside : {"../shared", "../../shared"}) {
        if (fs::exists(source_dir / beside / "packages")) {
            return source_dir / beside;
        }
    }
    return {};
}

// A folder of its own that goes away.
class Scratch {
public:
    Scratch() {
        std::string pattern = (fs::temp_directory_path() / "gatehouse-packages-XXXXXX").string();
        GH_ASSERT(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }
    void write(const std::string& name, std::string_view text) const {
        fs::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name, std::ios::binary) << text;
    }

private:
    fs::path path_;
};

constexpr std::string_view value_set_json =
    R"({"resourceType":"ValueSet","id":"a","url":"http://example.org/vs","version":"1.0","status":"active",
        "description":"words","compose":{"include":[{"system":"http://example.org/cs","concept":[{"code":"x"}]}]}})";
constexpr std::string_view value_set_xml =
    R"(<?xml version="1.0"?><ValueSet xmlns="http://hl7.org/fhir"><id value="b"/><url value="http://example.org/vs2"/>
       <version value="2.0"/><status value="active"/></ValueSet>)";

TEST(Packages, loads_loose_json_and_xml_and_drops_prose) {
    const Scratch folder;
    folder.write("a.json", value_set_json);
    folder.write("deep/b.xml", value_set_xml);
    folder.write("notes.json", R"({"not":"fhir"})");
    folder.write(
        "examples/c.json", R"({"resourceType":"ValueSet","url":"http://example.org/example"})"
    );
    Definitions definitions;
    Issues notes;
    ASSERT_TRUE(definitions.load({folder.path().string()}, {}, notes));
    EXPECT_TRUE(notes.empty());
    ASSERT_EQ(definitions.packages().size(), 1U);
    EXPECT_EQ(definitions.packages()[0].resource_count, 2U);
    const Definition* found = definitions.find("ValueSet", "http://example.org/vs|1.0");
    ASSERT_NE(found, nullptr);
    ASSERT_NE(found->root(), nullptr);
    EXPECT_EQ(found->root()->child_value("status"), "active");
    EXPECT_EQ(found->root()->child("description"), nullptr);
    const Element* compose = found->root()->child("compose");
    ASSERT_NE(compose, nullptr);
    EXPECT_EQ(compose->child("include")->child("concept")->child_value("code"), "x");
    EXPECT_EQ(
        definitions.find("ValueSet", "http://example.org/vs2")->root()->child_value("id"), "b"
    );
    EXPECT_EQ(definitions.find("CodeSystem", "http://example.org/vs2"), nullptr);
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs|2.0"), nullptr);
    EXPECT_NE(definitions.find("ValueSet", "http://example.org/vs2|2"), nullptr);
}

TEST(Packages, keeps_prose_when_asked) {
    Definitions definitions({.keep_prose = true});
    Issues notes;
    ASSERT_TRUE(definitions.load_text(value_set_json, "a.json", notes));
    EXPECT_EQ(
        definitions.find("ValueSet", "http://example.org/vs")->root()->child_value("description"),
        "words"
    );
}

TEST(Packages, later_wins_and_versions_stand_side_by_side) {
    Definitions definitions;
    Issues notes;
    const auto value_set = [](std::string_view version, std::string_view id) {
        return R"({"resourceType":"ValueSet","status":"active","url":"http://example.org/vs","version":")" +
               std::string(version) + R"(","id":")" + std::string(id) + R"("})";
    };
    ASSERT_TRUE(definitions.load_text(value_set("2.0.0", "two"), "two", notes));
    ASSERT_TRUE(definitions.load_text(value_set("1.0.0", "one"), "one", notes));
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs")->id, "one");
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs|2.0.0")->id, "two");
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs|2.0")->id, "two");
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs|3.0.0"), nullptr);
    EXPECT_EQ(definitions.all("ValueSet").size(), 1U);
    ASSERT_TRUE(definitions.load_text(value_set("2.0.0", "again"), "again", notes));
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs|2.0.0")->id, "again");
}

TEST(Packages, takes_the_resources_of_a_bundle) {
    const std::string bundle =
        R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)" +
        std::string(value_set_json) + R"(},{"resource":{"resourceType":"Patient"}}]})";
    Definitions definitions;
    Issues notes;
    ASSERT_TRUE(definitions.load_text(bundle, "bundle.json", notes));
    EXPECT_EQ(definitions.packages()[0].resource_count, 1U);
    EXPECT_NE(definitions.find("ValueSet", "http://example.org/vs"), nullptr);
}

TEST(Packages, unreadable_member_is_a_note_with_its_place) {
    const Scratch folder;
    folder.write(
        "package.json",
        R"({"name":"odd.name","version":"0.0.1-Beta_2","dependencies":{"no.such.package":"9.9.9"}})"
    );
    folder.write("ok.json", value_set_json);
    folder.write("bad.json", "{\"resourceType\":\"ValueSet\",\n \"url\":}");
    Definitions definitions;
    Issues notes;
    ASSERT_TRUE(definitions.load({folder.path().string()}, {}, notes));
    ASSERT_EQ(notes.size(), 2U);
    EXPECT_EQ(notes[0].rule, "package-member");
    EXPECT_NE(notes[0].diagnostics.find("bad.json"), std::string::npos);
    EXPECT_NE(notes[0].diagnostics.find("line 2"), std::string::npos);
    EXPECT_EQ(notes[1].rule, "package-dependency");
    EXPECT_NE(notes[1].diagnostics.find("no.such.package#9.9.9"), std::string::npos);
    EXPECT_EQ(definitions.packages()[0].name, "odd.name");
}

TEST(Packages, says_where_it_looked) {
    Definitions definitions;
    Issues notes;
    const auto missing = definitions.load({"no.such#1.0.0"}, "/nowhere", notes);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::not_found);
    EXPECT_NE(missing.error().detail.find("/nowhere"), std::string::npos);
    const Scratch folder;
    folder.write("patient.json", R"({"resourceType":"Patient"})");
    EXPECT_EQ(
        definitions.load({(folder.path() / "patient.json").string()}, {}, notes).error().code,
        Errc::invalid
    );
    folder.write("broken.tgz", "\x1f\x8b this is not gzip");
    EXPECT_EQ(
        definitions.load({(folder.path() / "broken.tgz").string()}, {}, notes).error().code,
        Errc::invalid
    );
}

TEST(Packages, installs_lists_and_locks) {
    const Scratch place;
    place.write(
        "in/package/package.json",
        R"({"name":"My Odd/Package","version":"1.0.0","fhirVersions":["4.0.1"]})"
    );
    place.write("in/package/ValueSet-a.json", value_set_json);
    const fs::path cache = place.path() / "cache";
    Issues notes;
    const auto installed = install_package(place.path() / "in", cache, notes);
    ASSERT_TRUE(installed) << describe(installed.error());
    EXPECT_TRUE(fs::exists(cache / "My Odd_Package#1.0.0/package/ValueSet-a.json"));
    const auto listed = cached_packages(cache, notes);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].digest, installed->digest);

    LockFile lock{
        place.path() / "lock.json",
        {{installed->name, installed->version, "file:in", "", installed->digest}}};
    ASSERT_TRUE(write_lock(lock));
    const auto read = read_lock(lock.path);
    ASSERT_TRUE(read) << describe(read.error());
    EXPECT_TRUE(verify_lock(*read, cache).empty());
    Definitions definitions;
    ASSERT_TRUE(load_lock(definitions, *read, cache, notes));
    EXPECT_NE(definitions.find("ValueSet", "http://example.org/vs"), nullptr);

    // The facts file must not hide that a member changed.
    place.write("cache/My Odd_Package#1.0.0/package/ValueSet-a.json", value_set_xml);
    const Issues differs = verify_lock(*read, cache);
    ASSERT_EQ(differs.size(), 1U);
    EXPECT_EQ(differs[0].rule, "package-digest");
    Definitions changed;
    EXPECT_EQ(load_lock(changed, *read, cache, notes).error().code, Errc::corrupt);
}

TEST(Packages, cached_dependency_loads_below_what_was_asked_for) {
    const Scratch place;
    const auto package = [&](std::string_view name, std::string_view depends, std::string_view id) {
        const std::string folder = "cache/" + std::string(name) + "#1.0.0/package/";
        place.write(
            folder + "package.json",
            R"({"name":")" + std::string(name) + R"(","version":"1.0.0","dependencies":{)" +
                std::string(depends) + "}}"
        );
        place.write(
            folder + "vs.json",
            R"({"resourceType":"ValueSet","url":"http://example.org/vs","id":")" + std::string(id) +
                "\"}"
        );
    };
    package("base", "", "base");
    package("old", "", "old");
    package("top", R"("old":"1.0.x")", "top");
    place.write(
        "cache/top#1.0.0/package/vs.json",
        R"({"resourceType":"ValueSet","url":"http://example.org/other"})"
    );
    Definitions definitions;
    Issues notes;
    ASSERT_TRUE(definitions.load({"base#1.0.0"}, place.path() / "cache", notes));
    ASSERT_TRUE(definitions.load({"top"}, place.path() / "cache", notes));
    EXPECT_TRUE(notes.empty());
    EXPECT_EQ(definitions.packages().size(), 3U);
    EXPECT_EQ(definitions.find("ValueSet", "http://example.org/vs")->id, "base");
}

TEST(Facts, refuses_any_damage) {
    Definitions definitions;
    packages::Source source;
    source.is_file = true;
    source.members.push_back({"a.json", std::string(value_set_json)});
    PackageInfo info;
    std::vector<std::string> problems;
    const std::string block = packages::build_facts(source, info, false, "stamp", problems);
    packages::Facts facts;
    ASSERT_TRUE(packages::read_facts(block, facts));
    for (std::size_t i = 0; i < block.size(); ++i) {
        std::string bad = block;
        bad[i] = static_cast<char>(bad[i] ^ 0x41);
        packages::Facts out;
        EXPECT_FALSE(packages::read_facts(bad, out)) << i;
        packages::Facts cut;
        EXPECT_FALSE(packages::read_facts(std::string_view(block).substr(0, i), cut)) << i;
    }
}

TEST(Registry, picks_versions_and_checks_downloads) {
    EXPECT_EQ(
        registry_metadata_url("https://packages.example.org/", "a b/c"),
        "https://packages.example.org/a%20b%2Fc"
    );
    constexpr std::string_view metadata =
        R"({"dist-tags":{"latest":"1.2.0"},"versions":{
            "1.2.0":{"dist":{"tarball":"https://x/1.2.0","shasum":"A9993E364706816ABA3E25717850C26C9CD0D89D"}},
            "1.10.0-beta":{"dist":{"tarball":"https://x/b"}},"1.9.0":{"dist":{"tarball":"https://x/1.9.0"}}}})";
    EXPECT_EQ(pick_version(metadata, "")->version, "1.2.0");
    EXPECT_EQ(pick_version(metadata, "1.9.0")->tarball, "https://x/1.9.0");
    EXPECT_EQ(pick_version(metadata, "1.2.x")->version, "1.2.0");
    const auto none = pick_version(metadata, "3.0.0");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().detail.find("1.9.0"), std::string::npos);
    EXPECT_FALSE(pick_version("[]", ""));
    EXPECT_TRUE(check_integrity("abc", *pick_version(metadata, "1.2.0")));
    EXPECT_EQ(check_integrity("abd", *pick_version(metadata, "1.2.0")).error().code, Errc::corrupt);
}

TEST(Packages, core_from_maven_equals_the_lock_and_decodes_from_many_threads) {
    const fs::path cache = cache_dir();
    if (!fs::exists(cache / "hl7.fhir.r4.core#4.0.1")) {
        GTEST_SKIP() << "R4 core is not in " << cache << "; deploy/fetch-definitions puts it there";
    }
    const auto lock = read_lock(source_dir / "config/packages/lock.json");
    ASSERT_TRUE(lock) << describe(lock.error());
    Definitions definitions;
    Issues notes;
    const auto loaded = load_lock(definitions, *lock, cache, notes);
    ASSERT_TRUE(loaded) << describe(loaded.error());
    for (const Issue& note : notes) {
        ADD_FAILURE() << note.diagnostics;
    }
    EXPECT_EQ(definitions.packages()[0].name, "hl7.fhir.r4.core");
    EXPECT_GE(definitions.all("StructureDefinition").size(), 649U);
    std::vector<std::thread> threads;
    std::atomic<int> seen = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            const Definition* patient =
                definitions.structure("http://hl7.org/fhir/StructureDefinition/Patient");
            seen += patient != nullptr && patient->root() != nullptr &&
                            patient->root()->child("snapshot") != nullptr
                        ? 1
                        : 0;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(seen, 4);
}

// Name, value, children: equal whatever the source format wrote.
std::string outline(const Element& element) {
    std::string text(element.name);
    if (element.has_value()) {
        text += "=" + std::string(element.value);
    }
    text += "{";
    for (const Element& child : element.children()) {
        text += outline(child);
    }
    return text + "}";
}

TEST(Packages, core_from_maven_defines_what_the_npm_package_defines) {
    const fs::path cache = cache_dir();
    const fs::path npm = shared_dir() / "packages/hl7.fhir.r4.core-4.0.1.tgz";
    if (!fs::exists(cache / "hl7.fhir.r4.core#4.0.1") || !fs::exists(npm)) {
        GTEST_SKIP() << "needs R4 core in " << cache << " and the npm package at " << npm;
    }
    Definitions maven;
    Definitions package;
    Issues notes;
    ASSERT_TRUE(maven.load({"hl7.fhir.r4.core#4.0.1"}, cache, notes));
    ASSERT_TRUE(package.load({npm.string()}, cache, notes));
    std::size_t compared = 0;
    for (const char* type : {"StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter"}) {
        for (const Definition* theirs : package.all(type)) {
            const Definition* ours = maven.find(type, theirs->url);
            if (ours == nullptr) {
                continue;
            }
            ++compared;
            Arena arena;
            Element* a = ours->decode(arena);
            Element* b = theirs->decode(arena);
            ASSERT_NE(a, nullptr);
            ASSERT_NE(b, nullptr);
            const std::string_view what = std::string_view(type) == "StructureDefinition"
                                              ? "snapshot"
                                          : std::string_view(type) == "ValueSet"   ? "compose"
                                          : std::string_view(type) == "CodeSystem" ? "concept"
                                                                                   : "expression";
            const Element* left = a->child(what);
            const Element* right = b->child(what);
            // The jar corrects a typo of the specification (FHIR-30377: the code system's version)
            // and has another version of an example. Neither is bound with a strength that decides.
            if (theirs->url == "http://hl7.org/fhir/ValueSet/task-code" ||
                theirs->url == "http://hl7.org/fhir/ValueSet/example-hierarchical") {
                continue;
            }
            if ((left == nullptr) != (right == nullptr) ||
                (left != nullptr && outline(*left) != outline(*right))) {
                ADD_FAILURE() << theirs->url << " differs";
            }
        }
    }
    EXPECT_GE(compared, 4000U);
}

}  // namespace
}  // namespace gatehouse::fhir
