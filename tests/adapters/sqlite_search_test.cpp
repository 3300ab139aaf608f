// SPDX-License-Identifier: Apache-2.0

#include "gateway/store/search_sql.hpp"
#include "tests/adapters/sqlite_support.hpp"

namespace gatehouse::adapters {
namespace {

using fhir::EntryKind;
using fhir::IndexEntry;
using fhir::SearchType;
using gateway::SearchClause;
using gateway::SearchModifier;
using gateway::SearchPrefix;
using gateway::SearchQuery;
using gateway::SearchSort;
using gateway::SearchValue;

const std::string nhs_number = "https://fhir.nhs.uk/Id/nhs-number";

IndexEntry token(const std::string& code, const std::string& system, const std::string& value) {
    IndexEntry entry;
    entry.parameter = &parameter(code, SearchType::token);
    entry.system = system;
    entry.value = value;
    return entry;
}
IndexEntry reference(const std::string& code, const std::string& type, const std::string& id) {
    IndexEntry entry;
    entry.parameter = &parameter(code, SearchType::reference, {"Patient"});
    entry.system = type;
    entry.value = id;
    return entry;
}
IndexEntry date(const std::string& code, const std::string& text) {
    IndexEntry entry;
    entry.parameter = &parameter(code, SearchType::date);
    EXPECT_TRUE(fhir::date_range(text, entry.low, entry.high));
    return entry;
}

NewVersion observation(int i, const std::string& patient_id) {
    NewVersion version = patient("o" + std::to_string(i));
    version.type = "Observation";
    version.index.clear();
    version.patient = patient_id;
    version.last_updated += i;
    version.index.push_back(reference("patient", "Patient", patient_id));
    version.index.push_back(token("code", "http://loinc.org", i % 2 == 0 ? "8480-6" : "8462-4"));
    version.index.push_back(token("status", "http://hl7.org/fhir/observation-status", "final"));
    const std::string day = std::to_string(10 + i % 20);
    version.index.push_back(date("date", "2024-03-" + day));
    IndexEntry quantity;
    quantity.parameter = &parameter("value-quantity", SearchType::quantity);
    quantity.system = "http://unitsofmeasure.org";
    quantity.value = "mm[Hg]";
    quantity.number = std::to_string(100 + i) + ".5";
    version.index.push_back(quantity);
    return version;
}

class SqliteSearch : public testing::Test {
protected:
    void SetUp() override {
        store_ = open_store(folder_.file());
        ASSERT_TRUE(store_->transact([](StoreWriter& writer) -> Result<void> {
            GH_TRY(writer.put(patient("p1", "Müller")));
            GH_TRY(writer.put(patient("p2", "Mullins")));
            for (int i = 0; i < 40; ++i) {
                GH_TRY(writer.put(observation(i, i < 30 ? "p1" : "p2")));
            }
            return {};
        }));
    }

    std::string ids(const SearchQuery& query) {
        const auto page = store_->search(query);
        if (!page) {
            return describe(page.error());
        }
        std::string out;
        for (const auto& match : page->matches) {
            out += (out.empty() ? "" : " ") + match.id;
        }
        return out;
    }
    std::uint64_t count(SearchQuery query) {
        query.count_only = true;
        const auto page = store_->search(query);
        EXPECT_TRUE(page) << describe(page.error());
        return page ? *page->total : 9999;
    }

