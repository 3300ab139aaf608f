// SPDX-License-Identifier: Apache-2.0
//
// Thousands of generated searches on a generated corpus: what parse_search and a SQLite store
// answer is compared, resource by resource, with the slow evaluator of search_reference/.
// GATEHOUSE_SEARCH_QUERIES and GATEHOUSE_SEARCH_SEED ask for more, or for other, searches;
// GATEHOUSE_SEARCH_ONE="Patient?name=x" asks that one only.

#include <cstdlib>
#include <iostream>
#include <map>
#include <set>

#include "gateway/api/api.hpp"
#include "gateway/api/includes.hpp"
#include "tests/gateway/generated_searches.hpp"
#include "tests/gateway/search_reference/queries.hpp"

namespace gatehouse::gateway {
namespace {

namespace reference = search_reference;
using generated::Answer;
using generated::ask;
using generated::bench;
using generated::now;
using generated::parse;
using generated::setting;

// What the product says it does not do. A refusal that is not here fails the test; so does an entry
// that nothing met, so that the list can only shrink.
struct Known {
    std::string_view words;  // in the diagnostics
    std::string_view why;
    bool rare = false;  // the standard run may not meet it
    std::size_t met = 0;
};

std::vector<Known>& known_refusals() {
    static std::vector<Known> list{};
    return list;
}

// Where the answer differs from the specification and that is known: words of the search or of the
// explanation. Each must be met, as above.
std::vector<Known>& known_differences() {
    static std::vector<Known> list{
        {" as uri)",
         "a canonical is a uri: `as` has it so in FHIRPath's text, not in HL7's engine",
         true},
    };
    return list;
}

// What is wrong with the answer, or empty.
std::string compare(
    const Answer& answer,
    const reference::Query& query,
    const reference::Evaluator& evaluator,
    const reference::Records& records,
    std::size_t& left_open
) {
    if (!answer.wrong.empty()) {
        return answer.wrong + "\n";
    }
    std::set<std::string> got;
    std::string wrong;
    for (const std::string& id : answer.ids) {
        if (!got.insert(id).second) {
            wrong += id + " is there twice\n";
        }
    }
    std::map<std::string, const reference::Record*> all;
    for (const reference::Record& record : records.all()) {
        for (const auto& [name, expected] : evaluator.answers(query, record)) {
            all[name] = &record;
            left_open += expected == reference::Truth::free ? 1U : 0U;
            const bool found = got.contains(name);
            if (expected != reference::Truth::free &&
                found != (expected == reference::Truth::yes)) {
                wrong += name + (found ? " found" : " not found") + ", but " +
                         evaluator.explain(query, record);
            }
        }
    }
    for (std::size_t i = 0; i < answer.ids.size(); ++i) {
        if (!all.contains(answer.ids[i])) {
            wrong += answer.ids[i] + " is of another type\n";
        } else if (i > 0 && all.contains(answer.ids[i - 1])) {
            const auto why =
                evaluator.misplaced(query, *all[answer.ids[i - 1]], *all[answer.ids[i]]);
            wrong += why ? *why + "\n" : "";
        }
    }
    return wrong;
}

bool is_known(std::vector<Known>& list, const std::string& text) {
    for (Known& known : list) {
        if (text.find(known.words) != std::string::npos) {
            ++known.met;
            return true;
        }
    }
    return false;
}

// Lists what was met, and fails on what was not: a list can only shrink.
void report(const std::vector<Known>& list, std::string_view what, bool whole) {
    for (const Known& known : list) {
        std::cout << "  " << what << " " << known.met << " times: " << known.words << " ("
                  << known.why << ")\n";
        EXPECT_TRUE(known.met > 0 || known.rare || !whole)
            << "no search is " << what << " any more with \"" << known.words
            << "\": take it off the list";
    }
}

TEST(SearchDifferential, agrees_with_the_specification_read_slowly) {
    if (bench() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    auto& [engine, seed, definitions, records, scratch, store, evaluator] = *bench();
    const std::uint64_t wanted = setting(
        "GATEHOUSE_SEARCH_QUERIES", std::getenv("GATEHOUSE_SEARCH_ONE") == nullptr ? 3000 : 1
    );
    reference::QueryMaker queries(records, seed);
    const char* one = std::getenv("GATEHOUSE_SEARCH_ONE");

    std::size_t differences = 0;
    std::size_t with_matches = 0;
    std::size_t left_open = 0;
    std::size_t refused = 0;
    std::map<std::string, std::size_t> unknown_refusals;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        const reference::Query query = one == nullptr ? queries.next() : generated::read_query(one);
        const ParsedSearch parsed = parse(query, engine);
        const Answer answer = ask(*store, parsed);
        if (!answer.refused.empty()) {
            ++refused;
            if (!is_known(known_refusals(), answer.refused)) {
                ++unknown_refusals[query.text() + "\n    " + answer.refused];
            }
            continue;
        }
        with_matches += answer.ids.empty() ? 0U : 1U;
        const std::string wrong = compare(answer, query, evaluator, records, left_open) +
                                  generated::other_way(*bench(), parsed, answer);
        if (!wrong.empty() && !is_known(known_differences(), query.text() + wrong) &&
            ++differences <= 12) {
            ADD_FAILURE() << query.text() << "\n(search " << i << " of seed " << seed << ")\n"
                          << wrong;
        }
    }

    std::cout << records.all().size() << " resources, " << wanted << " searches: " << with_matches
              << " found something, " << refused << " refused in words, " << differences
              << " differ; " << left_open << " verdicts left to the server\n";
    const bool whole = wanted >= 3000 && seed == 20'240'229;
    report(known_refusals(), "refused", whole);
    report(known_differences(), "different", whole);
    EXPECT_EQ(differences, 0U);
    std::size_t shown = 0;
    for (const auto& [text, count] : unknown_refusals) {
        if (++shown <= 20) {
            ADD_FAILURE() << "refused, and not on the list of known refusals:\n" << text;
        }
    }
    EXPECT_EQ(unknown_refusals.size(), 0U);
    EXPECT_GT(with_matches * 2, wanted - refused) << "too few searches find anything";
}

TEST(SearchDifferential, includes_what_the_references_lead_to) {
    if (bench() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    auto& [engine, seed, definitions, records, scratch, store, evaluator] = *bench();
    reference::QueryMaker queries(records, seed + 1);
    const std::string base(reference::our_base);
    ApiContext context;
    context.base = base;
    std::size_t differences = 0;
    std::size_t included_in_all = 0;
    const std::uint64_t wanted = setting("GATEHOUSE_SEARCH_QUERIES", 3000) / 10;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        const reference::Query query = queries.with_includes();
        SearchLimits limits;
        limits.base = base;
        limits.now = now;
        limits.page_default = 500;
        IncludePlan plan;
        fhir::Issues issues;
        std::vector<std::pair<std::string, std::string>> others;
        for (const auto& [name, value] : query.parameters) {
            if (!is_include(name)) {
                others.emplace_back(name, value);
            } else if (!add_include(name, value, {query.type}, engine, plan, issues)) {
                ADD_FAILURE() << query.text() << "\n" << issues.back().diagnostics;
            }
        }
        ParsedSearch parsed = parse_search(query.type, others, engine, limits);
        if (!parsed.issues.empty()) {
            continue;  // the other test has these
        }
        auto page = store->search(parsed.query);
        ASSERT_TRUE(page) << describe(page.error());
        std::vector<std::string> disclosed;
        const Viewer viewer;
        Exit exit(viewer, base, *store, disclosed);
        constexpr auto never = std::chrono::steady_clock::time_point::max();
        const auto included =
            follow_includes(plan, page->matches, context, exit, *store, never, issues);
        ASSERT_TRUE(included) << describe(included.error());
        std::set<std::string> got;
        for (const StoredVersion& version : *included) {
            EXPECT_TRUE(got.insert(version.type + "/" + version.id).second) << "twice";
        }
        std::vector<const reference::Record*> matches;
        for (const StoredVersion& match : page->matches) {
            matches.push_back(records.find(match.type, match.id));
        }
        const std::set<std::string> expected = evaluator.included(query, matches);
        included_in_all += got.size();
        if (got != expected && ++differences <= 8) {
            std::string wrong;
            for (const std::string& name : expected) {
                wrong += got.contains(name) ? "" : "  not included: " + name + "\n";
            }
            for (const std::string& name : got) {
                wrong += expected.contains(name)
                             ? ""
                             : "  included, but not referred to: " + name + "\n";
            }
            ADD_FAILURE() << query.text() << "\n(search " << i << " of seed " << seed << ", "
                          << matches.size() << " matches)\n"
                          << wrong.substr(0, 1500);
        }
    }
    std::cout << wanted << " searches included " << included_in_all << " resources, " << differences
              << " differ\n";
    EXPECT_EQ(differences, 0U);
    EXPECT_GT(included_in_all, wanted);
}

}  // namespace
}  // namespace gatehouse::gateway
