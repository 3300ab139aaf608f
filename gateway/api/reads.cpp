// SPDX-License-Identifier: Apache-2.0
//
// read and vread; answer(), which every read goes through.
#include <charconv>

#include "gateway/api/binary.hpp"
#include "gateway/api/cors.hpp"
#include "gateway/api/disclose.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/preferences.hpp"
#include "gateway/api/validator_door.hpp"

namespace gatehouse::gateway {
namespace {

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

// FHIR R4 §3.1.0.7: what is deleted has a version too, which the answer names.
Response gone(const Fault& fault, Envelope& envelope, StoreReader& store) {
    Response response = refusal(fault, envelope);
    HistoryQuery last;
    last.type = envelope.call.type;
    last.id = envelope.call.id;
    last.count = 1;
    const auto page = store.history(last);
    if (page && !page->versions.empty() && page->versions.front().deleted()) {
        response.headers.set("ETag", etag(page->versions.front().version));
        response.headers.set("Last-Modified", to_http_date(page->versions.front().last_updated));
    }
    return response;
}

Response answer_read(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    auto found = read_for_answer(envelope, context, store);
    if (!found) {
        return found.error().code == Errc::gone && envelope.call.version.empty()
                   ? gone(found.error(), envelope, store)
                   : refusal(found.error(), envelope);
    }
    const std::string place =
        context.base + "/" + version_path(found->type, found->id, found->version);
    Response response = envelope.call.type == "Binary"
                            ? binary_answer(envelope, std::move(*found))
                            : resource_answer(envelope, std::move(*found));
    if (response.status == 200) {
        response.headers.set("Content-Location", place);
    }
    return response;
}

}  // namespace

std::string etag(std::uint64_t version) {
    return "W/\"" + std::to_string(version) + "\"";
}

Result<StoredVersion>
read_for_answer(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    const RestCall& call = envelope.call;
    const std::string name = call.type + "/" + call.id;
    std::uint64_t number = 0;
    if (!call.version.empty()) {
        const auto [end, error] =
            std::from_chars(call.version.data(), call.version.data() + call.version.size(), number);
        if (error != std::errc{} || end != call.version.data() + call.version.size() ||
            number == 0) {
            return Fault(Errc::not_found, "vread", name + " has no such version.");
        }
    }
    auto version = number == 0 ? store.read(call.type, call.id)
                               : store.read_version(call.type, call.id, number);
    const bool gone = version ? version->deleted() : version.error().code == Errc::gone;
    if (gone) {
        return number == 0 ? deleted(call)
                           : Fault(
                                 Errc::gone,
                                 "vread",
                                 "Version " + call.version + " of " + name + " is its deletion."
                             );
    }
    if (!version) {
        if (version.error().code != Errc::not_found) {
            return version.error();
        }
        return number == 0
                   ? absent(call)
                   : Fault(
                         Errc::not_found, "vread", name + " has no version " + call.version + "."
                     );
    }
    if (!Exit(envelope, context, store).disclose(*version)) {
        return absent(call);
    }
    return version;
}

Response resource_answer(Envelope& envelope, StoredVersion version) {
    Response response;
    response.headers.set("ETag", etag(version.version));
    response.headers.set("Last-Modified", to_http_date(version.last_updated));
    response.headers.set("Cache-Control", "no-store");
    envelope.last_modified = version.last_updated;
    if (caller_is_current(envelope.request.headers, version.version, version.last_updated)) {
        response.status = 304;
        return response;
    }
    response.body = std::move(version.json);
    return response;
}

Response answer(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    switch (envelope.call.interaction) {
    case Interaction::capabilities: return answer_capabilities(envelope, context);
    case Interaction::openapi: return answer_openapi(envelope, context);
    case Interaction::smart: return answer_smart(envelope, context);
    case Interaction::options: return answer_options(envelope, context);
    case Interaction::read:
    case Interaction::vread: return answer_read(envelope, context, store);
    case Interaction::history_instance:
    case Interaction::history_type:
    case Interaction::history_system: return answer_history(envelope, context, store);
    case Interaction::meta: return answer_meta(envelope, context, store);
    case Interaction::document: return answer_document(envelope, context, store);
    case Interaction::everything: return answer_everything(envelope, context, store);
    case Interaction::lastn: return answer_lastn(envelope, context, store);
    case Interaction::match: return answer_match(envelope, context, store);
    case Interaction::search: return answer_search(envelope, context, store);
    case Interaction::validate:
        return envelope.call.validator_door ? answer_validator_door(envelope, context)
                                            : answer_validate(envelope, context, store);
    case Interaction::expand:
    case Interaction::validate_code:
    case Interaction::lookup:
    case Interaction::subsumes:
    case Interaction::translate: return answer_terminology(envelope, context, store);
    case Interaction::receipt: return answer_receipt(envelope, context, store);
    case Interaction::status: return answer_status(envelope, context, store);
    case Interaction::cancel: return answer_cancel(envelope, context, store);
    default: break;
    }
    GH_ASSERT(!is_write(envelope.call.interaction));
    return refusal(
        Fault(Errc::unsupported, "answer", "This interaction is not offered."), envelope
    );
}

}  // namespace gatehouse::gateway
