#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of generated searches have in common: the generated corpus in a SQLite store,
// indexed as a write indexes it, and what that store answers.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/sqlite_store.hpp"
#include "gateway/api/search_parameters.hpp"
#include "tests/gateway/search_reference/corpus.hpp"
#include "tests/gateway/search_reference/evaluator.hpp"
#include "tests/support/core_engine.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway::generated {

inline constexpr std::int64_t now = 1'720'000'000'000'000;

// A number from the environment.
std::uint64_t setting(const char* name, std::uint64_t fallback);

// "Patient?name=x&_count=2", not percent-encoded.
search_reference::Query read_query(std::string_view text);

// The corpus, its store and the evaluator over it. GATEHOUSE_SEARCH_SEED makes another.
struct Bench {
    explicit Bench(const fhir::Engine& with);
    const fhir::Engine& engine;
    std::uint64_t seed;
    search_reference::Definitions definitions;
    search_reference::Records records;
    tests::ScratchFolder scratch;  // with store.db
    std::unique_ptr<Store> store;
    search_reference::Evaluator evaluator{records, std::string(search_reference::our_base), now};
};

// Made once; null without R4's definitions.
Bench* bench();

struct Answer {
    std::vector<std::string> ids;  // in order; of all pages
    std::string refused;           // in words
    std::string wrong;             // what no answer may be: a fault, a page twice
};

ParsedSearch parse(const search_reference::Query& query, const fhir::Engine& engine);
// All pages of the search.
Answer ask(Store& store, ParsedSearch parsed);
// A store this small takes one way where a search has two (CompiledSearch::in_order): what is wrong
// with the other's answer, or empty.
std::string other_way(const Bench& bench, const ParsedSearch& parsed, const Answer& answer);

}  // namespace gatehouse::gateway::generated
