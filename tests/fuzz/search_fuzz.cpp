// SPDX-License-Identifier: Apache-2.0
//
// The search grammar: "Type?name=value&..." of a stranger through parser, compiler (both dialects)
// and SQLite; includes as far as the store's step along them. Holds: what the parser takes
// compiles, within its bounds; SQL consists of the compiler's own words, with as many values bound
// as it has places for; the engine takes every statement; a search ends or is refused in words.

#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <unistd.h>

#include "adapters/sqlite/sqlite_store.hpp"
#include "fhir/engine/engine.hpp"
#include "gateway/api/includes.hpp"
#include "gateway/api/search_parameters.hpp"
#include "gateway/http/message.hpp"
#include "gateway/store/search_sql.hpp"

namespace {

namespace fhir = gatehouse::fhir;
namespace gw = gatehouse::gateway;

std::filesystem::path from_environment(const char* name, const char* otherwise) {
    const char* set = std::getenv(name);
    return set != nullptr ? std::filesystem::path(set)
                          : std::filesystem::path(GATEHOUSE_SOURCE_DIR) / otherwise;
}

// Null where no R4 definitions are found: the package cache, else GATEHOUSE_SHARED.
const fhir::Engine* engine() {
    static const std::shared_ptr<const fhir::Engine> loaded = [] {
        fhir::EngineOptions options;
        options.cache = from_environment("GATEHOUSE_CACHE", ".cache/packages");
        const auto lock = fhir::read_lock(
            std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "config/packages/lock.json"
        );
        if (lock) {
            options.lock = *lock;
            if (auto made = fhir::Engine::load(options)) {
                return *made;
            }
        }
        const std::filesystem::path core = from_environment("GATEHOUSE_SHARED", "../shared") /
                                           "packages/hl7.fhir.r4.core-4.0.1.tgz";
        options.lock = {};
        options.packages = {{core.string()}};
        if (auto made = fhir::Engine::load(options)) {
            return *made;
        }
        std::puts("skipped: the pinned definitions are not in the package cache");
        return std::shared_ptr<const fhir::Engine>();
    }();
    return loaded.get();
}

// An empty store: what matters is that every statement can be prepared and run.
class EmptyStore {
public:
    EmptyStore() {
        GH_ASSERT(::mkdtemp(folder_.data()) != nullptr);
        auto made = gatehouse::adapters::open_sqlite_store(
            {.file = std::filesystem::path(folder_) / "store.db"}
        );
        GH_ASSERT(made);
        store_ = std::move(*made);
    }
    EmptyStore(const EmptyStore&) = delete;
    EmptyStore& operator=(const EmptyStore&) = delete;
    ~EmptyStore() {
        store_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    gw::Store& operator*() { return *store_; }

private:
    std::string folder_ =
        (std::filesystem::temp_directory_path() / "gatehouse-fuzz-XXXXXX").string();
    std::unique_ptr<gw::Store> store_;
};

gw::Store& store() {
    static EmptyStore opened;
    return *opened;
}

// Aliases: one letter and perhaps a number.
bool is_alias(std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789", 1) == std::string_view::npos &&
           std::string_view("abhknqrstuvxy").find(word.front()) != std::string_view::npos;
}

void check_words(const gw::SqlStatement& statement, bool numbered) {
    static const std::set<std::string, std::less<>> words{
        "SELECT",    "FROM",        "WHERE",     "AND",          "OR",
        "NOT",       "IN",          "EXISTS",    "UNION",        "DISTINCT",
        "ORDER",     "BY",          "DESC",      "LIMIT",        "IS",
        "NULL",      "AS",          "ON",        "JOIN",         "CROSS",
        "CAST",      "count",       "min",       "max",          "sin",
        "cos",       "substr",      "length",    "instr",        "strpos",
        "json_each", "jsonb",       "value",     "text",         "id",
        "rid",       "type",        "live",      "param",        "system",
        "code",      "folded",      "exact",     "target",       "low",
        "high",      "item",        "word",      "name",         "last_updated",
        "resource",  "ix_token",    "ix_string", "ix_reference", "ix_date",
        "ix_number", "ix_quantity", "ix_uri",    "ix_composite", "jsonb_array_elements_text",
        "NULLS",     "LAST",        "FIRST",     "CASE",         "WHEN",
        "THEN",      "ELSE",        "END",       "ALL",          "contained",
        "TRUE",      "WITH",        "RECURSIVE", "greatest",     "abs"};
    std::size_t places = 0;
    const std::string& text = statement.text;
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (std::isalpha(c) != 0 || c == '_') {
            std::size_t end = i;
            while (end < text.size() &&
                   (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
                ++end;
            }
            const std::string_view word = std::string_view(text).substr(i, end - i);
            GH_ASSERT(words.contains(word) || is_alias(word));
            i = end;
        } else if (c == '?' || c == '$') {
            GH_ASSERT((c == '$') == numbered);
            ++places;
            ++i;
            while (numbered && i < text.size() &&
                   std::isdigit(static_cast<unsigned char>(text[i])) != 0) {
                ++i;
            }
        } else {
            // Numbers that the compiler writes itself are 0, 1 and contained_places, a divisor.
            static const std::string marks =
                " ().,=<>*+-/01" + std::to_string(gw::contained_places);
            GH_ASSERT(marks.find(text[i]) != std::string::npos);
            ++i;
        }
    }
    GH_ASSERT(places == statement.values.size());
}

void check_dialect(const gw::SearchQuery& query, gw::Dialect dialect) {
    const auto compiled = gw::compile_search(query, dialect);
    GH_ASSERT(compiled);
    const bool numbered = dialect == gw::Dialect::postgresql;
    check_words(compiled->count(), numbered);
    check_words(compiled->page(nullptr, 10), numbered);
    if (compiled->in_order() != nullptr) {
        check_words(compiled->in_order()->page(nullptr, 10), numbered);
        check_words(compiled->beginnings(), numbered);
    }
    if (compiled->has_spread()) {
        check_words(compiled->spread(64, 64), numbered);
    }
    gw::Cursor cursor;
    cursor.rid = 7;
    cursor.keys.assign(compiled->key_count(), gw::SqlValue(std::string("'; DROP TABLE name; --")));
    check_words(compiled->page(&cursor, 10), numbered);
    cursor.back = true;
    check_words(compiled->page(&cursor, 10), numbered);
    cursor.keys.assign(compiled->key_count(), gw::SqlValue(nullptr));
    check_words(compiled->page(&cursor, 10), numbered);
}

// _include and _revinclude, taken out of `parameters`: rules that the store can follow, or a
// reason.
void check_includes(
    const std::string& type, std::vector<std::pair<std::string, std::string>>& parameters
) {
    gw::IncludePlan plan;
    const std::vector<std::string> types =
        type.empty() ? std::vector<std::string>() : std::vector<std::string>{type};
    for (const auto& [name, value] : parameters) {
        if (gw::is_include(name)) {
            fhir::Issues issues;
            GH_ASSERT(
                gw::add_include(name, value, types, *engine(), plan, issues) || !issues.empty()
            );
        }
    }
    std::erase_if(parameters, [](const auto& each) { return gw::is_include(each.first); });
    gw::LinkQuery query;
    query.from.emplace_back(type.empty() ? "Patient" : type, "1");
    query.wanted = [](std::string_view, std::string_view) { return true; };
    query.limit = 10;
    for (const gw::IncludeRule& rule : plan.rules) {
        GH_ASSERT(!rule.link.reverse || rule.link.holders.empty() == rule.link.codes.empty());
        query.rules.push_back(rule.link);
    }
    const auto page = store().linked(query);
    GH_ASSERT(page && page->found.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (engine() == nullptr) {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t mark = text.find('?');
    const std::string type(text.substr(0, mark));
    std::vector<std::pair<std::string, std::string>> parameters;
    if (mark == std::string_view::npos || !gw::parse_query(text.substr(mark + 1), parameters) ||
        (!type.empty() && engine()->search()->find(type, "_id") == nullptr)) {
        return 0;
    }
    check_includes(type, parameters);
    gw::SearchLimits limits;
    limits.base = "http://127.0.0.1/fhir/R4";
    limits.now = 1'700'000'000'000'000;
    limits.lenient = size % 2 == 0;
    const gw::ParsedSearch parsed = gw::parse_search(type, parameters, *engine(), limits);
    for (const fhir::Issue& issue : parsed.issues) {
        GH_ASSERT(!issue.diagnostics.empty());
    }
    if (fhir::has_errors(parsed.issues)) {
        return 0;
    }
    check_dialect(parsed.query, gw::Dialect::sqlite);
    check_dialect(parsed.query, gw::Dialect::postgresql);
    gw::SearchQuery query = parsed.query;
    query.after.clear();
    const auto page = store().search(query);
    if (!page) {
        std::fprintf(stderr, "%s\n", describe(page.error()).c_str());
    }
    GH_ASSERT(page || page.error().code == gatehouse::Errc::timeout);
    return 0;
}
