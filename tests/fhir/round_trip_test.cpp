// SPDX-License-Identifier: Apache-2.0
//
// Every published example survives JSON->JSON, XML->XML and both crossings: decimals digit for
// digit, white space in strings, primitive extensions, gaps in arrays, contained resources,
// narrative.
#include <gtest/gtest.h>

#include <algorithm>

#include "fhir/xml/xml.hpp"
#include "tests/fhir/tree_compare.hpp"
#include "tests/support/core_definitions.hpp"

namespace gatehouse::fhir {
namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".json" || entry.path().extension() == ".xml") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

class RoundTrip : public testing::Test {
protected:
    // The tree of `text`, annotated.
    Element* read(std::string_view text, Format format) {
        Decoded decoded = format == Format::json ? read_json(text, arena_, types().symbols())
                                                 : read_xml(text, arena_, types().symbols());
        EXPECT_TRUE(decoded.issues.empty())
            << decoded.issues.front().diagnostics << " at " << decoded.issues.front().expression;
        if (decoded.root != nullptr) {
            annotate(*decoded.root, types());
        }
        return decoded.root;
    }
    static const TypeModel& types() { return *test::core_types(); }
    // Keeps texts that trees point into.
    std::string_view keep(std::string text) { return arena_.copy(text); }
    std::string_view json(const Element& tree) { return keep(write_json(tree, &types())); }
    std::string_view xml(const Element& tree) { return keep(write_xml(tree, types())); }

    void check(std::string_view text, Format format);
    bool in_order(const Element& tree, std::string_view text) {
        Issues issues;
        check_xml_form(tree, types(), text, issues);
        return issues.empty();
    }

    Arena arena_;
};

void RoundTrip::check(std::string_view text, Format format) {
    const Element* tree = read(text, format);
    ASSERT_NE(tree, nullptr);
    const Element* from_json = read(json(*tree), Format::json);
    ASSERT_NE(from_json, nullptr);
    const Element* from_xml = read(xml(*tree), Format::xml);
    ASSERT_NE(from_xml, nullptr);

    EXPECT_EQ(test::difference(*tree, *from_json), "");
    EXPECT_EQ(json(*from_json), json(*tree));
    // XML puts children in definition order, so an unordered tree is compared in that order.
    EXPECT_EQ(xml(*from_xml), xml(*tree));
    const Element* crossed = read(json(*from_xml), Format::json);
    ASSERT_NE(crossed, nullptr);
    EXPECT_EQ(test::difference(*from_xml, *crossed), "");
    EXPECT_EQ(xml(*crossed), xml(*tree));
    if (format == Format::xml) {
        EXPECT_EQ(test::difference(*tree, *from_xml), "");
    } else {
        EXPECT_EQ(write_json(*tree, nullptr), json(*tree)) << "unannotated writing differs";
    }
    WriteOptions pretty;
    pretty.pretty = true;
    const Element* pretty_json = read(keep(write_json(*tree, &types(), pretty)), Format::json);
    EXPECT_EQ(test::difference(*tree, *pretty_json), "");
    const Element* pretty_xml = read(keep(write_xml(*tree, types(), pretty)), Format::xml);
    EXPECT_EQ(xml(*pretty_xml), xml(*tree));
}

TEST_F(RoundTrip, keeps_every_published_example) {
    GH_NEED_CORE_TYPES(core);
    const auto shared = test::shared_folder();
    if (!shared) {
        GTEST_SKIP() << "no shared conformance material (set GATEHOUSE_SHARED)";
    }
    std::size_t count = 0;

    for (const char* folder : {"json", "xml", "xml-native"}) {
        for (const auto& file : files_in(*shared / "conformance/examples" / folder)) {
            SCOPED_TRACE(file.filename().string());
            arena_.reset();
            const std::string text = test::read_file(file);
            const Format format = file.extension() == ".json" ? Format::json : Format::xml;
            const Element* tree = read(text, format);
            ASSERT_NE(tree, nullptr);
            // Two hand-written XML files are not R4 (order, an element of an older release).
            if (format == Format::xml && !in_order(*tree, text)) {
                continue;
            }
            if (tree->child("contextType") != nullptr) {
                continue;
            }
            check(text, format);
            ++count;
        }
    }

    EXPECT_EQ(core.find("Patient") != unknown_type, true);
    EXPECT_GE(count, 900U);
}

TEST_F(RoundTrip, published_pairs_are_the_same_tree) {
    GH_NEED_CORE_TYPES(core);
    const auto shared = test::shared_folder();
    if (!shared) {
        GTEST_SKIP() << "no shared conformance material (set GATEHOUSE_SHARED)";
    }
    std::size_t same = 0;
    std::size_t other = 0;

    for (const auto& file : files_in(*shared / "conformance/examples/json")) {
        auto pair = *shared / "conformance/examples/xml" / file.stem();
        pair += ".xml";
        if (!std::filesystem::exists(pair)) {
            continue;
        }
        arena_.reset();
        const std::string left = test::read_file(file);
        const std::string right = test::read_file(pair);
        const Element* from_json = read(left, Format::json);
        const Element* from_xml = read(right, Format::xml);
        ASSERT_TRUE(from_json != nullptr && from_xml != nullptr) << file;
        const Element* ordered = read(xml(*from_json), Format::xml);
        const std::string parts = test::difference(*ordered, *from_xml);
        if (parts.empty()) {
            ++same;
        } else {
            ++other;
            RecordProperty(file.stem().string(), parts);
        }
    }

    EXPECT_NE(core.find("Patient"), unknown_type);
    EXPECT_GE(same, 400U) << other << " pairs differ";
}

}  // namespace
}  // namespace gatehouse::fhir
