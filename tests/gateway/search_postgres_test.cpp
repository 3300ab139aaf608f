// SPDX-License-Identifier: Apache-2.0
//
// PostgreSQL's side of gateway/store, on a real server: its schema, and generated searches (those
// of search_differential_test) over the rows that a SQLite store made. Each must answer what SQLite
// answers: the same resources in the same order on the same pages, and the same total.
// GATEHOUSE_SEARCH_QUERIES, _SEED and _ONE as there.

#include <algorithm>
#include <iostream>
#include <map>

#include "adapters/sqlite/database.hpp"
#include "gateway/api/compartments.hpp"
#include "gateway/store/cursor.hpp"
#include "tests/gateway/generated_searches.hpp"
#include "tests/gateway/search_reference/queries.hpp"
#include "tests/gateway/store_cases.hpp"
#include "tests/support/postgres.hpp"

namespace gatehouse::gateway {
namespace {

namespace reference = search_reference;
using adapters::sqlite::Access;
using adapters::sqlite::Database;
using tests::Postgres;
using tests::PostgresServer;

// One server for all tests of this binary.
const Result<std::unique_ptr<PostgresServer>>& server() {
    static const Result<std::unique_ptr<PostgresServer>> started = PostgresServer::start();
    return started;
}

class PostgresSearch : public testing::Test {
protected:
    void SetUp() override {
        if (!server() && server().error().code == Errc::unsupported) {
            GTEST_SKIP() << server().error().detail;
        }
        ASSERT_TRUE(server()) << describe(server().error());
        auto connected = Postgres::connect(**server());
        ASSERT_TRUE(connected) << describe(connected.error());
        postgres_ = std::move(*connected);
    }

    void run(const std::string& sql) {
        const auto done = postgres_->execute(sql);
        ASSERT_TRUE(done) << describe(done.error());
    }

    // First column of all rows.
    std::vector<std::string> texts(const std::string& sql) {
        std::vector<std::string> found;
        const auto rows = postgres_->query({sql, {}});
        EXPECT_TRUE(rows) << describe(rows.error());
        for (const Postgres::Row& row : rows ? *rows : std::vector<Postgres::Row>()) {
            found.push_back(std::get<std::string>(row.front()));
        }
        return found;
    }