    Folder folder_;
    std::unique_ptr<Store> store_;
};

SearchQuery of(const std::string& type, std::vector<SearchClause> clauses = {}) {
    SearchQuery query;
    query.type = type;
    query.all_of = std::move(clauses);
    return query;
}
SearchValue value(const std::string& text) {
    SearchValue made;
    made.value = text;
    return made;
}
SearchValue coded(const std::string& system, const std::string& code) {
    SearchValue made = value(code);
    made.has_system = true;
    made.system = system;
    return made;
}
SearchClause clause(
    const std::string& code,
    SearchType type,
    std::vector<SearchValue> values,
    SearchModifier modifier = SearchModifier::none
) {
    SearchClause made;
    made.parameter = &parameter(
        code,
        type,
        type == SearchType::reference ? std::vector<std::string>{"Patient"}
                                      : std::vector<std::string>{}
    );
    made.any_of = std::move(values);
    made.modifier = modifier;
    return made;
}
SearchClause of_patient(const std::string& id) {
    SearchValue made = value(id);
    made.type = "Patient";
    return clause("patient", SearchType::reference, {made});
}
SearchClause dated(SearchPrefix prefix, const std::string& text) {
    SearchValue made;
    made.prefix = prefix;
    EXPECT_TRUE(fhir::date_range(text, made.low, made.high));
    return clause("date", SearchType::date, {made});
}

TEST_F(SqliteSearch, finds_by_identifier) {
    EXPECT_EQ(
        ids(of("Patient", {clause("identifier", SearchType::token, {coded(nhs_number, "99p1")})})),
        "p1"
    );
    EXPECT_EQ(ids(of("Patient", {clause("identifier", SearchType::token, {value("99p2")})})), "p2");
    EXPECT_EQ(
        ids(of("Patient", {clause("identifier", SearchType::token, {coded("", "99p2")})})), ""
    );
    EXPECT_EQ(
        ids(of("Patient", {clause("identifier", SearchType::token, {coded(nhs_number, "")})})),
        "p1 p2"
    );
    EXPECT_EQ(
        ids(of("Observation", {clause("identifier", SearchType::token, {value("99p2")})})), ""
    );
}

TEST_F(SqliteSearch, joins_clauses_and_alternatives) {
    const auto systolic = clause("code", SearchType::token, {coded("http://loinc.org", "8480-6")});
    const auto either =
        clause("code", SearchType::token, {coded("http://loinc.org", "8480-6"), value("8462-4")});

    EXPECT_EQ(count(of("Observation", {of_patient("p1")})), 30U);
    EXPECT_EQ(count(of("Observation", {of_patient("p1"), systolic})), 15U);
    EXPECT_EQ(count(of("Observation", {of_patient("p2"), either})), 10U);
    EXPECT_EQ(count(of("Observation", {systolic})), 20U);
    EXPECT_EQ(count(of("Observation", {either})), 40U);
    EXPECT_EQ(count(of("Observation")), 40U);
}

TEST_F(SqliteSearch, excludes_with_not_and_missing) {
    SearchValue yes;
    yes.truth = true;
    SearchValue no;

    EXPECT_EQ(
        count(
            of("Observation",
               {clause("code", SearchType::token, {value("8480-6")}, SearchModifier::not_)})
        ),
        20U
    );
    EXPECT_EQ(
        count(of("Observation", {clause("code", SearchType::token, {yes}, SearchModifier::missing)})
        ),
        0U
    );
    EXPECT_EQ(
        count(of("Observation", {clause("code", SearchType::token, {no}, SearchModifier::missing)})
        ),
        40U
    );
    EXPECT_EQ(
        count(of(
            "Observation", {clause("patient", SearchType::reference, {no}, SearchModifier::missing)}
        )),
        40U
    );
    EXPECT_EQ(
        count(
            of("Observation", {clause("device", SearchType::token, {yes}, SearchModifier::missing)})
        ),
        40U
    );
}

TEST_F(SqliteSearch, folds_strings_unless_exact) {
    const auto family = [](const std::string& text,
                           SearchModifier modifier = SearchModifier::none) {
        return of("Patient", {clause("family", SearchType::string, {value(text)}, modifier)});
    };

    EXPECT_EQ(ids(family("mull")), "p1 p2");
    EXPECT_EQ(ids(family("MÜLLE")), "p1");
    EXPECT_EQ(ids(family("ller", SearchModifier::contains)), "p1");
    EXPECT_EQ(ids(family("Müller", SearchModifier::exact)), "p1");
    EXPECT_EQ(ids(family("Muller", SearchModifier::exact)), "");
}

TEST_F(SqliteSearch, compares_dates_by_prefix) {
    EXPECT_EQ(count(of("Observation", {dated(SearchPrefix::eq, "2024-03-10")})), 2U);
    EXPECT_EQ(count(of("Observation", {dated(SearchPrefix::eq, "2024-03")})), 40U);
    EXPECT_EQ(count(of("Observation", {dated(SearchPrefix::ge, "2024-03-28")})), 4U);
    EXPECT_EQ(count(of("Observation", {dated(SearchPrefix::gt, "2024-03-28")})), 2U);
    EXPECT_EQ(count(of("Observation", {dated(SearchPrefix::lt, "2024-03-11")})), 2U);
    EXPECT_EQ(count(of("Observation", {dated(SearchPrefix::ne, "2024-03-10")})), 38U);
    EXPECT_EQ(
        count(
            of("Observation",
               {of_patient("p1"),
                dated(SearchPrefix::ge, "2024-03-11"),
                dated(SearchPrefix::le, "2024-03-12")})
        ),
        4U
    );
}

TEST_F(SqliteSearch, compares_quantities_with_their_digits) {
    const auto quantity = [](SearchPrefix prefix, const std::string& number, const std::string& code
                          ) {
        SearchValue made = value(number);
        made.prefix = prefix;
        made.code = code;
        return of("Observation", {clause("value-quantity", SearchType::quantity, {made})});
    };

    EXPECT_EQ(count(quantity(SearchPrefix::eq, "100.5", "")), 1U);
    EXPECT_EQ(count(quantity(SearchPrefix::eq, "101", "mm[Hg]")), 1U);
    EXPECT_EQ(count(quantity(SearchPrefix::gt, "130.5", "mm[Hg]")), 9U);
    EXPECT_EQ(count(quantity(SearchPrefix::ge, "130.5", "mm[Hg]")), 10U);
    EXPECT_EQ(count(quantity(SearchPrefix::ge, "130.5", "kg")), 0U);
}

TEST_F(SqliteSearch, follows_references_to_identifiers) {
    SearchClause chained = clause("patient", SearchType::reference, {});
    chained.chained = {clause("identifier", SearchType::token, {coded(nhs_number, "99p2")})};
    const SearchClause modifier = clause(
        "patient", SearchType::reference, {coded(nhs_number, "99p2")}, SearchModifier::identifier
    );
    NewVersion by_identifier = observation(50, "p1");
    by_identifier.index.front() = token("patient", nhs_number, "99p2");
    by_identifier.index.front().parameter =
        &parameter("patient", SearchType::reference, {"Patient"});
    by_identifier.index.front().kind = EntryKind::identifier;
    ASSERT_TRUE(put_one(*store_, by_identifier));

    EXPECT_EQ(count(of("Observation", {chained})), 10U);
    EXPECT_EQ(count(of("Observation", {modifier})), 11U);
    EXPECT_EQ(count(of("Observation", {modifier, dated(SearchPrefix::eq, "2024-03-20")})), 2U);
}

TEST_F(SqliteSearch, forgets_index_rows_of_old_versions) {
    NewVersion moved = observation(0, "p2");
    ASSERT_TRUE(put_one(*store_, moved));

    EXPECT_EQ(count(of("Observation", {of_patient("p1")})), 29U);
    EXPECT_EQ(count(of("Observation", {of_patient("p2")})), 11U);
    ASSERT_TRUE(store_->transact([](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.remove("Observation", "o0", 1, "m", "s"));
        return {};
    }));
    EXPECT_EQ(count(of("Observation", {of_patient("p2")})), 10U);
    EXPECT_EQ(count(of("Observation")), 39U);
}

std::string ids_of(const gateway::SearchPage& page) {
    std::string out;
    for (const auto& match : page.matches) {
        out += match.id + " ";
    }
    return out;
}

// Walks all pages and back again; between pages resources are added and removed elsewhere.
std::string walk(Store& store, SearchQuery query, const std::function<void()>& between) {
    std::string out;
    std::vector<std::string> seen;
    std::string previous;
    for (int i = 0; i < 50; ++i) {
        const auto page = store.search(query);
        if (!page) {
            return describe(page.error());
        }
        EXPECT_EQ(page->previous.empty(), i == 0);
        seen.push_back(ids_of(*page));
        out += seen.back();
        query.after = page->next;
        previous = page->previous;
        if (query.after.empty()) {
            break;
        }
        between();
    }
    if (!query.after.empty()) {
        return out + "endless";
    }
    while (seen.size() > 1) {
        seen.pop_back();
        query.after = previous;
        const auto page = store.search(query);
        EXPECT_TRUE(page && page->back && !page->next.empty());
        EXPECT_EQ(page ? ids_of(*page) : "", seen.back()) << "on the way back";
        previous = page ? page->previous : "";
        between();
    }
    EXPECT_EQ(previous, "") << "nothing is before the first page";
    return out;
}

TEST_F(SqliteSearch, pages_without_loss_while_others_write) {
    SearchQuery query = of("Observation", {of_patient("p1")});
    query.count = 7;
    std::string expected;
    for (int i = 0; i < 30; ++i) {
        expected += "o" + std::to_string(i) + " ";
    }
    EXPECT_EQ(walk(*store_, query, [] {}), expected);
    int next = 100;
    const std::string seen = walk(*store_, query, [&] {
        ASSERT_TRUE(put_one(*store_, observation(next++, "p2")));
        ASSERT_TRUE(put_one(*store_, observation(35, "p2")));
    });
    EXPECT_EQ(seen, expected);
}

// With many rows of a condition a chain from it is answered in order and not as a set: the same
// answers, and pages that begin one way go on the other.
TEST_F(SqliteSearch, finds_by_common_conditions_what_it_finds_by_rare_ones) {
    SearchClause has;
    has.field = SearchClause::Field::has;
    has.parameter = &parameter("patient", SearchType::reference);
    has.target_types = {"Observation"};
    has.chained = {clause("code", SearchType::token, {coded("http://loinc.org", "8480-6")})};
    SearchQuery query = of("Patient", {has});
    query.count = 7;
    const auto compiled = gateway::compile_search(query, gateway::Dialect::sqlite);
    ASSERT_TRUE(compiled && compiled->in_order() != nullptr);
    EXPECT_EQ(compiled->in_order()->page(nullptr, 8).text.find("DISTINCT"), std::string::npos);
    EXPECT_EQ(walk(*store_, query, [] {}), "p1 p2 ");

    query.count = 1;
    const auto first = store_->search(query);
    ASSERT_TRUE(first);
    std::string expected = "p1 p2 ";
    ASSERT_TRUE(store_->transact([&](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 120; ++i) {
            const std::string id = "q" + std::to_string(i);
            expected += id + " ";
            GH_TRY(writer.put(patient(id)));
        }
        for (int i = 0; i < 4'200; ++i) {
            GH_TRY(writer.put(observation(1'000 + i, "q" + std::to_string(i % 120 / 2 * 2))));
            GH_TRY(writer.put(observation(9'000 + 2 * i, "q" + std::to_string(i % 120 / 2 * 2 + 1)))
            );
        }
        return {};
    }));
    query.after = first->next;
    const auto second = store_->search(query);
    ASSERT_TRUE(second) << describe(second.error());
    EXPECT_EQ(second->matches.front().id, "p2");
    query.after.clear();
    query.count = 7;
    EXPECT_EQ(walk(*store_, query, [] {}), expected);
    EXPECT_EQ(store_->search(query)->total, 122U);
    query.total_max = 121;
    EXPECT_EQ(store_->search(query)->total, std::nullopt);
    has.chained = {clause("code", SearchType::token, {coded("http://loinc.org", "nothing")})};
    EXPECT_EQ(walk(*store_, of("Patient", {has}), [] {}), "");

    // The other direction: observations of patients, of whom there are many.
    SearchClause chain = of_patient("");
    chain.any_of.clear();
    chain.target_types = {"Patient"};
    chain.chained = {has};
    chain.chained.front().chained = {clause("status", SearchType::token, {value("final")})};
    chain.chained.push_back(clause("active", SearchType::token, {value("no")}));
    EXPECT_EQ(walk(*store_, of("Observation", {chain}), [] {}), "");
}

TEST_F(SqliteSearch, counts_no_further_than_asked) {
    SearchQuery query = of("Observation", {of_patient("p1")});
    query.count = 7;
    const auto total = [&](std::uint64_t most) {
        query.total_max = most;
        const auto page = store_->search(query);
        EXPECT_TRUE(page) << describe(page.error());
        return page->total;
    };
    EXPECT_EQ(total(0), 30U);
    EXPECT_EQ(total(30), 30U);
    EXPECT_EQ(total(29), std::nullopt);
    query.count = 40;  // all on one page: known without counting
    EXPECT_EQ(total(10), 30U);
    query.count_only = true;
    EXPECT_EQ(total(10), 30U) << "asked for by itself it is always said";
}

TEST_F(SqliteSearch, sorts_by_parameter_with_missing_last_and_pages) {
    NewVersion undated = observation(60, "p2");
    std::erase_if(undated.index, [](const IndexEntry& entry) {
        return entry.parameter->code == "date";
    });
    ASSERT_TRUE(put_one(*store_, undated));
    SearchQuery query = of("Observation", {of_patient("p2")});
    SearchSort by_date;
    by_date.parameter = &parameter("date", SearchType::date);
    query.sort = {by_date};
    query.count = 3;

    EXPECT_EQ(walk(*store_, query, [] {}), "o30 o31 o32 o33 o34 o35 o36 o37 o38 o39 o60 ");
    query.sort.front().descending = true;
    EXPECT_EQ(walk(*store_, query, [] {}), "o39 o38 o37 o36 o35 o34 o33 o32 o31 o30 o60 ");
    query.sort.front().parameter = nullptr;
    query.all_of.clear();
    EXPECT_EQ(walk(*store_, query, [] {}).substr(0, 12), "o60 o39 o38 ");
    query.sort.front() = {nullptr, true, false};
    EXPECT_EQ(walk(*store_, query, [] {}).substr(0, 8), "o0 o1 o1");
    query.sort = {by_date, {nullptr, true, true}};
    EXPECT_EQ(walk(*store_, query, [] {}).substr(0, 12), "o20 o0 o21 o");
}

TEST_F(SqliteSearch, selects_by_id_and_time) {
    SearchClause by_id;
    by_id.field = SearchClause::Field::id;
    by_id.any_of = {value("o1"), value("o31"), value("nothing")};
    SearchClause by_time;
    by_time.field = SearchClause::Field::last_updated;
    SearchValue since;
    since.prefix = SearchPrefix::ge;
    since.low = 1'700'000'000'000'000 + 30;
    since.high = since.low + 1;
    by_time.any_of = {since};

    EXPECT_EQ(ids(of("Observation", {by_id})), "o1 o31");
    EXPECT_EQ(ids(of("Observation", {by_id, of_patient("p2")})), "o31");
    EXPECT_EQ(count(of("Observation", {by_time})), 10U);
    EXPECT_EQ(count(of("Observation", {by_time, of_patient("p1")})), 0U);
}

TEST_F(SqliteSearch, refuses_a_cursor_of_another_search) {
    SearchQuery query = of("Observation", {of_patient("p1")});
    query.count = 5;
    const std::string next = store_->search(query)->next;
    SearchQuery other = of("Observation", {of_patient("p2")});
    other.after = next;
    SearchQuery tampered = query;
    tampered.after = next;
    tampered.after[12] = tampered.after[12] == 'A' ? 'B' : 'A';

    EXPECT_EQ(store_->search(other).error().code, Errc::invalid);
    EXPECT_EQ(store_->search(tampered).error().code, Errc::invalid);
    tampered.after = "x";
    EXPECT_EQ(store_->search(tampered).error().code, Errc::invalid);
}

TEST_F(SqliteSearch, bounds_the_number_of_values) {
    SearchClause many;
    many.field = SearchClause::Field::id;
    many.any_of.assign(10'000, value("x"));

    EXPECT_EQ(store_->search(of("Observation", {many})).error().code, Errc::too_many);
    many.any_of.assign(1000, value("o1"));
    EXPECT_EQ(ids(of("Observation", {many})), "o1");
    SearchClause codes = clause("code", SearchType::token, {});
    codes.any_of.assign(999, coded("http://loinc.org", "8480-6"));
    EXPECT_EQ(count(of("Observation", {codes})), 20U);
    for (std::size_t i = 0; i < codes.any_of.size(); ++i) {
        codes.any_of[i].system += i % 2 == 0 ? "" : "x";
    }
    EXPECT_EQ(count(of("Observation", {codes})), 20U);
    EXPECT_EQ(count(of("Observation", {of_patient("p1"), codes})), 15U);
}

TEST_F(SqliteSearch, ends_a_search_over_its_budget_and_goes_on) {
    ASSERT_TRUE(store_->transact([](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 1500; ++i) {
            GH_TRY(writer.put(patient("n" + std::to_string(i), "Name" + std::to_string(i))));
        }
        return {};
    }));
    const auto hurried = open_sqlite_store({.file = folder_.file(), .search_budget_ms = 0});
    ASSERT_TRUE(hurried);
    const SearchQuery broad =
        of("Patient",
           {clause("family", SearchType::string, {value("me149")}, SearchModifier::contains)});

    const auto outcome = (*hurried)->search(broad);

    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::timeout);
    EXPECT_NE(outcome.error().detail.find("narrow"), std::string::npos);
    EXPECT_TRUE((*hurried)->read("Patient", "p1"));
    EXPECT_EQ(count(broad), 11U);
}

TEST_F(SqliteSearch, a_search_over_its_steps_is_refused_alike_every_time) {
    ASSERT_TRUE(store_->transact([](StoreWriter& writer) -> Result<void> {
        for (int i = 0; i < 1500; ++i) {
            GH_TRY(writer.put(patient("n" + std::to_string(i), "Name" + std::to_string(i))));
        }
        return {};
    }));
    const SearchQuery broad =
        of("Patient",
           {clause("family", SearchType::string, {value("me149")}, SearchModifier::contains)});
    const SearchQuery narrow =
        of("Patient", {clause("family", SearchType::string, {value("name7")})});
    // The smallest bound under which it is done, looked for anew: no clock takes part.
    const auto least = [&] {
        for (std::uint64_t steps = 2'000;; steps += 2'000) {
            const auto store = open_sqlite_store(
                {.file = folder_.file(), .search_budget_ms = 600'000, .search_steps_max = steps}
            );
            const auto outcome = (*store)->search(broad);
            if (outcome) {
                return steps;
            }
            EXPECT_EQ(outcome.error().code, Errc::too_many);
            EXPECT_NE(outcome.error().detail.find("narrow"), std::string::npos);
            EXPECT_EQ((*store)->search(broad).error().code, Errc::too_many) << "prepared already";
            EXPECT_TRUE((*store)->read("Patient", "p1"));
        }
    };
    const std::uint64_t once = least();
    EXPECT_GE(once, 1500U * 4) << "fewer steps than rows";
    EXPECT_EQ(least(), once);
    const auto bounded = open_sqlite_store({.file = folder_.file(), .search_steps_max = 6'000});
    EXPECT_EQ((*bounded)->search(broad).error().code, Errc::too_many);
    EXPECT_TRUE((*bounded)->search(narrow)) << "what looks at few rows is none the worse";
    ASSERT_TRUE((*bounded)->transact([&](StoreWriter& writer) -> Result<void> {
        EXPECT_EQ(writer.match(broad, 2).error().code, Errc::too_many);
        EXPECT_TRUE(writer.put(patient("after")));
        return {};
    }));
}

// What an index bounds from both ends, or leads to from a few rows, is all that is looked at: 3,000
// rows are ten times the steps that these searches may take.
TEST_F(SqliteSearch, looks_at_no_more_rows_than_it_must) {
    ASSERT_TRUE(store_->transact([](StoreWriter& writer) -> Result<void> {
        for (int i = 1'000; i < 4'000; ++i) {
            NewVersion version = observation(i, "p1");
            version.last_updated += i;
            version.index.push_back(date("issued", std::to_string(i) + "-01-01"));
            if (i == 2'000) {
                version.index.push_back(token("code", "http://loinc.org", "rare"));
            }
            GH_TRY(writer.put(version));
        }
        return {};
    }));
    const auto bounded = open_sqlite_store({.file = folder_.file(), .search_steps_max = 3'000});
    const auto found = [&](SearchQuery query) {
        query.want_total = false;
        query.count = 20;
        const auto page = (*bounded)->search(query);
        EXPECT_TRUE(page) << describe(page.error());
        return page ? page->matches.size() : 0;
    };
    SearchClause day = clause("issued", SearchType::date, {{}});
    day.any_of.front().low = date("issued", "1100").low;
    day.any_of.front().high = date("issued", "1102").high;
    EXPECT_EQ(found(of("Observation", {day})), 3U);

    SearchClause has;
    has.field = SearchClause::Field::has;
    has.parameter = &parameter("patient", SearchType::reference);
    has.target_types = {"Observation"};
    has.chained = {clause("code", SearchType::token, {coded("http://loinc.org", "rare")})};
    EXPECT_EQ(found(of("Patient", {has})), 1U);

    SearchClause since;
    since.field = SearchClause::Field::last_updated;
    since.any_of.emplace_back().prefix = SearchPrefix::ge;
    since.any_of.front().low = observation(0, "p1").last_updated + 2 * 3'990;
    SearchQuery query = of("Observation", {since});
    EXPECT_EQ(found(query), 10U);
    query.sort.emplace_back();
    EXPECT_EQ(found(query), 10U);
    query.all_of.front().any_of.front().low = 0;
    // A page of a hundred and no row before it, forth and back.
    const auto paged = open_sqlite_store({.file = folder_.file(), .search_steps_max = 9'000});
    query.want_total = false;
    query.count = 100;
    std::size_t all = 0;
    std::string back;
    do {
        const auto page = (*paged)->search(query);
        ASSERT_TRUE(page) << all << ": " << describe(page.error());
        all += page->matches.size();
        query.after = page->next;
        back = page->previous;
    } while (!query.after.empty());
    EXPECT_EQ(all, 3'040U);
    for (all = 40; !back.empty(); back = query.after) {
        query.after = back;
        const auto page = (*paged)->search(query);
        ASSERT_TRUE(page) << all << ": " << describe(page.error());
        all += page->matches.size();
        query.after = page->previous;
    }
    EXPECT_EQ(all, 3'040U);
}

TEST_F(SqliteSearch, matches_inside_the_transaction) {
    ASSERT_TRUE(store_->transact([](StoreWriter& writer) -> Result<void> {
        GH_TRY(writer.put(patient("p3", "New")));
        const auto query =
            of("Patient", {clause("identifier", SearchType::token, {coded(nhs_number, "99p3")})});
        const auto found = writer.match(query, 2);
        EXPECT_TRUE(found);
        EXPECT_EQ(*found, std::vector<std::string>{"p3"});
        return {};
    }));
}

}  // namespace
}  // namespace gatehouse::adapters
