// SPDX-License-Identifier: Apache-2.0
//
// `gatehouse explain-search 'Patient?name=smith'`: how a search would be done, without a store or
// a running gateway: which condition finds candidates, which ones test them, the SQL of a page and
// its bound values.
#include <cstdio>

#include "gateway/api/search_parameters.hpp"
#include "gateway/app/commands.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/http/message.hpp"
#include "gateway/store/search_sql.hpp"

namespace gatehouse::cli {

using gateway::CompiledSearch;
using gateway::Dialect;
using gateway::SqlStatement;
using gateway::SqlValue;

namespace {

constexpr const char* about =
    "Shows how a search is done: which condition finds the candidates, which ones test them, the\n"
    "SQL of a page and the values bound to it. SEARCH is what follows the base URL, "
    "Type?name=value\n"
    "or ?_type=A,B&name=value; percent escapes are read. Needs neither data nor a running gateway.";

struct Arguments {
    ConfigArguments config;
    std::vector<std::string> words;
    std::vector<std::string> packages;
    std::string base;
    bool no_package = false;
    bool sqlite = true;
    bool postgresql = false;
};

std::string spelled(const SqlValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        std::string out("'");
        for (const char c : *text) {
            out.append(c == '\'' ? 2 : 1, c);
        }
        return out + "'";
    }
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        return std::to_string(*integer);
    }
    if (const auto* real = std::get_if<double>(&value)) {
        char text[32];
        std::snprintf(text, sizeof text, "%.17g", *real);
        return text;
    }
    return "NULL";
}

void print_statement(const char* name, const SqlStatement& statement) {
    std::printf("\n%s:\n  %s\n", name, statement.text.c_str());
    for (std::size_t i = 0; i < statement.values.size(); ++i) {
        std::printf("  %zu = %s\n", i + 1, spelled(statement.values[i]).c_str());
    }
}

int print_search(const gateway::SearchQuery& query, Dialect dialect) {
    const auto compiled = gateway::compile_search(query, dialect);
    if (!compiled) {
        return failed("explain-search", compiled.error());
    }
    std::printf("%s\nplan:\n", dialect == Dialect::sqlite ? "SQLite" : "PostgreSQL");
    for (const gateway::PlanStep& step : compiled->plan()) {
        std::printf("  %-16s %s (%s)\n", step.use.c_str(), step.clause.c_str(), step.table.c_str());
    }
    if (query.count_only) {
        print_statement("count", compiled->count());
        return exit_good;
    }
    print_statement("page", compiled->page(nullptr, query.count + 1));
    if (const gateway::CompiledSearch* other = compiled->in_order()) {
        print_statement("other way, if this counts many", compiled->beginnings());
        print_statement("page, the other way", other->page(nullptr, query.count + 1));
    }
    if (query.want_total) {
        print_statement("total", compiled->count(query.total_max == 0 ? 0 : query.total_max + 1));
    }
    return exit_good;
}

}  // namespace

int run_explain_search(int argc, char** argv) {
    Arguments arguments;
    Options options("explain-search [OPTION]... SEARCH", about);
    options.value(
        {"--dialect"},
        "sqlite|postgresql|both",
        "whose SQL to print (sqlite)",
        [&](std::string_view given) {
            arguments.sqlite = given == "sqlite" || given == "both";
            arguments.postgresql = given == "postgresql" || given == "both";
            return arguments.sqlite || arguments.postgresql;
        }
    );
    options.text(
        {"--base"}, arguments.base, "URL", "our public base: references to it equal relative ones"
    );
    options.list({"--package", "--ig", "-p"}, arguments.packages, "REF", "add a package");
    options.flag({"--no-package"}, arguments.no_package, "start from R4 core alone");
    declare_config_options(options, arguments.config);
    options.positionals(arguments.words);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (arguments.words.size() != 1) {
        return options.wrong("one SEARCH is needed, like 'Patient?name=smith'");
    }
    const auto installation = find_installation(arguments.config);
    if (!installation) {
        return failed("explain-search", installation.error());
    }
    auto from = engine_options(*installation, arguments.no_package, arguments.packages);
    if (!from) {
        return failed("explain-search", from.error());
    }
    from->search = true;
    const auto engine = fhir::Engine::load(*from);
    if (!engine) {
        return failed("explain-search", engine.error());
    }
    const std::string_view search = arguments.words.front();
    const std::size_t mark = search.find('?');
    const std::string type(search.substr(0, mark));
    std::vector<std::pair<std::string, std::string>> parameters;
    if (mark != std::string_view::npos &&
        !gateway::parse_query(search.substr(mark + 1), parameters)) {
        return options.wrong("the query has a malformed percent escape");
    }
    if (!type.empty() && (*engine)->search()->find(type, "_id") == nullptr) {
        return options.wrong("'" + type + "' is no resource type");
    }
    gateway::SearchLimits limits;
    limits.now = gateway::SystemClock().now();
    limits.base = arguments.base;
    const gateway::ParsedSearch parsed = gateway::parse_search(type, parameters, **engine, limits);
    if (fhir::has_errors(parsed.issues)) {
        for (const fhir::Issue& issue : parsed.issues) {
            std::fprintf(stderr, "%s\n", issue.diagnostics.c_str());
        }
        return exit_findings;
    }
    int result = exit_good;
    if (arguments.sqlite) {
        result = print_search(parsed.query, Dialect::sqlite);
    }
    if (arguments.postgresql && result == exit_good) {
        std::printf("%s", arguments.sqlite ? "\n" : "");
        result = print_search(parsed.query, Dialect::postgresql);
    }
    return result;
}

}  // namespace gatehouse::cli
