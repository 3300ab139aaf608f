// SPDX-License-Identifier: Apache-2.0
//
// Observation/$lastn (FHIR R4 Observation-lastn): of each code the last `max` observations of a
// patient, the latest first; those of one time are not told apart, so a group may be larger. Codes
// are one group if they share a coding (system and code), or if a third shares one with each; a
// code without codings is its text.
//
// All that the search finds is looked at, so it must be about one subject and is bounded.
#include <algorithm>
#include <charconv>
#include <map>

#include "fhir/json/value.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operation_parameters.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_request.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;
using fhir::JsonValue;

constexpr std::uint32_t lastn_step = 500;

fhir::Issue lastn_issue(std::string text, IssueType type = IssueType::value) {
    return request_issue(type, "lastn", std::move(text), {}, "INVALID_PARAMETER");
}

struct LookedAt {
    StoredVersion version;
    Micros at = fhir::date_min;  // when it was observed; date_min: it does not say
    std::size_t group = 0;
};

Micros last_moment(std::string_view date) {
    Micros low = 0;
    Micros high = 0;
    return fhir::date_range(date, low, high) ? high : fhir::date_min;
}

// A period counts by its end, an open one by its start; a timing by its last event.
Micros observed_at(const JsonValue& observation) {
    for (const char* name : {"effectiveDateTime", "effectiveInstant"}) {
        if (const auto text = observation.string(name); !text.empty()) {
            return last_moment(text);
        }
    }
    if (const JsonValue* period = observation.find("effectivePeriod")) {
        const auto end = period->string("end");
        return last_moment(end.empty() ? period->string("start") : end);
    }
    Micros last = fhir::date_min;
    const JsonValue* timing = observation.find("effectiveTiming");
    const JsonValue* events = timing == nullptr ? nullptr : timing->find("event");
    if (events != nullptr) {
        for (const JsonValue& event : events->items) {
            last = std::max(last, last_moment(event.text));
        }
    }
    return last;
}

// Groups that grow together as codings are seen to be equal.
class Groups {
public:
    std::size_t of(const JsonValue& observation) {
        const JsonValue* code = observation.find("code");
        const JsonValue* codings = code == nullptr ? nullptr : code->find("coding");
        std::size_t group = parents_.size();
        parents_.push_back(group);
        if (codings == nullptr || codings->items.empty()) {
            const auto text = code == nullptr ? std::string_view{} : code->string("text");
            return join(group, "t" + std::string(text));
        }
        for (const JsonValue& coding : codings->items) {
            group = join(
                group,
                "c" + std::string(coding.string("system")) + "|" +
                    std::string(coding.string("code"))
            );
        }
        return group;
    }
    std::size_t root(std::size_t group) const {
        while (parents_[group] != group) {
            group = parents_[group];
        }
        return group;
    }

private:
    std::size_t join(std::size_t group, std::string key) {
        const auto [known, fresh] = names_.emplace(std::move(key), group);
        if (fresh) {
            return group;
        }
        // The older one stays: chains are as short as there are groups.
        const std::size_t one = root(known->second);
        const std::size_t other = root(group);
        parents_[std::max(one, other)] = std::min(one, other);
        return std::min(one, other);
    }
    std::map<std::string, std::size_t> names_;
    std::vector<std::size_t> parents_;
};

// Which parameters make a search one that $lastn is defined for.
bool names_subject(std::string_view name) {
    const std::string_view code = name.substr(0, name.find_first_of(":."));
    return code == "patient" || code == "subject";
}
bool names_code(std::string_view name) {
    const std::string_view code = name.substr(0, name.find(':'));
    return code == "category" || code == "code" || code.starts_with("code-value-") ||
           code.starts_with("combo-code") || code.starts_with("component-code");
}

struct LastnRequest {
    Parameters filter;
    std::uint32_t max = 1;
};

