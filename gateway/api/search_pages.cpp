// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/search_pages.hpp"

#include <algorithm>

#include "gateway/api/issues.hpp"

namespace gatehouse::gateway {
namespace {

// Rows may be dropped one by one at a page's end; a page that is still not full after so many
// queries is given as it is, with its next link.
constexpr unsigned fills_max = 64;
constexpr std::uint32_t count_step = 500;

bool would_show(const StoredVersion& match, const Sieve& sieve, const Exit& exit) {
    return (!sieve.keep || sieve.keep(match)) && exit.admits(match);
}

// Whether anything behind `after` would be shown; after examined_max rows it is taken for granted.
Result<bool> has_more(
    SearchQuery query,
    const std::string& after,
    const Sieve& sieve,
    const Exit& exit,
    StoreReader& store
) {
    query.want_total = false;
    query.count = 1;
    query.after = after;
    for (std::size_t examined = 0;
         !query.after.empty() && examined < examined_max && !sieve.late();) {
        GH_TRY_ASSIGN(const SearchPage page, store.search(query));
        for (const StoredVersion& match : page.matches) {
            if (would_show(match, sieve, exit)) {
                return true;
            }
        }
        examined += page.matches.size();
        query.after = page.next;
        query.count = count_step;
    }
    return !query.after.empty();
}

Result<Gathered>
count_admitted(SearchQuery query, const Sieve& sieve, const Exit& exit, StoreReader& store) {
    query.count_only = false;
    query.want_total = false;
    query.count = count_step;
    query.sort.clear();
    query.after.clear();
    std::uint64_t total = 0;
    std::size_t examined = 0;
    do {
        GH_TRY_ASSIGN(const SearchPage page, store.search(query));
        for (const StoredVersion& match : page.matches) {
            total += would_show(match, sieve, exit) ? 1 : 0;
        }
        examined += page.matches.size();
        query.after = page.next;
        if (!query.after.empty() && (examined >= examined_max || sieve.late())) {
            return Fault(
                Errc::too_many,
                "search",
                "Counting this would look at more than " + std::to_string(examined_max) +
                    " records one by one. Narrow the search, or page through it."
            );
        }
    } while (!query.after.empty());
    Gathered out;
    out.total = total;
    return out;
}

// The types of a step through a reference that the exit lets a search see through.
std::vector<std::string> passable(const std::vector<std::string>& types, const Exit& exit) {
    std::vector<std::string> out;
    std::copy_if(types.begin(), types.end(), std::back_inserter(out), [&](const std::string& type) {
        return exit.sees(type) && !exit.decides(type);
    });
    return out;
}

bool confine_clauses(std::vector<SearchClause>& clauses, const Exit& exit) {
    for (SearchClause& clause : clauses) {
        const bool reaches = clause.field == SearchClause::Field::has || !clause.chained.empty() ||
                             clause.modifier == SearchModifier::identifier;
        if (reaches) {
            const auto& types = clause.target_types.empty() && clause.parameter != nullptr
                                    ? clause.parameter->targets
                                    : clause.target_types;
            std::vector<std::string> left = passable(types, exit);
            if (left.empty() && !types.empty()) {
                return false;
            }
            if (left.size() != types.size()) {
                clause.target_types = std::move(left);
            }
        }
        // A hierarchy shows what is part of what.
        for (const SearchLink& link : clause.hierarchy) {
            if (passable({link.type}, exit).empty()) {
                return false;
            }
        }
        if (!confine_clauses(clause.chained, exit) || !confine_clauses(clause.members, exit)) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::vector<std::string> types_of(const SearchQuery& query) {
    return query.types.empty() ? std::vector<std::string>{query.type} : query.types;
}

Result<Gathered> gather(SearchQuery query, const Sieve& sieve, Exit& exit, StoreReader& store) {
    const std::vector<std::string> types = types_of(query);
    const bool drops = sieve.keep || std::any_of(types.begin(), types.end(), [&](const auto& type) {
                           return exit.decides(type);
                       });
    if (query.count_only && drops) {
        return count_admitted(std::move(query), sieve, exit, store);
    }
    const bool whole_is_told = drops && query.want_total && query.after.empty();
    query.want_total = query.want_total && !drops;
    const std::uint32_t wanted = query.count;
    Gathered out;
    std::size_t examined = 0;
    for (unsigned fill = 0; fill < fills_max; ++fill) {
        GH_TRY_ASSIGN(SearchPage page, store.search(query));
        if (fill == 0) {
            out.total = page.total;
        }
        examined += page.matches.size();
        for (StoredVersion& match : page.matches) {
            if (sieve.keep && !sieve.keep(match)) {
                if (sieve.aside) {
                    sieve.aside(match);
                }
            } else if (exit.disclose(match)) {
                out.matches.push_back(std::move(match));
            }
        }
        out.next = page.next;
        if (query.count_only || out.next.empty() || out.matches.size() >= wanted ||
            examined >= examined_max || sieve.late()) {
            break;
        }
        query.after = page.next;
        query.count = wanted - static_cast<std::uint32_t>(out.matches.size());
        query.want_total = false;
    }
    if (drops && !out.next.empty()) {
        GH_TRY_ASSIGN(const bool more, has_more(query, out.next, sieve, exit, store));
        if (!more) {
            out.next.clear();
        }
    }
    if (whole_is_told && out.next.empty()) {
        out.total = out.matches.size();  // all of it is on the page
    }
    return out;
}

std::optional<fhir::Issue> confine(SearchQuery& query, const Exit& exit) {
    // What a record contains is seen where the record is.
    query.holder_types = exit.only();
    if (confine_clauses(query.all_of, exit)) {
        return std::nullopt;
    }
    return request_issue(
        fhir::IssueType::forbidden,
        "search-reach",
        "A chain, _has, :identifier, :above or :below of this search leads only through resource "
        "types that this "
        "partner may not use.",
        {},
        "ACCESS_DENIED"
    );
}

}  // namespace gatehouse::gateway
