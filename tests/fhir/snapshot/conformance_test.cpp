// SPDX-License-Identifier: Apache-2.0
//
// Snapshot cases of the shared conformance material (INDEX.jsonl), compared structurally: the same
// list of (id, path), and per element cardinality, types, slicing, values, bindings, base,
// constraint keys. Wording and version suffixes are not compared. A floor per suite keeps what was
// reached. GATEHOUSE_SNAPSHOT_CASE=<id> prints the differences of one case.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/schema/snapshot.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir {
namespace {

namespace fs = std::filesystem;

fs::path shared_conformance() {
    if (const char* set = std::getenv("GATEHOUSE_SHARED"); set != nullptr) {
        return fs::path(set) / "conformance/snapshot";
    }
    const fs::path source = GATEHOUSE_SOURCE_DIR;
    for (const char* beside : {"../shared", "../../shared"}) {
        if (fs::exists(source / beside / "conformance/snapshot")) {
            return source / beside / "conformance/snapshot";
        }
    }
    return {};
}

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// A resource and the text and memory that it lives in.
struct Loaded {
    std::string text;
    Arena arena;
    Element* root = nullptr;
};

std::unique_ptr<Loaded> load_resource(const fs::path& path) {
    auto loaded = std::make_unique<Loaded>();
    loaded->text = slurp(path);
    static const SymbolTable symbols;
    DecodeLimits limits;
    limits.members = 100'000;
    limits.depth = 200;
    std::string_view text = loaded->text;
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    const bool xml = text.find_first_not_of(" \t\r\n") != std::string_view::npos &&
                     text[text.find_first_not_of(" \t\r\n")] == '<';
    loaded->root = xml ? read_xml(text, loaded->arena, symbols, limits).root
                       : read_json(text, loaded->arena, symbols, limits).root;
    return loaded;
}

std::string unversioned(std::string_view canonical) {
    return std::string(canonical.substr(0, canonical.find('|')));
}

// Members of an object have no order.
std::string outline(const Element& element) {
    std::multiset<std::string> members;
    for (const Element& child : element.children()) {
        if (child.name != "extension" && child.name != "id") {
            members.insert(outline(child));
        }
    }
    std::string text = std::string(element.name) + "=" + std::string(element.value) + "(";
    for (const std::string& member : members) {
        text += member + ",";
    }
    return text + ")";
}

// What is compared of one element, as text by aspect.
std::map<std::string, std::string> aspects(const Element& element) {
    std::map<std::string, std::string> found;
    std::set<std::string> types;
    std::set<std::string> keys;
    for (const char* name : {"min", "max", "sliceName", "contentReference"}) {
        found[name] = element.child_value(name);
    }
    if (const auto hash = found["contentReference"].find('#'); hash != std::string::npos) {
        found["contentReference"].erase(0, hash);
    }
    for (const char* name : {"mustSupport", "isModifier"}) {
        found[name] = element.child_value(name) == "true" ? "true" : "";
    }
    for (const Element& child : element.children()) {
        if (child.name == "type") {
            std::set<std::string> profiles;
            for (const Element& part : child.children()) {
                if (part.name == "profile" || part.name == "targetProfile") {
                    profiles.insert(std::string(part.name) + ":" + unversioned(part.value));
                }
            }
            std::string type(child.child_value("code"));
            for (const std::string& profile : profiles) {
                type += " " + profile;
            }
            types.insert(type);
        } else if (child.name == "constraint") {
            keys.insert(std::string(child.child_value("key")));
        } else if (child.name == "slicing") {
            std::set<std::string> discriminators;
            for (const Element& part : child.children()) {
                if (part.name == "discriminator") {
                    discriminators.insert(
                        std::string(part.child_value("type")) + ":" +
                        std::string(part.child_value("path"))
                    );
                }
            }
            for (const std::string& discriminator : discriminators) {
                found["slicing"] += discriminator + " ";
            }
            found["slicing"] += child.child_value("rules");
        } else if (child.name == "binding") {
            found["binding"] = std::string(child.child_value("strength")) + " " +
                               unversioned(child.child_value("valueSet"));
        } else if (child.name == "base") {
            found["base"] = std::string(child.child_value("path")) + " " +
                            std::string(child.child_value("min")) + ".." +
                            std::string(child.child_value("max"));
        } else if (child.name.starts_with("fixed") || child.name.starts_with("pattern")) {
            found["value"] = outline(child);
        }
    }
    for (const std::string& type : types) {
        found["type"] += type + "; ";
    }
    for (const std::string& key : keys) {
        found["constraint"] += key + " ";
    }
    return found;
}

std::vector<const Element*> elements_of(const Element& structure) {
    std::vector<const Element*> elements;
    if (const Element* snapshot = structure.child("snapshot"); snapshot != nullptr) {
        for (const Element& child : snapshot->children()) {
            if (child.name == "element") {
                elements.push_back(&child);
            }
        }
    }
    return elements;
}

std::string label(const Element& element) {
    return std::string(element.child_value("id")) + " <" +
           std::string(element.child_value("path")) + ">";
}

// Differences, one a line; empty: the same.
// `stated` (or null): what the differential states, as "path aspect", where the expected snapshot
// was made from R4B; what is inherited may differ in types and bindings then.
std::vector<std::string>
compare(const Element& made, const Element& expected, const std::set<std::string>* stated) {
    const bool constraints = stated == nullptr;
    std::vector<std::string> differences;
    const auto left = elements_of(made);
    const auto right = elements_of(expected);
    std::vector<std::string> left_ids;
    std::vector<std::string> right_ids;
    for (const Element* element : left) {
        left_ids.push_back(label(*element));
    }
    for (const Element* element : right) {
        right_ids.push_back(label(*element));
    }
    if (left_ids != right_ids) {
        for (const std::string& id : left_ids) {
            if (std::find(right_ids.begin(), right_ids.end(), id) == right_ids.end()) {
                differences.push_back("too many: " + id);
            }
        }
        for (const std::string& id : right_ids) {
            if (std::find(left_ids.begin(), left_ids.end(), id) == left_ids.end()) {
                differences.push_back("missing: " + id);
            }
        }
        if (differences.empty()) {
            differences.emplace_back("order or number of elements differs");
        }
    }
    std::map<std::string, const Element*> by_id;
    for (const Element* element : left) {
        by_id.emplace(label(*element), element);
    }
    for (const Element* element : right) {
        const auto at = by_id.find(label(*element));
        if (at == by_id.end()) {
            continue;
        }
        auto ours = aspects(*at->second);
        auto theirs = aspects(*element);
        if (!constraints) {
            ours.erase("constraint");
            theirs.erase("constraint");
        }
        for (const auto& [aspect, value] : theirs) {
            // Types and bindings that the differential does not touch are R4B's own there.
            const bool untouched =
                (aspect == "type" || aspect == "binding") && stated != nullptr &&
                !stated->contains(std::string(element->child_value("path")) + " " + aspect);
            if (ours[aspect] != value && !untouched) {
                differences.push_back(
                    label(*element) + " " + aspect + ": made \"" + ours[aspect] +
                    "\", expected \"" + value + "\""
                );
            }
        }
        for (const auto& [aspect, value] : ours) {
            if (!theirs.contains(aspect) && !value.empty() &&
                !(stated != nullptr && aspect == "binding")) {
                differences.push_back(
                    label(*element) + " " + aspect + ": made \"" + value + "\", expected nothing"
                );
            }
        }
    }
    return differences;
}

struct Tally {
    int passed = 0;
    int total = 0;
    std::string failed;
};

TEST(SnapshotConformance, suites_stay_above_their_floor) {
    const fs::path folder = shared_conformance();
    const char* set = std::getenv("GATEHOUSE_CACHE");
    const fs::path cache =
        set != nullptr ? fs::path(set) : fs::path(GATEHOUSE_SOURCE_DIR) / ".cache/packages";
    if (folder.empty() || !fs::exists(cache / "hl7.fhir.r4.core#4.0.1")) {
        GTEST_SKIP() << "needs the shared conformance material and R4 core in " << cache;
    }
    const char* only = std::getenv("GATEHOUSE_SNAPSHOT_CASE");
    std::map<std::string, Tally> tallies;
    std::ifstream index(folder / "INDEX.jsonl");
    for (std::string line; std::getline(index, line);) {
        Arena arena;
        auto row = parse_json_value(line, arena);
        ASSERT_TRUE(row) << describe(row.error());
        const std::string id(row->string("id"));
        const std::string suite(row->string("suite"));
        if (only != nullptr && id != only) {
            continue;
        }
        Definitions definitions;
        Issues notes;
        ASSERT_TRUE(definitions.load({"hl7.fhir.r4.core#4.0.1"}, cache, notes));
        if (suite == "uscore310") {
            // The suite's profiles build on one another.
            ASSERT_TRUE(definitions.load({(folder / "files/uscore310").string()}, {}, notes));
        }
        if (const JsonValue* others = row->find("register"); others != nullptr) {
            for (const JsonValue& other : others->items) {
                (void)definitions.load({(folder / other.text).string()}, {}, notes);
            }
        }
        const auto input = load_resource(folder / row->string("input"));
        ASSERT_NE(input->root, nullptr) << id;
        SnapshotOptions options;
        options.sort_differential =
            row->find("sort") != nullptr && row->find("sort")->text == "true";
        const auto made = generate_snapshot(*input->root, definitions, arena, options);
        const bool must_fail = row->find("fail") != nullptr && row->find("fail")->text == "true";
        std::vector<std::string> differences;
        if (must_fail) {
            if (made) {
                differences.emplace_back("must be refused");
            }
        } else if (!made) {
            differences.push_back(describe(made.error()));
        } else {
            const auto expected = load_resource(folder / row->string("expected"));
            ASSERT_NE(expected->root, nullptr) << id;
            std::set<std::string> stated;
            if (const Element* differential = input->root->child("differential");
                differential != nullptr) {
                for (const Element& element : differential->children()) {
                    for (const Element& part : element.children()) {
                        stated.insert(
                            std::string(element.child_value("path")) + " " + std::string(part.name)
                        );
                    }
                }
            }
            differences = compare(**made, *expected->root, suite == "r4b" ? &stated : nullptr);
        }
        Tally& tally = tallies[suite];
        ++tally.total;
        if (differences.empty()) {
            ++tally.passed;
        } else {
            tally.failed += "  " + id + ": " + differences.front().substr(0, 220) + "\n";
        }
        if (only != nullptr) {
            for (const std::string& difference : differences) {
                std::printf("%s\n", difference.c_str());
            }
        }
    }
    if (only != nullptr) {
        return;
    }
    const std::map<std::string, int> floors{
        {"rX", 9}, {"r4b", 61}, {"r4core", 252}, {"uscore310", 18}};
    for (const auto& [suite, tally] : tallies) {
        std::printf(
            "%s: %d of %d\n%s", suite.c_str(), tally.passed, tally.total, tally.failed.c_str()
        );
        EXPECT_GE(tally.passed, floors.at(suite)) << suite;
    }
}

}  // namespace
}  // namespace gatehouse::fhir
