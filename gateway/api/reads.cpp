// SPDX-License-Identifier: Apache-2.0
//
// read, vread, instance history and search.
#include <charconv>

#include "gateway/api/bundles.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_parameters.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

Fault absent(const RestCall& call) {
    return {Errc::not_found, "read", call.type + "/" + call.id + " is not known here."};
}

Fault deleted(const RestCall& call) {
    return {
        Errc::gone,
        "read",
        call.type + "/" + call.id + " has been deleted. Its history is at " + call.type + "/" +
            call.id + "/_history."};
}

Response answer_read(Envelope& envelope, StoreReader& store) {
    const RestCall& call = envelope.call;
    auto version = store.read(call.type, call.id);
    if (!version) {
        if (version.error().code == Errc::not_found) {
            return refusal(absent(call), envelope);
        }
        return refusal(
            version.error().code == Errc::gone ? deleted(call) : version.error(), envelope
        );
    }
    if (version->deleted()) {
        return refusal(deleted(call), envelope);
    }
    if (!disclose(*version, envelope.disclosed)) {
        return refusal(absent(call), envelope);
    }
    return resource_answer(envelope, std::move(*version));
}

Response answer_vread(Envelope& envelope, StoreReader& store) {
    const RestCall& call = envelope.call;
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(call.version.data(), call.version.data() + call.version.size(), number);
    const bool good =
        error == std::errc{} && end == call.version.data() + call.version.size() && number > 0;
    if (!good) {
        return refusal(
            Fault(Errc::not_found, "vread", call.type + "/" + call.id + " has no such version."),
            envelope
        );
    }
    auto version = store.read_version(call.type, call.id, number);
    if (!version) {
        if (version.error().code == Errc::not_found) {
            return refusal(
                Fault(
                    Errc::not_found,
                    "vread",
                    call.type + "/" + call.id + " has no version " + call.version + "."
                ),
                envelope
            );
        }
        return refusal(version.error(), envelope);
    }
    if (version->deleted()) {
        return refusal(
            Fault(
                Errc::gone,
                "vread",
                "Version " + call.version + " of " + call.type + "/" + call.id + " is its deletion."
            ),
            envelope
        );
    }
    if (!disclose(*version, envelope.disclosed)) {
        return refusal(absent(call), envelope);
    }
    return resource_answer(envelope, std::move(*version));
}

Response answer_history(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const RestCall& call = envelope.call;
    std::uint32_t count = context.page_default;
    std::uint64_t before = 0;
    const auto number = [](std::string_view text, auto& out) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc{} && end == text.data() + text.size();
    };
    const auto count_text = call.parameter("_count");
    const auto page_text = call.parameter("_page");
    if ((!count_text.empty() && (!number(count_text, count) || count == 0)) ||
        (!page_text.empty() && !number(page_text, before))) {
        return refusal(
            400,
            {request_issue(
                IssueType::value,
                "http-parameter",
                "_count and _page take whole numbers above 0.",
                {},
                "INVALID_PARAMETER"
            )},
            envelope
        );
    }
    count = std::min(count, context.page_max);
    auto page = store.history(call.type, call.id, before, count);
    if (!page) {
        return refusal(
            page.error().code == Errc::not_found ? absent(call) : page.error(), envelope
        );
    }
    std::erase_if(page->versions, [&](StoredVersion& version) {
        return !disclose(version, envelope.disclosed);
    });
    if (page->versions.empty() && before == 0) {
        return refusal(absent(call), envelope);
    }
    const std::string path = call.type + "/" + call.id + "/_history";
    std::vector<std::pair<std::string, std::string>> parameters{{"_count", std::to_string(count)}};
    std::vector<BundleLink> links;
    auto self = parameters;
    if (before != 0) {
        self.emplace_back("_page", std::to_string(before));
    }
    links.push_back({"self", search_url(context.base, path, self)});
    if (page->next_before != 0) {
        parameters.emplace_back("_page", std::to_string(page->next_before));
        links.push_back({"next", search_url(context.base, path, parameters)});
    }
    Response response;
    response.body = history_bundle(*page, links, context.base);
    return response;
}