std::optional<fhir::Issue> read_lastn(const Parameters& parameters, LastnRequest& out) {
    bool subject = false;
    bool code = false;
    for (const auto& [name, value] : parameters) {
        if (name == "max") {
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), out.max);
            if (error != std::errc{} || end != value.data() + value.size() || out.max == 0) {
                return lastn_issue("max takes a whole number above 0.");
            }
            continue;
        }
        if (name == "_sort" || name == "_count" || name == "_page") {
            return lastn_issue(
                name + " is not for $lastn: it answers with the last of each code, the latest "
                       "first, in one page. `max` says how many of each."
            );
        }
        subject = subject || names_subject(name);
        code = code || names_code(name);
        out.filter.emplace_back(name, value);
    }
    if (!subject) {
        return lastn_issue("$lastn needs `patient` or `subject`.", IssueType::required);
    }
    if (!code) {
        return lastn_issue(
            "$lastn needs `category`, or a parameter about a code such as `code`.",
            IssueType::required
        );
    }
    return std::nullopt;
}

Result<std::vector<LookedAt>>
look_at_all(SearchQuery query, const Sieve& sieve, const Exit& exit, StoreReader& store) {
    query.count = lastn_step;
    query.count_only = false;
    query.want_total = false;
    std::vector<LookedAt> seen;
    Groups groups;
    do {
        GH_TRY_ASSIGN(SearchPage page, store.search(query));
        query.after = page.next;
        if (!query.after.empty() && sieve.late()) {
            return Fault(
                Errc::timeout,
                "lastn",
                "Looking at all these observations took as long as a request may. Narrow the "
                "search, for example by category, code or date."
            );
        }
        if (seen.size() + page.matches.size() > sieve.examined_max) {
            return Fault(
                Errc::too_many,
                "lastn",
                "More than " + std::to_string(sieve.examined_max) +
                    " observations would have to be looked at. Narrow the search, for example by "
                    "category, code or date."
            );
        }
        for (StoredVersion& match : page.matches) {
            if (!exit.admits(match)) {
                continue;
            }
            Arena arena;
            const auto value = fhir::parse_json_value(match.json, arena);
            if (!value) {
                continue;
            }
            LookedAt one;
            one.at = observed_at(*value);
            one.group = groups.of(*value);
            one.version = std::move(match);
            seen.push_back(std::move(one));
        }
    } while (!query.after.empty());
    for (LookedAt& one : seen) {
        one.group = groups.root(one.group);
    }
    std::stable_sort(seen.begin(), seen.end(), [](const LookedAt& a, const LookedAt& b) {
        return a.at > b.at;
    });
    return seen;
}

}  // namespace

Response answer_lastn(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    if (auto problem = read_posted_parameters(envelope)) {
        return std::move(*problem);
    }
    LastnRequest wanted;
    if (auto issue = read_lastn(envelope.call.parameters, wanted)) {
        return refusal(400, {std::move(*issue)}, envelope);
    }
    Exit exit(envelope, context, store);
    SearchRequest request =
        read_search("Observation", wanted.filter, envelope, context, exit, store);
    if (fhir::has_errors(request.issues)) {
        return refusal(request.status, request.issues, envelope);
    }
    const Sieve sieve(envelope, context);
    auto seen = look_at_all(request.query, sieve, exit, store);
    if (!seen) {
        return search_refusal(seen.error(), envelope);
    }
    struct Taken {
        std::uint32_t count = 0;
        Micros last = 0;
    };
    std::map<std::size_t, Taken> taken;
    SearchSet set;
    for (LookedAt& one : *seen) {
        Taken& group = taken[one.group];
        if (group.count >= wanted.max && group.last != one.at) {
            continue;
        }
        if (exit.disclose(one.version)) {
            ++group.count;
            group.last = one.at;
            set.matches.push_back(std::move(one.version));
        }
    }
    set.total = set.matches.size();
    request.path = "Observation/$lastn";
    request.used.pop_back();  // _count
    request.used.emplace_back("max", std::to_string(wanted.max));
    set.links = search_links(request, context.base, Gathered());
    set.told = std::move(request.issues);
    return answer_set(envelope, context, std::move(set), request.includes, exit, store);
}

}  // namespace gatehouse::gateway
