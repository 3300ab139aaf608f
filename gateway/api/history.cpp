// SPDX-License-Identifier: Apache-2.0
//
// History of an instance, a type, or everything (FHIR R4 §3.1.0.10).
#include <algorithm>
#include <charconv>

#include "fhir/json/value.hpp"
#include "fhir/search/search.hpp"
#include "gateway/api/bundles.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_pages.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

template <class Number> bool read_number(std::string_view text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

// The records that a List names.
Result<std::vector<std::pair<std::string, std::string>>>
listed(std::string_view id, const ApiContext& context, const Exit& exit, StoreReader& store) {
    if (id.starts_with("List/")) {
        id.remove_prefix(5);
    }
    GH_TRY_ASSIGN(StoredVersion list, store.read("List", id));
    if (list.deleted() || !exit.admits(list)) {
        return Fault(Errc::not_found, "history");
    }
    std::vector<std::pair<std::string, std::string>> out;
    Arena arena;
    const auto value = fhir::parse_json_value(list.json, arena);
    const fhir::JsonValue* entries = value ? value->find("entry") : nullptr;
    if (entries == nullptr) {
        return out;
    }
    for (const fhir::JsonValue& entry : entries->items) {
        const fhir::JsonValue* deleted = entry.find("deleted");
        if (deleted != nullptr && deleted->kind == fhir::JsonValue::Kind::boolean &&
            deleted->text == "true") {
            continue;  // no member any more
        }
        const fhir::JsonValue* item = entry.find("item");
        std::string_view reference =
            item == nullptr ? std::string_view{} : item->string("reference");
        if (reference.starts_with(context.base) && reference.size() > context.base.size()) {
            reference.remove_prefix(context.base.size() + 1);
        }
        reference = reference.substr(0, reference.find("/_history/"));
        const auto slash = reference.find('/');
        if (slash != std::string_view::npos && reference.find('/', slash + 1) == reference.npos) {
            out.emplace_back(reference.substr(0, slash), reference.substr(slash + 1));
        }
    }
    return out;
}

struct HistoryRequest {
    HistoryQuery query;
    std::vector<std::pair<std::string, std::string>> used;  // for the links
};

std::optional<fhir::Issue> read_history_request(
    const Envelope& envelope,
    const ApiContext& context,
    const Exit& exit,
    StoreReader& store,
    HistoryRequest& out
) {
    const auto bad = [](const char* name, const char* wanted) {
        return request_issue(
            IssueType::value,
            "http-parameter",
            std::string(name) + " takes " + wanted + ".",
            {},
            "INVALID_PARAMETER"
        );
    };
    HistoryQuery& query = out.query;
    query.count = context.page_default;
    Micros unused = 0;
    for (const auto& [name, value] : envelope.call.parameters) {
        if (name == "_count") {
            if (!read_number(value, query.count)) {
                return bad("_count", "a whole number");
            }
            query.count = std::min(query.count, context.page_max);
            continue;  // told with what it really is
        }
        if (name == "_page") {
            query.page = value;
            continue;
        }
        if (name == "_since") {
            if (!fhir::date_range(value, query.since, unused)) {
                return bad("_since", "an instant, for example 2026-05-01T12:00:00Z");
            }
        } else if (name == "_at") {
            if (!fhir::date_range(value, query.at_low, query.at_high)) {
                return bad("_at", "a date or a moment");
            }
        } else if (name == "_list") {
            auto among = listed(value, context, exit, store);
            if (!among) {
                return bad("_list", "the id of a List that is held here");
            }
            query.among = std::move(*among);
        } else if (name == "_sort") {
            if (value != "-_lastUpdated") {
                return bad("_sort", "-_lastUpdated: history runs from the newest to the oldest");
            }
        } else if (name != "_summary" && name != "_elements" && name != "_format" && name != "_pretty") {
            continue;  // what is kept here, the next page has too
        }
        out.used.emplace_back(name, value);
    }
    out.used.emplace_back("_count", std::to_string(query.count));
    return std::nullopt;
}

struct GatheredHistory {
    HistoryPage page;  // disclosed
    bool any = false;  // there were versions, shown or not
};

// Whether anything beyond the link that the query goes on from would be shown; after `examined_max`
// of them it is taken for granted.
Result<bool>
has_more(HistoryQuery query, std::size_t examined_max, const Exit& exit, StoreReader& store) {
    constexpr std::uint32_t step = 500;
    query.count = 1;
    for (std::size_t examined = 0; !query.page.empty() && examined < examined_max;) {
        GH_TRY_ASSIGN(HistoryPage page, store.history(query));
        for (const StoredVersion& version : page.versions) {
            if (exit.admits(version)) {
                return true;
            }
        }
        examined += page.versions.size();
        query.page = std::move(page.back ? page.previous : page.next);
        query.count = step;
    }
    return !query.page.empty();
}

// As search_pages.hpp does it for searches: where the exit may drop versions there is no total but
// of what is on one page, the page is filled up from those behind it, and has a next link only if
// there is more to show.
Result<GatheredHistory>
gather_history(HistoryQuery query, std::size_t examined_max, Exit& exit, StoreReader& store) {
    const bool drops = query.type.empty() || exit.decides(query.type);
    const bool first = query.page.empty();
    const std::uint32_t wanted = query.count;
    GatheredHistory out;
    HistoryPage& whole = out.page;
    for (std::size_t examined = 0;;) {
        GH_TRY_ASSIGN(HistoryPage page, store.history(query));
        if (!drops) {
            whole.total = page.total;
        }
        if (examined == 0) {
            whole.back = page.back;
            // The way back to where this page began.
            (page.back ? whole.next : whole.previous) =
                std::move(page.back ? page.next : page.previous);
        }
        examined += std::max<std::size_t>(page.versions.size(), 1);
        out.any = out.any || !page.versions.empty();
        std::erase_if(page.versions, [&](StoredVersion& version) {
            return !exit.disclose(version);
        });
        whole.versions.insert(
            page.back ? whole.versions.begin() : whole.versions.end(),
            std::make_move_iterator(page.versions.begin()),
            std::make_move_iterator(page.versions.end())
        );
        std::string& onward = page.back ? page.previous : page.next;
        query.page = onward;
        (page.back ? whole.previous : whole.next) = std::move(onward);
        if (query.page.empty() || whole.versions.size() >= wanted || examined >= examined_max) {
            break;
        }
        query.count = wanted - static_cast<std::uint32_t>(whole.versions.size());
    }
    if (drops && !query.page.empty()) {
        GH_TRY_ASSIGN(const bool more, has_more(query, examined_max, exit, store));
        if (!more) {
            (whole.back ? whole.previous : whole.next).clear();
        }
    }
    if (drops && first && whole.next.empty()) {
        whole.total = whole.versions.size();  // all of it is on the page
    }
    return out;
}

}  // namespace

Response answer_history(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const RestCall& call = envelope.call;
    Exit exit(envelope, context, store);
    HistoryRequest request;
    request.query.type = call.type;
    request.query.id = call.id;
    if (auto problem = read_history_request(envelope, context, exit, store, request)) {
        return refusal(400, {std::move(*problem)}, envelope);
    }
    const Fault absent(
        Errc::not_found, "history", call.type + "/" + call.id + " is not known here."
    );
    auto gathered = gather_history(request.query, context.bounds.examined_max, exit, store);
    if (!gathered && gathered.error().code == Errc::invalid) {
        return foreign_page(envelope);
    }
    if (!gathered) {
        return refusal(
            gathered.error().code == Errc::not_found ? absent : gathered.error(), envelope
        );
    }
    HistoryPage& page = gathered->page;
    if (gathered->any && page.versions.empty() && !call.id.empty()) {
        return refusal(absent, envelope);
    }
    std::string path = call.type.empty() ? "" : call.type + "/";
    path += call.id.empty() ? "_history" : call.id + "/_history";
    const auto links =
        page_links(context.base, path, request.used, request.query.page, page.next, page.previous);
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = history_bundle(page, links, context.base);
    return response;
}

}  // namespace gatehouse::gateway
