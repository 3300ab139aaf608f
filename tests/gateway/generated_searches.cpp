// SPDX-License-Identifier: Apache-2.0

#include "tests/gateway/generated_searches.hpp"

#include <cstdlib>

#include "adapters/sqlite/database.hpp"
#include "gateway/store/search_sql.hpp"

namespace gatehouse::gateway::generated {

namespace reference = search_reference;

namespace {

// The corpus in a store, indexed as a write indexes it.
std::unique_ptr<Store>
store_of(const reference::Records& records, const std::filesystem::path& file) {
    auto store = adapters::open_sqlite_store({.file = file, .search_budget_ms = 20'000});
    EXPECT_TRUE(store);
    const auto stored = (*store)->transact([&](StoreWriter& writer) -> Result<void> {
        for (const reference::Record& record : records.all()) {
            Arena arena;
            const fhir::Decoded decoded =
                records.engine().read(record.text, fhir::Format::json, arena);
            NewVersion version;
            version.type = record.type;
            version.id = record.id;
            version.json = {
                R"({"resourceType":")" + record.type + R"(","id":")" + record.id + R"(","meta":{)",
                "}}"};
            version.last_updated = record.last_updated;
            version.message_id = "01HF0000000000000000000000";
            version.source = "practice";
            records.engine().search()->extract(
                *decoded.root, arena, version.index, reference::our_base
            );
            const auto put = writer.put(version);
            EXPECT_TRUE(put) << describe(put.error()) << ": " << record.text;
            GH_TRY(put);
        }
        return {};
    });
    EXPECT_TRUE(stored) << describe(stored.error());
    return std::move(*store);
}

}  // namespace

std::uint64_t setting(const char* name, std::uint64_t fallback) {
    const char* text = std::getenv(name);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

reference::Query read_query(std::string_view text) {
    reference::Query query;
    query.type = text.substr(0, text.find('?'));
    while (text.find_first_of("?&") != std::string_view::npos) {
        text.remove_prefix(text.find_first_of("?&") + 1);
        const std::string_view pair = text.substr(0, text.find('&'));
        const std::size_t equals = pair.find('=');
        query.parameters.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return query;
}

ParsedSearch parse(const reference::Query& query, const fhir::Engine& engine) {
    SearchLimits limits;
    limits.base = reference::our_base;
    limits.now = now;
    return parse_search(query.type, query.parameters, engine, limits);
}

Answer ask(Store& store, ParsedSearch parsed) {
    Answer answer;
    if (!parsed.issues.empty()) {
        answer.refused = parsed.issues.front().diagnostics;
        return answer;
    }
    std::optional<std::uint64_t> total;
    for (int pages = 0; pages < 1000; ++pages) {
        const auto page = store.search(parsed.query);
        if (!page) {
            const Errc code = page.error().code;
            (code == Errc::unsupported || code == Errc::too_many ? answer.refused : answer.wrong) =
                describe(page.error());
            return answer;
        }
        total = page->total ? page->total : total;
        for (const StoredVersion& match : page->matches) {
            answer.ids.push_back(
                match.type + "/" + match.id +
                (match.contained.empty() || !parsed.query.contained_alone ? ""
                                                                          : "#" + match.contained)
            );
        }
        if (page->next.empty()) {
            if (total && *total != answer.ids.size()) {
                answer.wrong = "a total of " + std::to_string(*total) + " for " +
                               std::to_string(answer.ids.size()) + " matches";
            }
            return answer;
        }
        parsed.query.after = page->next;
    }
    answer.wrong = "pages without end";
    return answer;
}

Bench::Bench(const fhir::Engine& with)
    : engine(with), seed(setting("GATEHOUSE_SEARCH_SEED", 20'240'229)), definitions(engine),
      records(engine, definitions) {
    reference::make_corpus(records, seed, {});
    store = store_of(records, scratch.path() / "store.db");
}

Bench* bench() {
    static const std::unique_ptr<Bench> made = [] {
        const auto engine = test::core_engine();
        return engine == nullptr ? nullptr : std::make_unique<Bench>(*engine);
    }();
    return made.get();
}

std::string other_way(const Bench& bench, const ParsedSearch& parsed, const Answer& answer) {
    const auto compiled = compile_search(parsed.query, Dialect::sqlite);
    if (!compiled || compiled->in_order() == nullptr || !answer.refused.empty()) {
        return {};
    }
    static const auto database = *adapters::sqlite::Database::open(
        bench.scratch.path() / "store.db", adapters::sqlite::Access::read_only, 2'000
    );
    const SqlStatement page = compiled->in_order()->page(nullptr, 100'000);
    adapters::sqlite::Query rows(*database, "test", page.text);
    for (const SqlValue& value : page.values) {
        rows.bind_value(value);
    }
    std::vector<std::string> ids;
    while (*rows.step()) {
        adapters::sqlite::Query id(
            *database,
            "test",
            "SELECT n.text || '/' || r.id FROM resource r JOIN name n ON n.id = r.type "
            "WHERE r.rid = ?"
        );
        id.bind(rows.integer(0));
        ids.emplace_back(*id.step() ? id.text(0) : "nothing");
    }
    if (compiled->has_spread()) {
        const SqlStatement spread = compiled->spread(100'000, 100'000);
        adapters::sqlite::Query count(*database, "test", spread.text);
        for (const SqlValue& value : spread.values) {
            count.bind_value(value);
        }
        if (!*count.step() || count.number(0) != ids.size()) {
            return "of its set others match: " + spread.text + "\n";
        }
    }
    return ids == answer.ids ? "" : "asked in order, it finds others: " + page.text + "\n";
}

}  // namespace gatehouse::gateway::generated
