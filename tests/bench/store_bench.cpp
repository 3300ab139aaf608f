// SPDX-License-Identifier: Apache-2.0
//
// store_bench FOLDER [COUNT]: what the store costs, without HTTP, validation or journal.
//   bare     SQLite with synchronous=FULL, group commit, 16 producers: the same bytes and index
//   rows in
//            plain tables. The scale for validated durable creates.
//   store    our store at 16 producers (commits do not sync: the journal is the promise).
//   load     transactions of 100, until COUNT resources (default 100,000) are stored.
//   read, search ...  with those stored, one thread.
// Prints one JSON object a line: {"bench","per_second","p50_us","p99_us"}.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <ctime>

#include <sqlite3.h>

#include "adapters/sqlite/sqlite_store.hpp"
#include "gateway/store/split_json.hpp"

namespace {

using namespace gatehouse;
using gateway::NewVersion;
using gateway::SearchClause;
using gateway::SearchQuery;
using gateway::SearchValue;
using Clock = std::chrono::steady_clock;

constexpr int producers = 16;
constexpr int patients = 5000;
constexpr std::size_t body_bytes = 2100;

const fhir::SearchParameter& parameter(const std::string& code, fhir::SearchType type) {
    static std::map<std::string, fhir::SearchParameter> all;
    auto& made = all[code];
    if (made.code.empty()) {
        made.code = code;
        made.type = type;
        if (type == fhir::SearchType::reference) {
            made.targets = {"Patient"};
        }
    }
    return made;
}

std::string uuid(std::uint64_t number) {
    std::mt19937_64 random(number * 2654435761U + 1);
    char text[40];
    std::snprintf(
        text,
        sizeof text,
        "%08llx-0000-4000-8000-%012llx",
        static_cast<unsigned long long>(random() & 0xffffffffU),
        static_cast<unsigned long long>(random() & 0xffffffffffffU)
    );
    return text;
}

NewVersion make_patient(std::uint64_t number) {
    NewVersion made;
    made.type = "Patient";
    made.id = uuid(1'000'000'000 + number);
    made.json = {R"({"resourceType":"Patient","meta":{)", "}" + std::string(body_bytes, ' ') + "}"};
    made.last_updated = 1'700'000'000'000'000 + static_cast<std::int64_t>(number);
    made.message_id = "01HF0000000000000000000000";
    made.source = "practice";
    fhir::IndexEntry entry;
    entry.parameter = &parameter("identifier", fhir::SearchType::token);
    entry.system = "https://fhir.nhs.uk/Id/nhs-number";
    entry.value = std::to_string(9'000'000'000 + number);
    made.index.push_back(entry);
    return made;
}

// An Observation with 15 index entries: 8 tokens, 4 references, a date, a quantity, a string.
NewVersion make_observation(std::uint64_t number) {
    NewVersion made;
    made.type = "Observation";
    made.id = uuid(number);
    made.patient = uuid(1'000'000'000 + number % patients);
    made.json = {
        R"({"resourceType":"Observation","meta":{)", "}" + std::string(body_bytes, ' ') + "}"};
    made.last_updated = 1'700'000'000'000'000 + static_cast<std::int64_t>(number);
    made.message_id = "01HF0000000000000000000000";
    made.source = "practice";
    const auto token = [&](const char* code, const std::string& system, const std::string& value) {
        fhir::IndexEntry& entry = made.index.emplace_back();
        entry.parameter = &parameter(code, fhir::SearchType::token);
        entry.system = system;
        entry.value = value;
    };
    token("identifier", "https://practice.example/observation", uuid(7'000'000'000 + number));
    token("status", "http://hl7.org/fhir/observation-status", "final");
    token("category", "http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs");
    token("code", "http://snomed.info/sct", std::to_string(70000000 + number % 500));
    token("code", "http://loinc.org", std::to_string(number % 500) + "-1");
    token("combo-code", "http://snomed.info/sct", std::to_string(70000000 + number % 500));
    token("combo-code", "http://loinc.org", std::to_string(number % 500) + "-1");
    token("_tag", "https://gatehouse.example/source", "practice");
    const auto reference = [&](const char* code, const char* type, const std::string& id) {
        fhir::IndexEntry& entry = made.index.emplace_back();
        entry.parameter = &parameter(code, fhir::SearchType::reference);
        entry.system = type;
        entry.value = id;
    };
    reference("subject", "Patient", made.patient);
    reference("patient", "Patient", made.patient);
    reference("encounter", "Encounter", uuid(2'000'000'000 + number / 4));
    reference("performer", "Practitioner", uuid(3'000'000'000 + number % 300));
    fhir::IndexEntry& date = made.index.emplace_back();
    date.parameter = &parameter("date", fhir::SearchType::date);
    date.low = 1'700'000'000'000'000 + static_cast<std::int64_t>(number) * 60'000'000;
    date.high = date.low + 1'000'000;
    fhir::IndexEntry& quantity = made.index.emplace_back();
    quantity.parameter = &parameter("value-quantity", fhir::SearchType::quantity);
    quantity.system = "http://unitsofmeasure.org";
    quantity.value = "mm[Hg]";
    quantity.number = std::to_string(90 + number % 80);
    fhir::IndexEntry& text = made.index.emplace_back();
    text.parameter = &parameter("value-string", fhir::SearchType::string);
    text.value = "value " + std::to_string(number);
    text.folded = text.value;
    return made;
}

void report(const char* name, double seconds, std::vector<double>& micros) {
    std::sort(micros.begin(), micros.end());
    const auto at = [&](double share) {
        return micros[std::min(
            micros.size() - 1, static_cast<std::size_t>(share * static_cast<double>(micros.size()))
        )];
    };
    std::printf(
        "{\"bench\":\"%s\",\"per_second\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
        name,
        static_cast<double>(micros.size()) / seconds,
        at(0.5),
        at(0.99)
    );
    std::fflush(stdout);
}

double since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Processor seconds of this thread: what a step costs when the machine is busy with something else.
double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void fail(const Fault& fault) {
    std::fprintf(stderr, "store_bench: %s\n", describe(fault).c_str());
    std::exit(2);
}

// `producers` threads that each hand in one resource and wait; one writer that takes all that wait.
template <class Commit>
void run_producers(const char* name, std::uint64_t first, int each, Commit&& commit) {
    struct Item {
        NewVersion resource;
        bool done = false;
    };
    std::mutex mutex;
    std::condition_variable arrived;
    std::condition_variable finished;
    std::deque<Item*> queue;
    std::atomic<int> running{producers};
    std::vector<double> micros;
    std::mutex micros_mutex;
    const auto begin = Clock::now();
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
            std::vector<double> own;
            for (int i = 0; i < each; ++i) {
                Item item{make_observation(first + static_cast<std::uint64_t>(p * each + i))};
                const auto start = Clock::now();
                {
                    std::unique_lock lock(mutex);
                    queue.push_back(&item);
                    arrived.notify_one();
                    finished.wait(lock, [&] { return item.done; });
                }
                own.push_back(since(start) * 1e6);
            }
            const std::lock_guard lock(micros_mutex);
            micros.insert(micros.end(), own.begin(), own.end());
            --running;
            arrived.notify_one();
        });
    }
    while (running > 0) {
        std::vector<Item*> batch;
        {
            std::unique_lock lock(mutex);
            arrived.wait_for(lock, std::chrono::milliseconds(50), [&] {
                return !queue.empty() || running == 0;
            });
            batch.assign(queue.begin(), queue.end());
            queue.clear();
        }
        if (batch.empty()) {
            continue;
        }
        std::vector<const NewVersion*> resources;
        for (const Item* item : batch) {
            resources.push_back(&item->resource);
        }
        commit(resources);
        const std::lock_guard lock(mutex);
        for (Item* item : batch) {
            item->done = true;
        }
        finished.notify_all();
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    report(name, since(begin), micros);
}

// Bare SQLite: a table of bodies, a table of index rows (one b-tree each way), FULL.
class Bare {
public:
    explicit Bare(const std::filesystem::path& file) {
        sqlite3_open(file.c_str(), &database_);
        run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;"
            "CREATE TABLE resource (rid INTEGER PRIMARY KEY, type TEXT, id TEXT, body TEXT);"
            "CREATE UNIQUE INDEX resource_id ON resource (type, id);"
            "CREATE TABLE ix (param INTEGER, value TEXT, rid INTEGER, PRIMARY KEY (param, value, "
            "rid)) WITHOUT ROWID;"
            "CREATE INDEX ix_rid ON ix (rid)");
        sqlite3_prepare_v2(
            database_,
            "INSERT INTO resource (rid, type, id, body) VALUES (?, ?, ?, ?)",
            -1,
            &resource_,
            nullptr
        );
        sqlite3_prepare_v2(
            database_,
            "INSERT OR IGNORE INTO ix (param, value, rid) VALUES (?, ?, ?)",
            -1,
            &index_,
            nullptr
        );
    }
    ~Bare() {
        sqlite3_finalize(resource_);
        sqlite3_finalize(index_);
        sqlite3_close(database_);
    }
    void commit(const std::vector<const NewVersion*>& resources) {
        run("BEGIN IMMEDIATE");
        for (const NewVersion* resource : resources) {
            const std::string body = gateway::assemble_json(
                resource->json.head, resource->json.tail, 1, resource->last_updated
            );
            ++rid_;
            sqlite3_bind_int64(resource_, 1, rid_);
            text(resource_, 2, resource->type);
            text(resource_, 3, resource->id);
            text(resource_, 4, body);
            step(resource_);
            std::int64_t param = 0;
            for (const fhir::IndexEntry& entry : resource->index) {
                const std::string value = entry.system + "|" + entry.value + entry.number +
                                          (entry.low != 0 ? std::to_string(entry.low) : "");
                sqlite3_bind_int64(index_, 1, ++param);
                text(index_, 2, value);
                sqlite3_bind_int64(index_, 3, rid_);
                step(index_);
            }
        }
        run("COMMIT");
    }

private:
    static void text(sqlite3_stmt* statement, int at, const std::string& value) {
        sqlite3_bind_text(
            statement, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC
        );
    }
    static void step(sqlite3_stmt* statement) {
        if (sqlite3_step(statement) != SQLITE_DONE) {
            std::fprintf(stderr, "store_bench: bare SQLite failed\n");
            std::exit(2);
        }
        sqlite3_reset(statement);
    }
    void run(const char* sql) {
        if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
            std::fprintf(stderr, "store_bench: %s\n", sqlite3_errmsg(database_));
            std::exit(2);
        }
    }
    sqlite3* database_ = nullptr;
    sqlite3_stmt* resource_ = nullptr;
    sqlite3_stmt* index_ = nullptr;
    std::int64_t rid_ = 0;
};

void put_all(
    gateway::Store& store, const std::vector<const NewVersion*>& resources, std::uint64_t position
) {
    const auto outcome = store.transact([&](gateway::StoreWriter& writer) -> Result<void> {
        for (const NewVersion* resource : resources) {
            GH_TRY(writer.savepoint());
            GH_TRY(writer.put(*resource));
            gateway::Receipt receipt;
            receipt.message_id = resource->id;
            receipt.partner = "practice";
            receipt.request_id = resource->id;
            receipt.body_digest = std::string(64, 'a');
            receipt.state = gateway::MessageState::stored;
            receipt.received_at = resource->last_updated;
            receipt.settled_at = resource->last_updated;
            receipt.status = 201;
            receipt.headers = "Location: " + resource->id + "\n";
            receipt.resources = {resource->type + "/" + resource->id + "/_history/1"};
            GH_TRY(writer.put_receipt(receipt));
            GH_TRY(writer.release());
        }
        return writer.set_applied_position(position);
    });
    if (!outcome) {
        fail(outcome.error());
    }
}

template <class Work> void run_reads(const char* name, int count, Work&& work) {
    std::vector<double> micros;
    micros.reserve(static_cast<std::size_t>(count));
    const auto begin = Clock::now();
    for (int i = 0; i < count; ++i) {
        const auto start = Clock::now();
        work(static_cast<std::uint64_t>(i));
        micros.push_back(since(start) * 1e6);
    }
    report(name, since(begin), micros);
}

SearchClause clause(const char* code, fhir::SearchType type, SearchValue value) {
    SearchClause made;
    made.parameter = &parameter(code, type);
    made.any_of = {std::move(value)};
    return made;
}

SearchClause nhs_number(std::uint64_t number) {
    SearchValue value;
    value.has_system = true;
    value.system = "https://fhir.nhs.uk/Id/nhs-number";
    value.value = std::to_string(9'000'000'000 + number % patients);
    return clause("identifier", fhir::SearchType::token, std::move(value));
}

SearchClause of_patient(std::uint64_t number) {
    SearchValue value;
    value.type = "Patient";
    value.value = uuid(1'000'000'000 + number % patients);
    return clause("patient", fhir::SearchType::reference, std::move(value));
}

void search(gateway::Store& store, const SearchQuery& query, std::size_t at_least) {
    const auto page = store.search(query);
    if (!page) {
        fail(page.error());
    }
    if (page->matches.size() < at_least) {
        std::fprintf(stderr, "store_bench: %zu matches\n", page->matches.size());
        std::exit(2);
    }
}

void run_searches(gateway::Store& store, std::uint64_t stored) {
    run_reads("read", 50000, [&](std::uint64_t i) {
        if (!store.read("Observation", uuid(i * 7919 % stored))) {
            std::exit(2);
        }
    });
    run_reads("search identifier", 20000, [&](std::uint64_t i) {
        SearchQuery query;
        query.type = "Patient";
        query.all_of = {nhs_number(i * 31)};
        search(store, query, 1);
    });
    run_reads("search patient, page of 20", 10000, [&](std::uint64_t i) {
        SearchQuery query;
        query.type = "Observation";
        query.all_of = {of_patient(i * 31)};
        search(store, query, std::min<std::size_t>(19, stored / patients));
    });
    run_reads("search patient:identifier, page of 20", 10000, [&](std::uint64_t i) {
        SearchQuery query;
        query.type = "Observation";
        SearchClause chained = of_patient(0);
        chained.modifier = gateway::SearchModifier::identifier;
        chained.any_of = nhs_number(i * 31).any_of;
        query.all_of = {chained};
        search(store, query, std::min<std::size_t>(19, stored / patients));
    });
    run_reads("search patient + date, sort=-date", 10000, [&](std::uint64_t i) {
        SearchQuery query;
        query.type = "Observation";
        SearchValue date;
        date.prefix = gateway::SearchPrefix::ge;
        date.low = 1'700'000'000'000'000;
        date.high = date.low + 1;
        query.all_of = {of_patient(i * 31), clause("date", fhir::SearchType::date, date)};
        query.sort = {{&parameter("date", fhir::SearchType::date), false, true}};
        search(store, query, std::min<std::size_t>(19, stored / patients));
    });
    run_reads("search code, no total", 2000, [&](std::uint64_t i) {
        SearchQuery query;
        query.type = "Observation";
        SearchValue code;
        code.has_system = true;
        code.system = "http://loinc.org";
        code.value = std::to_string(i % 500) + "-1";
        query.all_of = {clause("code", fhir::SearchType::token, code)};
        query.want_total = false;
        search(store, query, std::min<std::size_t>(20, stored / 500));
    });
    run_reads("search all with total", 200, [&](std::uint64_t) {
        SearchQuery query;
        query.type = "Observation";
        search(store, query, 20);
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: store_bench FOLDER [COUNT]\n");
        return 2;
    }
    const std::filesystem::path folder = argv[1];
    const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
    std::filesystem::create_directories(folder);
    for (const char* name :
         {"bare.db", "bare.db-wal", "bare.db-shm", "store.db", "store.db-wal", "store.db-shm"}) {
        std::filesystem::remove(folder / name);
    }
    constexpr int each = 1000;
    {
        Bare bare(folder / "bare.db");
        run_producers("bare SQLite, FULL, 16 producers", 0, each, [&](const auto& resources) {
            bare.commit(resources);
        });
    }
    auto store = adapters::open_sqlite_store({.file = folder / "store.db"});
    if (!store) {
        fail(store.error());
    }
    std::vector<NewVersion> people;
    std::vector<const NewVersion*> pointers;
    for (std::uint64_t i = 0; i < patients; ++i) {
        people.push_back(make_patient(i));
    }
    for (const NewVersion& person : people) {
        pointers.push_back(&person);
    }
    put_all(**store, pointers, 1);
    run_producers("store, 16 producers", 0, each, [&](const auto& resources) {
        put_all(**store, resources, 2);
    });
    std::vector<double> micros;
    const auto begin = Clock::now();
    std::uint64_t stored = producers * each;
    double making = 0;
    double checkpoints = 0;
    double cpu = 0;
    while (stored < count) {
        const auto make_begin = Clock::now();
        std::vector<NewVersion> batch;
        for (int i = 0; i < 100; ++i) {
            batch.push_back(make_observation(stored++));
        }
        std::vector<const NewVersion*> items;
        for (const NewVersion& item : batch) {
            items.push_back(&item);
        }
        making += since(make_begin);
        const auto start = Clock::now();
        const double cpu_begin = thread_seconds();
        put_all(**store, items, stored);
        cpu += thread_seconds() - cpu_begin;
        micros.push_back(since(start) * 1e6 / 100);
        if (stored % 20'000 == 0) {
            const auto checkpoint_begin = Clock::now();
            static_cast<void>((*store)->checkpoint());
            checkpoints += since(checkpoint_begin);
        }
    }
    if (!micros.empty()) {
        const double seconds = since(begin) - making - checkpoints;
        std::printf(
            "{\"bench\":\"load\",\"per_second\":%.0f,\"cpu_us_each\":%.1f,\"checkpoint_s\":%.2f}\n",
            static_cast<double>(micros.size()) * 100 / seconds,
            cpu * 1e6 / (static_cast<double>(micros.size()) * 100),
            checkpoints
        );
    }
    static_cast<void>((*store)->checkpoint());
    run_searches(**store, stored);
    const auto stats = (*store)->stats();
    std::printf(
        "{\"bench\":\"size\",\"resources\":%llu,\"bytes\":%llu}\n",
        static_cast<unsigned long long>(stats->resources),
        static_cast<unsigned long long>(stats->bytes)
    );
    return 0;
}