// If-None-Match and If-Modified-Since are for caches; a FHIR client uses the first.
bool caller_is_current(const Envelope& envelope, const StoredVersion& version) {
    const auto none_match = envelope.request.headers.get("If-None-Match");
    if (!none_match.empty()) {
        return none_match == "*" || none_match == etag(version.version) ||
               none_match == "\"" + std::to_string(version.version) + "\"";
    }
    return false;
}

}  // namespace

std::string etag(std::uint64_t version) {
    return "W/\"" + std::to_string(version) + "\"";
}

Response resource_answer(const Envelope& envelope, StoredVersion version) {
    Response response;
    response.headers.set("ETag", etag(version.version));
    response.headers.set("Last-Modified", to_http_date(version.last_updated));
    response.headers.set("Cache-Control", "no-store");
    if (caller_is_current(envelope, version)) {
        response.status = 304;
        return response;
    }
    response.body = std::move(version.json);
    return response;
}

Response answer_search(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const RestCall& call = envelope.call;
    const fhir::Engine& engine = *envelope.rulebook->engine;
    SearchLimits limits;
    limits.page_default = context.page_default;
    limits.page_max = context.page_max;
    limits.base = context.base;
    limits.now = envelope.received_at;
    const auto prefer = envelope.request.headers.get("Prefer");
    limits.lenient = prefer.find("handling=lenient") != std::string_view::npos;

    ParsedSearch parsed = parse_search(call.type, call.parameters, engine, limits);
    if (fhir::has_errors(parsed.issues)) {
        return refusal(400, parsed.issues, envelope);
    }
    auto page = store.search(parsed.query);
    if (!page) {
        if (page.error().code == Errc::invalid) {
            return refusal(
                400,
                {request_issue(
                    IssueType::value,
                    "search-page",
                    "That page link is not one of ours, or no longer usable. Start the search "
                    "again.",
                    {},
                    "INVALID_PARAMETER"
                )},
                envelope
            );
        }
        return refusal(page.error(), envelope);
    }
    std::erase_if(page->matches, [&](StoredVersion& match) {
        return !disclose(match, envelope.disclosed);
    });

    auto parameters = parsed.used;
    if (!parsed.query.count_only) {
        parameters.emplace_back("_count", std::to_string(parsed.query.count));
    } else {
        parameters.emplace_back("_summary", "count");
    }
    std::vector<BundleLink> links;
    auto self = parameters;
    if (!parsed.query.after.empty()) {
        self.emplace_back("_page", parsed.query.after);
    }
    links.push_back({"self", search_url(context.base, call.type, self)});
    if (!page->next.empty() && !parsed.query.count_only) {
        parameters.emplace_back("_page", page->next);
        links.push_back({"next", search_url(context.base, call.type, parameters)});
    }
    Response response;
    response.headers.set("Cache-Control", "no-store");
    response.body = searchset(*page, links, context.base, parsed.issues, parsed.query.count_only);
    return response;
}

Response answer(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    switch (envelope.call.interaction) {
    case Interaction::capabilities: return answer_capabilities(envelope, context);
    case Interaction::read: return answer_read(envelope, store);
    case Interaction::vread: return answer_vread(envelope, store);
    case Interaction::history_instance: return answer_history(envelope, context, store);
    case Interaction::search: return answer_search(envelope, context, store);
    case Interaction::validate: return answer_validate(envelope, context, store);
    case Interaction::receipt: return answer_receipt(envelope, context, store);
    case Interaction::status: return answer_status(envelope, context, store);
    case Interaction::create:
    case Interaction::update:
    case Interaction::remove:
    case Interaction::transaction:
    case Interaction::unknown: break;
    }
    GH_ASSERT(!is_write(envelope.call.interaction));
    return refusal(
        Fault(Errc::unsupported, "answer", "This interaction is not offered."), envelope
    );
}

}  // namespace gatehouse::gateway
