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

// Whether anything beyond the link that the query goes on from would be shown; after
// Sieve::examined_max rows it is taken for granted.
Result<bool> has_more(SearchQuery query, const Sieve& sieve, const Exit& exit, StoreReader& store) {
    query.want_total = false;
    query.count = 1;
    for (std::size_t examined = 0;
         !query.after.empty() && examined < sieve.examined_max && !sieve.late();) {
        GH_TRY_ASSIGN(SearchPage page, store.search(query));
        for (const StoredVersion& match : page.matches) {
            if (would_show(match, sieve, exit)) {
                return true;
            }
        }
        examined += page.matches.size();
        query.after = std::move(page.back ? page.previous : page.next);
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
        if (!query.after.empty() && (examined >= sieve.examined_max || sieve.late())) {
            return Fault(
                Errc::too_many,
                "search",
                "Counting this would look at more than " + std::to_string(sieve.examined_max) +
                    " records one by one. Narrow the search, or page through it."
            );
        }
    } while (!query.after.empty());
    Gathered out;
    out.total = total;
    return out;
}

// The types of a step through a reference that a caller's search can see through.
std::vector<std::string> passable(const std::vector<std::string>& types, const Sight& sight) {
    std::vector<std::string> out;
    std::copy_if(types.begin(), types.end(), std::back_inserter(out), [&](const std::string& type) {
        return sight.sees(type) && !sight.decides(type);
    });
    return out;
}

// False: nothing is left of a step; `barred` are the types that it leads through.
bool confine_clauses(
    std::vector<SearchClause>& clauses, const Sight& sight, std::vector<std::string>& barred
) {
    for (SearchClause& clause : clauses) {
        const bool reaches = clause.field == SearchClause::Field::has || !clause.chained.empty() ||
                             clause.modifier == SearchModifier::identifier;
        if (reaches) {
            const auto& types = clause.target_types.empty() && clause.parameter != nullptr
                                    ? clause.parameter->targets
                                    : clause.target_types;
            std::vector<std::string> left = passable(types, sight);
            if (left.empty() && !types.empty()) {
                barred = types;
                return false;
            }
            if (left.size() != types.size()) {
                clause.target_types = std::move(left);
            }
        }
        // A hierarchy shows what is part of what.
        for (const SearchLink& link : clause.hierarchy) {
            if (passable({link.type}, sight).empty()) {
                barred = {link.type};
                return false;
            }
        }
        if (!confine_clauses(clause.chained, sight, barred) ||
            !confine_clauses(clause.members, sight, barred)) {
            return false;
        }
    }
    return true;
}

// At most a few of them, for a sentence.
std::string named(const std::vector<std::string>& types) {
    constexpr std::size_t enough = 5;
    std::string out;
    for (std::size_t i = 0; i < types.size() && i < enough; ++i) {
        out.append(i == 0 ? "" : ", ").append(types[i]);
    }
    return types.size() > enough ? out + ", ..." : out;
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
            out.back = page.back;
            // The way back to where this page began.
            (page.back ? out.next : out.previous) =
                std::move(page.back ? page.next : page.previous);
        }
        examined += page.matches.size();
        std::vector<StoredVersion> kept;
        for (StoredVersion& match : page.matches) {
            if (sieve.keep && !sieve.keep(match)) {
                if (sieve.aside) {
                    sieve.aside(match);
                }
            } else if (exit.disclose(match)) {
                kept.push_back(std::move(match));
            }
        }
        out.matches.insert(
            page.back ? out.matches.begin() : out.matches.end(),
            std::make_move_iterator(kept.begin()),
            std::make_move_iterator(kept.end())
        );
        std::string& onward = page.back ? page.previous : page.next;
        query.after = onward;
        (page.back ? out.previous : out.next) = std::move(onward);
        if (query.count_only || query.after.empty() || out.matches.size() >= wanted ||
            examined >= sieve.examined_max || sieve.late()) {
            break;
        }
        query.count = wanted - static_cast<std::uint32_t>(out.matches.size());
        query.want_total = false;
    }
    if (drops && !query.after.empty()) {
        GH_TRY_ASSIGN(const bool more, has_more(query, sieve, exit, store));
        if (!more) {
            (out.back ? out.previous : out.next).clear();
        }
    }
    if (whole_is_told && out.next.empty()) {
        out.total = out.matches.size();  // all of it is on the page
    }
    return out;
}

Result<std::vector<std::string>> match_admitted(
    SearchQuery query,
    std::uint32_t limit,
    std::size_t examined_max,
    const Exit& exit,
    StoreReader& store
) {
    if (!exit.decides(query.type)) {
        return store.match(query, limit);
    }
    query.count = count_step;
    query.count_only = false;
    query.want_total = false;
    query.after.clear();
    std::vector<std::string> ids;
    for (std::size_t examined = 0;;) {
        GH_TRY_ASSIGN(const SearchPage page, store.search(query));
        for (const StoredVersion& match : page.matches) {
            if (exit.admits(match)) {
                ids.push_back(match.id);
            }
            if (ids.size() == limit) {
                return ids;
            }
        }
        examined += page.matches.size();
        if (page.next.empty()) {
            return ids;
        }
        if (examined >= examined_max) {
            return Fault(Errc::too_many, "search", "too many records to look at one by one");
        }
        query.after = page.next;
    }
}

std::optional<fhir::Issue> confine(SearchQuery& query, const Sight& sight) {
    for (const std::string& type : types_of(query)) {
        if (!sight.sees(type)) {
            return unseen_type(type);
        }
    }
    // What a record contains is seen where the record is.
    query.holder_types = sight.only();
    std::vector<std::string> barred;
    if (confine_clauses(query.all_of, sight, barred)) {
        return std::nullopt;
    }
    return request_issue(
        fhir::IssueType::forbidden,
        "search-reach",
        "A chain, _has, :identifier, :above or :below of this search leads only through what this "
        "partner may not search: " +
            named(barred) +
            ". Search by what the resource itself holds, or ask the gateway's operator for more "
            "types.",
        {},
        "ACCESS_DENIED"
    );
}

Response foreign_page(const Envelope& envelope) {
    return refusal(
        400,
        {request_issue(
            fhir::IssueType::value,
            "search-page",
            "That page link is not one of ours, or no longer usable. Start again from the first "
            "page.",
            {},
            "INVALID_PARAMETER"
        )},
        envelope
    );
}

fhir::Issue unseen_type(std::string_view type) {
    return request_issue(
        fhir::IssueType::forbidden,
        "search-reach",
        "This partner may not use the resource type " + std::string(type) +
            ". Leave it out, or ask the gateway's operator for it.",
        {},
        "ACCESS_DENIED"
    );
}

}  // namespace gatehouse::gateway
