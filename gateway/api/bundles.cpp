// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/bundles.hpp"

#include "fhir/json/json.hpp"
#include "fhir/outcome/outcome.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/http/message.hpp"

namespace gatehouse::gateway {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out.push_back('"');
    out.append(name);
    out.append("\":");
    fhir::append_json_string(out, text);
}

// An empty array is not FHIR: take the member away again when nothing was added.
void close_bundle(std::string& out) {
    static constexpr std::string_view opening = ",\"entry\":[";
    if (out.size() >= opening.size() &&
        std::string_view(out).substr(out.size() - opening.size()) == opening) {
        out.resize(out.size() - opening.size());
        out.push_back('}');
        return;
    }
    out.append("]}");
}

}  // namespace

std::string open_bundle(
    std::string_view type,
    const std::optional<std::uint64_t>& total,
    const std::vector<BundleLink>& links
) {
    std::string out = "{\"resourceType\":\"Bundle\",";
    append_member(out, "type", type);
    if (total) {
        out.append(",\"total\":").append(std::to_string(*total));
    }
    if (!links.empty()) {
        out.append(",\"link\":[");
        for (const BundleLink& link : links) {
            out.append(&link == &links.front() ? "{" : ",{");
            append_member(out, "relation", link.relation);
            out.push_back(',');
            append_member(out, "url", link.url);
            out.push_back('}');
        }
        out.push_back(']');
    }
    out.append(",\"entry\":[");
    return out;
}

std::string searchset(const SearchSet& set, std::string_view base) {
    std::string out = open_bundle("searchset", set.total, set.links);
    std::size_t bytes = out.size() + 64;
    for (const auto* versions : {&set.matches, &set.included}) {
        for (const StoredVersion& version : *versions) {
            bytes += version.json.size() + base.size() + 128;
        }
    }
    out.reserve(bytes);
    bool first = true;
    const auto add = [&](const StoredVersion& version) {
        out.append(first ? "{" : ",{");
        first = false;
        std::string url(base);
        url.append("/").append(version.type).append("/").append(version.id);
        if (!version.contained.empty()) {
            url.append("#").append(version.contained);
        }
        append_member(out, "fullUrl", url);
        out.append(",\"resource\":").append(version.json).append(",\"search\":{");
    };
    for (std::size_t i = 0; i < set.matches.size(); ++i) {
        add(set.matches[i]);
        if (set.scores.empty()) {
            out.append("\"mode\":\"match\"}}");
            continue;
        }
        const SearchSet::Score& score = set.scores[i];
        out.append(
               "\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/match-grade\","
               "\"valueCode\":\""
        )
            .append(score.grade)
            .append("\"}],\"mode\":\"match\",\"score\":");
        const std::string digits = std::to_string(100 + score.hundredths);  // "173": 0.73
        out.append(score.hundredths >= 100 ? "1.00" : "0." + digits.substr(1)).append("}}");
    }
    for (const StoredVersion& version : set.included) {
        add(version);
        out.append("\"mode\":\"include\"}}");
    }
    if (!set.told.empty()) {
        out.append(first ? "{" : ",{");
        // It has no place of its own, but every entry of a searchset says what it is.
        append_member(out, "fullUrl", "urn:uuid:" + random_uuid());
        out.append(",\"resource\":").append(fhir::outcome_json(set.told));
        out.append(",\"search\":{\"mode\":\"outcome\"}}");
    }
    close_bundle(out);
    return out;
}

std::string history_bundle(
    const HistoryPage& page, const std::vector<BundleLink>& links, std::string_view base
) {
    std::string out = open_bundle("history", page.total, links);
    bool first = true;
    for (const StoredVersion& version : page.versions) {
        out.append(first ? "{" : ",{");
        first = false;
        const std::string path = version.type + "/" + version.id;
        append_member(out, "fullUrl", std::string(base) + "/" + path);
        if (!version.deleted()) {
            out.append(",\"resource\":").append(version.json);
        }
        const bool posted = version.method == VersionMethod::create;
        const bool began = posted || version.method == VersionMethod::placed;
        const char* method = version.deleted() ? "DELETE" : posted ? "POST" : "PUT";
        out.append(",\"request\":{");
        append_member(out, "method", method);
        out.push_back(',');
        append_member(out, "url", posted ? version.type : path);
        out.append("},\"response\":{");
        append_member(out, "status", version.deleted() ? "204" : began ? "201" : "200");
        out.push_back(',');
        append_member(out, "etag", "W/\"" + std::to_string(version.version) + "\"");
        out.push_back(',');
        append_member(out, "lastModified", to_instant(version.last_updated));
        out.append("}}");
    }
    close_bundle(out);
    return out;
}

std::vector<BundleLink> page_links(
    std::string_view base,
    std::string_view path,
    const std::vector<std::pair<std::string, std::string>>& parameters,
    std::string_view current,
    std::string_view next,
    std::string_view previous
) {
    std::vector<BundleLink> links;
    const auto add = [&](const char* relation, std::string_view page) {
        auto all = parameters;
        if (!page.empty()) {
            all.emplace_back("_page", page);
        }
        links.push_back({relation, search_url(base, path, all)});
    };
    add("self", current);
    if (!next.empty()) {
        add("next", next);
    }
    if (!current.empty() || !next.empty()) {
        add("first", {});
    }
    if (!previous.empty()) {
        add("previous", previous);
    }
    return links;
}

std::string search_url(
    std::string_view base,
    std::string_view path,
    const std::vector<std::pair<std::string, std::string>>& parameters
) {
    std::string url(base);
    if (!path.empty()) {
        url.append("/").append(path);
    }
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        url.push_back(separator);
        separator = '&';
        url.append(percent_encode(name)).append("=").append(percent_encode(value));
    }
    return url;
}

}  // namespace gatehouse::gateway
