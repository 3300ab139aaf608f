// SPDX-License-Identifier: Apache-2.0
//
// What a Bundle asks across its entries (FHIR R4 §2.36): fullUrls, the first entry of documents and
// messages, references between entries. The bdl invariants come with the definition.

#include "fhir/validate/lexical.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

bool is_absolute(std::string_view url) noexcept {
    if (url.starts_with("http://") || url.starts_with("https://") || url.starts_with("urn:")) {
        return url.find_first_of(" \t\r\n") == std::string_view::npos;
    }
    const std::size_t colon = url.find(':');
    return colon != std::string_view::npos && colon > 0 && url.find('/') > colon &&
           url.find_first_of(" \t\r\n") == std::string_view::npos;
}

// A URL of the form base/Type/id.
struct RestUrl {
    std::string_view type;
    std::string_view id;
};
RestUrl split_rest(std::string_view url) noexcept {
    RestUrl out;
    const std::size_t slash = url.rfind('/');
    if (slash == std::string_view::npos) {
        return out;
    }
    out.id = url.substr(slash + 1);
    const std::string_view front = url.substr(0, slash);
    const std::size_t before = front.rfind('/');
    out.type = before == std::string_view::npos ? front : front.substr(before + 1);
    return out;
}

}  // namespace

void Walker::check_bundle(const Element& bundle) {
    const std::string_view type = bundle.child_value("type");
    const bool requests = type == "transaction" || type == "batch" ||
                          type == "transaction-response" || type == "batch-response";
    const bool linked = type == "document" || type == "message";
    const Element* first = bundle.child("entry");
    if (linked && first == nullptr) {
        report(rules::bundle_no_first, bundle, [&] {
            return join("A ", type, " Bundle needs a first entry.");
        });
    }
    if (linked && first != nullptr) {
        const Element* resource = first->child("resource");
        const std::string_view wanted = type == "document" ? "Composition" : "MessageHeader";
        if (resource == nullptr || resource->resource_type() != wanted) {
            report(rules::bundle_first, *first, [&] {
                return join("The first entry of a ", type, " Bundle must be a ", wanted, ".");
            });
        }
    }
    for (const Element* entry = first; entry != nullptr; entry = entry->next_same()) {
        const Element* resource = entry->child("resource");
        const std::string_view url = entry->child_value("fullUrl");
        if (url.empty()) {
            if (resource != nullptr && !requests && type != "history") {
                report(rules::bundle_full_url, *entry, [] {
                    return std::string("Except in transactions and batches every entry needs a "
                                       "fullUrl, which says "
                                       "what resource this is.");
                });
            }
            continue;
        }
        if (!is_absolute(url)) {
            report(rules::bundle_full_url_absolute, *entry, [&] {
                return join("The fullUrl", shown(url), " must be an absolute URL.");
            });
            continue;
        }
        const std::string_view id =
            resource == nullptr ? std::string_view{} : resource->child_value("id");
        if (id.empty() || url.starts_with("urn:")) {
            continue;
        }
        const RestUrl parts = split_rest(url);
        const TypeId named = types_.find(parts.type);
        if (named != unknown_type && types_.is_a(named, known_.resource) &&
            (parts.type != resource->resource_type() || parts.id != id)) {
            report(rules::bundle_full_url_match, *entry, [&] {
                return join(
                    "The fullUrl looks like a server's URL, so it must end with the resource's "
                    "type and "
                    "id, /",
                    resource->resource_type(),
                    "/...",
                    shown(id),
                    "."
                );
            });
        }
    }
}

}  // namespace gatehouse::fhir::judge