    std::unique_ptr<Postgres> postgres_;
};

// Tables with columns, types, collations and defaults, and indexes, of the schema named.
std::string design(const std::string& schema) {
    return "SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, "
           "column_default, is_nullable, is_identity) FROM information_schema.columns "
           "WHERE table_schema = '" +
           schema + "' UNION ALL SELECT replace(indexdef, '" + schema +
           ".', '') FROM pg_indexes WHERE schemaname = '" + schema + "' ORDER BY 1";
}

TEST_F(PostgresSearch, an_older_format_becomes_this_one) {
    run("CREATE SCHEMA fresh; SET search_path = fresh; " + schema_sql(Dialect::postgresql));
    const std::vector<std::string> wanted = texts(design("fresh"));
    EXPECT_GT(wanted.size(), 100U);
    // Tables since the format after this.
    const std::map<int, std::string> dropped{
        {1, "outbox, ix_composite, contained"}, {2, "ix_composite, contained"}, {3, "contained"}};
    ASSERT_EQ(dropped.size(), static_cast<std::size_t>(store_format - store_format_oldest));
    for (const auto& [format, tables] : dropped) {
        const std::string schema = "since" + std::to_string(format);
        run("CREATE SCHEMA " + schema + "; SET search_path = " + schema + "; " +
            schema_sql(Dialect::postgresql) + "DROP TABLE " + tables);
        EXPECT_NE(texts(design(schema)), wanted);
        run(upgrade_sql(Dialect::postgresql, format));
        EXPECT_EQ(texts(design(schema)), wanted) << "from format " << format;
    }
}

TEST_F(PostgresSearch, texts_are_ordered_by_their_bytes) {
    // As the server itself would not.
    const auto own = postgres_->query({"SELECT count(*) WHERE 'a' < 'B'", {}});
    ASSERT_TRUE(own) << describe(own.error());
    EXPECT_EQ(std::get<std::int64_t>(own->front().front()), 1);
    run("CREATE SCHEMA bytes; SET search_path = bytes; " + schema_sql(Dialect::postgresql));
    EXPECT_EQ(
        texts("SELECT table_name || '.' || column_name FROM information_schema.columns WHERE "
              "table_schema = 'bytes' AND data_type = 'text' AND collation_name IS DISTINCT FROM "
              "'C'"),
        std::vector<std::string>()
    );
}

TEST_F(PostgresSearch, a_message_may_have_a_long_identifier) {
    run("CREATE SCHEMA receipts; SET search_path = receipts; " + schema_sql(Dialect::postgresql));
    std::string identifier("https://sender.example/messages|");
    std::uint64_t state = 1;
    while (identifier.size() < 20'000) {  // nothing that could be compressed
        state = state * 6364136223846793005U + 1442695040888963407U;
        identifier += static_cast<char>('a' + (state >> 40U) % 26);
    }
    const SqlStatement put{
        "INSERT INTO receipt (message_id, partner, request_id, bundle_identifier, body_digest, "
        "state, rank, received_at, settled_at, status, headers, body, rules, resources, "
        "decision_id) VALUES ('1', 'practice', '', $1, '', 1, 1, 1, 1, 201, '', '', '', '', '') "
        "RETURNING message_id",
        {identifier}};
    const auto rows = postgres_->query(put);
    EXPECT_TRUE(rows) << describe(rows.error()).substr(0, 300);
}

// The rows of every table of a SQLite store.
void copy_store(const std::filesystem::path& file, Postgres& postgres) {
    auto opened = Database::open(file, Access::read_only, 2'000);
    ASSERT_TRUE(opened) << describe(opened.error());
    Database& sqlite = **opened;
    std::vector<std::string> tables;
    adapters::sqlite::Query names(
        sqlite, "test", "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    );
    while (*names.step()) {
        tables.emplace_back(names.text(0));
    }
    ASSERT_GE(tables.size(), 14U);
    for (const std::string& table : tables) {
        std::string columns;
        adapters::sqlite::Query described(sqlite, "test", "SELECT name FROM pragma_table_info(?)");
        described.bind(std::string_view(table));
        int count = 0;
        while (*described.step()) {
            columns.append(columns.empty() ? "" : ", ").append(described.text(0));
            ++count;
        }
        std::vector<Postgres::Row> rows;
        const std::string sql = "SELECT " + columns + " FROM " + table;
        adapters::sqlite::Query all(sqlite, "test", sql);
        while (*all.step()) {
            Postgres::Row& row = rows.emplace_back();
            for (int i = 0; i < count; ++i) {
                row.push_back(all.value(i));
            }
        }
        const auto copied = postgres.copy(table, columns, rows);
        ASSERT_TRUE(copied) << table << ": " << describe(copied.error());
    }
    ASSERT_TRUE(postgres.execute("ANALYZE"));
}

// A store's search as an adapter for PostgreSQL would do it, over rows that are there already.
class Searcher {
public:
    explicit Searcher(Postgres& postgres) : postgres_(postgres) {
        const auto rows = postgres_.query(
            {"SELECT r.rid, n.text, r.id, '' FROM resource r JOIN name n ON n.id = r.type "
             "WHERE r.live = 1 UNION ALL SELECT c.rid, n.text, r.id, c.id FROM contained c "
             "JOIN resource r ON r.rid = " +
                 holder_sql("c.rid") + " JOIN name n ON n.id = r.type",
             {}}
        );
        EXPECT_TRUE(rows) << describe(rows.error());
        for (const Postgres::Row& row : rows ? *rows : std::vector<Postgres::Row>()) {
            Name& name = names_[std::get<std::int64_t>(row[0])];
            name.record = std::get<std::string>(row[1]) + "/" + std::get<std::string>(row[2]);
            name.contained = std::get<std::string>(row[3]);
        }
    }

    // All pages by one way of the search, forth and back.
    generated::Answer
    ask(const SearchQuery& query, const CompiledSearch& compiled, const CompiledSearch& way) const {
        generated::Answer answer;
        std::string from;
        std::vector<std::string> last;  // the page
        for (int pages = 0; pages < 1000; ++pages) {
            const PageLinks links = read_page(query, way, from, last, answer);
            answer.ids.insert(answer.ids.end(), last.begin(), last.end());
            if (!answer.wrong.empty()) {
                return answer;
            }
            if (links.next.empty()) {
                check_back(query, way, links, last.size(), answer);
                check_totals(way, answer);
                check_totals(compiled, answer);
                return answer;
            }
            from = links.next;
        }
        answer.wrong = "pages without end";
        return answer;
    }

private:
    struct Name {
        std::string record;
        std::string contained;
    };

    static constexpr CursorSecret secret{1, 2};

    PageLinks read_page(
        const SearchQuery& query,
        const CompiledSearch& way,
        const std::string& link,
        std::vector<std::string>& page,
        generated::Answer& answer
    ) const {
        page.clear();
        std::optional<Cursor> from;
        if (!link.empty()) {
            from = open_cursor(link, way.fingerprint(), secret);
            EXPECT_TRUE(from);
        }
        const Cursor* begin = from ? &*from : nullptr;
        const auto read = postgres_.query(way.page(begin, query.count + 1));
        if (!read) {
            answer.wrong = describe(read.error());
            return {};
        }
        std::vector<PageRow> rows;
        for (const Postgres::Row& row : *read) {
            rows.push_back({std::get<std::int64_t>(row.front()), {row.begin() + 1, row.end()}});
        }
        PageLinks links = settle_page(rows, begin, query.count, way.fingerprint(), secret);
        for (const PageRow& row : rows) {
            const auto found = names_.find(row.rid);
            if (found == names_.end()) {
                answer.wrong = "no resource has rid " + std::to_string(row.rid);
                return links;
            }
            const Name& name = found->second;
            page.push_back(
                name.record +
                (name.contained.empty() || !query.contained_alone ? "" : "#" + name.contained)
            );
        }
        return links;
    }

    // From the last page, of `size`, to the first.
    void check_back(
        const SearchQuery& query,
        const CompiledSearch& way,
        PageLinks links,
        std::size_t size,
        generated::Answer& answer
    ) const {
        std::vector<std::string> page;
        std::size_t begin = answer.ids.size() - size;
        while (!links.previous.empty() && answer.wrong.empty()) {
            links = read_page(query, way, links.previous, page, answer);
            if (page.empty() || page.size() > begin ||
                !std::equal(
                    page.begin(),
                    page.end(),
                    answer.ids.begin() + static_cast<std::ptrdiff_t>(begin - page.size())
                )) {
                answer.wrong += "another page on the way back";
                return;
            }
            begin -= page.size();
        }
        if (begin != 0) {
            answer.wrong += "the way back ends before the first page";
        }
    }

    void check_totals(const CompiledSearch& way, generated::Answer& answer) const {
        for (const std::uint64_t most : {0, 3}) {
            const auto rows = postgres_.query(way.count(most));
            if (!rows) {
                answer.wrong = describe(rows.error());
                return;
            }
            const auto total =
                static_cast<std::uint64_t>(std::get<std::int64_t>(rows->front().front()));
            const std::uint64_t all = answer.ids.size();
            if (total != (most == 0 ? all : std::min(all, most))) {
                answer.wrong = "a total of " + std::to_string(total) + " for " +
                               std::to_string(all) + " matches";
                return;
            }
        }
    }

    Postgres& postgres_;
    std::map<std::int64_t, Name> names_;
};

std::string listed(const std::vector<std::string>& ids) {
    std::string out;
    for (const std::string& id : ids) {
        out.append(out.empty() ? "" : " ").append(id);
    }
    return out.substr(0, 800);
}

// A store beside PostgreSQL with its rows.
class Comparison {
public:
    Comparison(Store& store, Postgres& postgres)
        : store_(store), postgres_(postgres), searcher_(postgres) {}

    // `text`: the search, for people.
    void compare(ParsedSearch parsed, const std::string& text) {
        if (!parsed.issues.empty()) {
            return;  // search_differential_test has these
        }
        parsed.query.count_only = false;  // what a total counts is compared too
        ++searches_;
        const generated::Answer wanted = generated::ask(store_, parsed);
        const auto compiled = compile_search(parsed.query, Dialect::postgresql);
        if (!compiled || !wanted.refused.empty()) {
            EXPECT_FALSE(compiled) << text << ": " << wanted.refused;
            EXPECT_NE(wanted.refused, "") << text << ": " << describe(compiled.error());
            return;
        }
        with_matches_ += wanted.ids.empty() ? 0U : 1U;
        check(searcher_.ask(parsed.query, *compiled, *compiled), wanted, text, *compiled);
        if (const CompiledSearch* way = compiled->in_order()) {
            ++other_ways_;
            check(searcher_.ask(parsed.query, *compiled, *way), wanted, text, *way);
            if (compiled->has_spread()) {
                const auto all = postgres_.query(compiled->spread(100'000, 100'000));
                EXPECT_TRUE(
                    all && std::get<std::int64_t>(all->front().front()) ==
                               static_cast<std::int64_t>(wanted.ids.size())
                ) << text;
            }
            const auto beginnings = postgres_.query(compiled->beginnings());
            EXPECT_TRUE(beginnings) << text << "\n" << describe(beginnings.error());
        }
    }

    [[nodiscard]] std::size_t searches() const noexcept { return searches_; }
    [[nodiscard]] std::size_t with_matches() const noexcept { return with_matches_; }
    [[nodiscard]] std::size_t other_ways() const noexcept { return other_ways_; }
    [[nodiscard]] std::size_t differences() const noexcept { return differences_; }

private:
    void check(
        const generated::Answer& got,
        const generated::Answer& wanted,
        const std::string& text,
        const CompiledSearch& way
    ) {
        if (got.wrong.empty() && wanted.wrong.empty() && got.ids == wanted.ids) {
            return;
        }
        if (++differences_ <= 12) {
            ADD_FAILURE() << text << "\n  SQLite     " << wanted.wrong << listed(wanted.ids)
                          << "\n  PostgreSQL " << got.wrong << listed(got.ids) << "\n  "
                          << way.page(nullptr, 20).text;
        }
    }

    Store& store_;
    Postgres& postgres_;
    Searcher searcher_;
    std::size_t searches_ = 0;
    std::size_t with_matches_ = 0;
    std::size_t other_ways_ = 0;
    std::size_t differences_ = 0;
};

TEST_F(PostgresSearch, answers_as_sqlite_does) {
    generated::Bench* bench = generated::bench();
    if (bench == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    run("CREATE SCHEMA corpus; SET search_path = corpus; " + schema_sql(Dialect::postgresql));
    copy_store(bench->scratch.path() / "store.db", *postgres_);
    Comparison comparison(*bench->store, *postgres_);
    const char* one = std::getenv("GATEHOUSE_SEARCH_ONE");
    if (one != nullptr) {
        comparison.compare(generated::parse(generated::read_query(one), bench->engine), one);
        return;
    }
    const std::uint64_t wanted = generated::setting("GATEHOUSE_SEARCH_QUERIES", 3000);
    reference::QueryMaker queries(bench->records, bench->seed);
    for (std::uint64_t i = 0; i < wanted; ++i) {
        const reference::Query query = queries.next();
        comparison.compare(
            generated::parse(query, bench->engine),
            query.text() + "\n(search " + std::to_string(i) + " of seed " +
                std::to_string(bench->seed) + ")"
        );
    }
    // Compartments: Patient/r1/Condition?... as the router makes it.
    const auto patients = compartment_of("Patient", bench->engine);
    ASSERT_TRUE(patients);
    reference::QueryMaker others(bench->records, bench->seed + 2);
    for (std::uint64_t i = 0; i < wanted / 10; ++i) {
        const reference::Query query = others.next();
        if (query.type.empty()) {
            continue;
        }
        const std::string id = "r" + std::to_string(i % 14);
        ParsedSearch parsed = generated::parse(query, bench->engine);
        SearchClause inside = in_compartment(*patients, id, {query.type});
        if (inside.links.empty()) {
            continue;
        }
        if (i % 2 == 0) {
            parsed.query.all_of.clear();
        }
        parsed.query.all_of.push_back(std::move(inside));
        comparison.compare(parsed, "Patient/" + id + "/" + query.text());
    }
    std::cout << comparison.searches() << " searches: " << comparison.with_matches()
              << " found something, " << comparison.other_ways() << " in two ways, "
              << comparison.differences() << " differ\n";
    EXPECT_EQ(comparison.differences(), 0U);
    EXPECT_GE(comparison.searches(), wanted);
    EXPECT_GT(comparison.with_matches() * 2, comparison.searches());
    EXPECT_GT(comparison.other_ways(), wanted / 100);
}

TEST_F(PostgresSearch, answers_the_case_files_as_sqlite_does) {
    if (test::core_engine() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    std::size_t count = 0;
    store_cases::each([&](Store& store,
                          const std::filesystem::path& file,
                          const std::string& name,
                          const fhir::JsonValue& expected) {
        run("DROP SCHEMA IF EXISTS cases CASCADE; CREATE SCHEMA cases; SET search_path = cases; " +
            schema_sql(Dialect::postgresql));
        copy_store(file, *postgres_);
        Comparison comparison(store, *postgres_);
        for (const fhir::JsonValue::Member& query : expected.members) {
            comparison.compare(
                store_cases::parse(query.name), name + ": " + std::string(query.name)
            );
        }
        count += comparison.searches();
        EXPECT_EQ(comparison.differences(), 0U);
    });
    EXPECT_GT(count, 250U);
}

// Patients and, nine for each, observations: enough rows that a plan is a choice.
std::string many_rows() {
    std::string sql = "INSERT INTO name (text) VALUES ('Patient'), ('Observation')";
    for (const char* text :
         {"Patient.identifier",
          "Patient.name",
          "Observation.patient",
          "Observation.code",
          "Observation.date",
          "https://fhir.nhs.uk/Id/nhs-number",
          "http://loinc.org"}) {
        sql.append(", ('").append(text).append("')");
    }
    const auto id = [](const std::string& text) {
        return "(SELECT id FROM name WHERE text = '" + text + "')";
    };
    const std::string patients = " FROM generate_series(10, 40000, 10) g;";
    const std::string observations = " FROM generate_series(11, 39999) g WHERE g % 10 <> 0;";
    const std::string patient = "g - g % 10";
    sql += ";INSERT INTO resource (rid, type, id, patient, version, vid, last_updated, live) "
           "SELECT g, CASE WHEN g % 10 = 0 THEN " +
           id("Patient") + " ELSE " + id("Observation") + " END, 'r' || g, " + patient +
           ", 1, g, 1700000000000000 + g, 1 FROM generate_series(10, 39999) g;";
    sql += "INSERT INTO ix_token SELECT g, " + id("Patient.identifier") +
           ", 999 || lpad(g::text, 7, '0'), " + id("https://fhir.nhs.uk/Id/nhs-number") + ", g" +
           patients;
    sql += "INSERT INTO ix_string SELECT g, " + id("Patient.name") +
           ", 'name' || g, 'Name' || g, g" + patients;
    sql += "INSERT INTO ix_reference SELECT g, " + id("Observation.patient") + ", " + patient +
           ", " + patient + observations;
    sql += "INSERT INTO ix_token SELECT g, " + id("Observation.code") + ", 'code' || g % 50, " +
           id("http://loinc.org") + ", " + patient + observations;
    sql += "INSERT INTO ix_date SELECT g, " + id("Observation.date") +
           ", 3600000000 * g, 3600000000 * g + 1, " + patient + observations;
    return sql + "ANALYZE";
}

TEST_F(PostgresSearch, common_searches_use_indexes) {
    if (test::core_engine() == nullptr) {
        GTEST_SKIP() << "no R4 definitions (package cache or GATEHOUSE_SHARED)";
    }
    run("CREATE SCHEMA many; SET search_path = many; " + schema_sql(Dialect::postgresql) +
        many_rows());
    struct Shape {
        std::string_view search;
        std::vector<std::string_view> indexes;  // each must stand in the plan
    };
    const std::vector<Shape> shapes{
        {"Patient?_id=r10", {"resource_identity"}},
        {"Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000010", {"ix_token_value"}},
        {"Patient?name=name12345", {"ix_string_value"}},
        {"Patient?_sort=-_lastUpdated", {"resource_updated"}},
        {"Observation?patient=r10", {"resource_identity", "ix_reference_value"}},
        {"Observation?patient=r10&_sort=-date", {"ix_reference_value", "ix_date_pkey"}},
        {"Observation?patient=r10&code=http://loinc.org|code3&date=ge1970-01-01",
         {"ix_reference_value", "ix_token_", "ix_date_"}},
        {"Observation?code=http://loinc.org|code3", {"ix_token_value"}},
        {"Observation?date=1971-01-01", {"ix_date_value"}},
        {"Observation?_lastUpdated=ge2023-11-14T22:13:20.03&_sort=_lastUpdated",
         {"resource_updated"}},
        {"Observation?patient.identifier=https://fhir.nhs.uk/Id/nhs-number|9990000010",
         {"ix_token_value", "ix_reference_value"}},
        {"Patient?_has:Observation:patient:date=1971-01-01", {"ix_date_value", "ix_reference_"}},
    };
    for (const Shape& shape : shapes) {
        const ParsedSearch parsed = store_cases::parse(shape.search);
        ASSERT_TRUE(parsed.issues.empty()) << shape.search;
        const auto compiled = compile_search(parsed.query, Dialect::postgresql);
        ASSERT_TRUE(compiled) << shape.search;
        SqlStatement page = compiled->page(nullptr, 20);
        page.text.insert(0, "EXPLAIN (COSTS OFF) ");
        const auto rows = postgres_->query(page);
        ASSERT_TRUE(rows) << describe(rows.error());
        std::string plan;
        for (const Postgres::Row& row : *rows) {
            plan += std::get<std::string>(row.front()) + "\n";
        }
        for (const std::string_view index : shape.indexes) {
            EXPECT_NE(plan.find(" using " + std::string(index)), std::string::npos)
                << shape.search << " without " << index << "\n"
                << plan;
        }
        for (std::size_t at = plan.find("Seq Scan on "); at != std::string::npos;
             at = plan.find("Seq Scan on ", at + 1)) {
            // A table of a page or none is read whole.
            const std::string_view table = std::string_view(plan).substr(at + 12);
            EXPECT_TRUE(table.starts_with("name") || table.starts_with("contained"))
                << shape.search << "\n"
                << plan;
        }
    }
}

}  // namespace
}  // namespace gatehouse::gateway
