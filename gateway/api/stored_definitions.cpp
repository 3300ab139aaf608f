// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/stored_definitions.hpp"

#include "gateway/api/search_parameters.hpp"

namespace gatehouse::gateway {
namespace {

const fhir::Element* decode_stored(Envelope& envelope, Exit& exit, StoredVersion& version) {
    if (version.deleted() || !exit.disclose(version)) {
        return nullptr;
    }
    const std::string_view kept = envelope.arena->copy(version.json);
    return envelope.rulebook->engine->read(kept, fhir::Format::json, *envelope.arena).root;
}

}  // namespace

const fhir::Element* stored_definition(
    Envelope& envelope, Exit& exit, StoreReader& store, std::string_view type, std::string_view name
) {
    if (name.starts_with(type) && name.size() > type.size() && name[type.size()] == '/') {
        auto version = store.read(type, name.substr(type.size() + 1));
        return version ? decode_stored(envelope, exit, *version) : nullptr;
    }
    const std::size_t bar = name.find('|');
    std::vector<std::pair<std::string, std::string>> parameters{{"_sort", "-_lastUpdated"}};
    parameters.emplace_back("url", std::string(name.substr(0, bar)));
    if (bar != std::string_view::npos) {
        parameters.emplace_back("version", std::string(name.substr(bar + 1)));
    }
    SearchLimits limits;
    limits.now = envelope.received_at;
    ParsedSearch parsed =
        parse_search(std::string(type), parameters, *envelope.rulebook->engine, limits);
    if (fhir::has_errors(parsed.issues)) {
        return nullptr;
    }
    parsed.query.count = 1;
    parsed.query.want_total = false;
    auto page = store.search(parsed.query);
    return !page || page->matches.empty() ? nullptr
                                          : decode_stored(envelope, exit, page->matches.front());
}

}  // namespace gatehouse::gateway
